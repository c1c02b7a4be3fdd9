package signaling

import (
	"sync"

	"conclave/protocol"
)

// The bounds of a socket's outgoing queue. 512 messages are about a second of the busiest meeting (50 people chatting
// at their limit) on top of what the kernel's socket buffer holds; 2 MiB is twice
// the welcome of an encrypted meeting of 1,000 (0.6 to 0.8 MiB) and all that comes with it. Frames
// that go to many are shared, so that the bytes of a thousand slow readers are mostly the same bytes.
const (
	maxQueued      = 512
	maxQueuedBytes = 2 << 20
)

// queue is the bounded queue between whoever has something to say to a client and the goroutine that writes. Nobody
// waits to put something in. Safe for concurrent use.
type queue struct {
	mu     sync.Mutex
	frames [][]byte // at most maxQueued, and one bye
	bytes  int      // at most maxQueuedBytes, unless it is one frame
	last   bool     // the bye is in: nothing more is taken
	reason protocol.ByeReason
	ready  chan struct{} // capacity 1: something is in
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// put queues a frame. It is false when there is no room for it. After the bye frames are dropped.
func (q *queue) put(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last {
		return true
	}
	if len(q.frames) >= maxQueued || len(q.frames) > 0 && q.bytes+len(frame) > maxQueuedBytes {
		return false
	}
	q.add(frame)
	return true
}

// finish queues the last frame. With drop, what waits is forgotten. Only the first call counts; it says so.
func (q *queue) finish(frame []byte, reason protocol.ByeReason, drop bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last {
		return false
	}
	if drop {
		q.frames, q.bytes = nil, 0
	}
	q.add(frame)
	q.last, q.reason = true, reason
	return true
}

func (q *queue) add(frame []byte) {
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
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
	q.bytes -= len(frame)
	if len(q.frames) == 0 {
		q.frames = nil // let go of the array
	}
	return frame, true, false
}

// finished says whether a bye was queued, and why.
func (q *queue) finished() (protocol.ByeReason, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reason, q.last
}
