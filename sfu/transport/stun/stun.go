// Package stun is what an ICE-lite server needs of STUN (RFC 8489): it reads the connectivity and consent checks of clients (RFC 8445 §7.2,
// RFC 7675) and writes the answers. It never asks anything itself.
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

// ErrMalformed is returned for what is not a binding request with all that an ICE check has.
var ErrMalformed = errors.New("stun: not a connectivity check")

const (
	headerLen = 20
	cookie    = 0x2112a442

	bindingRequest = 0x0001
	bindingSuccess = 0x0101

	attrUsername         = 0x0006
	attrMessageIntegrity = 0x0008
	attrXORMappedAddress = 0x0020
	attrUseCandidate     = 0x0025
	attrFingerprint      = 0x8028

	fingerprintXOR = 0x5354554e
	integrityLen   = sha1.Size
)

// Check is a binding request. It points into the datagram it was read from.
type Check struct {
	Local        []byte // the user name's first part: the fragment of whom it is for
	Remote       []byte // and its second: that of whom it is from
	UseCandidate bool   // the sender nominates this path (RFC 8445 §8.1.1)

	raw       []byte
	integrity int // where MESSAGE-INTEGRITY begins
}

// Parse reads a check: a binding request with USERNAME, MESSAGE-INTEGRITY and a FINGERPRINT that is right. What it says is nobody's word
// until Authentic says so.
func Parse(b []byte) (Check, error) {
	c := Check{raw: b}
	if len(b) < headerLen || len(b)%4 != 0 || binary.BigEndian.Uint16(b) != bindingRequest ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-headerLen || binary.BigEndian.Uint32(b[4:]) != cookie {
		return Check{}, ErrMalformed
	}
	fingerprint := false
	for at := headerLen; at < len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		value := at + 4
		next := value + (size+3)&^3
		if next > len(b) || fingerprint {
			return Check{}, ErrMalformed // FINGERPRINT is the last
		}
		switch {
		case kind == attrFingerprint:
			fingerprint = size == 4 && binary.BigEndian.Uint32(b[value:]) == crc32.ChecksumIEEE(b[:at])^fingerprintXOR
			if !fingerprint {
				return Check{}, ErrMalformed
			}
		case c.integrity != 0: // nothing else behind MESSAGE-INTEGRITY counts (RFC 8489 §14.5)
		case kind == attrUsername:
			c.Local, c.Remote = cut(b[value : value+size])
		case kind == attrUseCandidate:
			c.UseCandidate = true
		case kind == attrMessageIntegrity:
			if size != integrityLen {
				return Check{}, ErrMalformed
			}
			c.integrity = at
		}
		at = next
	}
	if len(c.Local) == 0 || c.integrity == 0 || !fingerprint {
		return Check{}, ErrMalformed
	}
	return c, nil
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

// integrity computes MESSAGE-INTEGRITY over message, whose header says another length than it will have with the attribute.
func (k *Key) integrity(message []byte) []byte {
	copy(k.head[:2], message)
	binary.BigEndian.PutUint16(k.head[2:], uint16(len(message)-headerLen+4+integrityLen))
	k.mac.Reset()
	k.mac.Write(k.head[:])
	k.mac.Write(message[4:])
	return k.mac.Sum(k.sum[:0])
}

// Authentic says whether the check was made by somebody who knows the key.
func (c *Check) Authentic(k *Key) bool {
	return hmac.Equal(k.integrity(c.raw[:c.integrity]), c.raw[c.integrity+4:c.integrity+4+integrityLen])
}

// Answer appends the success response to dst (RFC 8445 §7.3.1.2): it tells the sender the address it came from.
func (c *Check) Answer(dst []byte, from netip.AddrPort, k *Key) []byte {
	at := len(dst)
	dst = append(dst, bindingSuccess>>8, bindingSuccess&0xff, 0, 0)
	dst = append(dst, c.raw[4:headerLen]...) // cookie and transaction
	dst = appendMapped(dst, from, dst[at+4:at+headerLen])
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
