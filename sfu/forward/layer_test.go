package forward

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/rtpview"
)

// A publisher with too little bandwidth stops its highest layer first. Viewers of it are to see the next one soon.
// Where nothing of a camera arrives, the path is at fault, and another layer would not come either.
func TestALayerThatOthersPassHasStopped(t *testing.T) {
	const frame = 66 * time.Millisecond
	for _, c := range []struct {
		name   string
		sent   []int // layers that go on
		frames int   // that come of them
		wait   time.Duration
		want   [3]bool
	}{
		{"the highest stops", []int{0, 1}, 12, 0, [3]bool{true, true, false}},
		{"the upper two stop", []int{0}, 12, 0, [3]bool{true, false, false}},
		{"one of the middle stops", []int{0, 2}, 8, 0, [3]bool{true, false, true}},
		{"the highest leaves out a few frames", []int{0, 1}, 5, 0, [3]bool{true, true, true}},
		{"nothing arrives for a second", nil, 0, time.Second, [3]bool{true, true, true}},
		{"nothing arrives for long", nil, 0, 2 * time.Second, [3]bool{}},
		{"a slow screen", []int{0, 1}, 2, 0, [3]bool{true, true, true}},
	} {
		track := &Track{Source: media.Camera}
		for i := range 3 {
			track.layers = append(track.layers, &Layer{track: track, index: i})
		}
		now, seq := time.Unix(1000, 0), uint64(1)
		send := func(i int) {
			seq++
			track.layers[i].accept(seq, &rtpview.View{Marker: true}, true, now)
		}
		for range 10 {
			now = now.Add(frame)
			for i := range 3 {
				send(i)
			}
		}
		step := frame
		if c.name == "a slow screen" {
			step = 500 * time.Millisecond
		}
		for range c.frames {
			now = now.Add(step)
			for _, i := range c.sent {
				send(i)
			}
		}
		now = now.Add(c.wait)
		for i, want := range c.want {
			if got := track.layers[i].Active(now); got != want {
				t.Errorf("%s: layer %d is active: %v", c.name, i, got)
			}
		}
		send(2)
		if !track.layers[2].Active(now) {
			t.Errorf("%s: the highest layer is back, and not active", c.name)
		}
	}
}

// A key frame of the next lower layer is asked for before a layer that somebody views counts as stopped.
func TestWhatTakesOverForALayerThatMayHaveStoppedIsAskedForAKeyFrame(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames int
		viewed bool
		want   [3]bool
	}{
		{"the highest may have stopped", suspectFrames, true, [3]bool{false, true, false}},
		{"it is late", suspectFrames - 1, true, [3]bool{}},
		{"nobody views it", suspectFrames, false, [3]bool{}},
	} {
		track := &Track{Source: media.Camera}
		for i := range 3 {
			track.layers = append(track.layers, &Layer{track: track, index: i})
		}
		if c.viewed {
			track.layers[2].addOutput(&output{})
		}
		now, seq := time.Unix(1000, 0), uint64(1)
		send := func(i int) {
			seq++
			track.layers[i].accept(seq, &rtpview.View{Marker: true}, true, now)
		}
		for i := range 3 {
			send(i)
		}
		for range c.frames {
			now = now.Add(66 * time.Millisecond)
			send(0)
			send(1)
		}
		for i, want := range c.want {
			if got := track.layers[i].wantKey.Load(); got != want {
				t.Errorf("%s: a key frame of layer %d is asked for: %v", c.name, i, got)
			}
		}
	}
}
