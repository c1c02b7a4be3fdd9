package bwe

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const mbit = 1_000_000

// RFC 8867 §5.1, §5.2: a path that changes its rate. The estimate follows down within 5 s and up within 15 s, and 3 s
// after each step the queue is short again, even for a sender that uses all of the estimate.
func TestFollowsStepsOfThePath(t *testing.T) {
	for name, app := range map[string]func(time.Time, int64) int64{
		"elastic": steady(8 * mbit),
		"layered": layered(150_000, 300_000, 600_000, 900_000, 1_400_000, 2_500_000, 4_000_000, 8_000_000),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLink(5*mbit, 25*time.Millisecond)
			f := l.flow(t, app)
			f.e.Wanted(8 * mbit)
			l.run(15 * time.Second)
			within(t, "start", f.mean(3*time.Second), 5*mbit, 80, 103)
			for _, rate := range []int64{1 * mbit, mbit / 2, 5 * mbit} {
				up := rate > l.rate
				l.rate = rate
				wait := 5 * time.Second
				if up {
					wait = 15 * time.Second
				}
				l.run(3 * time.Second)
				f.maxQueue = 0
				l.run(wait - 3*time.Second)
				within(t, "after the step", f.mean(time.Second), rate, 70, 105)
				l.run(15 * time.Second)
				within(t, "later", f.mean(10*time.Second), rate, 80, 106)
				if f.maxQueue > 240*time.Millisecond {
					t.Errorf("at %.1f Mbit/s the queue grows to %v", float64(rate)/1e6, f.maxQueue)
				}
			}
		})
	}
}

// RFC 8867 §5.4: a flow that comes second gets its share. When the frames of two flows fall is chance, so several
// beginnings are tried.
func TestTwoFlowsShareThePathFairly(t *testing.T) {
	var shares []float64
	for i := range 7 {
		l := newLink(4*mbit, 25*time.Millisecond)
		first := l.flow(t, steady(6*mbit))
		first.e.Wanted(6 * mbit)
		l.run(20*time.Second + time.Duration(i)*777*time.Millisecond)
		second := l.flow(t, steady(6*mbit))
		second.e.Wanted(6 * mbit)
		l.run(90 * time.Second)
		a, b := first.mean(30*time.Second), second.mean(30*time.Second)
		shares = append(shares, float64(min(a, b))/float64(max(a, b)))
		within(t, "sum", a+b, 4*mbit, 80, 105)
	}
	slices.Sort(shares)
	t.Logf("the smaller has this much of the larger's: %.2f", shares)
	if shares[0] < 0.4 || shares[len(shares)/2] < 0.7 {
		t.Errorf("unfair: %.2f", shares)
	}
}

// Flows with different round-trip times need not be equal, but none starves (RFC 8867 §5.5).
func TestALongPathDoesNotStarveBesideAShortOne(t *testing.T) {
	l := newLink(4*mbit, 10*time.Millisecond)
	near := l.flow(t, steady(6*mbit))
	far := l.flow(t, steady(6*mbit))
	far.far = 100 * time.Millisecond
	near.e.Wanted(6 * mbit)
	far.e.Wanted(6 * mbit)
	l.run(90 * time.Second)
	a, b := near.mean(30*time.Second), far.mean(30*time.Second)
	t.Logf("%.2f and %.2f Mbit/s", float64(a)/1e6, float64(b)/1e6)
	if min(a, b) < mbit/2 {
		t.Errorf("%.2f and %.2f Mbit/s", float64(a)/1e6, float64(b)/1e6)
	}
}

// Random loss of up to a tenth is no congestion: the estimate stays above what is sent, and still rises to what is
// wanted.
func TestRandomLossAloneIsNotCongestion(t *testing.T) {
	for _, loss := range []float64{0, 0.02, 0.05, 0.10} {
		l := newLink(100*mbit, 25*time.Millisecond)
		l.loss = loss
		f := l.flow(t, steady(3*mbit))
		f.e.Wanted(3 * mbit)
		l.run(10 * time.Second)
		f.samples = nil
		l.run(60 * time.Second)
		for _, s := range f.samples {
			if s < 2_700_000 {
				t.Errorf("%.0f %% loss: the estimate falls to %.2f Mbit/s", 100*loss, float64(s)/1e6)
				break
			}
		}
	}
}

// More random loss than that takes the estimate down once, sees that sending less does not help, and gives it back.
func TestLossThatDoesNotDependOnTheRateIsGivenUpOn(t *testing.T) {
	l := newLink(100*mbit, 25*time.Millisecond)
	l.loss = 0.3
	f := l.flow(t, steady(3*mbit))
	f.e.Wanted(3 * mbit)
	l.run(60 * time.Second)
	within(t, "30 % loss", f.mean(20*time.Second), 3*mbit, 70, 200)
}

