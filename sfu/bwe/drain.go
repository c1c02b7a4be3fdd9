package bwe

import "time"

// Draining: after a sharp fall of the path a long queue stands, and what is in it arrives at the path's rate. So the
// rate is known before the queue is gone: the estimate settles on it at once, and sending less for a moment, to be rid
// of the queue, is a matter of its own.

const (
	// deepQueue is the queue, in ms, from which it is drained so: shorter ones go by a tenth less for a moment.
	deepQueue = 60
	// emptied is when it is gone, in ms.
	emptied = 25
	// drainMost is how long it may take: what stands then is other traffic's. A queue that still becomes shorter by
	// falling ms in each fallSpan is ours: where sound takes most of the path it drains slowly, for drainLongest at most.
	drainMost    = 1_500_000 // µs
	drainLongest = 4_000_000 // µs
	fallSpan     = 500_000   // µs
	falling      = 25
	// afterStanding is how long after a decrease a queue that stands still is taken for too much being sent.
	afterStanding = 2_000_000 // µs
	// drainIn is in how many ms it is to be gone: the longer the queue, the less is sent, and from this length on nothing.
	drainIn = 400.0
	// A rate is taken over so many µs at least; before it has been so long as a slow path needs, the estimate falls at
	// most to half: behind another sender's burst nothing arrives for a moment.
	rateSpan = 80_000
	slowSpan = 150_000
	// settled is the part of the path's rate that the estimate becomes.
	settled = 0.95
)

// drain is a queue that is left to drain.
type drain struct {
	on     bool
	began  int64
	before int64 // the estimate then
	others bool  // it is others who fill the path: what arrives says nothing of our share
	stands bool  // it was seen only because it stood: what remains of it counts as the path's own delay

	least  float64 // the shortest queue since its beginning, in ms
	mark   float64 // the queue at markAt
	markAt int64
	slow   bool // it did not become shorter in the latest span

	from, last int64 // by the receiver's clock: the latest arrival then, and of what had been sent by then
	bytes      int64
}

// received takes in what was sent before the drain began: it lies in the queue, and arrives as fast as the path can.
func (d *drain) received(sent, arrival int64, size int) {
	if d.on && sent <= d.began && arrival > d.from {
		d.bytes += int64(size)
		d.last = max(d.last, arrival)
	}
}

// rate is that of the path, 0 while it is not known.
func (d *drain) rate() int64 {
	span := d.last - d.from
	if span < rateSpan {
		return 0
	}
	rate := d.bytes * 8_000_000 / span
	if span < slowSpan {
		rate = max(rate, int64(deepest*float64(d.before)))
	}
	return rate
}

// beginDrain starts one at acked, which is too much as long as it includes what arrived before the fall.
func (e *Estimator) beginDrain(now, acked int64, others bool) {
	e.drain = drain{on: true, began: now, before: e.estimate, others: others, from: e.delay.lastArrival,
		last: e.delay.lastArrival, least: e.delay.queue(), mark: e.delay.queue(), markAt: now}
	to := int64(settled * float64(acked))
	if others {
		to = int64(beta * float64(e.estimate))
	}
	if to < e.estimate {
		e.decrease(now, max(to, int64(deepest*float64(e.estimate))))
	}
}

// draining follows a drain: the estimate settles on the path's rate.
func (e *Estimator) draining(now int64) {
	d := &e.drain
	d.follow(now, e.delay.queue())
	rate := d.rate()
	queue := e.delay.queue()
	if d.least = min(d.least, queue); queue > d.least+narrowQueue && now-d.began > slowSpan {
		// The path has become narrower meanwhile: what was in the queue before says nothing of it.
		*d = drain{on: true, began: now, before: e.estimate, from: e.delay.lastArrival, last: e.delay.lastArrival,
			others: d.others, stands: d.stands, least: queue, mark: queue, markAt: now}
		rate = 0
	}
	if rate > 0 && !d.others {
		e.estimate = max(min(int64(settled*float64(rate)), d.before), Min)
	}
	e.lastIncrease = now
	if !e.drained(now) {
		return
	}
	d.on = false
	e.delay.usage = normal
	if d.stands && e.left(now) >= emptied {
		e.delay.accept()
	}
	if rate > 0 && !d.others {
		e.ceiling = ceiling(rate)
	}
}

// drained says whether the queue must be gone by now. It has become shorter since the latest feedback, if little was
// sent.
func (e *Estimator) drained(now int64) bool {
	since := now - e.drain.began
	return e.left(now) < emptied || since > drainMost && (e.drain.slow || since > drainLongest)
}

// follow notes whether the queue still becomes shorter.
func (d *drain) follow(now int64, queue float64) {
	if now-d.markAt < fallSpan {
		return
	}
	d.slow = queue > d.mark-falling
	d.mark, d.markAt = queue, now
}

func (e *Estimator) left(now int64) float64 {
	return e.delay.queue() - float64(now-e.lastFeedback)/1000
}

// Drain says whether a long queue is to be drained, and how much may be sent meanwhile, in bit/s: less than the path
// carries, for some hundred milliseconds. The estimate is what holds after that.
func (e *Estimator) Drain(now time.Time) (bps int64, on bool) {
	t := e.clock(now)
	if !e.drain.on || e.drained(t) {
		return 0, false
	}
	return int64(max(0, 1-e.left(t)/drainIn) * float64(e.estimate)), true
}
