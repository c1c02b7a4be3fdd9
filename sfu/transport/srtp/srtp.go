// Package srtp is the part of SRTP (RFC 3711) the packet path needs: key derivation, sealing from a shared plaintext
// straight into a send buffer, opening in place, and the replay window. It exists because a forwarder seals one payload
// many times: without copying it, without a lock, without allocating. It knows three profiles: AES-GCM with keys of 128
// and 256 bits (RFC 7714), and AES-CM with HMAC-SHA1, which every WebRTC endpoint has (RFC 8827 §6.5). SRTCP is
// pion/srtp's.
package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Overhead is the most by which a sealed packet is longer than a plain one: the tag of AES-GCM.
const Overhead = gcmTagLen

const gcmTagLen = 16

// ErrAuth is returned when a packet's authentication tag does not verify.
var ErrAuth = errors.New("srtp: authentication failed")

// Labels of the key derivation (RFC 3711 §4.3.2).
const (
	labelKey  = 0x00
	labelAuth = 0x01
	labelSalt = 0x02
)

// Profile is a protection profile. Its number is the one of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2).
type Profile uint16

// The profiles.
const (
	AES128CMSHA1 Profile = 0x0001 // SRTP_AES128_CM_HMAC_SHA1_80
	AES128GCM    Profile = 0x0007 // SRTP_AEAD_AES_128_GCM
	AES256GCM    Profile = 0x0008 // SRTP_AEAD_AES_256_GCM
)

// Lengths returns the lengths of a profile's master key and salt, in bytes. Both are 0 for a profile that is none of
// this package's.
func (p Profile) Lengths() (key, salt int) {
	switch p {
	case AES128CMSHA1:
		return 16, 14 // RFC 5764 §4.1.2
	case AES128GCM:
		return 16, 12 // RFC 7714 §12
	case AES256GCM:
		return 32, 12
	}
	return 0, 0
}

// Cipher seals or opens the RTP packets of one direction. Safe for concurrent use: all state is in the arguments.
type Cipher struct {
	salt [aes.BlockSize]byte // padded right with zeroes
	aead cipher.AEAD         // of the AES-GCM profiles
	cm   *counterMode        // of the other
}

// Scratch is what one goroutine needs to seal and to open, so that nothing escapes to the heap per packet. The zero
// value is ready.
type Scratch struct {
	iv   [aes.BlockSize]byte
	keys [maxPayload + aes.BlockSize]byte // the key stream of counter mode
	hash sha1Hash                         // made at the first use of counter mode
	sum  []byte
}

// NewCipher derives the session keys from the master key and salt of one direction, with a key derivation rate of zero
// (RFC 3711 §4.3.1, RFC 7714 §11).
func NewCipher(p Profile, masterKey, masterSalt []byte) (*Cipher, error) {
	keyLen, saltLen := p.Lengths()
	if keyLen == 0 || len(masterKey) != keyLen || len(masterSalt) != saltLen {
		return nil, fmt.Errorf("srtp: master key of %d and salt of %d bytes for profile %#x", len(masterKey),
			len(masterSalt), p)
	}
	master, err := aes.NewCipher(masterKey)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	session, err := aes.NewCipher(derive(master, masterSalt, labelKey, keyLen))
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	c := &Cipher{}
	copy(c.salt[:], derive(master, masterSalt, labelSalt, saltLen))
	if p == AES128CMSHA1 {
		c.cm, err = newCounterMode(session, derive(master, masterSalt, labelAuth, authKeyLen))
	} else {
		c.aead, err = cipher.NewGCM(session)
	}
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return c, nil
}

// derive is the AES-CM pseudo-random function of RFC 3711 §4.3.3, and with a 256-bit key that of RFC 6188 §3.
func derive(master cipher.Block, salt []byte, label byte, n int) (out []byte) {
	var in, block [aes.BlockSize]byte
	copy(in[:], salt) // a 96-bit salt is padded right (RFC 7714 §11); the last two bytes count blocks
	in[7] ^= label
	for i := 0; len(out) < n; i++ {
		binary.BigEndian.PutUint16(in[14:], uint16(i))
		master.Encrypt(block[:], in[:])
		out = append(out, block[:]...)
	}
	return out[:n]
}

// nonce forms the initialisation vector of AES-GCM (RFC 7714 §8.1): 2 zero bytes, SSRC, roll-over counter, sequence
// number, XOR salt.
func (c *Cipher) nonce(s *Scratch, ssrc uint32, index uint64) []byte {
	n := s.iv[:12]
	n[0], n[1] = 0, 0
	binary.BigEndian.PutUint32(n[2:], ssrc)
	binary.BigEndian.PutUint32(n[6:], uint32(index>>16))
	binary.BigEndian.PutUint16(n[10:], uint16(index))
	for i := range n {
		n[i] ^= c.salt[i]
	}
	return n
}

// Seal appends to dst, which holds the RTP header, the sealed payload and the tag. index is the 48-bit packet index:
// roll-over counter and sequence number. dst must have capacity for len(payload)+Overhead more and must not overlap
// payload.
func (c *Cipher) Seal(dst, payload []byte, ssrc uint32, index uint64, s *Scratch) []byte {
	if c.cm != nil {
		return c.sealCM(dst, payload, ssrc, index, s)
	}
	return c.aead.Seal(dst, c.nonce(s, ssrc, index), payload, dst)
}

// Open verifies and decrypts packet in place; its first headerLen bytes are the RTP header, which has the SSRC and the
// lower 16 bits of index. It returns the length of the payload.
func (c *Cipher) Open(packet []byte, headerLen int, ssrc uint32, index uint64, s *Scratch) (payloadLen int, err error) {
	if c.cm != nil {
		return c.openCM(packet, headerLen, ssrc, index, s)
	}
	if len(packet) < headerLen+gcmTagLen {
		return 0, ErrAuth
	}
	plain, err := c.aead.Open(packet[headerLen:headerLen], c.nonce(s, ssrc, index), packet[headerLen:],
		packet[:headerLen])
	if err != nil {
		return 0, ErrAuth
	}
	return len(plain), nil
}
