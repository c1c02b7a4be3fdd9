package reach

import "encoding/binary"

// Kind is what a connection turned out to be.
type Kind int

// The kinds of connections, as they are counted.
const (
	HTTP    Kind = iota // in plain text, or inside TLS
	ICETCP              // ICE-TCP (RFC 6544)
	TURN                // TURN over TCP
	TURNTLS             // TURN over TLS
	Checked             // ICE-TCP to the echo
	Passed              // ICE-TCP and TURN that another version of the server has
	Silent              // closed: it has not said in time what it is, or not authenticated itself
	Failed              // closed: no TLS came about
	Unknown             // closed: it is none of these
	Crowded             // closed: its network has too many that are not authenticated
	kinds
)

// String is the kind as a label of a metric.
func (k Kind) String() string {
	return [kinds]string{"http", "ice_tcp", "turn_tcp", "turn_tls", "echo", "passed", "silent", "tls_failed", "unknown",
		"crowded"}[k]
}

// content is what the first bytes of a connection say.
type content int

const (
	undecided content = iota // more bytes are needed
	isTLS
	isHTTP
	isTURN
	isFramed // by RFC 4571: ICE-TCP
	isUnknown
)

const (
	tlsHandshake = 0x16 // RFC 8446 §5.1
	stunCookie   = 0x2112a442
	// headLen is how many bytes decide: the cookie of a STUN message behind a length of two bytes.
	headLen = 2 + 8
)

// classify tells a connection by the first bytes it sends. It needs at most headLen.
func classify(b []byte) content {
	switch {
	case len(b) == 0:
		return undecided
	case b[0] == tlsHandshake:
		return isTLS
	case b[0] >= 'A' && b[0] <= 'Z': // of a method (RFC 9110 §9.1)
		return isHTTP
	case b[0] >= 0x40: // no STUN message, and no frame of one
		return isUnknown
	case len(b) < headLen:
		return undecided
	case binary.BigEndian.Uint32(b[4:]) == stunCookie:
		return isTURN
	case b[2] < 0x40 && binary.BigEndian.Uint32(b[6:]) == stunCookie:
		return isFramed
	}
	return isUnknown
}
