package sframe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/bits"
)

// CipherSuite is an SFrame cipher suite (RFC 9605 §4.5).
type CipherSuite uint16

// The suites this package knows. Meetings use the first; the second is here for the RFC's vectors.
const (
	AES128GCM CipherSuite = 4 // AES_128_GCM_SHA256_128
	AES256GCM CipherSuite = 5 // AES_256_GCM_SHA512_128
)

const (
	nonceSize = 12
	tagSize   = 16
	// maxHeader is the longest SFrame header: one byte, eight of KID, eight of CTR.
	maxHeader = 17
	// Overhead is the most that sealing adds to a frame, without AV1's envelope.
	Overhead = maxHeader + tagSize
)

// ErrMalformed is wrapped by the errors of what is no frame.
var ErrMalformed = errors.New("sframe: malformed")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// ErrOpen means that a frame is not authentic under the key it names.
var ErrOpen = errors.New("sframe: not authentic")

// appendHeader writes an SFrame header (RFC 9605 §4.3) in its shortest form.
func appendHeader(dst []byte, kid, ctr uint64) []byte {
	at := len(dst)
	dst = append(dst, 0)
	var k, c byte
	if kid < 8 {
		k = byte(kid) << 4
	} else {
		n := bytesOf(kid)
		k = 0x80 | byte(n-1)<<4
		dst = appendUint(dst, kid, n)
	}
	if ctr < 8 {
		c = byte(ctr)
	} else {
		n := bytesOf(ctr)
		c = 0x08 | byte(n-1)
		dst = appendUint(dst, ctr, n)
	}
	dst[at] = k | c
	return dst
}

func bytesOf(n uint64) int { return max(1, (bits.Len64(n)+7)/8) }

func appendUint(dst []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

// ParseHeader reads an SFrame header; n is its length. Anything but the shortest form is refused.
func ParseHeader(b []byte) (kid, ctr uint64, n int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, malformed("header: empty")
	}
	n = 1
	if kid, n, err = headerValue(b, n, b[0]>>4); err != nil {
		return 0, 0, 0, err
	}
	if ctr, n, err = headerValue(b, n, b[0]&0x0F); err != nil {
		return 0, 0, 0, err
	}
	return kid, ctr, n, nil
}

// headerValue reads the KID or the CTR: half is its four bits of the config byte.
func headerValue(b []byte, at int, half byte) (v uint64, next int, err error) {
	if half&8 == 0 {
		return uint64(half), at, nil
	}
	n := int(half&7) + 1
	if len(b) < at+n {
		return 0, 0, malformed("header: short header")
	}
	for _, x := range b[at : at+n] {
		v = v<<8 | uint64(x)
	}
	if v < 8 || bytesOf(v) != n {
		return 0, 0, malformed("header: long form of a short value")
	}
	return v, at + n, nil
}

// frameKey seals and opens SFrame ciphertexts under one KID.
type frameKey struct {
	kid   uint64
	aead  cipher.AEAD
	salt  [nonceSize]byte
	nonce [nonceSize]byte // scratch: a local one would escape through the interface, once a frame
	aad   [maxHeader + maxMetadata]byte
}

// KeySize is the length of SingleKey: sframe_key ‖ sframe_salt of cipher suite 4.
const KeySize = 16 + nonceSize

// SingleKey is what opens frames of one KID and reveals no other (docs/e2ee.md, section 14).
type SingleKey [KeySize]byte

// newFrameKey derives key and salt of a KID (RFC 9605 §4.4.2).
func newFrameKey(suite CipherSuite, kid uint64, base []byte) (*frameKey, error) {
	size, h := 16, sha256.New
	if suite == AES256GCM {
		size, h = 32, sha512.New
	}
	key, salt, err := keyAndSalt(suite, h, size, kid, base)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return frameKeyOf(kid, key, salt)
}

func keyAndSalt(
	suite CipherSuite, h func() hash.Hash, size int, kid uint64, base []byte,
) (key, salt []byte, err error) {
	suffix := binary.BigEndian.AppendUint64(nil, kid)
	suffix = binary.BigEndian.AppendUint16(suffix, uint16(suite))
	if key, err = hkdf.Key(h, base, nil, "SFrame 1.0 Secret key "+string(suffix), size); err != nil {
		return nil, nil, fmt.Errorf("sframe: key: %w", err)
	}
	if salt, err = hkdf.Key(h, base, nil, "SFrame 1.0 Secret salt "+string(suffix), nonceSize); err != nil {
		return nil, nil, fmt.Errorf("sframe: salt: %w", err)
	}
	return key, salt, nil
}

// single is sframe_key ‖ sframe_salt of a KID.
func single(kid uint64, base []byte) (out SingleKey, err error) {
	key, salt, err := keyAndSalt(AES128GCM, sha256.New, KeySize-nonceSize, kid, base)
	copy(out[:], append(key, salt...))
	return out, err
}

func frameKeyOf(kid uint64, key, salt []byte) (*frameKey, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sframe: key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("sframe: key: %w", err)
	}
	return &frameKey{kid: kid, aead: aead, salt: [nonceSize]byte(salt)}, nil
}

func (k *frameKey) setNonce(ctr uint64) {
	k.nonce = k.salt
	low := k.nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^ctr)
}

// seal appends header, ciphertext and tag to dst. metadata is at most maxMetadata bytes.
func (k *frameKey) seal(dst []byte, ctr uint64, metadata, plain []byte) []byte {
	k.setNonce(ctr)
	at := len(dst)
	dst = appendHeader(dst, k.kid, ctr)
	n := copy(k.aad[:], dst[at:])
	n += copy(k.aad[n:], metadata)
	return k.aead.Seal(dst, k.nonce[:], plain, k.aad[:n])
}

// open appends the plaintext of an SFrame ciphertext whose header (of the given length) was read before.
func (k *frameKey) open(dst []byte, ctr uint64, header int, metadata, sframe []byte) ([]byte, error) {
	k.setNonce(ctr)
	n := copy(k.aad[:], sframe[:header])
	n += copy(k.aad[n:], metadata)
	out, err := k.aead.Open(dst, k.nonce[:], sframe[header:], k.aad[:n])
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
