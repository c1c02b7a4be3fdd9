// Package stun is what an ICE-lite server needs of STUN (RFC 8489): it reads the connectivity and consent checks of
// clients (RFC 8445 §7.2, RFC 7675), answers them, and makes checks of its own that prove where a client is.
//
// No socket, no clock; after NewKey no allocation but what append needs.
package stun

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // STUN's short-term credentials know nothing else (RFC 8489 §14.5)
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"net/netip"
)

// ErrMalformed is returned for what is neither a binding request with all that an ICE check has, nor an answer to one.
var ErrMalformed = errors.New("stun: not a connectivity check")

const (
	headerLen = 20
	cookie    = 0x2112a442

	bindingRequest = 0x0001
	bindingSuccess = 0x0101

	attrUsername         = 0x0006
	attrMessageIntegrity = 0x0008
	attrXORMappedAddress = 0x0020
	attrPriority         = 0x0024
	attrUseCandidate     = 0x0025
	attrFingerprint      = 0x8028
	attrICEControlled    = 0x8029

	fingerprintXOR = 0x5354554e
	integrityLen   = sha1.Size
)

// ID is a transaction id (RFC 8489 §5).
type ID [12]byte

// message is a STUN message with MESSAGE-INTEGRITY. It points into the datagram it was read from.
type message struct {
	raw       []byte
	integrity int // where MESSAGE-INTEGRITY begins
}

// ID returns the transaction id.
func (m *message) ID() ID { return ID(m.raw[8:headerLen]) }

// Len returns the length of the message in bytes.
func (m *message) Len() int { return len(m.raw) }

// Authentic says whether the message was made with the key.
func (m *message) Authentic(k *Key) bool {
	return hmac.Equal(k.integrity(m.raw[:m.integrity]), m.raw[m.integrity+4:m.integrity+4+integrityLen])
}

// Check is a binding request.
type Check struct {
	message
	Local        []byte // the user name's first part: the fragment of whom it is for
	Remote       []byte // and its second: that of whom it is from
	UseCandidate bool   // the sender nominates this path (RFC 8445 §8.1.1)
}

// Answer is a success response to a binding request.
type Answer struct{ message }

// Parse reads a check: a binding request with USERNAME, MESSAGE-INTEGRITY and a FINGERPRINT that is right. Believe
// nothing of it before Authentic says so.
func Parse(b []byte) (Check, error) {
	var c Check
	m, fingerprint, err := parse(b, bindingRequest, func(kind uint16, value []byte) {
		switch kind {
		case attrUsername:
			c.Local, c.Remote = cut(value)
		case attrUseCandidate:
			c.UseCandidate = true
		}
	})
	if err != nil || len(c.Local) == 0 || !fingerprint {
		return Check{}, ErrMalformed
	}
	c.message = m
	return c, nil
}

// IsAnswer says whether a datagram claims to be a success response.
func IsAnswer(b []byte) bool {
	return len(b) >= headerLen && binary.BigEndian.Uint16(b) == bindingSuccess
}

// ParseAnswer reads a success response with MESSAGE-INTEGRITY; a FINGERPRINT may be missing. Believe nothing of it
// before Authentic says so.
func ParseAnswer(b []byte) (Answer, error) {
	m, _, err := parse(b, bindingSuccess, func(uint16, []byte) {})
	return Answer{m}, err
}

// parse reads a message of the given type. It calls visit with each attribute before MESSAGE-INTEGRITY: nothing behind
// it counts but FINGERPRINT (RFC 8489 §14.5), which is the last and right if it is there.
func parse(b []byte, kind uint16, visit func(kind uint16, value []byte)) (m message, fingerprint bool, err error) {
	if len(b) < headerLen || len(b)%4 != 0 || binary.BigEndian.Uint16(b) != kind ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-headerLen || binary.BigEndian.Uint32(b[4:]) != cookie {
		return message{}, false, ErrMalformed
	}
	m.raw = b
	for at := headerLen; at < len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		value := at + 4
		next := value + (size+3)&^3
		if next > len(b) || fingerprint {
			return message{}, false, ErrMalformed
		}
		switch {
		case kind == attrFingerprint:
			fingerprint = size == 4 && binary.BigEndian.Uint32(b[value:]) == crc32.ChecksumIEEE(b[:at])^fingerprintXOR
			if !fingerprint {
				return message{}, false, ErrMalformed
			}
		case m.integrity != 0:
		case kind == attrMessageIntegrity:
			if size != integrityLen {
				return message{}, false, ErrMalformed
			}
			m.integrity = at
		default:
			visit(kind, b[value:value+size])
		}
		at = next
	}
	if m.integrity == 0 {
		return message{}, false, ErrMalformed
	}
	return m, fingerprint, nil
}

