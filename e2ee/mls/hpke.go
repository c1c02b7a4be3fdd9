package mls

import (
	"crypto/ecdh"
	"encoding/binary"
	"io"
)

// HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, single messages in the modes base and psk. The
// standard library's crypto/hpke has no psk mode and takes no source of randomness.

const (
	kemSuite  = "KEM\x00\x20"
	hpkeSuite = "HPKE\x00\x20\x00\x01\x00\x01"

	modeBase = 0
	modePSK  = 1
)

// hpkePSK is the pre-shared key of mode psk; neither part may be empty (RFC 9180 §5.1). Nil is mode base.
type hpkePSK struct{ id, secret []byte }

func labeledExtract(suite string, salt []byte, label string, ikm []byte) []byte {
	b := append([]byte("HPKE-v1"+suite+label), ikm...)
	defer clear(b)
	return extract(salt, b)
}

func labeledExpand(suite string, prk []byte, label string, info []byte, n int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(n))
	b = append(b, "HPKE-v1"+suite+label...)
	return expand(prk, append(b, info...), n)
}

// deriveKeyPair is DeriveKeyPair (RFC 9180 §7.1.3). The private key is 32 bytes, so that it can be overwritten.
func deriveKeyPair(ikm []byte) (private, public []byte) {
	prk := labeledExtract(kemSuite, nil, "dkp_prk", ikm)
	defer clear(prk)
	private = labeledExpand(kemSuite, prk, "sk", nil, publicSize)
	return private, publicOf(private)
}

// publicOf is the public key of a private one of 32 bytes.
func publicOf(private []byte) []byte {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		panic("mls: " + err.Error()) // another length: a mistake of this package
	}
	return key.PublicKey().Bytes()
}

// newKeyPair makes a key pair from 32 random bytes.
func newKeyPair(source io.Reader) (private, public []byte, err error) {
	private, err = random(source, publicSize)
	if err != nil {
		return nil, nil, err
	}
	return private, publicOf(private), nil
}

// agree is X25519. A result of zero, of a point of low order, is an error (RFC 9180 §7.1.4).
func agree(private *ecdh.PrivateKey, public []byte) ([]byte, error) {
	peer, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, because(ErrTree, "X25519 key: %v", err)
	}
	shared, err := private.ECDH(peer)
	if err != nil {
		return nil, because(ErrTree, "X25519: %v", err)
	}
	return shared, nil
}

// kemSecret is ExtractAndExpand (RFC 9180 §4.1). It overwrites dh.
func kemSecret(dh, enc, public []byte) []byte {
	defer clear(dh)
	prk := labeledExtract(kemSuite, nil, "eae_prk", dh)
	defer clear(prk)
	return labeledExpand(kemSuite, prk, "shared_secret", append(append([]byte(nil), enc...), public...), hashSize)
}

// encapsulate makes a shared secret for a public key, and what its owner needs to find it.
func encapsulate(source io.Reader, public []byte) (shared, enc []byte, err error) {
	seed, err := random(source, publicSize)
	if err != nil {
		return nil, nil, err
	}
	defer clear(seed)
	ephemeral, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, nil, err
	}
	dh, err := agree(ephemeral, public)
	if err != nil {
		return nil, nil, err
	}
	enc = ephemeral.PublicKey().Bytes()
	return kemSecret(dh, enc, public), enc, nil
}

func decapsulate(private, enc []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	dh, err := agree(key, enc)
	if err != nil {
		return nil, err
	}
	return kemSecret(dh, enc, key.PublicKey().Bytes()), nil
}

// hpkeContext is what both sides derive from the shared secret (RFC 9180 §5.1). It overwrites shared.
type hpkeContext struct{ key, nonce []byte }

