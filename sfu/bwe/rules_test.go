package bwe

import "testing"

// Rules that the cases of a whole path do not need, because another rule would do nearly as well there: each by itself.

// A frame that is much larger than the others makes the delay jump; while it falls again, nothing grows.
func TestADelayThatFallsIsNoGrowingQueue(t *testing.T) {
	var d delayDetector
	at, late := int64(0), int64(0)
	group := func() {
		at += 33_000
		d.add(at, at+20_000+late)
		if d.usage == over {
			t.Fatalf("a queue is said to grow, %d µs after the jump", late)
		}
	}
	for range 60 {
		group()
	}
	for late = 60_000; late > 0; late -= 4_000 {
		group()
	}
}

// Less than 10 ms of queue is no reason to send less, whatever its slope.
func TestAQueueOfAFewMillisecondsIsNone(t *testing.T) {
	for queue, want := range map[float64]bool{leastQueue - 1: false, leastQueue + 10: true} {
		e := flowing(1_000_000, 1_000_000)
		e.delay.stand.value = e.delay.base.value + queue
		e.delay.usage = over
		before := e.estimate
		if e.react(e.now); e.estimate < before != want {
			t.Errorf("%.0f ms of queue: from %d to %d", queue, before, e.estimate)
		}
	}
}

// A path of which little is used, and on which most of that arrives, is full of something else: what is sent says
// nothing of what it carries.
func TestAPathFullOfOthersIsNotTakenForOurRate(t *testing.T) {
	e := flowing(300_000, 290_000)
	e.estimate = 2_000_000
	e.delay.stand.value = e.delay.base.value + 30
	e.congested(e.now, 300_000, 290_000)
	if e.estimate != 1_800_000 {
		t.Errorf("the estimate falls to %d", e.estimate)
	}
}

// Near the path's known rate all flows rise by the same step, whatever they have.
func TestGrowthNearAKnownRateIsTheSameForAll(t *testing.T) {
	for _, rate := range []int64{2_000_000, 8_000_000} {
		e := flowing(rate, rate)
		e.estimate, e.ceiling, e.lastIncrease = rate, ceiling(rate), e.now-500_000
		e.increase(e.now, rate)
		if got := e.estimate - rate; got != additive/2 {
			t.Errorf("at %d: by %d in half a second, want %d", rate, got, additive/2)
		}
	}
}

// What was not tried is not known: the estimate stays near what arrives.
func TestTheEstimateStaysNearWhatArrives(t *testing.T) {
	e := flowing(1_000_000, 1_000_000)
	for range 100 {
		e.lastIncrease = e.now - 100_000
		e.increase(e.now, e.estimate)
	}
	if most := int64(1_000_000*9/8 + 20_000); e.estimate > most {
		t.Errorf("the estimate rises to %d, want at most %d", e.estimate, most)
	}
}

// Two spans in a row of more loss than a radio link has are a reason to send what arrives, one is not.
func TestMuchLossCountsTheSecondTime(t *testing.T) {
	var l lossControl
	var got []verdict
	for now := int64(1); now < 4*lossSpan; now += lossSpan {
		for i := range 2 * lossPackets {
			l.count(i%3 == 0)
		}
		v, _ := l.update(now, 1_000_000, 1_000_000)
		got = append(got, v)
	}
	if want := []verdict{keep, keep, reduce}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("verdicts %v, want %v", got, want)
	}
}

// An unanswered end of what was sent lowers the estimate while something is being sent, and not through a pause.
func TestAPauseAfterSomethingUnansweredKeepsTheEstimate(t *testing.T) {
	e := flowing(1_000_000, 1_000_000)
	e.sentSince = e.now
	e.now += 30 * feedbackPatience
	before := e.estimate
	if e.decay(e.now); e.estimate != before {
		t.Errorf("the estimate falls to %d in a pause", e.estimate)
	}
	e.lastSent = e.now
	if e.decay(e.now); e.estimate == before {
		t.Error("the estimate stays while nothing is answered")
	}
}

// A probe outlasts the depth of a token bucket: it sends some packets beyond the estimate.
func TestAProbeSendsMoreThanABucketHolds(t *testing.T) {
	for _, estimate := range []int64{500_000, 1_000_000, 5_000_000} {
		var p probe
		p.begin(1, estimate*13/10, estimate)
		lasts := int64(p.goal) * 8_000_000 / p.rate
		if excess := int64(p.goal) - estimate*lasts/8_000_000; excess < probeExcess*9/10 && lasts < probeMost*9/10 {
			t.Errorf("at %d: %d bytes beyond the estimate in %d µs", estimate, excess, lasts)
		}
	}
}

// On a slow path a probe ends at a shorter queue.
func TestAProbeOfASlowPathEndsEarly(t *testing.T) {
	for estimate, goes := range map[int64]bool{500_000: false, 5_000_000: true} {
		e := flowing(estimate, estimate)
		e.probe.begin(e.now, 2*estimate, estimate)
		e.delay.stand.value = e.delay.base.value + 60
		if _, active := e.Probe(e.latest); active != goes {
			t.Errorf("at %d bit/s with 60 ms of queue: goes on: %v", estimate, active)
		}
	}
}

// A stream that has been found full is not tried beyond that while the finding holds.
func TestAStreamStaysBelowItsCeiling(t *testing.T) {
	e := flowing(1_000_000, 1_000_000)
	e.reliable, e.patience, e.wanted = true, maxPatience, 8_000_000
	e.ceiling, e.estimate, e.lastIncrease = 1_000_000, 960_000, e.now-500_000
	if e.increase(e.now, 960_000); e.estimate != 960_000 {
		t.Errorf("the estimate rises to %d", e.estimate)
	}
}

// flowing is an estimator after two seconds in which so much was sent and arrived, in bit/s, with no queue.
func flowing(sent, arrived int64) *Estimator {
	e := New(epoch)
	for e.now = 1; e.now < 2_000_000; e.now += rateBucket {
		e.sending.add(e.now, int(sent*rateBucket/8_000_000))
		e.acked.add(e.now, int(arrived*rateBucket/8_000_000))
	}
	e.latest = epoch
	e.estimate = sent
	e.firstSent, e.lastSent, e.lastFeedback = 1, e.now, e.now
	e.delay.threshold, e.delay.any = initialThreshold, true
	return e
}
