package audiorank

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

const packetTime = 20 * time.Millisecond

// hall is a set of microphones in virtual time.
type hall struct {
	now    time.Time
	levels map[int]*Level
	ranker Ranker[int]
	order  []int

	voices map[int]*Voice[int]
	full   fullRanker[int]
}

// voice and noise are levels in -dBov.
const (
	voice = 30
	quiet = 90
)

func newHall(microphones int) *hall {
	h := &hall{now: time.Unix(5000, 0), levels: map[int]*Level{}, voices: map[int]*Voice[int]{}}
	for i := range microphones {
		h.levels[i] = &Level{}
	}
	return h
}

// update tells the ranker what has changed, and compares the order with that of a full computation.
func (h *hall) update() {
	for k, v := range h.voices {
		if h.levels[k] == nil {
			h.ranker.Close(v)
			delete(h.voices, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(h.levels)) {
		if level := h.levels[k]; level != nil {
			if h.voices[k] == nil {
				h.voices[k] = h.ranker.Open(k)
			}
			if h.voices[k].level != *level {
				h.ranker.Hear(h.voices[k], *level)
			}
		}
	}
	before := h.order
	changed := h.ranker.Update(h.now)
	h.order = nil
	for _, v := range h.ranker.Order() {
		h.order = append(h.order, v.Key)
	}
	if full := h.full.update(h.levels, h.now); !slices.Equal(h.order, full) {
		panic(fmt.Sprintf("the order is %v, computed from scratch %v", h.order, full))
	}
	if !changed && !slices.Equal(h.order, before) {
		panic(fmt.Sprintf("%v became %v unnoticed", before, h.order))
	}
}

// run lets time pass: each packet time every microphone in says sends a packet of that level and the others nothing.
func (h *hall) run(d time.Duration, says map[int]uint8) {
	for end := h.now.Add(d); h.now.Before(end); {
		h.now = h.now.Add(packetTime)
		for k, level := range says {
			h.levels[k].Observe(level, h.now)
		}
		h.update()
	}
}

func (h *hall) everybody(level uint8) map[int]uint8 {
	says := map[int]uint8{}
	for k := range h.levels {
		says[k] = level
	}
	return says
}

func (h *hall) place(k int) int { return slices.Index(h.order, k) }

func TestANewVoiceIsAmongTheFirstFourWithin60ms(t *testing.T) {
	for _, c := range []struct {
		name   string
		others func(h *hall) map[int]uint8
	}{
		{"over silence", func(h *hall) map[int]uint8 { return h.everybody(127) }},
		{"over DTX", func(*hall) map[int]uint8 { return map[int]uint8{} }},
		{"over background noise", func(h *hall) map[int]uint8 { return h.everybody(quiet) }},
		{"over three talkers", func(h *hall) map[int]uint8 {
			says := h.everybody(127)
			says[10], says[20], says[30] = voice, voice+3, voice-3
			return says
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHall(100)
			says := c.others(h)
			h.run(2*time.Second, says)
			says[77] = voice
			h.run(3*packetTime, says)
			if h.place(77) >= 4 {
				t.Errorf("the new voice is number %d after 60 ms", h.place(77))
			}
			if !h.levels[77].Speaking(h.now) {
				t.Error("and does not count as speaking")
			}
		})
	}
}

func TestASofterVoiceSpeaksWithin100ms(t *testing.T) {
	h := newHall(2)
	h.run(time.Second, h.everybody(127))
	h.run(4*packetTime, map[int]uint8{1: 49})
	if !h.levels[1].Speaking(h.now) || h.levels[0].Speaking(h.now) {
		t.Error("a voice of -49 dBov is not heard")
	}
}

func TestACoughDoesNotSpeak(t *testing.T) {
	h := newHall(1)
	h.run(time.Second, h.everybody(127))
	h.run(packetTime, h.everybody(voice))
	if h.levels[0].Speaking(h.now) {
		t.Error("one packet makes a speaker")
	}
}

func TestWithinSixDecibelsNobodyMoves(t *testing.T) {
	h := newHall(8)
	says := map[int]uint8{}
	for k := range 8 {
		says[k] = uint8(voice + k)
	}
	h.run(time.Second, says)
	before := slices.Clone(h.order)
	for round := range 50 { // everybody wavers by three to either side
		for k := range 8 {
			says[k] = uint8(voice + 3*((k+round)%2))
		}
		h.run(100*time.Millisecond, says)
		if !slices.Equal(h.order, before) {
			t.Fatalf("round %d: %v became %v", round, before, h.order)
		}
	}
}

func TestClearlyLouderOvertakes(t *testing.T) {
	h := newHall(3)
	h.run(time.Second, map[int]uint8{0: 50, 1: 60, 2: 90})
	h.run(time.Second, map[int]uint8{0: 50, 1: 40, 2: 90})
	if !slices.Equal(h.order, []int{1, 0, 2}) {
		t.Errorf("order %v", h.order)
	}
}

func TestMoreThanSixDecibelsIsClearlyLouder(t *testing.T) {
	for difference, want := range map[uint8]bool{6: false, 7: true} {
		h := newHall(2)
		h.run(time.Second, map[int]uint8{0: voice, 1: 127})
		h.run(10*time.Second, map[int]uint8{0: voice, 1: voice - difference})
		if got := h.place(1) == 0; got != want {
			t.Errorf("%d dB louder: overtook %v", difference, got)
		}
	}
}

func TestALadderOfSmallStepsDoesNotShutOutTheLoudest(t *testing.T) {
	// Each is 5 dB louder than the one before: no neighbour may overtake its neighbour, yet the last is 45 dB louder than
	// the first.
	h := newHall(10)
	says := map[int]uint8{}
	for k := range 10 {
		says[k] = uint8(100 - 5*k)
	}
	h.run(2*time.Second, says)
	if h.place(9) >= 4 {
		t.Errorf("the loudest is number %d of %v", h.place(9), h.order)
	}
}

func TestWhoFallsSilentUnderDTXMakesWayForOthers(t *testing.T) {
	for name, comfort := range map[string]bool{"nothing is sent": false, "a comfort noise packet every 400 ms": true} {
		t.Run(name, func(t *testing.T) {
			h := newHall(2)
			h.run(time.Second, map[int]uint8{0: voice})
			if h.place(0) != 0 || !h.levels[0].Speaking(h.now) {
				t.Fatal("the talker is not first")
			}
			for range 3 {
				if comfort {
					h.run(packetTime, map[int]uint8{0: 127, 1: quiet})
				}
				h.run(380*time.Millisecond, map[int]uint8{1: quiet})
			}
			if h.place(0) != 1 || h.levels[0].Speaking(h.now) {
				t.Errorf("order %v, speaking %v", h.order, h.levels[0].Speaking(h.now))
			}
		})
	}
}

func TestABreathDoesNotEndSpeaking(t *testing.T) {
	h := newHall(1)
	h.run(time.Second, h.everybody(voice))
	for range 15 {
		h.run(packetTime, h.everybody(127))
		if !h.levels[0].Speaking(h.now) {
			t.Fatalf("not speaking any more after %v of pause", h.now.Sub(h.levels[0].lastSpoke))
		}
	}
	h.run(300*time.Millisecond, h.everybody(127))
	if h.levels[0].Speaking(h.now) {
		t.Error("still speaking after 600 ms of pause")
	}
}

func TestOrderIsStableWhileNothingChanges(t *testing.T) {
	h := newHall(100)
	says := h.everybody(quiet)
	h.run(time.Second, says)
	before := slices.Clone(h.order)
	if !slices.IsSorted(before) {
		t.Error("those who come together are not in the order of their names")
	}
	h.run(time.Second, says)
	if !slices.Equal(h.order, before) {
		t.Error("the order changed")
	}
}

func TestMicrophonesComeAndGo(t *testing.T) {
	h := newHall(3)
	h.run(time.Second, map[int]uint8{0: 127, 1: voice, 2: 127})
	delete(h.levels, 1)
	h.levels[7], h.levels[5] = &Level{}, &Level{}
	h.run(packetTime, nil)
	if !slices.Equal(h.order, []int{0, 2, 5, 7}) {
		t.Errorf("order %v", h.order)
	}
	clear(h.levels)
	h.run(packetTime, nil)
	if len(h.order) != 0 || len(h.ranker.active) != 0 {
		t.Errorf("order %v, %d active", h.order, len(h.ranker.active))
	}
	h.levels[1] = &Level{}
	h.levels[2] = nil
	h.run(packetTime, nil)
	if !slices.Equal(h.order, []int{1}) {
		t.Errorf("order %v", h.order)
	}
}

func TestLevelsBeyond127AndAClockGoingBackDoNoHarm(t *testing.T) {
	l := &Level{}
	now := time.Unix(1000, 0)
	l.Observe(0, now)
	l.Observe(255, now.Add(-time.Hour))
	l.Observe(255, now.Add(24*time.Hour))
	if got := l.at(now.Add(24 * time.Hour)); got != 0 {
		t.Errorf("loudness %v", got)
	}
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	h := newHall(100)
	h.run(time.Second, h.everybody(quiet))
	round := 0
	if n := testing.AllocsPerRun(200, func() {
		round++
		h.now = h.now.Add(packetTime)
		h.levels[round%100].Observe(voice, h.now)
		h.ranker.Hear(h.voices[round%100], *h.levels[round%100])
		h.ranker.Update(h.now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Of a thousand open microphones, only those that are heard cost anything.
func TestAnUpdateCostsWhatIsHeard(t *testing.T) {
	h := newHall(1000)
	h.run(time.Second, map[int]uint8{500: voice, 900: quiet})
	if got := h.ranker.Heard(); got != 2 {
		t.Errorf("%d microphones are looked at", got)
	}
	if !slices.Equal(h.order[:2], []int{500, 900}) {
		t.Errorf("order %v", h.order[:3])
	}
	if got := h.ranker.Speaking(nil, 16, h.now); !slices.Equal(got, []int{500}) {
		t.Errorf("%v speak", got)
	}
	h.run(time.Second, nil)
	if got := h.ranker.Heard(); got != 0 {
		t.Errorf("%d microphones are looked at in silence", got)
	}
}

// FuzzRanker lets microphones come, go and change, and asserts what Update promises.
func FuzzRanker(f *testing.F) {
	f.Add([]byte{0, 30, 1, 40, 2, 127, 3, 30, 0x80, 0, 1, 90, 2, 10})
	f.Add([]byte{0, 100, 1, 95, 2, 90, 3, 85, 4, 80, 5, 75, 6, 70, 7, 65, 8, 60})
	f.Add([]byte{0x41, 9, 0x42, 9, 0x43, 9, 1, 1, 0x41, 9, 0xc0, 255, 2, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		h := newHall(4)
		for i := 0; i+1 < len(script) && i < 1000; i += 2 {
			k, arg := int(script[i]&0x1f), script[i+1]
			switch script[i] >> 6 {
			case 0:
				if h.levels[k] == nil {
					h.levels[k] = &Level{}
				}
				for range 3 {
					h.levels[k].Observe(arg, h.now)
				}
			case 1:
				delete(h.levels, k)
			default:
				h.now = h.now.Add(time.Duration(arg) * 4 * time.Millisecond)
			}
			before := slices.Clone(h.order)
			h.update()
			h.checkPromise(t, before)
		}
	})
}

func (h *hall) checkPromise(t *testing.T, before []int) {
	t.Helper()
	if len(h.order) != len(h.levels) {
		t.Fatalf("%d microphones, order %v", len(h.levels), h.order)
	}
	seen := map[int]bool{}
	for i, k := range h.order {
		if seen[k] || h.levels[k] == nil {
			t.Fatalf("%d is in the order twice or not open: %v", k, h.order)
		}
		seen[k] = true
		for _, behind := range h.order[i+1:] {
			a, b := h.levels[k].at(h.now), h.levels[behind].at(h.now)
			if b > a+margin {
				t.Fatalf("%d at %v is behind %d at %v: %v", behind, b, k, a, h.order)
			}
			// Who was behind and is not louder has not come to the front.
			was, wasBehind := slices.Index(before, k), slices.Index(before, behind)
			if was > wasBehind && wasBehind >= 0 && a < b {
				t.Fatalf("%d at %v overtook %d at %v: %v became %v", k, a, behind, b, before, h.order)
			}
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	h := newHall(100)
	h.run(time.Second, h.everybody(quiet))
	b.ReportAllocs()
	for b.Loop() {
		h.now = h.now.Add(packetTime)
		h.levels[3].Observe(voice, h.now)
		h.ranker.Hear(h.voices[3], *h.levels[3])
		h.ranker.Update(h.now)
	}
}
