package bwe

// Rate control: what feedback does to the estimate.

// ceiling is the path's own rate in bit/s, from the times it was full; 0: unknown.
type ceiling int64

// react draws the conclusions from new feedback.
func (e *Estimator) react(now int64) {
	sent := e.sending.over(sentWindow)
	switch v, to := e.loss.update(now, sent, e.estimate); v {
	case reduce:
		if acked := e.acked.over(sentWindow); acked > 0 && acked < e.estimate {
			e.decrease(now, acked)
		}
	case restore:
		e.estimate = min(max(e.estimate, to), Max)
	case keep:
	}
	e.concludeProbe(now)
	acked := e.fullRate()
	switch {
	case e.drain.on:
		e.draining(now)
	case e.delay.usage == over && e.delay.queue() > leastQueue || e.narrow(sent):
		e.delay.usage = normal
		e.congested(now, sent, acked)
	case e.delay.standing() > deepQueue && now-e.lastDecrease > afterStanding && !e.probe.sending && acked > 0:
		e.delay.recall()
		e.beginDrain(now, acked, false)
		e.drain.stands = true
	case e.delay.usage != under:
		e.delay.usage = normal
		e.increase(now, sent)
	default: // a queue drains: nothing can be said of the rate
		e.lastIncrease = now
	}
}

// narrow says whether whole bursts are stuck: a long queue, and much less arrives than is sent.
func (e *Estimator) narrow(sent int64) bool {
	acked := e.acked.over(2 * fullWindow)
	return e.delay.queue() > narrowQueue && acked > 0 && float64(acked) < narrowShare*float64(min(sent, e.estimate))
}

// fullRate is the rate at which packets arrive: that of the path, while it is full.
func (e *Estimator) fullRate() int64 {
	acked := e.acked.over(fullWindow)
	if acked < slowPath {
		acked = e.acked.over(2 * fullWindow)
	}
	return acked
}

// congested takes the estimate down below what arrives while the path is full.
func (e *Estimator) congested(now, sent, acked int64) {
	if (e.probe.sending || e.probe.waiting || now-e.probed < afterProbe) && e.delay.queue() < probeQueue {
		return // the probe fills the path, and says how far
	}
	if e.probe.sending {
		e.probe.end(now)
	}
	if acked == 0 || e.lastDecrease != 0 && now-e.lastDecrease < decreaseEvery {
		return
	}
	again := false
	to := int64(beta * float64(acked))
	others := float64(sent) < filling*float64(e.estimate) && float64(e.acked.over(sentWindow)) > throttled*float64(sent)
	if e.delay.queue() > deepQueue {
		e.beginDrain(now, acked, others)
		return
	}
	if others {
		// The path carries what is sent; it is others who fill it, or it is jitter. What arrives says nothing of our share.
		to = max(to, int64(beta*float64(e.estimate)))
	} else {
		e.ceiling.learn(acked)
		if least := int64(deepest * float64(e.estimate)); to < least {
			to, again = least, true
		}
	}
	if to < e.estimate {
		e.decrease(now, to)
		if again {
			e.lastDecrease -= decreaseEvery / 2
		}
	}
}

func (e *Estimator) decrease(now, to int64) {
	if e.lastRaise != 0 && now-e.lastRaise < 5_000_000 && 5*to < 4*e.estimate {
		e.backoff = maxBackoff // the probe that raised it had been wrong
	}
	if now-e.lastDecrease > oneFall {
		e.fellFrom = 0
	}
	e.fellFrom = max(e.fellFrom, e.estimate)
	e.estimate = min(max(to, Min), Max)
	e.lastDecrease, e.lastIncrease = now, now
	e.nextProbe = max(e.nextProbe, now+afterDrop)
}

// learn takes in what arrived while the path was full.
func (c *ceiling) learn(acked int64) {
	known := int64(*c)
	if known == 0 || 4*acked > 5*known || 4*acked < 3*known {
		*c = ceiling(acked)
		return
	}
	*c += ceiling((acked - known) / 8)
}

// increase raises the estimate while what is sent comes near it: towards the path's known rate quickly, beyond it
// slowly, by 8 % a second where nothing is known. What is not tried is not known: without traffic, only probes raise
// it.
func (e *Estimator) increase(now, sent int64) {
	elapsed := min(now-e.lastIncrease, 1_000_000)
	e.lastIncrease = now
	if elapsed <= 0 {
		return
	}
	acked := e.acked.over(sentWindow)
	if acked > int64(e.ceiling)*115/100 && now-e.lastDecrease > 2*sentWindow {
		e.ceiling = 0 // the path has become wider
	}
	e.tryMore(now)
	seconds := float64(elapsed) / 1e6
	c := float64(e.ceiling)
	if near := min(int64(recovered*c), e.fellFrom); e.estimate < near && e.delay.queue() < drained &&
		now-e.lastDecrease > e.settling() {
		e.estimate = min(e.estimate+int64(seconds*0.4*c), near)
		return
	}
	if e.reliable && c != 0 && float64(e.estimate) >= recovered*c {
		return // a little too much would make a queue that nothing ends
	}
	step, limit := 0.08*float64(e.estimate), acked+acked/8+10_000
	if to := e.climbs(); to > e.estimate {
		step, limit = climb*float64(e.estimate), to
	} else if 10*sent < 9*e.estimate {
		return
	}
	// equal steps for all on the path, so that they come to share it equally
	if c != 0 && float64(e.estimate) > recovered*c {
		step = min(additive, 0.1*c)
		most := beyond * c
		if c < slowPath {
			most = slowBeyond * c
		}
		limit = min(limit, int64(most))
	}
	step *= seconds
	if raised := min(e.estimate+int64(step), limit, Max); raised > e.estimate {
		e.estimate = raised
	}
}

// settling is how long after a decrease its effect can first be seen, µs.
func (e *Estimator) settling() int64 { return min(e.response, 1_000_000) + decreaseEvery }
