package auth

import (
	"sync"
	"time"
)

// evictionSample is how many keys a full Limiter looks at to find the one to forget.
const evictionSample = 16

// LimiterConfig configures a Limiter.
type LimiterConfig struct {
	// Limit is how many events a key may have in any Window. Zero or less: none.
	Limit int
	// Window is the length of the sliding window.
	Window time.Duration
	// MaxKeys bounds how many keys are remembered; 0 means 100,000. Memory is at most MaxKeys × (Limit × 8 + ~100) bytes.
	MaxKeys int
}

// Limiter is an exact sliding-window limit per key: never more than Limit events in any Window. It holds no clock; time
// must not run backwards by more than jitter. Safe for concurrent use.
//
// The number of keys is bounded. When it is full, and no key is out of its window, the emptiest of a random sample
// is forgotten: a flood of invented keys, each used once, pushes out its own keys and not those near
// their limit.
type Limiter[K comparable] struct {
	cfg LimiterConfig

	mu    sync.Mutex
	keys  map[K][]int64 // event times in Unix nanoseconds, oldest first, at most cfg.Limit; at most cfg.MaxKeys keys
	swept int64
}

// NewLimiter makes a Limiter.
func NewLimiter[K comparable](cfg LimiterConfig) *Limiter[K] {
	if cfg.MaxKeys <= 0 {
		cfg.MaxKeys = 100_000
	}
	return &Limiter[K]{cfg: cfg, keys: make(map[K][]int64)}
}

// Allow counts an event of key at now if it is within the limit. If it is not, nothing is counted and retryAfter says
// when the next would be allowed.
func (l *Limiter[K]) Allow(now time.Time, key K) (ok bool, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ok, retryAfter = l.check(now, key); ok {
		l.take(now, key)
	}
	return ok, retryAfter
}

// Check is Allow without counting.
func (l *Limiter[K]) Check(now time.Time, key K) (ok bool, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.check(now, key)
}

// Take counts an event whether or not it is within the limit; beyond it the oldest is forgotten.
func (l *Limiter[K]) Take(now time.Time, key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(now, key)
}

// Count is how many events of key are in the window that ends at now.
func (l *Limiter[K]) Count(now time.Time, key K) int {
	n, _ := l.state(now, key)
	return n
}

// Len is the number of keys remembered.
func (l *Limiter[K]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.keys)
}

// state returns how many events of key are in the window, and the time of the last.
func (l *Limiter[K]) state(now time.Time, key K) (n int, last time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.current(now, key)
	if len(events) == 0 {
		return 0, time.Time{}
	}
	return len(events), time.Unix(0, events[len(events)-1])
}

// current returns the events of key in the window that ends at now.
func (l *Limiter[K]) current(now time.Time, key K) []int64 {
	events := l.keys[key]
	start := now.UnixNano() - int64(l.cfg.Window)
	for len(events) > 0 && events[0] <= start {
		events = events[1:]
	}
	return events
}

func (l *Limiter[K]) check(now time.Time, key K) (bool, time.Duration) {
	if l.cfg.Limit <= 0 {
		return false, l.cfg.Window
	}
	events := l.current(now, key)
	if len(events) < l.cfg.Limit {
		return true, 0
	}
	oldest := events[len(events)-l.cfg.Limit]
	return false, max(time.Duration(oldest+int64(l.cfg.Window)-now.UnixNano()), time.Nanosecond)
}

func (l *Limiter[K]) take(now time.Time, key K) {
	if l.cfg.Limit <= 0 {
		return
	}
	events := l.current(now, key)
	if len(events) == 0 {
		delete(l.keys, key)
		l.makeRoom(now)
	}
	if len(events) >= l.cfg.Limit {
		events = events[len(events)-l.cfg.Limit+1:]
	}
	// A fresh slice, so that the one that shrinks from the front does not keep its past alive.
	next := make([]int64, 0, len(events)+1)
	l.keys[key] = append(append(next, events...), now.UnixNano())
}

// makeRoom leaves room for one more key: it drops, at most once a window/8, every key out of its window; then, if the
// table is still full, the emptiest of a sample (map iteration starts at a random place).
func (l *Limiter[K]) makeRoom(now time.Time) {
	if now.UnixNano()-l.swept > int64(l.cfg.Window/8) {
		l.swept = now.UnixNano()
		for k := range l.keys {
			if len(l.current(now, k)) == 0 {
				delete(l.keys, k)
			}
		}
	}
	for len(l.keys) >= l.cfg.MaxKeys {
		var victim K
		fewest, seen := -1, 0
		for k := range l.keys {
			if n := len(l.current(now, k)); fewest < 0 || n < fewest {
				victim, fewest = k, n
			}
			if seen++; seen == evictionSample {
				break
			}
		}
		delete(l.keys, victim)
	}
}
