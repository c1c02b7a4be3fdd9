package signaling

import (
	"context"
	"sync"
)

// serializer serializes attempts per key. Those who guess a secret take turns with all others of the same key, so
// each wrong guess is counted before the next one is checked: a hundred in parallel count as a hundred. A hundred
// people behind one address who know the secret are not mistaken for guessers. Safe for concurrent use; the zero
// value is ready.
type serializer[K comparable] struct {
	mu   sync.Mutex
	keys map[K]*turn // keys in use: at most one a socket
}

type turn struct {
	free  chan struct{} // capacity 1: full while it is not held
	users int           // of those that hold it or wait for it
}

// take waits for the turn of key and returns what passes it on. It fails only when ctx ends.
func (s *serializer[K]) take(ctx context.Context, key K) (done func(), err error) {
	t := s.enter(key)
	select {
	case <-t.free:
		return func() { t.free <- struct{}{}; s.leave(key, t) }, nil
	case <-ctx.Done():
		s.leave(key, t)
		return nil, ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

func (s *serializer[K]) enter(key K) *turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = make(map[K]*turn)
	}
	t := s.keys[key]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		s.keys[key] = t
	}
	t.users++
	return t
}

func (s *serializer[K]) leave(key K, t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(s.keys, key)
	}
}
