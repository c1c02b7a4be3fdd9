package transport

import "encoding/binary"

// DTLS record types and sizes (RFC 6347 §4.1).
const (
	recordHeader       = 13
	changeCipherSpec   = 20
	handshakeRecord    = 22
	firstType          = changeCipherSpec
	lastType           = 23
	handshakeEpoch     = 0
	authenticatedEpoch = 1 // nothing here renegotiates, so there is no later one
)

// acceptable returns the records of a datagram that may reach DTLS; it overwrites b. Records of epoch 0 are
// authenticated by nothing, so anybody can make them: of those only what a handshake needs is taken, and nothing once
// there are keys. What is left behind the first broken record is dropped.
func acceptable(b []byte, keys bool) []byte {
	kept := b[:0]
	for len(b) >= recordHeader {
		kind, epoch, size := b[0], binary.BigEndian.Uint16(b[3:]), recordHeader+int(binary.BigEndian.Uint16(b[11:]))
		if size > len(b) {
			break
		}
		record := b[:size]
		b = b[size:]
		switch {
		case kind < firstType || kind > lastType || size == recordHeader:
		case epoch == authenticatedEpoch:
			kept = append(kept, record...)
		case epoch != handshakeEpoch || keys:
		case kind == handshakeRecord, kind == changeCipherSpec && size == recordHeader+1 && record[recordHeader] == 1:
			kept = append(kept, record...)
		}
	}
	return kept
}
