package auth

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// epoch is a time for tests to begin at.
func epoch() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }

func TestLimiterNeverAllowsMoreThanLimitInAnyWindow(t *testing.T) {
	l := NewLimiter[int](LimiterConfig{Limit: 5, Window: time.Minute})
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	now := epoch()
	var allowed []time.Time
	for range 5000 {
		now = now.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
		ok, retry := l.Allow(now, 1)
		if ok != (retry == 0) {
			t.Fatalf("allowed %v, retry after %v", ok, retry)
		}
		if ok {
			allowed = append(allowed, now)
			if n := len(allowed); n > 5 && now.Sub(allowed[n-6]) < time.Minute {
				t.Fatalf("6 events in %v", now.Sub(allowed[n-6]))
			}
			continue
		}
		if again, _ := l.Check(now.Add(retry), 1); !again {
			t.Fatal("refused at the time it said")
		}
		if early, _ := l.Check(now.Add(retry-time.Nanosecond), 1); early {
			t.Fatal("allowed before the time it said")
		}
	}
}

func TestLimiterCountsKeysApart(t *testing.T) {
	l := NewLimiter[string](LimiterConfig{Limit: 1, Window: time.Minute})
	for _, key := range []string{"a", "b"} {
		if ok, _ := l.Allow(epoch(), key); !ok {
			t.Errorf("first of %q refused", key)
		}
		if ok, _ := l.Allow(epoch(), key); ok {
			t.Errorf("second of %q allowed", key)
		}
	}
}

func TestLimiterKeysAreBounded(t *testing.T) {
	l := NewLimiter[int](LimiterConfig{Limit: 3, Window: time.Hour, MaxKeys: 100})
	for key := range 10_000 {
		l.Allow(epoch(), key)
	}
	if n := l.Len(); n > 100 {
		t.Errorf("%d keys held, bound is 100", n)
	}
}

// TestFloodOfInventedKeysFreesNobody: a client over the limit cannot have it forgotten by filling the table.
func TestFloodOfInventedKeysFreesNobody(t *testing.T) {
	l := NewLimiter[int](LimiterConfig{Limit: 5, Window: time.Hour, MaxKeys: 1000})
	for range 5 {
		l.Allow(epoch(), -1)
	}
	for key := range 50_000 {
		l.Allow(epoch().Add(time.Second), key)
	}
	if ok, _ := l.Allow(epoch().Add(2*time.Second), -1); ok {
		t.Error("the limit was forgotten")
	}
}

func TestLimiterForgetsKeysOutOfTheirWindow(t *testing.T) {
	l := NewLimiter[int](LimiterConfig{Limit: 3, Window: time.Minute, MaxKeys: 1000})
	for key := range 500 {
		l.Allow(epoch(), key)
	}
	l.Allow(epoch().Add(2*time.Minute), -1)
	if n := l.Len(); n != 1 {
		t.Errorf("%d keys held, want 1", n)
	}
}

func TestLimiterIsExactUnderParallelUse(t *testing.T) {
	l := NewLimiter[int](LimiterConfig{Limit: 50, Window: time.Minute})
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if ok, _ := l.Allow(epoch(), 1); ok {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	if allowed.Load() != 50 {
		t.Errorf("%d allowed, limit 50", allowed.Load())
	}
}

func TestLimiterOfZeroAllowsNothing(t *testing.T) {
	if ok, retry := NewLimiter[int](LimiterConfig{Window: time.Minute}).Allow(epoch(), 1); ok || retry <= 0 {
		t.Errorf("allowed %v, retry %v", ok, retry)
	}
}

func BenchmarkLimiterAllow(b *testing.B) {
	l := NewLimiter[int](LimiterConfig{Limit: 20, Window: time.Hour})
	now := epoch()
	for i := range b.N {
		l.Allow(now.Add(time.Duration(i)*time.Microsecond), i%100_000)
	}
}
