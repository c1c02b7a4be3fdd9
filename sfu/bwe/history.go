package bwe

// Entries is how many sent packets are remembered: half a second of a 25-tile meeting, four of a nine-tile one. What is
// older when its feedback comes counts as neither received nor lost.
const Entries = 2048

// state is what is known of a sent packet.
type state uint8

const (
	unused state = iota
	inFlight
	lost     // feedback said so; it may still turn up
	received // final
)

// sentPacket is one entry of the send history.
type sentPacket struct {
	sent    int64 // µs
	seq     uint16
	size    uint16
	cluster uint8 // of the probe it belongs to, 0: none
	state   state
}

// history is the ring of sent packets, by transport-wide sequence number.
type history struct {
	ring [Entries]sentPacket
	next uint16
}

// add takes in a packet and returns its number.
func (h *history) add(now int64, size int, cluster uint8) (seq uint16) {
	seq = h.next
	h.next++
	h.ring[seq%Entries] = sentPacket{sent: now, seq: seq, size: uint16(min(size, 1<<16-1)), cluster: cluster,
		state: inFlight}
	return seq
}

// find returns the packet with the number seq, nil if it is not remembered.
func (h *history) find(seq uint16) *sentPacket {
	p := &h.ring[seq%Entries]
	if p.state == unused || p.seq != seq {
		return nil
	}
	return p
}
