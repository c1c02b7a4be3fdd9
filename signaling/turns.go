package signaling

import (
	"context"
	"sync"
)

// turns lets one at a time act for each key. Who guesses a secret takes turns with all others of the same key, so that each wrong
// guess is counted before the next one is looked at: a hundred in parallel count as a hundred, and a hundred people behind one
// address who all know it are not taken for guessers. Safe for concurrent use; the zero value is ready.
type turns[K comparable] struct {
	mu   sync.Mutex
	keys map[K]*turn // those that somebody holds or waits for: at most one a socket
}

type turn struct {
	free  chan struct{} // capacity 1: full while nobody holds it
	users int
}

// take waits for the turn of key and returns what gives it on. It fails only when ctx ends.
func (t *turns[K]) take(ctx context.Context, key K) (done func(), err error) {
	t.mu.Lock()
	if t.keys == nil {
		t.keys = make(map[K]*turn)
	}
	k := t.keys[key]
	if k == nil {
		k = &turn{free: make(chan struct{}, 1)}
		k.free <- struct{}{}
		t.keys[key] = k
	}
	k.users++
	t.mu.Unlock()
	select {
	case <-k.free:
		return func() { k.free <- struct{}{}; t.leave(key, k) }, nil
	case <-ctx.Done():
		t.leave(key, k)
		return nil, ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

func (t *turns[K]) leave(key K, k *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(t.keys, key)
	}
}
