package quality

import (
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestBars(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Sample
		want int
	}{
		{"nothing wrong", Sample{RTT: 30 * ms, Jitter: 3 * ms}, 4},
		{"nothing known", Sample{}, 4},
		{"some loss", Sample{Loss: 0.02, RTT: 50 * ms}, 4},
		{"5 % loss", Sample{Loss: 0.05, RTT: 100 * ms}, 3},
		{"10 % loss", Sample{Loss: 0.1, RTT: 100 * ms}, 2},
		{"20 % loss", Sample{Loss: 0.2, RTT: 100 * ms}, 1},
		{"a satellite", Sample{RTT: 600 * ms, Jitter: 20 * ms}, 3},
		{"another continent", Sample{RTT: 300 * ms, Jitter: 10 * ms}, 4},
		{"much jitter", Sample{RTT: 100 * ms, Jitter: 100 * ms}, 3},
		{"one layer less", Sample{RTT: 50 * ms, Distance: 1}, 4},
		{"two layers less", Sample{RTT: 50 * ms, Distance: 2}, 3},
		{"withheld", Sample{RTT: 50 * ms, Distance: 3}, 2},
		{"everything at once", Sample{Loss: 0.1, RTT: 500 * ms, Distance: 2}, 1},
		{"lost", Sample{Lost: true}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Meter
			if got, changed := m.Update(c.s); got != c.want || !changed {
				t.Errorf("%d bars (%.1f), want %d", got, score(c.s), c.want)
			}
		})
	}
}

func TestOnlyChangesAreNews(t *testing.T) {
	var m Meter
	m.Update(Sample{})
	for range 100 {
		if _, changed := m.Update(Sample{}); changed {
			t.Fatal("the same again is news")
		}
	}
}

func TestASecondOfTroubleCostsLessThanManyAndRecoveryTakesSomeSeconds(t *testing.T) {
	var m Meter
	m.Update(Sample{})
	if bars, _ := m.Update(Sample{Loss: 0.1}); bars < 3 {
		t.Errorf("%d bars after one bad second", bars)
	}
	for range 5 {
		m.Update(Sample{Loss: 0.3})
	}
	seconds := 0
	for bars := 1; bars < 4; seconds++ {
		bars, _ = m.Update(Sample{})
	}
	if seconds < 4 || seconds > 12 {
		t.Errorf("recovered after %d s", seconds)
	}
}

func TestLostShowsAtOnce(t *testing.T) {
	var m Meter
	m.Update(Sample{})
	if bars, changed := m.Update(Sample{Lost: true}); bars != 0 || !changed {
		t.Errorf("%d bars", bars)
	}
	if bars, _ := m.Update(Sample{}); bars == 0 {
		t.Error("still lost")
	}
}

// A connection at the limit between two bars does not flicker.
func TestBarsDoNotFlicker(t *testing.T) {
	var m Meter
	changes := 0
	for i := range 300 {
		loss := 0.052
		if i%2 == 0 {
			loss = 0.054
		}
		if _, changed := m.Update(Sample{Loss: loss}); changed {
			changes++
		}
	}
	if changes > 2 {
		t.Errorf("%d changes", changes)
	}
}

// FuzzScore asserts that bars are 0 to 4, 0 only when lost, and that worse is never better.
func FuzzScore(f *testing.F) {
	f.Add(0.1, int64(100*ms), int64(ms), 1.0)
	f.Add(math.Inf(1), int64(-1), int64(math.MaxInt64), -3.0)
	f.Fuzz(func(t *testing.T, loss float64, rtt, jitter int64, distance float64) {
		s := Sample{Loss: loss, RTT: time.Duration(rtt), Jitter: time.Duration(jitter), Distance: distance}
		var m Meter
		if bars, _ := m.Update(s); bars < 1 || bars > 4 {
			t.Fatalf("%d bars", bars)
		}
		if math.IsNaN(loss) || math.IsNaN(distance) {
			return
		}
		worse := s
		worse.Loss += 0.1
		if score(worse) > score(s) {
			t.Fatalf("%v is worse than %v", s, worse)
		}
	})
}
