package signaling

import (
	"sync"
	"sync/atomic"

	"conclave/protocol"
)

// The bounds of outgoing queues. 512 messages are about a second of the busiest meeting (50 people chatting at their
// limit) on top of what the kernel's socket buffer holds; 2 MiB is twice the welcome of an encrypted meeting of 1,000
// (0.6 to 0.8 MiB) and all that comes with it. Frames that go to many are shared, so the bytes of a thousand slow
// readers are mostly the same bytes; the counts are upper bounds.
const (
	maxQueued           = 512
	maxQueuedBytes      = 2 << 20   // of one socket
	maxQueuedPerPerson  = 4 << 20   // of all sockets of one person
	maxQueuedAltogether = 256 << 20 // of the process; those with no more than littleQueued may still queue
	littleQueued        = 64 << 10
)

// queued counts the bytes in the queues of a person or of the process. Safe for concurrent use.
type queued struct{ bytes atomic.Int64 }

// queue is the bounded queue between those who have something to say to a client and the goroutine that writes. To put
// something in waits for nothing. Safe for concurrent use.
type queue struct {
	person, process *queued

	mu     sync.Mutex
	frames [][]byte // at most maxQueued, and one bye
	bytes  int      // at most maxQueuedBytes, unless it is one frame
	last   bool     // the bye is in: nothing more is taken
	reason protocol.ByeReason
	ready  chan struct{} // capacity 1: something is in
}

func newQueue(person, process *queued) *queue {
	return &queue{person: person, process: process, ready: make(chan struct{}, 1)}
}

// put queues a frame. It is false when there is no room for it. After the bye frames are dropped.
func (q *queue) put(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last {
		return true
	}
	if len(q.frames) > 0 && !q.fits(len(frame)) {
		return false
	}
	q.add(frame)
	return true
}

// fits says whether n more bytes may wait. What others hold in their queues never cuts a client that keeps up: if all
// is full, those give way that hold much.
func (q *queue) fits(n int) bool {
	switch {
	case len(q.frames) >= maxQueued, q.bytes+n > maxQueuedBytes:
		return false
	case q.bytes+n <= littleQueued:
		return true
	default:
		return int(q.person.bytes.Load())+n <= maxQueuedPerPerson && int(q.process.bytes.Load())+n <= maxQueuedAltogether
	}
}

// finish queues the last frame. With drop, what waits is forgotten. Only the first call counts; it says so.
func (q *queue) finish(frame []byte, reason protocol.ByeReason, drop bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last {
		return false
	}
	if drop {
		q.drop()
	}
	q.add(frame)
	q.last, q.reason = true, reason
	return true
}

// close drops what waits: the socket is gone.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop()
	q.last = true
}

func (q *queue) drop() {
	q.count(-q.bytes)
	q.frames = nil
}

func (q *queue) count(n int) {
	q.bytes += n
	q.person.bytes.Add(int64(n))
	q.process.bytes.Add(int64(n))
}

func (q *queue) add(frame []byte) {
	q.frames = append(q.frames, frame)
	q.count(len(frame))
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// next takes the first frame out; ok is false if there is none. end is true once the bye has been taken.
func (q *queue) next() (frame []byte, ok, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return nil, false, q.last
	}
	frame = q.frames[0]
	q.frames[0] = nil
	q.frames = q.frames[1:]
	q.count(-len(frame))
	if len(q.frames) == 0 {
		q.frames = nil // free the array
	}
	return frame, true, false
}

// finished says whether a bye was queued, and why.
func (q *queue) finished() (protocol.ByeReason, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reason, q.last
}
