package bwe

// Reliable paths: byte streams. They are not probed, because what a probe sends lies in the same queue as all that
// follows it. What is not tried is not known, so the estimate rises by itself towards what is wanted.

const (
	// climb is the share by which the estimate rises in a second while the path is at rest.
	climb = 0.15
	// A known rate holds so long after the latest decrease, µs; then more is tried. It doubles when that was too much.
	firstPatience = 15_000_000
	maxPatience   = 120_000_000
)

// tryMore forgets a reliable path's rate that has held for long: the path may have become wider.
func (e *Estimator) tryMore(now int64) {
	if e.reliable && e.ceiling != 0 && now-e.lastDecrease > e.patience && e.delay.queue() <= drained {
		e.ceiling = 0
		e.patience = min(2*e.patience, maxPatience)
	}
}

// climbs is the highest that the estimate may rise to by itself, 0 where that is for probes to find out.
func (e *Estimator) climbs() int64 {
	if !e.reliable || e.delay.queue() > drained {
		return 0
	}
	if e.wanted == 0 {
		return 2 * e.sending.over(sentWindow)
	}
	return e.wanted + e.wanted/10
}
