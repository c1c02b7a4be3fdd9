package forward

import (
	"errors"
	"fmt"
	"net"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/stream"
	"conclave/sfu/transport"
	"conclave/sfu/transport/srtp"
)

// arenaBytes is the send buffer of one worker and local address.
const arenaBytes = 1 << 20

// sender seals and sends: what it needs beside the packet, and what it counts. One goroutine at a time.
type sender struct {
	out      []*outbox // by local address
	seal     sealer
	counters Counters
}

// sealer is what sealing needs beside the packet: one goroutine's scratch, the cipher of the destination at hand, and
// the time.
type sealer struct {
	cipher  *srtp.Cipher
	now     time.Time // when what is sealed counts as sent
	srtp    srtp.Scratch
	scratch []byte
	shared  bool // the packets at hand are sealed by others, too, at the same time
}

// outbox gathers sealed packets for one local address until they are sent.
type outbox struct {
	sender   batch.Sender
	arena    []byte
	messages []batch.Message
	segments int // of the last message
	maxSeg   int
	to       *transport.Remote // the destination at hand
	counters *Counters
}

// open makes the outboxes, on the sockets with that index.
func (s *sender) open(network *transport.Network, index, arena int) error {
	s.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	for _, l := range network.Locals() {
		box := newOutbox(arena, &s.counters)
		var err error
		if box.sender, err = l.Conns[index%len(l.Conns)].NewSender(); err != nil {
			return fmt.Errorf("forward: %w", err)
		}
		s.out = append(s.out, box)
	}
	return nil
}

func newOutbox(arena int, counters *Counters) *outbox {
	return &outbox{arena: make([]byte, 0, arena), messages: make([]batch.Message, 0, 2*batch.MaxMessages),
		counters: counters}
}

// begin makes s ready to seal and send to one destination.
func (s *sender) begin(ks *transport.Keys, to *transport.Remote, now time.Time) *outbox {
	s.seal.cipher, s.seal.now = ks.Out, now
	box := s.out[to.Local]
	box.begin(to)
	return box
}

// send sends what is left in all outboxes.
func (s *sender) send() {
	for _, b := range s.out {
		b.send()
	}
}

// drop counts one packet that is not forwarded.
func (s *sender) drop(r drop.Reason) { s.counters.Drops.Add(r, 1) }

// destinationPackets is what begin makes room for: a whole receive batch, were it all for one destination.
const destinationPackets = batch.MaxReceive

// begin starts a new destination and makes room for it, so that no system call falls between two of its packets: it is
// locked then.
func (b *outbox) begin(to *transport.Remote) {
	if cap(b.arena)-len(b.arena) < destinationPackets*packetCapacity {
		b.send()
	}
	if len(b.messages) >= batch.MaxMessages {
		b.sendMessages()
	}
	b.to, b.segments, b.maxSeg = to, 0, b.sender.MaxSegments()
}

// packetCapacity is the most one forwarded packet can take: it gains at most a CSRC, an OSN and a tag over what came
// in.
const packetCapacity = batch.MaxDatagram + 64

func (b *outbox) fits() bool {
	return cap(b.arena)-len(b.arena) >= packetCapacity && len(b.messages) < cap(b.messages)
}

// add takes in the packet at arena[at:]: as a further segment of the last message if it may be, else as a new one.
func (b *outbox) add(at int) {
	size := len(b.arena) - at
	if b.segments > 0 && b.segments < b.maxSeg {
		m := &b.messages[len(b.messages)-1]
		if size <= m.Segment && len(m.Data)+size <= batch.MaxMessage {
			m.Data = m.Data[:len(m.Data)+size]
			if b.segments++; size < m.Segment {
				b.segments = 0 // a shorter one is the last
			}
			return
		}
	}
	b.messages = append(b.messages, batch.Message{Data: b.arena[at:len(b.arena):cap(b.arena)], Segment: size, To: b.to.To})
	b.segments = 1
}

func (b *outbox) send() {
	b.sendMessages()
	b.arena = b.arena[:0]
	b.segments = 0
}

// sendMessages sends what is gathered. If the socket takes no more, the rest, which is the newest, is lost: waiting
// would hold up all others. A message the kernel refuses for its own sake (its network is unreachable) is lost alone.
func (b *outbox) sendMessages() {
	if len(b.messages) == 0 {
		return
	}
	for rest := b.messages; len(rest) > 0; {
		n, err := b.sender.Send(rest)
		b.counters.Calls.Add(1)
		b.counters.Messages.Add(uint64(n))
		bytes := 0
		for i := range rest[:n] {
			bytes += len(rest[i].Data)
		}
		b.counters.SentBytes.Add(uint64(bytes))
		rest = rest[n:]
		switch {
		case err == nil || len(rest) == 0:
		case errors.Is(err, batch.ErrFull) || errors.Is(err, net.ErrClosed):
			for _, m := range rest {
				b.counters.Drops.Add(drop.SocketFull, m.Segments())
			}
			rest = nil
		default:
			why := drop.Unreachable
			if errors.Is(err, stream.ErrBehind) {
				why = drop.StreamBehind
			}
			b.counters.Drops.Add(why, rest[0].Segments())
			rest = rest[1:]
		}
	}
	clear(b.messages)
	b.messages = b.messages[:0]
	b.segments = 0
}