// cut parts a user name at its first colon (RFC 8445 §7.2.2).
func cut(username []byte) (local, remote []byte) {
	for i, c := range username {
		if c == ':' {
			return username[:i], username[i+1:]
		}
	}
	return username, nil
}

// Key is a short-term credential (RFC 8489 §9.1). One goroutine at a time.
type Key struct {
	mac  hash.Hash
	head [4]byte
	sum  [integrityLen]byte
}

// NewKey makes a key of an ICE password.
func NewKey(password string) *Key { return &Key{mac: hmac.New(sha1.New, []byte(password))} }

// integrity computes MESSAGE-INTEGRITY over message, whose header says another length than it will have with the
// attribute.
func (k *Key) integrity(message []byte) []byte {
	copy(k.head[:2], message)
	binary.BigEndian.PutUint16(k.head[2:], uint16(len(message)-headerLen+4+integrityLen))
	k.mac.Reset()
	k.mac.Write(k.head[:])
	k.mac.Write(message[4:])
	return k.mac.Sum(k.sum[:0])
}

// Answer appends the success response to the check. k is the key it was made with.
func (c *Check) Answer(dst []byte, from netip.AddrPort, k *Key) []byte {
	return AppendAnswer(dst, c.ID(), from, k)
}

// AppendAnswer appends the success response to a check (RFC 8445 §7.3.1.2): it tells the sender the address it came
// from. id is the check's, k the key it was made with.
func AppendAnswer(dst []byte, id ID, from netip.AddrPort, k *Key) []byte {
	at := len(dst)
	dst = appendHeader(dst, bindingSuccess, id)
	dst = appendMapped(dst, from, dst[at+4:at+headerLen])
	return seal(dst, at, k)
}

// AppendCheck appends a check of ours (RFC 8445 §7.2.2), which the peer answers from where it is. to and from are the
// user name fragments, the peer's and ours; k is of the peer's password. We are the controlled side. It is never longer
// than a check of the peer's, which has the same attributes.
func AppendCheck(dst []byte, id ID, to, from string, tieBreaker uint64, k *Key) []byte {
	at := len(dst)
	dst = appendHeader(dst, bindingRequest, id)
	size := len(to) + 1 + len(from)
	dst = append(dst, 0, attrUsername, byte(size>>8), byte(size))
	dst = append(append(append(dst, to...), ':'), from...)
	for range -size & 3 {
		dst = append(dst, 0)
	}
	dst = append(dst, attrICEControlled>>8, attrICEControlled&0xff, 0, 8)
	dst = binary.BigEndian.AppendUint64(dst, tieBreaker)
	dst = append(dst, 0, attrPriority, 0, 4)
	dst = binary.BigEndian.AppendUint32(dst, peerReflexive)
	return seal(dst, at, k)
}

// peerReflexive is the priority a candidate would have that a check of ours discovered (RFC 8445 §7.1.1).
const peerReflexive = 110<<24 | 65535<<8 | 255

func appendHeader(dst []byte, kind uint16, id ID) []byte {
	dst = append(dst, byte(kind>>8), byte(kind), 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, cookie)
	return append(dst, id[:]...)
}

// seal appends MESSAGE-INTEGRITY and FINGERPRINT to the message that begins at at.
func seal(dst []byte, at int, k *Key) []byte {
	sum := k.integrity(dst[at:])
	dst = append(dst, 0, attrMessageIntegrity, 0, integrityLen)
	dst = append(dst, sum...)
	binary.BigEndian.PutUint16(dst[at+2:], uint16(len(dst)-at-headerLen+8))
	crc := crc32.ChecksumIEEE(dst[at:]) ^ fingerprintXOR
	dst = append(dst, attrFingerprint>>8, attrFingerprint&0xff, 0, 4)
	return binary.BigEndian.AppendUint32(dst, crc)
}

// appendMapped appends XOR-MAPPED-ADDRESS (RFC 8489 §14.2). mask is the message's cookie and transaction.
func appendMapped(dst []byte, from netip.AddrPort, mask []byte) []byte {
	addr := from.Addr().Unmap()
	family, size := byte(1), byte(8)
	if addr.Is6() {
		family, size = 2, 20
	}
	dst = append(dst, 0, attrXORMappedAddress, 0, size, 0, family)
	dst = binary.BigEndian.AppendUint16(dst, from.Port()^cookie>>16)
	if addr.Is4() {
		ip := addr.As4()
		return append(dst, ip[0]^mask[0], ip[1]^mask[1], ip[2]^mask[2], ip[3]^mask[3])
	}
	for i, b := range addr.As16() {
		dst = append(dst, b^mask[i])
	}
	return dst
}
