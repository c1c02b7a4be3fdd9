// Package drop names the reasons for which a packet is not forwarded. The set is closed: it labels a metric, so that a
// missing picture can be explained. It imports nothing of ours.
package drop

import "sync/atomic"

// Reason says why a packet was not forwarded.
type Reason uint8

// The reasons.
const (
	UnknownAddress Reason = iota // not from or for a peer: a stranger, or a peer that has gone
	NotReady                     // before the handshake has finished
	// STUN, RTP, RTCP or payload descriptor does not parse, or another payload type than negotiated
	Malformed
	Auth        // SRTP or STUN authentication failed
	Replay      // SRTP index or STUN transaction seen before, or too old
	UnknownSSRC // authentic, but of no negotiated source
	OverLimit   // a cap was reached
	Duplicate   // media seen before: a retransmission that was not needed, or RTX probing
	Padding     // carries no media
	Muted       // switched off or not permitted
	NotKeyFrame // a slot waits for its first key frame
	Superseded  // the slot has moved on to another track or layer
	Temporal    // of a temporal layer above the one the slot carries
	Congested   // the slot waits for the key frame of a lower layer, and this one is too much
	Reordered   // older than the slot's latest switch
	SocketFull  // the socket buffer had no room
	Unreachable // the kernel refused to send to its destination
	QueueFull   // more DTLS records than the peer's queue holds
	// a frame without end-to-end encryption where it is required, or what follows three of them
	NotEncrypted
	AddressTaken // a peer's answer from where another peer has answered lately
	StreamBehind // a viewer's TCP connection has not written what was sent before
	Late         // video that waited too long for the machine to get to it, unopened
	Resting      // video of a layer of which packets were left out so, until its next key frame
	Relay        // the TURN server took no datagram: it belongs to no allocation, or is over a limit
	Reasons      // how many there are
)

var names = [Reasons]string{
	"unknown_address", "not_ready", "malformed", "auth", "replay", "unknown_ssrc", "over_limit", "duplicate", "padding",
	"muted", "not_key_frame", "superseded", "temporal", "congested", "reordered", "socket_full", "unreachable",
	"queue_full",
	"not_encrypted", "address_taken", "stream_behind", "late", "resting", "relay",
}

// String returns the metric's label.
func (r Reason) String() string { return names[r] }

// Counters count packets by reason. Safe for concurrent use.
type Counters [Reasons]atomic.Uint64

// Add counts n packets.
func (c *Counters) Add(r Reason, n int) { c[r].Add(uint64(n)) }
