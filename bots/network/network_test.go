package network

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Unix(1000, 0)

// send sends a datagram of 1,000 bytes each gap and returns the delays of those that arrive, in order of sending; -1:
// lost.
func send(c Conditions, n int, gap time.Duration) (delays []time.Duration) {
	l := NewLink(c, 7, epoch)
	for i := range n {
		now := epoch.Add(time.Duration(i) * gap)
		at, ok := l.Pass(now, 1000)
		if !ok {
			delays = append(delays, -1)
			continue
		}
		delays = append(delays, at.Sub(now))
	}
	return delays
}

func TestAGoodNetworkChangesNothing(t *testing.T) {
	for i, d := range send(Conditions{}, 1000, time.Millisecond) {
		if d != 0 {
			t.Fatalf("datagram %d: %v", i, d)
		}
	}
}

func TestAsManyAreLostAsWasSaidInBurstsOfThatLength(t *testing.T) {
	for _, c := range []Conditions{{Loss: 0.05}, {Loss: 0.05, Burst: 8}, {Loss: 0.3, Burst: 3}} {
		const n = 200_000
		lost, bursts, before := 0, 0, time.Duration(0)
		for _, d := range send(c, n, time.Millisecond) {
			if d < 0 {
				lost++
				if before >= 0 {
					bursts++
				}
			}
			before = d
		}
		want := max(c.Burst, 1/(1-c.Loss)) // losses each by itself may follow each other by chance
		if got := float64(lost) / n; math.Abs(got-c.Loss) > 0.1*c.Loss {
			t.Errorf("%+v: %.4f lost", c, got)
		}
		if got := float64(lost) / float64(bursts); math.Abs(got-want) > 0.1*want {
			t.Errorf("%+v: bursts of %.2f, want %.2f", c, got, want)
		}
	}
}

func TestDelayAndJitterKeepTheOrder(t *testing.T) {
	c := Conditions{Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}
	sum, last := time.Duration(0), time.Duration(0)
	for i, d := range send(c, 10_000, 5*time.Millisecond) {
		at := time.Duration(i)*5*time.Millisecond + d
		if d < 50*time.Millisecond || d >= 70*time.Millisecond || at < last {
			t.Fatalf("datagram %d after %v", i, d)
		}
		sum, last = sum+d, at
	}
	if mean := sum / 10_000; mean < 60*time.Millisecond ||
		mean > 66*time.Millisecond { // those that wait for earlier ones are later
		t.Errorf("%v on average", mean)
	}
}

func TestAPartIsOvertaken(t *testing.T) {
	overtaken, last := 0, time.Duration(0)
	for i, d := range send(Conditions{Reorder: 0.1}, 10_000, 5*time.Millisecond) {
		at := time.Duration(i)*5*time.Millisecond + d
		if d == heldBack {
			overtaken++
			continue
		}
		if d != 0 || at < last {
			t.Fatalf("datagram %d after %v", i, d)
		}
		last = at
	}
	if overtaken < 900 || overtaken > 1100 {
		t.Errorf("%d of 10,000", overtaken)
	}
}

// 1,000 bytes take 8 ms at 1,000 kbit/s: at one each 4 ms half of them must be lost once the queue is full.
func TestANarrowLinkQueuesAndThenLoses(t *testing.T) {
	delays := send(Conditions{Rate: 1000, Queue: 100 * time.Millisecond}, 1000, 4*time.Millisecond)
	arrived, longest := 0, time.Duration(0)
	for i, d := range delays {
		if d >= 0 {
			arrived++
			longest = max(longest, d)
		} else if i < 20 {
			t.Errorf("datagram %d is lost while there is room", i)
		}
	}
	if delays[0] != 8*time.Millisecond || longest < 100*time.Millisecond || longest > 110*time.Millisecond {
		t.Errorf("%v for the first, %v at most", delays[0], longest)
	}
	if arrived < 500 || arrived > 520 {
		t.Errorf("%d of 1,000 arrived", arrived)
	}
}

func TestNothingArrivesInABlackout(t *testing.T) {
	c := Conditions{BlackoutEvery: 10 * time.Second, BlackoutLength: 2 * time.Second}
	for i, d := range send(c, 300, 100*time.Millisecond) {
		if dark := i/10%10 >= 8; dark != (d < 0) {
			t.Fatalf("%v after the beginning: %v", time.Duration(i)*100*time.Millisecond, d)
		}
	}
}

