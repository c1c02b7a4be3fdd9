package signaling

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// person is what the sockets of one session share. A bot has one for each socket: a bot token is many participants.
type person struct {
	sockets  map[*socket]struct{} // under the Handler's lock; at most SocketsPerSession
	early    sharedBucket         // of bytes before a welcome
	requests sharedBucket
	queued   queued
}

// sharedBucket is a bucket of several goroutines. The zero value is full.
type sharedBucket struct {
	mu     sync.Mutex
	bucket bucket
}

func (b *sharedBucket) take(now time.Time, cost, burst time.Duration) (ok, giveUp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bucket.take(now, cost, burst)
}

// share gives out slots for work that takes processor time: half of the processors, and one for each person.
type share struct {
	persons serializer[*person]
	slots   chan struct{}
}

func newShare() share { return share{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))} }

// take waits for a slot and returns what gives it back. It fails only when ctx ends.
func (s *share) take(ctx context.Context, p *person) (done func(), err error) {
	pass, err := s.persons.take(ctx, p)
	if err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots; pass() }, nil
	case <-ctx.Done():
		pass()
		return nil, ctx.Err() //nolint:wrapcheck // the caller's own
	}
}
