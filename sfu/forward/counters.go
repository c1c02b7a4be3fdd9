package forward

import (
	"strconv"
	"sync/atomic"

	"conclave/sfu/drop"
	"conclave/sfu/sframe"
)

// Counters are what one sender counts: a worker, a mate, the player of kept key frames, the pacer, or the pulse. It
// writes them, any goroutine reads.
type Counters struct {
	Received, ReceivedBytes   atomic.Uint64 // datagrams; workers alone
	Forwarded, ForwardedBytes atomic.Uint64 // media packets, held back for a moment or not
	Retransmitted             atomic.Uint64 // packets sent again: NACKs answered from the history
	Copied                    atomic.Uint64 // audio packets sent again unasked, to viewers who lose packets
	HistoryMisses             atomic.Uint64 // packets asked for by NACK and not sent: too old, too often, or over the cap
	Probes                    atomic.Uint64 // packets sent to find out whether a way carries more
	Checks                    atomic.Uint64 // connectivity checks answered
	Batches                   atomic.Uint64 // received
	Messages, Calls           atomic.Uint64 // handed to the kernel, and in how many system calls
	// all that was handed to the kernel: media, repeats, probes; without IP and UDP headers
	SentBytes atomic.Uint64
	Busy      atomic.Uint64 // nanoseconds spent on packets, waiting excluded
	Drops     drop.Counters
	Latency   Histogram // seconds from a batch's arrival to its departure
	// Delay is what Latency is, and how long its oldest datagram had waited in the kernel before.
	Delay     Histogram
	BatchSize Histogram // datagrams in a batch received
}

// Sender is one that sends, and what it has counted.
type Sender struct {
	Name   string // a number for a worker, "mate-" and a number for a mate, else "player", "pacer" or "pulse"
	Worker bool   // it receives
	*Counters
}

// Senders are all that send. They do not change.
func (e *Engine) Senders() []Sender {
	list := make([]Sender, 0, len(e.workers)+len(e.mates)+3)
	for _, w := range e.workers {
		list = append(list, Sender{strconv.Itoa(w.index), true, &w.counters})
	}
	for i, m := range e.mates {
		list = append(list, Sender{"mate-" + strconv.Itoa(i), false, &m.counters})
	}
	return append(list, Sender{"player", false, &e.player.counters}, Sender{"pacer", false, &e.pacer.counters},
		Sender{"pulse", false, &e.pulse.counters})
}

// Totals are counted for the engine as a whole, since its start.
type Totals struct {
	KeyFrameRequests uint64 // asked of publishers
	Nacked           uint64 // packets asked of publishers again
	Ups, Downs       uint64 // changes from one layer of a track to another
	Frames           [sframe.Results]uint64
}

// Totals reads the counters of the engine.
func (e *Engine) Totals() Totals {
	t := Totals{KeyFrameRequests: e.stats.keyFrameRequests.Load(), Nacked: e.stats.nacked.Load(),
		Ups: e.stats.ups.Load(), Downs: e.stats.downs.Load()}
	for i := range e.stats.frames {
		t.Frames[i] = e.stats.frames[i].Load()
	}
	return t
}

// switched counts a change of layer within one track.
func (s *stats) switched(from, to *Layer) {
	switch {
	case from.track != to.track:
	case from.index < to.index:
		s.ups.Add(1)
	case from.index > to.index:
		s.downs.Add(1)
	}
}
