package bwe

import "time"

// When to probe, and what to make of it.

// Probe begins a probe if one is due, and says how many bytes are to be sent for it now, beside the media there is, as
// packets registered with Sent. active is false when there is no need to come by again before the next feedback.
func (e *Estimator) Probe(now time.Time) (bytes int, active bool) {
	t := e.clock(now)
	if e.reliable {
		return 0, false
	}
	if e.probe.waiting && t >= e.probe.until { // no feedback came that would have ended the wait
		e.concludeProbe(t)
	}
	if !e.probe.sending && !e.beginProbe(t) {
		return 0, false
	}
	if e.delay.queue() > e.fullQueue() || t-e.probe.began > probePatience {
		e.probe.end(t)
		return 0, false
	}
	return max(0, e.probe.due(t)), true
}

// beginProbe starts a probe if more would be useful and the path is at rest.
func (e *Estimator) beginProbe(now int64) bool {
	if e.lastFeedback == 0 || now < e.nextProbe || e.probe.waiting {
		return false
	}
	idle := now-e.lastSent > feedbackPatience
	if !idle && !e.atRest(now) {
		return false
	}
	goal := e.wanted + e.wanted/10
	if e.wanted == 0 {
		goal = 2 * e.sending.over(sentWindow)
	}
	goal = min(goal, Max)
	if goal <= e.estimate+e.estimate/20 {
		return false
	}
	reach := probeAgain
	if idle || e.lastDecrease == 0 {
		reach = probeNew
	}
	if idle { // what was known of a queue and of loss is long past
		e.drain.on = false
		e.delay.rested()
		e.loss.rested()
	}
	e.probe.begin(now, min(goal, int64(reach*float64(e.estimate))), e.estimate)
	return true
}

// atRest says whether feedback comes on what is sent, and tells of no queue to speak of and of no more loss than usual.
func (e *Estimator) atRest(now int64) bool {
	return !e.drain.on && now-e.lastFeedback <= feedbackPatience && e.delay.queue() <= e.restful() &&
		e.loss.last <= e.loss.floor+lossTolerated
}

// restful is the longest queue, in ms, beside which a probe is begun: on a slow path its own is long enough.
func (e *Estimator) restful() float64 {
	if e.estimate < slowPath {
		return emptied
	}
	return drained
}

// fullQueue is the queue, in ms, that ends a probe early. On a slow path feedback tells of it when it has long grown
// further, and what has to drain then are the few pictures there are.
func (e *Estimator) fullQueue() float64 {
	if e.estimate < slowPath {
		return slowProbeFull
	}
	return probeFull
}

// concludeProbe believes a probe whose feedback is complete.
func (e *Estimator) concludeProbe(now int64) {
	if e.probe.sending && e.delay.queue() > e.fullQueue() {
		e.probe.end(now)
	}
	rate, left, done, ok := e.probe.result(now, e.loss.shown)
	if !done {
		return
	}
	e.probed = now
	reached := ok && float64(rate) >= probeReached*float64(left)
	switch {
	case !ok:
	case reached:
		e.raise(now, rate)
	case e.delay.queue() > filledQueue: // it has filled the path: this is what the path carries
		e.ceiling.learn(rate)
		if most := max(int64(fullProbe*float64(rate)), Min); most < e.estimate {
			e.estimate = most
		}
		e.raise(now, int64(beta*float64(rate)))
	// it has found what was known already, and a little that a shaper lets through at any speed
	case int64(e.ceiling)*otherPath/100 > rate:
		e.raise(now, min(int64(settled*float64(e.ceiling)), int64(fullProbe*float64(rate))))
	default:
		e.raise(now, int64(fullProbe*float64(rate)))
	}
	if reached {
		e.backoff, e.nextProbe = firstBackoff, now
		return
	}
	e.nextProbe = now + e.backoff
	e.backoff = min(e.backoff*3/2, maxBackoff)
}

// raise takes the estimate up to what a probe has shown.
func (e *Estimator) raise(now, to int64) {
	if to <= e.estimate || e.delay.queue() > probeQueue {
		return
	}
	e.estimate = min(to, Max)
	e.lastRaise = now
	if to > int64(e.ceiling)*105/100 {
		e.ceiling = 0
	}
}