func TestConditionsThatMakeNoSenseAreRefused(t *testing.T) {
	good := Conditions{Loss: 0.5, Burst: 4, Delay: time.Second, Jitter: time.Second, Reorder: 1, Rate: 1,
		Queue:         time.Second,
		BlackoutEvery: 2, BlackoutLength: 2}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, c := range map[string]Conditions{
		"loss and reorder": {Loss: 1.1}, "100 %": {Reorder: -1}, "burst is": {Burst: -1},
		"can be lost": {Burst: 2, Loss: 0.9},
		"rate":        {Rate: -1}, "no limit": {Rate: 1 << 61}, "blackout": {BlackoutLength: 1},
		"delay, jitter": {Delay: time.Minute}, "queue are": {Queue: -1},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

func TestALineDeliversWhenDatagramsArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type arrival struct {
			n  int
			at time.Duration
		}
		var got []arrival
		start := time.Now()
		c := Conditions{Delay: 100 * time.Millisecond, Rate: 1000}
		l := NewLine(NewLink(c, 1, start), func(n int, at time.Time) {
			if now := time.Now(); !at.Equal(now) {
				t.Errorf("datagram %d is delivered at %v, and arrives at %v", n, now, at)
			}
			got = append(got, arrival{n, at.Sub(start)})
		})
		for n := range 3 {
			l.Put(n, 1000, time.Now())
		}
		time.Sleep(50 * time.Millisecond)
		l.Put(3, 0, time.Now())
		time.Sleep(time.Second)
		synctest.Wait()
		want := []arrival{
			{0, 108 * time.Millisecond}, {1, 116 * time.Millisecond}, {2, 124 * time.Millisecond}, {3, 150 * time.Millisecond},
		}
		if len(got) != len(want) {
			t.Fatalf("%v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v, want %v", got[i], want[i])
			}
		}
		l.Put(4, 0, time.Now())
		l.Close() // what is on the way is lost
		time.Sleep(time.Second)
		if len(got) != 4 {
			t.Errorf("%v after the end", got)
		}
	})
}

func TestALineHoldsNoMoreThanItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		l := NewLine(NewLink(Conditions{Delay: time.Second}, 1, time.Now()), func(int, time.Time) { n++ })
		for i := range maxInFlight + 100 {
			l.Put(i, 1, time.Now())
		}
		time.Sleep(2 * time.Second)
		l.Close()
		if n != maxInFlight {
			t.Errorf("%d of %d were delivered", n, maxInFlight)
		}
	})
}

func TestALineThatChangesKeepsWhatIsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, got := time.Now(), []time.Duration{}
		l := NewLine(NewLink(Conditions{Delay: 300 * time.Millisecond}, 1, start), func(_ int, at time.Time) {
			got = append(got, at.Sub(start))
		})
		l.Put(0, 100, time.Now())
		l.Change(Conditions{Delay: 20 * time.Millisecond}, time.Now())
		l.Put(1, 100, time.Now()) // must not overtake
		time.Sleep(time.Second)
		l.Put(2, 100, time.Now())
		l.Change(Conditions{Loss: 1}, time.Now())
		l.Put(3, 100, time.Now())
		time.Sleep(time.Second)
		l.Close()
		want := []time.Duration{300 * time.Millisecond, 300 * time.Millisecond, 1020 * time.Millisecond}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if c := l.Counts(); c != (Counts{Passed: 3, Bytes: 300, Lost: 1}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestALinkCountsWhatOverflowsAndWhatIsHeldBack(t *testing.T) {
	now := time.Now()
	l := NewLink(Conditions{Rate: 1000, Queue: 10 * time.Millisecond, Reorder: 1}, 1, now)
	for range 4 { // each takes 8 ms: the third finds 16 ms of queue
		l.Pass(now, 1000)
	}
	if want := (Counts{Passed: 2, Bytes: 2000, Overflowed: 2, HeldBack: 2}); l.counts != want {
		t.Errorf("%+v, want %+v", l.counts, want)
	}
}
