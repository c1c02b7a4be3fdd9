package allocation

import (
	"testing"
	"time"
)

// feed observes d of a layer's packets, 30 frames a second in the pattern 0 2 1 2, so many bytes a frame.
func feed(m *Meter, from time.Time, d time.Duration, bytes *[MaxTemporal]uint64, frame uint64) time.Time {
	pattern := [...]int{0, 2, 1, 2}
	now := from
	for n := 0; now.Sub(from) < d; n++ {
		bytes[pattern[n%4]] += frame
		m.Observe(now, *bytes)
		now = now.Add(time.Second / 30)
	}
	return now
}

func rates(m *Meter, now time.Time, height int) Layer {
	l := Layer{Height: height}
	m.Rates(now, &l)
	return l
}

func TestMeasuredRates(t *testing.T) {
	var m Meter
	var bytes [MaxTemporal]uint64
	now := feed(&m, epoch, 5*time.Second, &bytes, 500) // 120 kbit/s
	l := rates(&m, now, 180)
	for i, want := range [MaxTemporal]int64{30, 60, 120, 120} {
		if got := l.Rates[i]; got < want*kbit*93/100 || got > want*kbit*107/100 {
			t.Errorf("up to temporal layer %d: %d, want about %d kbit/s", i, got, want)
		}
	}
	if l.Temporal != 3 {
		t.Errorf("%d temporal layers", l.Temporal)
	}
}

func TestAPausedLayerCountsWithItsLastRateForAWhile(t *testing.T) {
	var m Meter
	var bytes [MaxTemporal]uint64
	now := feed(&m, epoch, 3*time.Second, &bytes, 500)
	m.Observe(now.Add(rateEvery), bytes)
	before := rates(&m, now, 180)
	for range 100 { // control goes on looking
		now = now.Add(100 * time.Millisecond)
		m.Observe(now, bytes)
	}
	now = epoch.Add(13 * time.Second)
	if got := rates(&m, now, 180); got != before {
		t.Errorf("%v became %v", before, got)
	}
	now = now.Add(rateLasts)
	if got := rates(&m, now, 90); got.Rates[2] != nominal(90) || got.Rates[0] != nominal(90)*40/100 {
		t.Errorf("after a long pause, being more than usual: %v", got.Rates)
	}
	if got := rates(&m, now, 360); got.Rates != before.Rates {
		t.Errorf("after a long pause, being less than usual: %v", got.Rates)
	}
	now = feed(&m, now, 500*time.Millisecond, &bytes, 5000) // a key frame's burst is no rate
	if got := rates(&m, now, 90); got.Rates[2] != nominal(90) {
		t.Errorf("after half a second: %v", got.Rates)
	}
}

func TestNominalRates(t *testing.T) {
	for height, want := range map[int]int64{180: 150, 360: 487, 720: 1583, 0: 0} {
		if got := rates(&Meter{}, epoch, height); got.Rates[0]/kbit != want || got.Temporal != 1 {
			t.Errorf("%d lines: %v", height, got)
		}
	}
}

// FuzzMeter asserts that rates never go down from one temporal layer to the next, whatever the counters do.
func FuzzMeter(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 200, 100, 50})
	f.Fuzz(func(t *testing.T, script []byte) {
		var m Meter
		var bytes [MaxTemporal]uint64
		now := epoch
		for _, b := range script {
			bytes[b&3] += uint64(b) << (b >> 4)
			now = now.Add(time.Duration(b) * 10 * time.Millisecond)
			m.Observe(now, bytes)
			l := rates(&m, now, int(b)*10)
			for i := 1; i < MaxTemporal; i++ {
				if l.Rates[i] < l.Rates[i-1] || l.Rates[0] < 0 {
					t.Fatalf("%v", l.Rates)
				}
			}
		}
	})
}
