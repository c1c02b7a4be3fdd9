package clip

import (
	"testing"

	"conclave/bots/payload"
)

func TestTheClipIsWhatItSays(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string][2]int{"q": {320, 180}, "h": {640, 360}, "f": {1280, 720}}
	for _, v := range c.Video {
		if got := [2]int{v.Width, v.Height}; got != sizes[v.RID] {
			t.Errorf("%s is %v", v.RID, got)
		}
		if len(v.Frames) != 8*VideoFPS {
			t.Errorf("%s has %d frames", v.RID, len(v.Frames))
		}
		for i, f := range v.Frames {
			if payload.VP8KeyFrame(f) != (i == 0) {
				t.Errorf("%s: frame %d: key frame %v", v.RID, i, payload.VP8KeyFrame(f))
			}
			if f[0]&0x10 == 0 { // RFC 6386 §9.1: show_frame
				t.Errorf("%s: frame %d is invisible", v.RID, i)
			}
		}
	}
	if n := len(c.Audio.Packets); n < 8*AudioPPS || n > 8*AudioPPS+2 || len(c.Audio.Levels) != n {
		t.Errorf("%d audio packets, %d levels", n, len(c.Audio.Levels))
	}
}

func TestTheBenchClipIs120EqualPacketsASecond(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	v := c.Bench(false).Video[0]
	for i, f := range v.Frames[1:] {
		if n, size := payload.Fragments(len(f) + payload.StampSize); n != 4 || size != payload.MaxFragment {
			t.Fatalf("frame %d: %d packets of %d", i+1, n, size)
		}
	}
	if !payload.VP8KeyFrame(v.Frames[0]) {
		t.Error("does not begin with a key frame")
	}
}

// FuzzContainers checks that no file makes the clip readers fail.
func FuzzContainers(f *testing.F) {
	for _, name := range []string{"q.ivf", "speech.ogg"} {
		raw, err := clipFiles.ReadFile("clips/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[:min(len(raw), 4096)])
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = parseIVF(raw)
		_, _ = parseOggOpus(raw)
	})
}

// The first frame after any that were left out for want of bandwidth must be one that says so: Y.
func TestTemporalLayersOfTheClip(t *testing.T) {
	for frame, want := range []struct {
		tid  uint8
		sync bool
	}{{0, true}, {2, true}, {1, true}, {2, false}, {0, true}} {
		b := make([]byte, payload.VP8DescriptorSize)
		payload.PutVP8Descriptor(b, true, 1, 1, frame)
		if tid, sync := b[5]>>6, b[5]&0x20 != 0; tid != want.tid || sync != want.sync {
			t.Errorf("frame %d: layer %d, sync %v", frame, tid, sync)
		}
	}
}
