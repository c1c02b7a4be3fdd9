// Package measure holds the instruments that all bots of a process share: distributions of durations, how late the
// process itself is, what a leave costs an end-to-end encrypted meeting, and the CPU time and memory of processes.
package measure

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxDelay is what a histogram holds at most; a longer duration counts as this one.
const maxDelay = time.Minute

// NewHistogram holds 1 µs to maxDelay with two significant digits, in about 20 KiB.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxDelay.Microseconds(), 2)
}

// Record adds a duration to a histogram.
func Record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(1, d.Microseconds()), maxDelay.Microseconds())) // within bounds by construction
}

// Lag collects how late the generator itself was: the time between when something was due and when it was done.
// Safe for concurrent use.
type Lag struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
}

// NewLag returns an empty Lag.
func NewLag() *Lag { return &Lag{hist: NewHistogram()} }

// Add takes note of something done d after it was due.
func (l *Lag) Add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	Record(l.hist, d)
}

// Summary returns the distribution since the last Reset.
func (l *Lag) Summary() Quantiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	return QuantilesOf(l.hist)
}

// Reset forgets everything.
func (l *Lag) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hist.Reset()
}

// Quantiles summarise a distribution of durations.
type Quantiles struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// QuantilesOf reads a histogram of microseconds.
func QuantilesOf(h *hdrhistogram.Histogram) Quantiles {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return Quantiles{
		Count: h.TotalCount(), P50: ms(50), P95: ms(95), P99: ms(99), Max: float64(h.Max()) / 1000,
	}
}
