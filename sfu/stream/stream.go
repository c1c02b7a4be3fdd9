package stream

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"conclave/sfu/batch"
)

// Sink takes what the engine sends to a stream's peer. Workers call it: it must not wait for anything. Safe for
// concurrent use.
type Sink interface {
	// Deliver takes datagrams: data holds one or more of segment bytes each; the last may be shorter. It does not keep
	// data. ok is false when it has taken none, because there is no room.
	Deliver(data []byte, segment int) (ok bool)
	// Flush follows one or more calls of Deliver: what they took may be written.
	Flush()
	// Behind is how long the oldest datagram has waited that Deliver took and that has not been written.
	Behind(now time.Time) time.Duration
}

// Stream is one peer's way to the engine, beside its UDP addresses. Safe for concurrent use.
type Stream struct {
	hub      *Hub
	shard    *shard
	key      netip.AddrPort
	index    uint32
	mapped   netip.AddrPort
	overhead int
	sink     Sink

	proven   atomic.Bool
	onProven func() // called once, by a worker; nil for none. Set before anything is received

	done   chan struct{}
	mu     sync.Mutex
	isOver bool
	after  []func() // what runs once done is closed; its owner's

	queued queued // guarded by shard.mu
}

// queued is how much of a stream is in its shard's queue.
type queued struct {
	round uint64 // of the shard's
	bytes int
}

// Key is the stream's address in the engine's tables.
func (s *Stream) Key() netip.AddrPort { return s.key }

// Mapped is the address that the peer is told it comes from.
func (s *Stream) Mapped() netip.AddrPort { return s.mapped }

// Overhead is how many bytes a datagram takes on the path beside its own.
func (s *Stream) Overhead() int { return s.overhead }

// Behind is how long the oldest datagram has waited that was sent and has not been written. The engine asks before it
// seals a packet.
func (s *Stream) Behind(now time.Time) time.Duration { return s.sink.Behind(now) }

// Receive gives the engine one datagram of the peer's, and copies it. It does not block. ok is false when the datagram
// was dropped: it is empty or longer than batch.MaxDatagram, the stream is detached, or more of it waits than
// maxQueued.
func (s *Stream) Receive(datagram []byte) (ok bool) {
	if len(datagram) == 0 || len(datagram) > batch.MaxDatagram || s.hub.table[s.index].Load() != s {
		return false
	}
	return s.shard.put(s, datagram)
}

// Prove notes that a peer of the engine's has proven to be there: it has answered a check over this stream.
func (s *Stream) Prove() {
	if s.proven.CompareAndSwap(false, true) && s.onProven != nil {
		s.onProven()
	}
}

// Proven says whether a peer of the engine's has proven to be there.
func (s *Stream) Proven() bool { return s.proven.Load() }

// Done is closed when the engine has no more use for the stream: its peer has left, consents no more, or has
// taken too many paths; or the stream is detached. The owner ends the connection, and calls Detach.
func (s *Stream) Done() <-chan struct{} { return s.done }

// AfterDone has f run on a goroutine of its own once Done is closed.
func (s *Stream) AfterDone(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver {
		go f()
		return
	}
	s.after = append(s.after, f)
}

// Detach takes the stream out. When it returns, the engine sends no more to it, and sends to another proven path of
// the peer's if there is one. A datagram that is being delivered may still reach the sink. It must not be called with
// a lock that the sink takes. Further calls do nothing.
func (s *Stream) Detach() {
	detached, ok := s.hub.remove(s)
	s.end()
	if ok && detached != nil {
		detached(s.key)
	}
}

func (s *Stream) revoke() {
	if s.end() {
		s.hub.counters.revoked.Add(1)
	}
}

// end closes Done, and says whether it was open.
func (s *Stream) end() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver {
		return false
	}
	s.isOver = true
	close(s.done)
	for _, f := range s.after {
		go f()
	}
	s.after = nil
	return true
}
