package bots

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// lagLog collects how late the generator itself was: the time between when something was due and when it was done.
// Safe for concurrent use.
type lagLog struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
}

func newLagLog() *lagLog { return &lagLog{hist: newDelayHistogram()} }

func (l *lagLog) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.hist.RecordValue(min(max(1, d.Microseconds()), 60_000_000)) // within the histogram's bounds by construction
}

func (l *lagLog) summary() Quantiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	return quantiles(l.hist)
}

func (l *lagLog) reset() {
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

// quantiles reads a histogram of microseconds.
func quantiles(h *hdrhistogram.Histogram) Quantiles {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return Quantiles{
		Count: h.TotalCount(), P50: ms(50), P95: ms(95), P99: ms(99), Max: float64(h.Max()) / 1000,
	}
}
