package turn

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // STUN's long-term credentials know nothing else (RFC 8489 §14.5)
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
)

// Methods (RFC 8489 §18.2, RFC 8656 §17).
const (
	methodBinding          = 0x001
	methodAllocate         = 0x003
	methodRefresh          = 0x004
	methodSend             = 0x006
	methodData             = 0x007
	methodCreatePermission = 0x008
	methodChannelBind      = 0x009
)

// Classes, as they stand in a message's type (RFC 8489 §5).
const (
	classRequest    = 0x000
	classIndication = 0x010
	classSuccess    = 0x100
	classError      = 0x110
	classMask       = 0x110
)

// Attributes (RFC 8489 §18.3, RFC 8656 §18).
const (
	attrUsername           = 0x0006
	attrMessageIntegrity   = 0x0008
	attrErrorCode          = 0x0009
	attrUnknownAttributes  = 0x000a
	attrChannelNumber      = 0x000c
	attrLifetime           = 0x000d
	attrXORPeerAddress     = 0x0012
	attrData               = 0x0013
	attrRealm              = 0x0014
	attrNonce              = 0x0015
	attrXORRelayedAddress  = 0x0016
	attrRequestedFamily    = 0x0017
	attrEvenPort           = 0x0018
	attrRequestedTransport = 0x0019
	attrDontFragment       = 0x001a
	attrXORMappedAddress   = 0x0020
	attrReservationToken   = 0x0022
	attrFingerprint        = 0x8028

	firstOptional = 0x8000 // from here on an unknown attribute is ignored
)

const (
	headerLen      = 20
	cookie         = 0x2112a442
	integrityLen   = sha1.Size
	fingerprintXOR = 0x5354554e

	// maxPeerAddresses bounds the addresses of one CreatePermission. A server has a few addresses, and a client asks
	// for those in its answer.
	maxPeerAddresses = 32
	maxUnknown       = 4 // attributes that one error names
)

// errMalformed is returned for what is no STUN message.
var errMalformed = errors.New("turn: not a STUN message")

// message is a request or an indication. It points into the datagram it was read from.
type message struct {
	raw       []byte
	method    uint16
	class     uint16
	integrity int // where MESSAGE-INTEGRITY begins; 0 if it has none

	username, realm, nonce, data []byte

	hasFingerprint, hasTransport, hasEvenPort, hasToken, hasData, hasChannel, ends bool // ends: LIFETIME is 0

	transport byte
	family    byte // 0 if none is asked for, noFamily if none that exists
	channel   uint16
	peers     []netip.AddrPort // at most maxPeerAddresses
	badPeer   bool             // an address that cannot be read, or too many
	unknown   []uint16         // that must be understood and are not; at most maxUnknown
}

// parse reads a message. Attributes behind MESSAGE-INTEGRITY do not count but FINGERPRINT, which must be right.
func parse(b []byte, m *message) error {
	if len(b) < headerLen || len(b)%4 != 0 || b[0]&0xc0 != 0 ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-headerLen || binary.BigEndian.Uint32(b[4:]) != cookie {
		return errMalformed
	}
	kind := binary.BigEndian.Uint16(b)
	*m = message{raw: b, class: kind & classMask, method: kind &^ classMask, peers: m.peers[:0], unknown: m.unknown[:0]}
	for at := headerLen; at < len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		value, next := at+4, at+4+(size+3)&^3
		if next > len(b) || m.hasFingerprint {
			return errMalformed
		}
		switch {
		case kind == attrFingerprint:
			if size != 4 || binary.BigEndian.Uint32(b[value:]) != crc32.ChecksumIEEE(b[:at])^fingerprintXOR {
				return errMalformed
			}
			m.hasFingerprint = true
		case m.integrity != 0:
		case kind == attrMessageIntegrity:
			if size != integrityLen {
				return errMalformed
			}
			m.integrity = at
		default:
			if !m.take(kind, b[value:value+size]) {
				return errMalformed
			}
		}
		at = next
	}
	return nil
}

// take keeps one attribute; it is false if the value is not one.
func (m *message) take(kind uint16, v []byte) bool {
	switch kind {
	case attrUsername:
		m.username = v
	case attrRealm:
		m.realm = v
	case attrNonce:
		m.nonce = v
	case attrData:
		m.data, m.hasData = v, true
	case attrXORPeerAddress:
		peer, ok := m.address(v)
		if ok = ok && len(m.peers) < maxPeerAddresses; ok {
			m.peers = append(m.peers, peer)
		}
		m.badPeer = m.badPeer || !ok
	case attrEvenPort:
		m.hasEvenPort = true
	case attrReservationToken:
		m.hasToken = true
	case attrDontFragment: // nothing is ever fragmented in memory
	default:
		return m.takeNumber(kind, v)
	}
	return true
}

