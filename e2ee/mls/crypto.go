package mls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Suite is the one cipher suite: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 (RFC 9420 §17.1).
const Suite uint16 = 1

// Version is the one protocol version: mls10.
const Version uint16 = 1

const (
	hashSize      = sha256.Size
	keySize       = 16 // AES-128
	nonceSize     = 12
	tagSize       = 16
	publicSize    = 32 // X25519 and Ed25519
	signatureSize = 64
	labelPrefix   = "MLS 1.0 "
)

func sum(b ...[]byte) []byte {
	h := sha256.New()
	for _, x := range b {
		h.Write(x)
	}
	return h.Sum(nil)
}

func mac(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

// extract is HKDF-Extract (RFC 5869).
func extract(salt, ikm []byte) []byte { return mac(salt, ikm) }

// expand is HKDF-Expand (RFC 5869) for n ≤ 255 × 32.
func expand(prk, info []byte, n int) []byte {
	h := hmac.New(sha256.New, prk)
	var out, block []byte
	for i := byte(1); len(out) < n; i++ {
		h.Reset()
		h.Write(block)
		h.Write(info)
		h.Write([]byte{i})
		block = h.Sum(nil)
		out = append(out, block...)
	}
	clear(out[n:])
	return out[:n:n]
}

// expandWithLabel is ExpandWithLabel (RFC 9420 §8).
func expandWithLabel(secret []byte, label string, context []byte, n int) []byte {
	w := writer{b: make([]byte, 0, 64+len(context))}
	w.u16(uint16(n))
	w.vec([]byte(labelPrefix + label))
	w.vec(context)
	return expand(secret, w.b, n)
}

// deriveSecret is DeriveSecret (RFC 9420 §8).
func deriveSecret(secret []byte, label string) []byte {
	return expandWithLabel(secret, label, nil, hashSize)
}

// deriveTreeSecret is DeriveTreeSecret (RFC 9420 §9.1).
func deriveTreeSecret(secret []byte, label string, generation uint32, n int) []byte {
	return expandWithLabel(secret, label, binary.BigEndian.AppendUint32(nil, generation), n)
}

// refHash is RefHash (RFC 9420 §5.2).
func refHash(label string, value []byte) []byte {
	return sum(encoded(func(w *writer) {
		w.vec([]byte(label))
		w.vec(value)
	}))
}

// aead is AES-128-GCM. It only fails on a key of another length, which is a mistake of this package.
func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:keySize])
	if err != nil {
		panic("mls: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("mls: " + err.Error())
	}
	return gcm
}

func seal(key, nonce, aad, plaintext []byte) []byte {
	return aead(key).Seal(nil, nonce, plaintext, aad)
}

func open(key, nonce, aad, ciphertext []byte) ([]byte, error) {
	plaintext, err := aead(key).Open(nil, nonce, ciphertext, aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

func random(source io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(source, b); err != nil {
		return nil, err
	}
	return b, nil
}
