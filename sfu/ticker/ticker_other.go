//go:build !linux

package ticker

import (
	"sync"
	"time"
)

// Ticker ticks at an interval. Set and Close are safe for concurrent use; one goroutine waits.
type Ticker struct {
	ticker *time.Ticker
	closed chan struct{}
	once   sync.Once
}

// New returns a Ticker that does not tick yet.
func New() (*Ticker, error) {
	t := &Ticker{ticker: time.NewTicker(time.Hour), closed: make(chan struct{})}
	t.ticker.Stop()
	return t, nil
}

// Set changes the interval; the next tick comes one from now, and one that was not waited for yet is forgotten. 0
// stops it.
func (t *Ticker) Set(interval time.Duration) error {
	if interval == 0 {
		t.ticker.Stop()
	} else {
		t.ticker.Reset(interval)
	}
	return nil
}

// Wait returns at the next tick, or at once if there was one since the last Wait. Ticks that were not waited for count
// as one.
func (t *Ticker) Wait() error {
	select {
	case <-t.ticker.C:
		return nil
	case <-t.closed:
		return ErrClosed
	}
}

// Close makes Wait return ErrClosed.
func (t *Ticker) Close() error {
	t.once.Do(func() {
		t.ticker.Stop()
		close(t.closed)
	})
	return nil
}
