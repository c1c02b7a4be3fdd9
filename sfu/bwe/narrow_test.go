package bwe

import (
	"testing"
	"time"
)

// A meeting of nine on half a megabit, of which sound takes two thirds: what remains is a picture, and what the
// estimate does not know, Ethernet's headers and signalling, is a tenth of it. A queue that stands, a probe, and a fall
// of the path while a queue drains once made it 530 ms of queue and freezes of 1.8 s here.
func TestHalfAMegabitKeepsAPictureAndAShortQueue(t *testing.T) {
	for _, delay := range []time.Duration{time.Millisecond, 25 * time.Millisecond, 75 * time.Millisecond} {
		for seed := range uint64(8) {
			l := stepLink(seed)
			l.delay, l.frame = delay, 14
			m := newMeeting(t, l, 8, 360, 4)
			m.voice, m.first, m.signalling = 82_500, 4*82_500, 20_000
			for _, rate := range []int64{5 * mbit, mbit} {
				l.rate = rate
				l.run(10 * time.Second)
			}
			l.rate = mbit / 2
			l.run(5 * time.Second)
			shown, longest := m.watch(time.Minute)
			t.Logf("%v one way, meeting %d: queue %v, longest freeze %v, a picture %.0f %% of the time, %s", delay, seed,
				m.f.maxQueue.Round(time.Millisecond), longest.Round(time.Millisecond), 100*shown, m.layers())
			if m.f.maxQueue > 200*time.Millisecond || longest > time.Second || shown < 0.95 {
				t.Errorf("%v one way, meeting %d: too long a queue or freeze, or no picture", delay, seed)
			}
		}
	}
}

// watch is for what part of the time there was a picture, and how long one froze at most.
func (m *meeting) watch(last time.Duration) (shown float64, longest time.Duration) {
	const look = 100 * time.Millisecond
	m.f.maxQueue = 0
	for _, p := range m.people {
		p.longest = 0
	}
	for range last / look {
		m.f.l.run(look)
		for _, p := range m.people {
			if !p.withheld {
				shown += float64(look) / float64(last)
				break
			}
		}
	}
	for _, p := range m.people {
		longest = max(longest, p.longest)
	}
	return shown, longest
}

// A queue that grows by a few ms a second is no slope, and after ten seconds was the base: it must not stand.
func TestAQueueThatGrowsSlowlyDoesNotStand(t *testing.T) {
	l := newLink(mbit, 25*time.Millisecond)
	f := l.flow(t, func(time.Time, int64) int64 { return mbit * 101 / 100 }) // whatever the estimate is
	f.e.Wanted(mbit)
	drains := 0
	for range 600 {
		l.run(100 * time.Millisecond)
		if _, on := f.e.Drain(l.now); on {
			drains++
		}
	}
	if drains == 0 {
		t.Errorf("nothing is done about a queue of %v", l.free.Sub(l.now))
	}
}

// A path that has become longer is no queue: after one drain its delay is taken for its own.
func TestALongerPathIsNotAQueueForLong(t *testing.T) {
	l := newLink(4*mbit, 25*time.Millisecond)
	f := l.flow(t, layered(300_000, 1_500_000))
	f.e.Wanted(1_500_000)
	l.run(20 * time.Second)
	l.delay = 150 * time.Millisecond
	l.run(20 * time.Second)
	within(t, "after the path has become longer", f.mean(5*time.Second), 1_500_000, 95, 300)
}

// Nobody speaks, and the path is gone until no picture fits the estimate: then nothing is sent that could tell that it
// is back. So it is asked.
func TestASilentMeetingGetsItsPicturesBack(t *testing.T) {
	for _, last := range []time.Duration{3 * time.Second, 10 * time.Second, time.Minute} {
		for _, full := range []bool{false, true} { // whether a queue stood when it went
			l := newLink(5*mbit, 25*time.Millisecond)
			m := newMeeting(t, l, 3, 180, 0)
			l.run(15 * time.Second)
			if full {
				l.rate = mbit / 10
				l.run(time.Second)
			}
			l.rate = 0
			l.run(last)
			l.rate, l.free = 5*mbit, l.now
			l.run(20 * time.Second)
			if got := m.layers(); got != "q2 q2 q2" {
				e, _ := m.f.e.Estimate(l.now)
				t.Errorf("20 s after %v of nothing, full before: %v: %s at %d kbit/s", last, full, got, e/1000)
			}
		}
	}
}
