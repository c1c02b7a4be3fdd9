// Package srtp is the part of SRTP (RFC 3711) the packet path needs, for AES-128-GCM (RFC 7714) alone: key derivation,
// sealing from a shared plaintext straight into a send buffer, opening in place, and the replay window. It exists
// because a forwarder seals one payload many times: without copying it, without a lock, without allocating. SRTCP and
// every other profile are pion/srtp's.
package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of AEAD_AES_128_GCM (RFC 7714 §12).
const (
	KeyLen  = 16
	SaltLen = 12
	// Overhead is by how much a sealed packet is longer: the authentication tag.
	Overhead = 16
)

// ErrAuth is returned when a packet's authentication tag does not verify.
var ErrAuth = errors.New("srtp: authentication failed")

// Labels of the key derivation (RFC 3711 §4.3.2).
const (
	labelKey  = 0x00
	labelSalt = 0x02
)

// Cipher seals or opens the RTP packets of one direction. Safe for concurrent use: all state is in the arguments.
type Cipher struct {
	aead cipher.AEAD
	salt [SaltLen]byte
}

// Nonce is scratch for one goroutine, so that nothing escapes to the heap per packet.
type Nonce [SaltLen]byte

// NewCipher derives the session key and salt from the master key and salt of one direction, with a key derivation rate
// of zero (RFC 3711 §4.3.1, RFC 7714 §11).
func NewCipher(masterKey, masterSalt []byte) (*Cipher, error) {
	if len(masterKey) != KeyLen || len(masterSalt) != SaltLen {
		return nil, fmt.Errorf("srtp: master key of %d and salt of %d bytes, want %d and %d", len(masterKey),
			len(masterSalt), KeyLen, SaltLen)
	}
	master, err := aes.NewCipher(masterKey)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	session, err := aes.NewCipher(derive(master, masterSalt, labelKey, KeyLen))
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	c := &Cipher{}
	if c.aead, err = cipher.NewGCM(session); err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	copy(c.salt[:], derive(master, masterSalt, labelSalt, SaltLen))
	return c, nil
}

// derive is the AES-CM pseudo-random function of RFC 3711 §4.3.3 for one block, which is all that a 128-bit key needs.
func derive(master cipher.Block, salt []byte, label byte, n int) []byte {
	var in, out [aes.BlockSize]byte
	copy(in[:], salt) // the 96-bit salt, padded right as RFC 7714 §11 says, is x; the 16-bit counter is the tail
	in[7] ^= label
	master.Encrypt(out[:], in[:])
	return out[:n]
}

// nonce forms the initialisation vector (RFC 7714 §8.1): 2 zero bytes, SSRC, roll-over counter, sequence number, XOR
// salt.
func (c *Cipher) nonce(n *Nonce, ssrc uint32, index uint64) {
	n[0], n[1] = 0, 0
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint32(n[6:], uint32(index>>16))
	binary.BigEndian.PutUint16(n[10:], uint16(index))
	for i := range n {
		n[i] ^= c.salt[i]
	}
}

// Seal appends to dst, which holds the RTP header, the sealed payload and the tag. index is the 48-bit packet index:
// roll-over counter and sequence number. dst must have capacity for len(payload)+Overhead more and must not overlap
// payload.
func (c *Cipher) Seal(dst, payload []byte, ssrc uint32, index uint64, n *Nonce) []byte {
	c.nonce(n, ssrc, index)
	return c.aead.Seal(dst, n[:], payload, dst)
}

// Open verifies and decrypts packet in place; its first headerLen bytes are the RTP header. It returns the length of
// the payload.
func (c *Cipher) Open(packet []byte, headerLen int, ssrc uint32, index uint64, n *Nonce) (payloadLen int, err error) {
	if len(packet) < headerLen+Overhead {
		return 0, ErrAuth
	}
	c.nonce(n, ssrc, index)
	plain, err := c.aead.Open(packet[headerLen:headerLen], n[:], packet[headerLen:], packet[:headerLen])
	if err != nil {
		return 0, ErrAuth
	}
	return len(plain), nil
}
