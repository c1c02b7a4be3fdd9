package sfu

// Drop says why a packet was not forwarded. The set is closed: it labels a metric.
type Drop uint8

// The reasons.
const (
	DropUnknownAddress Drop = iota // not from or for a peer: a stranger, or a peer that has gone
	DropNotReady                   // before the handshake has finished
	DropMalformed                  // STUN, RTP, RTCP or payload descriptor does not parse, or another payload type than negotiated
	DropAuth                       // SRTP or STUN authentication failed
	DropReplay                     // SRTP index seen before or too old
	DropUnknownSSRC                // authentic, but of no negotiated source
	DropOverLimit                  // a cap was reached
	DropDuplicate                  // media seen before: a retransmission that was not needed, or RTX probing
	DropPadding                    // carries no media
	DropMuted                      // switched off or not permitted
	DropNotKeyFrame                // a slot waits for its first key frame
	DropSuperseded                 // the slot has moved on to another track or layer
	DropTemporal                   // of a temporal layer above the one the slot carries
	DropCongested                  // the slot waits for the key frame of a lower layer, and this one is too much
	DropReordered                  // older than the slot's latest switch
	DropSocketFull                 // the socket buffer had no room
	DropUnreachable                // the kernel refused to send to its destination
	DropQueueFull                  // DTLS over the peer's queue
	DropNotEncrypted               // a frame without end-to-end encryption in a room that requires it, or what follows three of them
	numDrops
)

var dropNames = [numDrops]string{
	"unknown_address", "not_ready", "malformed", "auth", "replay", "unknown_ssrc", "over_limit", "duplicate", "padding",
	"muted", "not_key_frame", "superseded", "temporal", "congested", "reordered", "socket_full", "unreachable", "queue_full", "not_encrypted",
}

// String is the metric's label.
func (d Drop) String() string { return dropNames[d] }
