package forward

import (
	"sync"
	"sync/atomic"
	"time"
)

// Health is what is known of a connection within a second: the share of packets lost and the jitter, the worse of both
// directions.
type Health struct {
	Disconnected bool // the peer is silent
	Loss         float64
	RTT, Jitter  time.Duration
}

// health gathers it.
type health struct {
	// of the way to the peer, by its receiver reports: written by the worker, taken once a second
	lost, blocks atomic.Uint32 // sum of the fractions lost, in 1/256, and how many
	jitter       atomic.Int64  // the highest, nanoseconds

	mu sync.Mutex // of the way from the peer, since the latest receiver report
	in receptionHealth
}

type receptionHealth struct {
	expected, received uint64
	jitter             time.Duration
}

// reported takes in one report block about a slot of ours with the given clock rate in Hz.
func (h *health) reported(fractionLost uint8, jitter uint32, clockRate int64) {
	h.lost.Add(uint32(fractionLost))
	h.blocks.Add(1)
	if j := int64(jitter) * int64(time.Second) / clockRate; j > h.jitter.Load() {
		h.jitter.Store(j)
	}
}

// received takes in what a receiver report of ours says of one stream.
func (h *health) received(expected, received uint64, jitter time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.in.expected += expected
	h.in.received += received
	h.in.jitter = max(h.in.jitter, jitter)
}

// take returns the second's share of loss and jitter, the worse of both directions, and begins the next.
func (h *health) take() (loss float64, jitter time.Duration) {
	if blocks := h.blocks.Swap(0); blocks > 0 {
		loss = float64(h.lost.Swap(0)) / 256 / float64(blocks)
	}
	h.mu.Lock()
	in := h.in
	h.in = receptionHealth{}
	h.mu.Unlock()
	if in.expected > in.received {
		loss = max(loss, float64(in.expected-in.received)/float64(in.expected))
	}
	return loss, max(time.Duration(h.jitter.Swap(0)), in.jitter)
}

// Health returns what the last second was like, and begins the next.
func (c *Connection) Health(now time.Time) Health {
	h := Health{Disconnected: c.transport.Disconnected(now), RTT: time.Duration(c.rtt.Load())}
	h.Loss, h.Jitter = c.health.take()
	return h
}
