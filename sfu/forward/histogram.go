package forward

import (
	"math"
	"sync/atomic"
)

const histogramBuckets = 16

// Histogram counts values in powers of two. One writer, any readers.
type Histogram struct {
	base    float64 // upper bound of the first bucket
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Uint64 // float64 bits
	count   atomic.Uint64
}

func (h *Histogram) observe(v float64) {
	i := 0
	for bound := h.base; v > bound && i < len(h.buckets)-1; bound *= 2 {
		i++
	}
	h.buckets[i].Add(1)
	h.count.Add(1)
	h.sum.Store(math.Float64bits(math.Float64frombits(h.sum.Load()) + v))
}

// Snapshot returns cumulative counts by upper bound, as Prometheus wants them; the last bucket is left to +Inf.
func (h *Histogram) Snapshot() (count uint64, sum float64, cumulative map[float64]uint64) {
	cumulative = make(map[float64]uint64, len(h.buckets)-1)
	var n uint64
	bound := h.base
	for i := range len(h.buckets) - 1 {
		n += h.buckets[i].Load()
		cumulative[bound] = n
		bound *= 2
	}
	return h.count.Load(), math.Float64frombits(h.sum.Load()), cumulative
}