func newHPKEContext(shared, info []byte, psk *hpkePSK) hpkeContext {
	defer clear(shared)
	mode, id, pre := byte(modeBase), []byte(nil), []byte(nil)
	if psk != nil {
		mode, id, pre = modePSK, psk.id, psk.secret
	}
	context := []byte{mode}
	context = append(context, labeledExtract(hpkeSuite, nil, "psk_id_hash", id)...)
	context = append(context, labeledExtract(hpkeSuite, nil, "info_hash", info)...)
	secret := labeledExtract(hpkeSuite, shared, "secret", pre)
	defer clear(secret)
	return hpkeContext{
		key:   labeledExpand(hpkeSuite, secret, "key", context, keySize),
		nonce: labeledExpand(hpkeSuite, secret, "base_nonce", context, nonceSize),
	}
}

func hpkeSeal(source io.Reader, public, info, aad, plaintext []byte, psk *hpkePSK) (enc, ciphertext []byte, err error) {
	shared, enc, err := encapsulate(source, public)
	if err != nil {
		return nil, nil, err
	}
	c := newHPKEContext(shared, info, psk)
	defer clear(c.key)
	return enc, seal(c.key, c.nonce, aad, plaintext), nil
}

func hpkeOpen(private, enc, info, aad, ciphertext []byte, psk *hpkePSK) ([]byte, error) {
	shared, err := decapsulate(private, enc)
	if err != nil {
		return nil, err
	}
	c := newHPKEContext(shared, info, psk)
	defer clear(c.key)
	return open(c.key, c.nonce, aad, ciphertext)
}

// SealPSK encrypts one message to an X25519 public key in HPKE's mode psk (RFC 9180 §5.1.2). The ciphertext begins with
// the 32 bytes of enc. id and secret must not be empty; secret has 32 bytes of entropy or more.
func SealPSK(source io.Reader, public, info, aad, plaintext, id, secret []byte) ([]byte, error) {
	if len(id) == 0 || len(secret) < hashSize {
		return nil, because(ErrPSK, "empty or short")
	}
	enc, ciphertext, err := hpkeSeal(source, public, info, aad, plaintext, &hpkePSK{id, secret})
	if err != nil {
		return nil, err
	}
	return append(enc, ciphertext...), nil
}

// OpenPSK opens what SealPSK made. The private key is 32 bytes.
func OpenPSK(private, info, aad, ciphertext, id, secret []byte) ([]byte, error) {
	if len(id) == 0 || len(secret) < hashSize {
		return nil, because(ErrPSK, "empty or short")
	}
	if len(ciphertext) < publicSize+tagSize {
		return nil, malformed("HPKE: too short")
	}
	return hpkeOpen(private, ciphertext[:publicSize], info, aad, ciphertext[publicSize:], &hpkePSK{id, secret})
}

// hpkeCiphertext is HPKECiphertext (RFC 9420 §7.6).
type hpkeCiphertext struct{ enc, ciphertext []byte }

func (c *hpkeCiphertext) write(w *writer) {
	w.vec(c.enc)
	w.vec(c.ciphertext)
}

func readHPKECiphertext(r *reader) hpkeCiphertext {
	return hpkeCiphertext{enc: r.hash("kem_output"), ciphertext: r.vec()}
}

// encryptContext is EncryptContext (RFC 9420 §5.1.3).
func encryptContext(label string, context []byte) []byte {
	return encoded(func(w *writer) {
		w.vec([]byte(labelPrefix + label))
		w.vec(context)
	})
}

func encryptWithLabel(
	source io.Reader, public []byte, label string, context, plaintext []byte,
) (hpkeCiphertext, error) {
	enc, ciphertext, err := hpkeSeal(source, public, encryptContext(label, context), nil, plaintext, nil)
	return hpkeCiphertext{enc, ciphertext}, err
}

func decryptWithLabel(private []byte, label string, context []byte, c *hpkeCiphertext) ([]byte, error) {
	return hpkeOpen(private, c.enc, encryptContext(label, context), nil, c.ciphertext, nil)
}