func (m *message) takeNumber(kind uint16, v []byte) bool {
	switch kind {
	case attrLifetime:
		if len(v) != 4 {
			return false
		}
		m.ends = binary.BigEndian.Uint32(v) == 0
	case attrRequestedTransport:
		if len(v) != 4 {
			return false
		}
		m.transport, m.hasTransport = v[0], true
	case attrRequestedFamily:
		if len(v) != 4 {
			return false
		}
		if m.family = v[0]; m.family == 0 {
			m.family = noFamily
		}
	case attrChannelNumber:
		if len(v) != 4 {
			return false
		}
		m.channel, m.hasChannel = binary.BigEndian.Uint16(v), true
	default:
		if kind < firstOptional && len(m.unknown) < maxUnknown {
			m.unknown = append(m.unknown, kind)
		}
	}
	return true
}

// address reads an XOR-mapped address (RFC 8489 §14.2).
func (m *message) address(v []byte) (netip.AddrPort, bool) {
	if len(v) < 4 {
		return netip.AddrPort{}, false
	}
	mask, port := m.raw[4:headerLen], binary.BigEndian.Uint16(v[2:])^cookie>>16
	switch {
	case v[1] == familyIPv4 && len(v) == 8:
		var ip [4]byte
		for i := range ip {
			ip[i] = v[4+i] ^ mask[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom4(ip), port), true
	case v[1] == familyIPv6 && len(v) == 20:
		var ip [16]byte
		for i := range ip {
			ip[i] = v[4+i] ^ mask[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom16(ip), port), true
	}
	return netip.AddrPort{}, false
}

// authentic says whether the message was made with the key.
func (m *message) authentic(key []byte) bool {
	want := integrity(m.raw[:m.integrity], key)
	return hmac.Equal(want, m.raw[m.integrity+4:m.integrity+4+integrityLen])
}

// integrity computes MESSAGE-INTEGRITY over b, whose header may say another length than it has with the attribute.
func integrity(b, key []byte) []byte {
	var head [4]byte
	copy(head[:2], b)
	binary.BigEndian.PutUint16(head[2:], uint16(len(b)-headerLen+4+integrityLen)) //nolint:gosec // a datagram
	mac := hmac.New(sha1.New, key)
	mac.Write(head[:])
	mac.Write(b[4:])
	return mac.Sum(nil)
}

// response is a message being written at the end of b.
type response struct {
	b  []byte
	at int // where it begins
}

// begin starts the answer to m.
func begin(dst []byte, m *message, class uint16) response {
	kind := m.method | class
	r := response{b: dst, at: len(dst)}
	r.b = append(r.b, byte(kind>>8), byte(kind), 0, 0)
	r.b = append(r.b, m.raw[4:headerLen]...)
	return r
}

func (r *response) attr(kind uint16, value []byte) {
	r.b = appendAttrHeader(r.b, kind, len(value))
	r.b = append(r.b, value...)
	r.b = pad(r.b, len(value))
}

func (r *response) number(kind uint16, v uint32) {
	r.b = binary.BigEndian.AppendUint32(appendAttrHeader(r.b, kind, 4), v)
}

func (r *response) address(kind uint16, a netip.AddrPort) {
	r.b = appendAddress(r.b, kind, a, r.b[r.at+4:r.at+headerLen])
}

// end closes the message: with MESSAGE-INTEGRITY if there is a key, with FINGERPRINT if the request had one.
func (r *response) end(key []byte, fingerprint bool) []byte {
	if key != nil {
		sum := integrity(r.b[r.at:], key)
		r.attr(attrMessageIntegrity, sum)
	}
	size := len(r.b) - r.at - headerLen
	if fingerprint {
		size += 8
	}
	binary.BigEndian.PutUint16(r.b[r.at+2:], uint16(size)) //nolint:gosec // a few attributes
	if fingerprint {
		r.number(attrFingerprint, crc32.ChecksumIEEE(r.b[r.at:])^fingerprintXOR)
	}
	return r.b
}

func appendAttrHeader(b []byte, kind uint16, size int) []byte {
	return append(b, byte(kind>>8), byte(kind), byte(size>>8), byte(size))
}

func pad(b []byte, size int) []byte {
	for range -size & 3 {
		b = append(b, 0)
	}
	return b
}

const (
	familyIPv4 = 1
	familyIPv6 = 2
	noFamily   = 0xff
)

// appendAddress appends an XOR-mapped address. mask is the message's cookie and transaction.
func appendAddress(b []byte, kind uint16, a netip.AddrPort, mask []byte) []byte {
	ip, family := a.Addr().Unmap(), byte(familyIPv4)
	size := 8
	if ip.Is6() {
		family, size = familyIPv6, 20
	}
	b = append(appendAttrHeader(b, kind, size), 0, family)
	b = binary.BigEndian.AppendUint16(b, a.Port()^cookie>>16)
	if ip.Is4() {
		v := ip.As4()
		return append(b, v[0]^mask[0], v[1]^mask[1], v[2]^mask[2], v[3]^mask[3])
	}
	for i, v := range ip.As16() {
		b = append(b, v^mask[i])
	}
	return b
}
