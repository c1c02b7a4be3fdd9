package mls

import (
	"bytes"
	"crypto/ed25519"
)

// signContent is SignContent (RFC 9420 §5.1.2).
func signContent(label string, content []byte) []byte {
	w := writer{b: make([]byte, 0, 40+len(content))}
	w.vec([]byte(labelPrefix + label))
	w.vec(content)
	return w.b
}

func signWithLabel(key ed25519.PrivateKey, label string, content []byte) []byte {
	return ed25519.Sign(key, signContent(label, content))
}

func verifyWithLabel(public []byte, label string, content, signature []byte) error {
	if err := VerifyEd25519(public, signContent(label, content), signature); err != nil {
		return because(err, "%s", label)
	}
	return nil
}

// VerifyEd25519 checks a signature as RFC 8032 §5.1.7 does, and refuses what lets one signature fit many messages or
// keys: a public key or R of small order or in non-canonical form, and S ≥ L. crypto/ed25519 alone accepts a signature
// by the key 01 00…00 on any message. testdata/strict-ed25519.json has cases.
func VerifyEd25519(public, message, signature []byte) error {
	if len(signature) != signatureSize {
		return because(ErrSignature, "length of the signature")
	}
	if err := CheckEd25519(public); err != nil {
		return err
	}
	if !goodPoint(signature[:publicSize]) {
		return because(ErrSignature, "R of small order or not canonical")
	}
	if !lessLittle(signature[publicSize:], groupOrder()) {
		return because(ErrSignature, "S not below the order of the group")
	}
	if !ed25519.Verify(public, message, signature) {
		return ErrSignature
	}
	return nil
}

// CheckEd25519 says whether a public key may be used: 32 bytes, canonical, not of small order. Whether it is a point of
// the curve at all shows when a signature is checked.
func CheckEd25519(public []byte) error {
	if len(public) != publicSize || !goodPoint(public) {
		return because(ErrSignature, "public key of small order or not canonical")
	}
	return nil
}

// goodPoint says of the encoding of a point that y is below 2^255−19, and that it is none of the eight points of small
// order. Their y are 0, 1, −1 and two more; the sign of x does not matter.
func goodPoint(point []byte) bool {
	var y [publicSize]byte
	copy(y[:], point)
	y[31] &= 0x7F
	if !lessLittle(y[:], fieldPrime()) {
		return false
	}
	for _, small := range smallOrder() {
		if bytes.Equal(y[:], small[:]) {
			return false
		}
	}
	return true
}

// checkX25519 says whether an X25519 public key may stand in a tree or key package: 32 bytes, canonical, not of low
// order. Others could not encrypt to one of low order, so that a leaf with such a key would stop all commits with a
// path.
func checkX25519(public []byte) error {
	if len(public) != publicSize || !lessLittle(public, fieldPrime()) {
		return because(ErrTree, "X25519 key not canonical")
	}
	for _, low := range lowOrder() {
		if bytes.Equal(public, low[:]) {
			return because(ErrTree, "X25519 key of low order")
		}
	}
	return nil
}

// lessLittle compares two little-endian numbers of 32 bytes. They are public.
func lessLittle(a, b []byte) bool {
	for i := publicSize - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// fieldPrime is 2^255 − 19.
func fieldPrime() []byte {
	p := bytes.Repeat([]byte{0xFF}, publicSize)
	p[0], p[31] = 0xED, 0x7F
	return p
}

// groupOrder is L = 2^252 + 27742317777372353535851937790883648493.
func groupOrder() []byte {
	return []byte{
		0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	}
}

// smallOrder are the y of the points of small order: of order 4 (0), 1, 2 (−1), and 8 (two).
func smallOrder() [5][publicSize]byte {
	minusOne := [publicSize]byte(fieldPrime())
	minusOne[0]--
	return [5][publicSize]byte{
		{}, {1}, minusOne,
		{0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
			0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05},
		{0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
			0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A},
	}
}

// lowOrder are the canonical u of the points of low order of Curve25519: 0, 1, −1, and two of order 8.
func lowOrder() [5][publicSize]byte {
	minusOne := [publicSize]byte(fieldPrime())
	minusOne[0]--
	return [5][publicSize]byte{
		{}, {1}, minusOne,
		{0xE0, 0xEB, 0x7A, 0x7C, 0x3B, 0x41, 0xB8, 0xAE, 0x16, 0x56, 0xE3, 0xFA, 0xF1, 0x9F, 0xC4, 0x6A,
			0xDA, 0x09, 0x8D, 0xEB, 0x9C, 0x32, 0xB1, 0xFD, 0x86, 0x62, 0x05, 0x16, 0x5F, 0x49, 0xB8, 0x00},
		{0x5F, 0x9C, 0x95, 0xBC, 0xA3, 0x50, 0x8C, 0x24, 0xB1, 0xD0, 0xB1, 0x55, 0x9C, 0x83, 0xEF, 0x5B,
			0x04, 0x44, 0x5C, 0xC4, 0x58, 0x1C, 0x8E, 0x86, 0xD8, 0x22, 0x4E, 0xDD, 0xD0, 0x9F, 0x11, 0x57},
	}
}
