package bwe

import (
	"testing"
	"time"
)

// overStream is a flow over a byte stream: the link drops nothing, whatever waits.
func overStream(t *testing.T, rate, useful int64, app func(time.Time, int64) int64) (*link, *flow) {
	t.Helper()
	l := newLink(rate, 30*time.Millisecond)
	l.queue = time.Minute
	f := l.flow(t, app)
	f.e.Moved(l.now, true)
	f.e.Wanted(useful)
	return l, f
}

// A stream is not probed, and yet its estimate comes to what is useful, where the path carries that.
func TestAStreamClimbsToWhatIsUsefulWithoutProbes(t *testing.T) {
	l, f := overStream(t, 20_000_000, 4_000_000, layered(150_000, 600_000, 3_600_000))
	l.run(12 * time.Second)
	within(t, "a wide stream", f.mean(time.Second), 4_000_000, 95, 112)
	if f.probed != 0 {
		t.Errorf("%d bytes of probes", f.probed)
	}
}

// On a narrow path the climb ends where a queue begins, and no queue lasts.
func TestAStreamFindsWhatANarrowPathCarries(t *testing.T) {
	for _, rate := range []int64{400_000, 1_000_000, 2_000_000} {
		l, f := overStream(t, rate, 4_000_000, steady(4_000_000))
		l.run(30 * time.Second)
		f.maxQueue = 0
		l.run(60 * time.Second)
		within(t, "a narrow stream", f.mean(60*time.Second), rate, 70, 105)
		if f.maxQueue > 600*time.Millisecond {
			t.Errorf("at %d bit/s the queue is %v", rate, f.maxQueue)
		}
	}
}

// A path that becomes wider is found without a probe.
func TestAStreamThatBecomesWiderIsFound(t *testing.T) {
	l, f := overStream(t, 500_000, 4_000_000, steady(4_000_000))
	l.run(30 * time.Second)
	l.rate = 6_000_000
	l.run(60 * time.Second)
	within(t, "after a minute", f.mean(time.Second), 4_000_000, 90, 112)
}

// On another path all begins anew, but for the numbers.
func TestAnotherPathBeginsAnew(t *testing.T) {
	l := newLink(400_000, 30*time.Millisecond)
	f := l.flow(t, steady(1_000_000))
	l.run(10 * time.Second)
	before := f.e.sent.next
	f.e.Moved(l.now, true)
	if estimate, _ := f.e.Estimate(l.now); estimate != Initial || f.e.sent.next != before {
		t.Errorf("estimate %d, next number %d after %d", estimate, f.e.sent.next, before)
	}
	l.rate, l.queue = 10_000_000, time.Minute
	l.run(10 * time.Second)
	if estimate, known := f.e.Estimate(l.now); !known || estimate < Initial/2 {
		t.Errorf("estimate %d, known %v", estimate, known)
	}
}