// A path with next to no buffer drops what is too much: there loss is the only sign.
func TestAPathWithoutBufferIsFoundByItsLoss(t *testing.T) {
	l := newLink(2*mbit, 25*time.Millisecond)
	l.queue = 60 * time.Millisecond
	f := l.flow(t, steady(6*mbit))
	f.e.Wanted(6 * mbit)
	l.run(60 * time.Second)
	within(t, "estimate", f.mean(30*time.Second), 2*mbit, 60, 150)
	if s := f.e.Stats(); s.Loss > 0.25 {
		t.Errorf("%.0f %% are lost", 100*s.Loss)
	}
}

// Jitter without a bottleneck does not keep the estimate below what is wanted (RFC 8867 §5.3 and radio links).
func TestJitterIsNotCongestion(t *testing.T) {
	for _, jitter := range []time.Duration{3 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond} {
		l := newLink(100*mbit, 25*time.Millisecond)
		l.jitter = jitter
		f := l.flow(t, steady(2*mbit))
		f.e.Wanted(2 * mbit)
		l.run(60 * time.Second)
		within(t, jitter.String(), f.mean(30*time.Second), 2*mbit, 60, 150)
	}
}

// Key frames are six frames' worth in one burst. On a path that carries the mean rate they are no reason to send less.
func TestKeyFramesAreNotCongestion(t *testing.T) {
	l := newLink(2*mbit, 25*time.Millisecond)
	f := l.flow(t, func(time.Time, int64) int64 { return 1_300_000 })
	f.burst = 60
	f.e.Wanted(1_300_000)
	l.run(90 * time.Second)
	low := int64(Max)
	for _, s := range f.samples[100:] {
		low = min(low, s)
	}
	if low < 1_300_000 {
		t.Errorf("the estimate falls to %.2f Mbit/s", float64(low)/1e6)
	}
}

// What is not sent is not known, and is no reason to forget what was known: a pause keeps the estimate (RFC 8867 §5.6).
func TestPauseKeepsTheEstimate(t *testing.T) {
	l := newLink(5*mbit, 25*time.Millisecond)
	f := l.flow(t, steady(4*mbit))
	f.e.Wanted(4 * mbit)
	l.run(15 * time.Second)
	before := f.mean(time.Second)
	f.paused = true
	l.run(60 * time.Second)
	within(t, "after the pause", f.mean(time.Second), before, 100, 100)
	f.paused = false
	l.run(5 * time.Second)
	within(t, "resumed", f.mean(time.Second), before, 85, 115)
}

// A sender that is limited by what it has to send keeps its estimate, and no probe is sent when nothing more is wanted.
func TestAnApplicationLimitedSenderKeepsItsEstimateAndDoesNotProbe(t *testing.T) {
	l := newLink(5*mbit, 25*time.Millisecond)
	rate := int64(4 * mbit)
	f := l.flow(t, func(time.Time, int64) int64 { return rate })
	f.e.Wanted(rate)
	l.run(15 * time.Second)
	before := f.mean(time.Second)
	rate = mbit / 5
	f.e.Wanted(rate)
	f.probed = 0
	l.run(120 * time.Second)
	within(t, "after two minutes", f.mean(time.Second), before, 90, 105)
	if f.probed != 0 {
		t.Errorf("%d bytes of probes were sent for nothing", f.probed)
	}
}

// A shaper with a token bucket lets its depth through at any speed: that is not taken for the path's rate.
func TestATokenBucketIsNotMistakenForRoom(t *testing.T) {
	for _, rate := range []int64{mbit / 2, mbit, 3 * mbit} {
		l := newLink(rate, 5*time.Millisecond)
		l.bucket = 5000
		f := l.flow(t, func(time.Time, int64) int64 { return rate / 2 })
		f.e.Wanted(8 * mbit)
		l.run(20 * time.Second)
		f.samples = nil
		l.run(60 * time.Second)
		within(t, "estimate", f.mean(60*time.Second), rate, 75, 130)
		for _, s := range f.samples {
			if s > rate*13/10 {
				t.Errorf("%.2f Mbit/s on a path of %.2f", float64(s)/1e6, float64(rate)/1e6)
				break
			}
		}
	}
}

