package stream

import (
	"net"
	"net/netip"
	"sync"

	"conclave/sfu/batch"
)

const (
	// maxQueued bounds the bytes of one stream that wait for its worker: 100 ms of 20 Mbit/s.
	maxQueued = 256 << 10
	// maxShard bounds the bytes of all streams that wait for one worker: what a UDP socket's buffer holds.
	maxShard = 4 << 20
	// leastCost is what a datagram counts as at least: each takes memory beside its bytes, and a stream may send single
	// bytes.
	leastCost = 64
	// keptShard is how much of a queue's memory is kept for the next round.
	keptShard = 256 << 10
)

// shard is the queue of one worker, as a socket: what its streams receive. Streams stay with their shard.
type shard struct {
	hub *Hub

	mu     sync.Mutex
	ready  sync.Cond // something has come, or the shard is closed
	in     round     // what has come; at most maxShard in cost
	number uint64    // of in: it goes up when a worker takes it
	closed bool

	handling sync.Mutex // held while a worker handles a batch
	out      round      // what the worker handles
}

// round is what a worker takes in one go.
type round struct {
	data  []byte
	items []item // one for each datagram
	cost  int
}

// item is one datagram of a round, up to where it ends.
type item struct {
	from netip.AddrPort
	end  int
}

func newShard(h *Hub) *shard {
	s := &shard{hub: h, number: 1}
	s.ready.L = &s.mu
	return s
}

// put queues one datagram of a stream. ok is false if there is no room.
func (s *shard) put(from *Stream, datagram []byte) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &from.queued
	if q.round != s.number {
		q.round, q.bytes = s.number, 0
	}
	cost := max(len(datagram), leastCost)
	if s.closed || q.bytes+cost > maxQueued || s.in.cost+cost > maxShard {
		return false
	}
	q.bytes += cost
	s.in.cost += cost
	s.in.data = append(s.in.data, datagram...)
	s.in.items = append(s.in.items, item{from.key, len(s.in.data)})
	if len(s.in.items) == 1 {
		s.ready.Signal()
	}
	return true
}

// NewReceiver implements batch.Conn. There is one worker.
func (s *shard) NewReceiver() (batch.Receiver, error) { return s, nil }

// Run implements batch.Receiver.
func (s *shard) Run(handle func([]batch.Datagram) bool) error {
	var list [batch.MaxReceive]batch.Datagram
	for s.take() {
		if !s.handle(list[:], handle) {
			return nil
		}
	}
	return net.ErrClosed
}

// take waits for the next round. ok is false once the shard is closed.
func (s *shard) take() (ok bool) {
	s.out.reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.in.items) == 0 && !s.closed {
		s.ready.Wait()
	}
	s.in, s.out = s.out, s.in
	s.number++
	return !s.closed
}

// handle gives a round to the worker, in batches.
func (s *shard) handle(list []batch.Datagram, handle func([]batch.Datagram) bool) (more bool) {
	s.handling.Lock()
	defer s.handling.Unlock()
	n, begin := 0, 0
	for i, it := range s.out.items {
		list[n] = batch.Datagram{Data: s.out.data[begin:it.end:it.end], From: it.from}
		begin = it.end
		if n++; n < len(list) && i+1 < len(s.out.items) {
			continue
		}
		if !handle(list[:n]) {
			return false
		}
		n = 0
	}
	return true
}

// reset empties a round. A burst's memory is not kept.
func (r *round) reset() {
	r.data, r.items, r.cost = r.data[:0], r.items[:0], 0
	if cap(r.data) > keptShard || cap(r.items) > keptShard/leastCost {
		*r = round{}
	}
}

// WriteTo implements batch.Conn: it sends one datagram to a stream.
func (s *shard) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	t := s.hub.Find(to)
	switch {
	case t == nil:
		return 0, ErrGone
	case !t.sink.Deliver(b, len(b)):
		return 0, ErrBehind
	}
	t.sink.Flush()
	return len(b), nil
}

// LocalAddr implements batch.Conn. It is told to no peer.
func (s *shard) LocalAddr() netip.AddrPort { return newKey(0, 0) }

// Close implements batch.Conn. It closes the hub, with all streams.
func (s *shard) Close() error {
	s.mu.Lock()
	s.closed = true
	s.ready.Broadcast()
	s.mu.Unlock()
	s.hub.close()
	s.handling.Lock() // what is being handled is done
	defer s.handling.Unlock()
	return nil
}

// sender sends to streams what a worker has gathered.
type sender struct {
	hub     *Hub
	touched [batch.MaxMessages]*Stream // by the messages at hand
}

// NewSender implements batch.Conn.
func (s *shard) NewSender() (batch.Sender, error) { return &sender{hub: s.hub}, nil }

// MaxSegments implements batch.Sender.
func (s *sender) MaxSegments() int { return batch.MaxSegments }

// Send implements batch.Sender. A message to a stream that is gone or behind is an error about that message alone.
func (s *sender) Send(messages []batch.Message) (sent int, err error) {
	messages = messages[:min(len(messages), batch.MaxMessages)]
	touched := 0
	for i := range messages {
		m := &messages[i]
		t := s.hub.Find(m.To.AddrPort)
		if t == nil {
			err = ErrGone
			break
		}
		if !t.sink.Deliver(m.Data, m.Segment) {
			err = ErrBehind
			break
		}
		if touched == 0 || s.touched[touched-1] != t {
			s.touched[touched] = t
			touched++
		}
		sent++
	}
	for i, t := range s.touched[:touched] {
		t.sink.Flush()
		s.touched[i] = nil
	}
	return sent, err
}
