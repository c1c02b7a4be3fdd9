package overload

import (
	"slices"
	"time"
)

// Window tells quantiles of the latest observations of a histogram that only grows. The zero value is ready.
type Window struct{ before []uint64 }

// Quantile returns, of what has been observed since the last call, the upper bound of the bucket that holds the part q;
// 0 if nothing has. counts are the histogram's, not cumulative; its buckets have the upper bounds first, 2 × first, and
// so on. Its last bucket counts with its lower bound doubled.
func (w *Window) Quantile(q float64, counts []uint64, first time.Duration) time.Duration {
	w.before = slices.Grow(w.before, len(counts))[:len(counts)]
	total := uint64(0)
	for i, n := range counts {
		total += n - w.before[i]
	}
	rest := total - uint64(float64(total)*q)
	at := -1
	seen := uint64(0)
	for i := len(counts) - 1; i >= 0 && total > 0; i-- {
		if seen += counts[i] - w.before[i]; seen >= max(1, rest) {
			at = i
			break
		}
	}
	copy(w.before, counts)
	if at < 0 {
		return 0
	}
	return first << at
}
