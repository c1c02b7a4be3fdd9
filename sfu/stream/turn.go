package stream

import (
	"net/netip"

	"conclave/sfu/batch"
)

// Relay takes the datagrams of the media port that are for a TURN server (RFC 8656): ChannelData, whose first byte is
// 0x40 to 0x7F, STUN messages whose method is not Binding, and Binding requests that no peer of the engine's is meant
// by.
type Relay interface {
	// Datagram takes one datagram that came to conn. Workers call it, several at once: it must not wait, and copies what
	// it keeps of data. What it answers it writes to conn, which does not wait either. ok is false when the datagram is
	// dropped.
	Datagram(data []byte, from netip.AddrPort, conn batch.Conn) (ok bool)
}

// IsRelayed says whether a datagram, whose first byte says that it may be one, is for a Relay. A Binding request or
// response is not: those are ICE's.
func IsRelayed(b []byte) bool {
	const methods = 0x3eef // the bits of a STUN message's type that are its method (RFC 8489 §5)
	if len(b) < 4 {
		return false
	}
	if b[0] >= 0x40 {
		return b[0] < 0x80
	}
	return b[0] < 0x40 && (uint16(b[0])<<8|uint16(b[1]))&methods != 1
}

// IsRequest says whether a STUN message is a Binding request.
func IsRequest(b []byte) bool { return len(b) > 1 && b[0] == 0 && b[1] == 1 }
