package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is the profile's; collisions do not break it (RFC 6151 says as much of MD5)
	"crypto/subtle"
	"encoding"
	"encoding/binary"
	"errors"
	"hash"
)

// Sizes of SRTP_AES128_CM_HMAC_SHA1_80 (RFC 3711 §5, RFC 5764 §4.1.2).
const (
	authKeyLen = 20
	cmTagLen   = 10
)

// maxPayload is the longest payload of one call of xorKeyStream: longer ones take several.
const maxPayload = 1536

// counterMode is AES in counter mode with HMAC-SHA1. It is crypto/aes and crypto/sha1 by hand, because neither
// cipher.NewCTR nor hmac.New works without allocating for each packet.
type counterMode struct {
	block cipher.Block
	// The states of SHA-1 that have read the inner and the outer key of the HMAC (RFC 2104 §2).
	inner, outer []byte
}

// sha1Hash is what the hash of crypto/sha1 can do.
type sha1Hash interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

var errSHA1 = errors.New("this build's SHA-1 does not show its state")

func newCounterMode(block cipher.Block, authKey []byte) (*counterMode, error) {
	m := &counterMode{block: block}
	for _, pad := range []struct {
		state *[]byte
		value byte
	}{{&m.inner, 0x36}, {&m.outer, 0x5c}} {
		key := make([]byte, sha1.BlockSize)
		copy(key, authKey)
		for i := range key {
			key[i] ^= pad.value
		}
		h, ok := sha1.New().(sha1Hash)
		if !ok {
			return nil, errSHA1
		}
		h.Write(key)
		var err error
		if *pad.state, err = h.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (c *Cipher) sealCM(dst, payload []byte, ssrc uint32, index uint64, s *Scratch) []byte {
	at := len(dst)
	dst = dst[:at+len(payload)]
	c.cm.xorKeyStream(dst[at:], payload, c.counter(s, ssrc, index), s)
	return append(dst, c.cm.tag(dst, index, s)...)
}

func (c *Cipher) openCM(packet []byte, headerLen int, ssrc uint32, index uint64, s *Scratch) (int, error) {
	end := len(packet) - cmTagLen
	if end < headerLen || subtle.ConstantTimeCompare(c.cm.tag(packet[:end], index, s), packet[end:]) != 1 {
		return 0, ErrAuth
	}
	payload := packet[headerLen:end]
	c.cm.xorKeyStream(payload, payload, c.counter(s, ssrc, index), s)
	return len(payload), nil
}

// counter forms the first counter block (RFC 3711 §4.1.1): salt, XOR SSRC, XOR packet index; the last two bytes count.
func (c *Cipher) counter(s *Scratch, ssrc uint32, index uint64) []byte {
	iv := s.iv[:]
	copy(iv, c.salt[:])
	var in [10]byte
	binary.BigEndian.PutUint32(in[:], ssrc)
	binary.BigEndian.PutUint16(in[4:], uint16(index>>32))
	binary.BigEndian.PutUint32(in[6:], uint32(index))
	for i, b := range in {
		iv[4+i] ^= b
	}
	return iv
}

// xorKeyStream encrypts or decrypts src to dst, which is src or apart from it.
func (m *counterMode) xorKeyStream(dst, src, counter []byte, s *Scratch) {
	n := uint16(0)
	for len(src) > 0 {
		size := min(len(src), maxPayload)
		for at := 0; at < size; at += aes.BlockSize {
			binary.BigEndian.PutUint16(counter[14:], n)
			m.block.Encrypt(s.keys[at:at+aes.BlockSize], counter)
			n++
		}
		subtle.XORBytes(dst[:size], src[:size], s.keys[:size])
		dst, src = dst[size:], src[size:]
	}
}

// tag is the authentication tag of a packet (RFC 3711 §4.2): of its header and sealed payload, and of its roll-over
// counter. It is valid until the next one.
func (m *counterMode) tag(packet []byte, index uint64, s *Scratch) []byte {
	if s.hash == nil {
		s.hash, _ = sha1.New().(sha1Hash) // newCounterMode has seen that it is one
		s.sum = make([]byte, 0, sha1.Size)
	}
	m.restore(s, m.inner)
	s.hash.Write(packet)
	binary.BigEndian.PutUint32(s.iv[:], uint32(index>>16))
	s.hash.Write(s.iv[:4])
	s.sum = s.hash.Sum(s.sum[:0])
	m.restore(s, m.outer)
	s.hash.Write(s.sum)
	s.sum = s.hash.Sum(s.sum[:0])
	return s.sum[:cmTagLen]
}

// restore takes the hash back to a state of newCounterMode.
func (*counterMode) restore(s *Scratch, state []byte) {
	if err := s.hash.UnmarshalBinary(state); err != nil {
		panic(err) // a hash of the same kind has given that state
	}
}