// While more would be useful than the path carries, probes cost little.
func TestProbesOfAFullPathCostAFewPercent(t *testing.T) {
	l := newLink(2*mbit, 25*time.Millisecond)
	f := l.flow(t, layered(300_000, 900_000, 1_600_000, 3_200_000))
	f.e.Wanted(8 * mbit)
	l.run(20 * time.Second)
	f.probed, f.bytes, f.maxQueue = 0, 0, 0
	l.run(100 * time.Second)
	t.Logf("%d bytes of %d, queue %v", f.probed, f.bytes, f.maxQueue)
	if f.probed*25 > f.bytes {
		t.Errorf("%d of %d bytes are probes", f.probed, f.bytes)
	}
	if f.maxQueue > 200*time.Millisecond {
		t.Errorf("the queue grows to %v", f.maxQueue)
	}
}

// Without feedback the estimate falls while packets are sent, and recovers when it comes back.
func TestMissingFeedbackDecaysTheEstimate(t *testing.T) {
	l := newLink(5*mbit, 25*time.Millisecond)
	f := l.flow(t, steady(4*mbit))
	f.e.Wanted(4 * mbit)
	l.run(15 * time.Second)
	before := f.mean(time.Second)
	f.mute = true
	l.run(900 * time.Millisecond)
	within(t, "after 0.9 s", f.samples[len(f.samples)-1], before, 90, 110)
	l.run(4100 * time.Millisecond)
	if e := f.samples[len(f.samples)-1]; e > before/4 || e < before/20 {
		t.Errorf("after 5 s the estimate is %.2f of %.2f Mbit/s", float64(e)/1e6, float64(before)/1e6)
	}
	l.run(time.Minute)
	if e := f.samples[len(f.samples)-1]; e != Min {
		t.Errorf("after a minute the estimate is %d", e)
	}
	f.mute = false
	l.run(15 * time.Second)
	within(t, "recovered", f.mean(time.Second), 4*mbit, 85, 130)
}

// The same holds for a blackout, after which everything that was queued is gone.
func TestRecoversFromABlackoutOfFiveSeconds(t *testing.T) {
	l := newLink(5*mbit, 25*time.Millisecond)
	f := l.flow(t, steady(4*mbit))
	f.e.Wanted(4 * mbit)
	l.run(15 * time.Second)
	l.rate = 0
	l.run(5 * time.Second)
	l.rate = 5 * mbit
	l.run(15 * time.Second)
	within(t, "recovered", f.mean(time.Second), 4*mbit, 85, 130)
}

// A clock that steps back, on either side, changes nothing for long.
func TestClocksThatStepBack(t *testing.T) {
	l := newLink(5*mbit, 25*time.Millisecond)
	f := l.flow(t, steady(3*mbit))
	f.e.Wanted(3 * mbit)
	l.run(10 * time.Second)
	for _, step := range []time.Duration{-time.Hour, 2 * time.Hour, -10 * time.Second, time.Second, -time.Second,
		-50 * time.Millisecond} {
		f.skew += step // the receiver's
		l.run(25 * time.Second)
		within(t, "the receiver's clock by "+step.String(), f.mean(time.Second), 3*mbit, 80, 130)
	}
	before := f.e.now
	f.e.Sent(l.now.Add(-time.Hour), 1000)
	f.e.Estimate(l.now.Add(-2 * time.Hour))
	f.e.Probe(time.Time{})
	if f.e.now < before {
		t.Error("our own time went back")
	}
	l.run(5 * time.Second)
	within(t, "our clock", f.mean(time.Second), 3*mbit, 80, 130)
}

// Sequence numbers (65,536 packets are two minutes here) and the reference time wrap around without a trace.
func TestWrapAround(t *testing.T) {
	l := newLink(100*mbit, 5*time.Millisecond)
	f := l.flow(t, func(time.Time, int64) int64 { return 8 * mbit })
	f.e.Wanted(8 * mbit)
	// 2^24 units of 64 ms: the reference time wraps 20 s from now.
	unit := int64(64 * time.Millisecond)
	f.skew = time.Duration((1<<24*unit - l.now.UnixNano()%(1<<24*unit)) - int64(20*time.Second))
	l.run(10 * time.Second)
	f.samples = nil
	l.run(150 * time.Second)
	if f.e.sent.next > 1<<15 && f.e.sent.next < 1<<16-1000 {
		t.Logf("%d packets", f.e.sent.next)
	}
	for _, s := range f.samples {
		if s < 7*mbit {
			t.Fatalf("the estimate falls to %.2f Mbit/s", float64(s)/1e6)
		}
	}
}

