package stream

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"conclave/sfu/batch"
)

var (
	// ErrFull is returned by Attach when there are as many streams as the hub may hold.
	ErrFull = errors.New("stream: too many streams")
	// ErrClosed is returned by Attach once the hub is closed.
	ErrClosed = errors.New("stream: the hub is closed")
	// ErrGone is what sending to a detached stream gives.
	ErrGone = errors.New("stream: detached")
	// ErrBehind is what sending gives when a stream's sink has no room.
	ErrBehind = errors.New("stream: the peer is behind")
)

// DefaultStreams is how many streams a hub holds unless told otherwise: eight a seat for 2,000 seats. An empty place
// takes 8 bytes.
const DefaultStreams = 16384

// Hub is a local address of the engine whose peers come over streams. Safe for concurrent use.
type Hub struct {
	shards []*shard // one a worker

	table []atomic.Pointer[Stream] // by the index in a stream's key; its length is the bound

	mu         sync.Mutex
	free       []uint32 // places of table that are free again, at most len(table)
	used       uint32   // places that have been used
	generation uint32
	closed     bool
	detached   func(key netip.AddrPort)

	counters counters
}

// counters are the hub's, since its start.
type counters struct {
	attached, refused, revoked, silent atomic.Uint64
	open                               atomic.Int64
}

// Stats are counted since the hub's start, but Open.
type Stats struct {
	Open     int    // streams attached now
	Attached uint64 // streams attached
	Refused  uint64 // streams not attached, because there were too many
	Revoked  uint64 // streams that the engine has ended: their peer has left, or consents no more
	Silent   uint64 // ICE-TCP connections closed because no peer of the engine's has proven to be there in time
}

// NewHub makes a hub for so many workers and streams; 0 means one worker a core, and DefaultStreams. It starts nothing.
// Give it to the engine in transport.Config, which closes it.
func NewHub(workers, streams int) *Hub {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if streams <= 0 {
		streams = DefaultStreams
	}
	h := &Hub{table: make([]atomic.Pointer[Stream], streams)}
	for range workers {
		h.shards = append(h.shards, newShard(h))
	}
	return h
}

// Conns are the hub's queues as the sockets of one local address.
func (h *Hub) Conns() []batch.Conn {
	conns := make([]batch.Conn, len(h.shards))
	for i, s := range h.shards {
		conns[i] = s
	}
	return conns
}

// OnDetach sets what Stream.Detach calls with the stream's key, before it returns. The engine sets it, once, before
// the first stream.
func (h *Hub) OnDetach(f func(key netip.AddrPort)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.detached = f
}

// Attach makes a stream for a peer. mapped is the address that the peer is told it comes from: that of its TCP
// connection, or of its allocation's client. overhead is how many bytes a datagram takes on the path beside its own,
// IP headers included. sink takes what the engine sends. The error is ErrFull or ErrClosed. It does not block. The
// caller owns the stream, and detaches it.
func (h *Hub) Attach(mapped netip.AddrPort, overhead int, sink Sink) (*Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	index, ok := h.place()
	if !ok {
		h.counters.refused.Add(1)
		return nil, ErrFull
	}
	h.generation++
	s := &Stream{hub: h, shard: h.shards[int(index)%len(h.shards)], key: newKey(index, h.generation), index: index,
		mapped: netip.AddrPortFrom(mapped.Addr().Unmap(), mapped.Port()), overhead: overhead, sink: sink,
		done: make(chan struct{})}
	h.table[index].Store(s)
	h.counters.attached.Add(1)
	h.counters.open.Add(1)
	return s, nil
}

// place takes a free place. It takes h locked.
func (h *Hub) place() (index uint32, ok bool) {
	if n := len(h.free); n > 0 {
		index, h.free = h.free[n-1], h.free[:n-1]
		return index, true
	}
	if int(h.used) == len(h.table) {
		return 0, false
	}
	h.used++
	return h.used - 1, true
}

// Find returns the stream with that key, nil if there is none now. It takes no lock.
func (h *Hub) Find(key netip.AddrPort) *Stream {
	if !IsKey(key.Addr()) {
		return nil
	}
	b := key.Addr().As16()
	index := binary.BigEndian.Uint32(b[12:])
	if int(index) >= len(h.table) {
		return nil
	}
	if s := h.table[index].Load(); s != nil && s.key == key {
		return s
	}
	return nil
}

// Revoke closes Done of the stream with that key, if there is one: the engine has no more use for it. It does not
// block.
func (h *Hub) Revoke(key netip.AddrPort) {
	if s := h.Find(key); s != nil {
		s.revoke()
	}
}

// remove frees the place of a stream, once.
func (h *Hub) remove(s *Stream) (detached func(netip.AddrPort), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.table[s.index].CompareAndSwap(s, nil) {
		return nil, false
	}
	h.free = append(h.free, s.index)
	h.counters.open.Add(-1)
	return h.detached, true
}

// close ends the hub with its first shard, and all streams.
func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for i := range h.table {
		if s := h.table[i].Load(); s != nil {
			s.revoke()
		}
	}
}

// Stats reads the hub's counters.
func (h *Hub) Stats() Stats {
	c := &h.counters
	return Stats{Open: int(c.open.Load()), Attached: c.attached.Load(), Refused: c.refused.Load(),
		Revoked: c.revoked.Load(), Silent: c.silent.Load()}
}

// keyZone sets keys apart from addresses that a datagram can come from: those have no zone of that name.
const keyZone = "stream"

// newKey makes a stream's address in this process, of the discard prefix 100::/64 (RFC 6666). A place that is used
// again gets another key.
func newKey(index, generation uint32) netip.AddrPort {
	b := [16]byte{0: 1}
	binary.BigEndian.PutUint32(b[8:], generation)
	binary.BigEndian.PutUint32(b[12:], index)
	return netip.AddrPortFrom(netip.AddrFrom16(b).WithZone(keyZone), 1)
}

// IsKey says whether an address is that of a stream.
func IsKey(a netip.Addr) bool { return a.Zone() == keyZone }
