package bwe

import (
	"slices"
	"testing"
	"time"
)

// narrowMeeting is a meeting of nine on half a megabit that has settled: with so many voices, and eight pictures or
// none.
func narrowMeeting(t *testing.T, seed uint64, voices, pictures int) *meeting {
	t.Helper()
	l := stepLink(seed)
	l.delay, l.frame = 25*time.Millisecond, 14
	m := newMeeting(t, l, pictures, 360, voices)
	m.voice, m.first, m.signalling = 60_000, int64(voices)*60_000, 20_000
	l.rate = mbit / 2
	l.run(20 * time.Second)
	return m
}

// sound is how long packets of sound lay in the queue while d went by: the 95 of 100 that lay shortest, and the
// longest.
func (m *meeting) sound(d time.Duration) (p95, longest time.Duration) {
	m.waits, m.unheard = m.waits[:0], 0
	m.f.l.run(d)
	list := make([]time.Duration, len(m.waits))
	for i, w := range m.waits {
		list[i] = w.lay
	}
	slices.Sort(list)
	return list[len(list)*95/100], list[len(list)-1]
}

// On half a megabit sound and pictures share one queue, which is kept short: sound lies in it for less than a quarter
// of a second, half of that nearly always, and none is lost.
func TestSoundBesidePicturesOnHalfAMegabit(t *testing.T) {
	for _, voices := range []int{1, 4} {
		for seed := range uint64(4) {
			m := narrowMeeting(t, seed, voices, 8)
			p95, longest := m.sound(time.Minute)
			shown, _ := m.watch(10 * time.Second)
			t.Logf("%d voices, meeting %d: sound lies %v (95 %%), %v at most; a picture %.0f %% of the time", voices, seed,
				p95.Round(time.Millisecond), longest.Round(time.Millisecond), 100*shown)
			if p95 > 130*time.Millisecond || longest > 250*time.Millisecond || m.unheard > 0 {
				t.Errorf("%d voices, meeting %d: sound lies %v (95 %%), %v at most, %d packets lost", voices, seed, p95, longest,
					m.unheard)
			}
			if shown < 0.9 {
				t.Errorf("%d voices, meeting %d: a picture %.0f %% of the time: it shows nothing", voices, seed, 100*shown)
			}
		}
	}
}

// Where a queue of 200 ms stands all of a sudden, pictures give way until it is gone: after three quarters of a second
// no sound lies in it for as long.
func TestAQueueOfTwoTenthsOfASecondIsLeftToSound(t *testing.T) {
	const queue, soon = 200 * time.Millisecond, 750 * time.Millisecond
	for _, voices := range []int{1, 4} {
		for seed := range uint64(4) {
			var took [2]time.Duration
			for i, pictures := range []int{0, 8} {
				m := narrowMeeting(t, seed, voices, pictures)
				l, began := m.f.l, m.f.l.now
				l.occupy(int(l.rate / 8 * int64(queue/time.Millisecond) / 1000))
				m.sound(2 * time.Second)
				for _, w := range m.waits {
					if w.lay > queue/2 {
						took[i] = w.sent.Sub(began)
					}
					if w.lay > queue && w.sent.Sub(began) > soon {
						t.Errorf("%d voices, meeting %d: sound lies %v, %v later", voices, seed, w.lay, w.sent.Sub(began))
					}
				}
				if took[i] == 0 || m.unheard > 0 {
					t.Fatalf("no queue, or %d packets of sound lost", m.unheard)
				}
			}
			t.Logf("%d voices, meeting %d: over 100 ms for %v, %v without pictures", voices, seed, took[1], took[0])
		}
	}
}
