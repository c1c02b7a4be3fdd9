package receive

import (
	"math/rand/v2"
	"testing"
	"time"
)

// voice plays packets of 20 ms into a conceal log.
type voice struct{ log concealLog }

func (v *voice) packet(n int, late time.Duration, overtaken bool) {
	at := int64(5e9) + int64(n)*20e6 + int64(late)
	v.log.packet(int64(n)+70000, uint32(n)*960, at, overtaken, false)
}

// part is how much was concealed, in percent.
func (v *voice) part() float64 {
	return 100 * float64(v.log.Concealed) / float64(v.log.Played+v.log.Concealed)
}

func TestAVoiceThatComesInTimeIsNotConcealed(t *testing.T) {
	var v voice
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 3000 { // jitter within what the first delay covers
		v.packet(n, time.Duration(rng.IntN(60))*time.Millisecond, false)
	}
	if v.log.Concealed != 0 || v.log.Played < 2980*20e6 {
		t.Errorf("%v played, %v concealed", time.Duration(v.log.Played), time.Duration(v.log.Concealed))
	}
}

func TestWhatIsLostIsConcealed(t *testing.T) {
	var v voice
	for n := range 1000 {
		if n%20 != 7 {
			v.packet(n, 0, false)
		}
	}
	if p := v.part(); p < 4.8 || p > 5.2 {
		t.Errorf("5 %% lost: %.2f %% concealed", p)
	}
}

func TestWhatTheNextPacketRepairsIsNotConcealed(t *testing.T) {
	var v voice
	for n := range 1000 {
		if n%20 == 7 || n%20 == 13 || n%20 == 14 { // of two in a row, only the second is repaired
			continue
		}
		v.log.packet(int64(n)+70000, uint32(n)*960, int64(5e9)+int64(n)*20e6, false, true)
	}
	if p := v.part(); p < 4.8 || p > 5.2 {
		t.Errorf("of 15 %% lost, 5 %% beyond repair: %.2f %% concealed", p)
	}
}

// Retransmissions come 150 ms late: the buffer learns to wait for them where that saves enough.
func TestRetransmissionsAreWaitedForWhereThatPays(t *testing.T) {
	for _, test := range []struct{ every, low, high float64 }{{50, 1.5, 2.1}, {10, 0, 1}} {
		var v voice
		for n := range 6000 {
			if n%int(test.every) != 7 {
				v.packet(n, 0, false)
			}
			if again := n - 8; again > 0 && again%int(test.every) == 7 {
				v.packet(again, 161*time.Millisecond, true)
			}
			if n == 3000 {
				v.log.reset() // it has learned by now
			}
		}
		if p := v.part(); p < test.low || p > test.high {
			t.Errorf("one of %.0f retransmitted: %.2f %% concealed", test.every, p)
		}
	}
}

func TestAnOutageIsConcealedOnce(t *testing.T) {
	var v voice
	for n := range 500 {
		if n < 200 || n >= 215 {
			v.packet(n, 0, false)
		}
		if n == 216 {
			for again := 200; again < 215; again++ { // all are sent again, too late
				v.packet(again, time.Duration(216-again)*20*time.Millisecond+time.Millisecond, true)
			}
		}
	}
	if got := v.log.Concealed / 20e6; got < 10 || got > 15 {
		t.Errorf("%d of 15 packets concealed", got)
	}
}

// A queue that holds everything up for 300 ms loses nothing, but what was to be played meanwhile is too late.
func TestWhatComesLateIsConcealed(t *testing.T) {
	var v voice
	for n := range 500 {
		held := 0
		if n >= 200 && n < 215 {
			held = 215 - n
		}
		v.packet(n, time.Duration(held)*20*time.Millisecond, false)
	}
	if ms := v.log.Concealed / 1e6; ms < 200 || ms > 300 {
		t.Errorf("%d ms concealed", ms)
	}
	if v.log.shift != 0 {
		t.Errorf("plays %v too late in the end", time.Duration(v.log.shift))
	}
}

func TestALeapOfTheTimestampsIsNotConcealed(t *testing.T) {
	var v voice
	for n := range 300 {
		late := time.Duration(0)
		if n >= 100 { // nothing was sent for a minute, which the timestamps do not show
			late = time.Minute
		}
		v.packet(n, late, false)
	}
	if v.log.Concealed != 0 || v.log.Played < 290*20e6 {
		t.Errorf("%v concealed", time.Duration(v.log.Concealed))
	}
}

// Nothing is sent while a participant is muted: the numbers go on where they stopped.
func TestASilenceIsNotConcealed(t *testing.T) {
	var v voice
	for n := range 100 {
		v.packet(n, 0, false)
	}
	for n := range 100 {
		at := int64(5e9) + int64(n+1000)*20e6
		v.log.packet(int64(n+100)+70000, uint32(n+1000)*960, at, false, false)
	}
	if v.log.Concealed != 0 {
		t.Errorf("%v concealed", time.Duration(v.log.Concealed))
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	var v voice
	for n := range 2000 { // all at once, and for the same time: none is played in between
		v.log.packet(int64(n)+70000, 0, 5e9, false, false)
		if len(v.log.heard) > concealWindow || len(v.log.fastest) > concealWindow {
			t.Fatalf("%d packets, %d transits", len(v.log.heard), len(v.log.fastest))
		}
	}
}