// Feedback that lies makes an estimate between the limits, whatever it says, and costs a bounded effort.
func TestGarbageFeedbackStaysWithinBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	now := epoch
	e := New(now)
	e.Wanted(20 * mbit)
	refused := 0
	for range 20000 {
		now = now.Add(time.Duration(rng.IntN(3)) * time.Millisecond)
		for range rng.IntN(4) {
			e.Sent(now, 1+rng.IntN(1500))
		}
		body := make([]byte, rng.IntN(80))
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
		if len(body) > 12 {
			base := e.sent.next - uint16(rng.IntN(50))
			body[8], body[9], body[10], body[11] = byte(base>>8), byte(base), 0, byte(rng.IntN(60))
		}
		if e.Feedback(now, body) != nil {
			refused++
		}
		e.REMB(now, int64(rng.Uint64()))
		if bps, known := e.Estimate(now); known && (bps < Min || bps > Max) {
			t.Fatalf("estimate %d", bps)
		}
		if n, _ := e.Probe(now); n < 0 || n > maxProbeBytes {
			t.Fatalf("a probe of %d bytes", n)
		}
	}
	if refused == 0 || refused == 20000 {
		t.Errorf("%d of 20000 refused", refused)
	}
}

// A flood of feedback is refused beyond its budget.
func TestFeedbackHasABudget(t *testing.T) {
	e := New(epoch)
	now := epoch.Add(time.Second)
	body := message16(0, 8191)
	taken := 0
	for range 1000 {
		if e.Feedback(now, body) == nil {
			taken++
		}
	}
	if taken*8191 > statusesPerSecond || taken == 0 {
		t.Errorf("%d messages of 8191 statuses were gone through in no time", taken)
	}
}

// message16 says of count packets that none arrived, in two bytes.
func message16(base, count uint16) []byte {
	return []byte{0, 0, 0, 0, 0, 0, 0, 0, byte(base >> 8), byte(base), byte(count >> 8), byte(count), 0, 0, 0, 0,
		byte(count >> 8), byte(count)}
}

// A peer that gives no transport-wide feedback is believed its REMB, within the limits; with neither nothing is known,
// and with transport-wide feedback REMB counts for nothing.
func TestREMBIsTheFallback(t *testing.T) {
	e := New(epoch)
	if bps, known := e.Estimate(epoch); !known || bps != Initial {
		t.Errorf("at first: %d, %v", bps, known)
	}
	now := epoch.Add(time.Second)
	e.Sent(now, 1000)
	now = now.Add(3 * time.Second)
	if _, known := e.Estimate(now); known {
		t.Error("known without any feedback")
	}
	for _, c := range []struct{ said, want int64 }{{2 * mbit, 2 * mbit}, {0, Min}, {-1, Min}, {1 << 62, Max}} {
		e.REMB(now, c.said)
		if bps, known := e.Estimate(now); !known || bps != c.want {
			t.Errorf("REMB %d: %d, %v", c.said, bps, known)
		}
	}
	if _, known := e.Estimate(now.Add(time.Minute)); known {
		t.Error("a REMB holds for ever")
	}
	l := newLink(5*mbit, 25*time.Millisecond)
	f := l.flow(t, steady(3*mbit))
	f.e.Wanted(3 * mbit)
	l.run(10 * time.Second)
	f.e.REMB(l.now, 0)
	if bps, _ := f.e.Estimate(l.now); bps < 2*mbit {
		t.Errorf("REMB 0 beside transport-wide feedback: %d", bps)
	}
}

// Nothing is allocated per packet or per feedback.
func TestNothingIsAllocated(t *testing.T) {
	e := New(epoch)
	now := epoch
	n := testing.AllocsPerRun(200, func() {
		for range 20 {
			e.Sent(now, 1100)
			now = now.Add(time.Millisecond)
		}
		_ = e.Feedback(now, message16(e.sent.next-20, 20))
		e.Estimate(now)
		e.Probe(now)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a path that was gone has lost does not keep probes away once it is back.
func TestABlackoutIsNoLossOfAFullPath(t *testing.T) {
	for _, last := range []time.Duration{5 * time.Second, 30 * time.Second} {
		l := newLink(20*mbit, 10*time.Millisecond)
		f := l.flow(t, layered(40_000, 190_000, 640_000, 1_700_000))
		f.e.Wanted(2 * mbit)
		l.run(15 * time.Second)
		l.rate = 0
		l.run(last)
		if !f.e.Silent(l.now) {
			t.Errorf("%v without an answer are no silence", last)
		}
		l.rate = 20 * mbit
		l.run(2500 * time.Millisecond)
		within(t, "back after "+last.String(), f.samples[len(f.samples)-1], 2*mbit, 90, 130)
		if f.e.Silent(l.now) {
			t.Error("silent still")
		}
	}
}
