package forward

import (
	"math"
	"sync/atomic"
)

// A histogram's buckets: octaves of the first bound, each in equal parts, and one for what is above all bounds.
const (
	octaves          = 14
	octaveParts      = 4
	histogramBuckets = octaves*octaveParts + 2
)

// Histogram counts values in buckets whose bounds are a quarter of an octave's first bound apart: a value is known to
// 25 % at worst. One writer, any readers.
type Histogram struct {
	base    float64 // upper bound of the first bucket
	coarse  bool    // readers are shown whole octaves
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Uint64 // float64 bits
	count   atomic.Uint64
}

// bucketOf is the bucket of a value, which is given in units of the first bound.
func bucketOf(v float64) int {
	switch {
	case !(v > 1): // NaN too
		return 0
	case v > 1<<octaves:
		return histogramBuckets - 1
	}
	fraction, exponent := math.Frexp(v) // fraction is in [½, 1)
	return (exponent-1)*octaveParts + int(math.Ceil((2*fraction-1)*octaveParts))
}

// boundOf is the upper bound of a bucket but the last, in units of the first.
func boundOf(i int) float64 {
	return math.Ldexp(1+float64(i%octaveParts)/octaveParts, i/octaveParts)
}

func (h *Histogram) observe(v float64) {
	h.buckets[bucketOf(v/h.base)].Add(1)
	h.count.Add(1)
	h.sum.Store(math.Float64bits(math.Float64frombits(h.sum.Load()) + v))
}

// Snapshot returns cumulative counts by upper bound, as Prometheus wants them; the last bucket is left to +Inf.
func (h *Histogram) Snapshot() (count uint64, sum float64, cumulative map[float64]uint64) {
	cumulative = make(map[float64]uint64, len(h.buckets)-1)
	var n uint64
	for i := range len(h.buckets) - 1 {
		n += h.buckets[i].Load()
		if !h.coarse || i%octaveParts == 0 {
			cumulative[h.base*boundOf(i)] = n
		}
	}
	return h.count.Load(), math.Float64frombits(h.sum.Load()), cumulative
}

// octaves adds the counts of whole octaves to sums: of values up to the first bound, up to its double, and so on.
func (h *Histogram) octaves(sums *[octaves + 2]uint64) {
	for i := range h.buckets {
		sums[(i+octaveParts-1)/octaveParts] += h.buckets[i].Load()
	}
}
