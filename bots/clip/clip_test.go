package clip

import (
	"testing"

	"conclave/bots/payload"
	"conclave/e2ee/sframe"
)

func TestTheClipIsWhatItSays(t *testing.T) {
	sizes := map[string][2]int{"q": {320, 180}, "h": {640, 360}, "f": {1280, 720}}
	for codec, seconds := range map[sframe.Codec]int{sframe.VP8: 8, sframe.VP9: 4, sframe.AV1: 4} {
		c := load(t, codec)
		for _, v := range c.Video {
			if got := [2]int{v.Width, v.Height}; got != sizes[v.RID] || v.Codec != codec {
				t.Errorf("%s of %v is %v of %v", v.RID, codec, got, v.Codec)
			}
			if len(v.Frames) != seconds*VideoFPS {
				t.Errorf("%s has %d frames", v.RID, len(v.Frames))
			}
			for i, f := range v.Frames {
				if payload.KeyFrame(codec, f) != (i == 0) {
					t.Errorf("%s of %v: frame %d: key frame %v", v.RID, codec, i, payload.KeyFrame(codec, f))
				}
				if codec == sframe.VP8 && f[0]&0x10 == 0 || codec == sframe.VP9 && f[0]&2 == 0 { // show_frame
					t.Errorf("%s of %v: frame %d is invisible", v.RID, codec, i)
				}
			}
		}
		if n := len(c.Audio.Packets); n < 8*AudioPPS || n > 8*AudioPPS+2 || len(c.Audio.Levels) != n {
			t.Errorf("%d audio packets, %d levels", n, len(c.Audio.Levels))
		}
	}
}

func load(t *testing.T, codec sframe.Codec) *Clip {
	t.Helper()
	c, err := Load(codec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheBenchClipIs120EqualPacketsASecond(t *testing.T) {
	for _, codec := range []sframe.Codec{sframe.VP8, sframe.VP9, sframe.AV1} {
		v := load(t, codec).Bench(false, false).Video[0]
		large := 0 // that are longer by themselves
		for _, f := range v.Frames[1:] {
			if len(f) > benchFrame {
				large++
			} else if n := payload.Fragments(len(f)); n != 4 || len(f) != 4*payload.MaxFragment {
				t.Fatalf("%v: %d packets of %d bytes", codec, n, len(f))
			}
		}
		if large > len(v.Frames)/20 {
			t.Errorf("%v: %d of %d frames are larger", codec, large, len(v.Frames))
		}
		if !payload.KeyFrame(codec, v.Frames[0]) {
			t.Errorf("%v: does not begin with a key frame", codec)
		}
	}
}

// Uneven frames are as many bytes as even ones together, nearly, and differ.
func TestTheBenchClipCanBeAsEncodersMakeIt(t *testing.T) {
	for _, codec := range []sframe.Codec{sframe.VP8, sframe.VP9, sframe.AV1} {
		even, uneven := load(t, codec).Bench(false, false).Video[0], load(t, codec).Bench(false, true).Video[0]
		sum := func(v Video) (total int, sizes map[int]bool) {
			sizes = map[int]bool{}
			for _, f := range v.Frames {
				total += len(f)
				sizes[len(f)] = true
			}
			return total, sizes
		}
		all, _ := sum(even)
		got, sizes := sum(uneven)
		if got < all*8/10 || got > all*11/10 || len(sizes) < len(uneven.Frames)/3 {
			t.Errorf("%v: %d bytes of %d sizes, even ones are %d bytes", codec, got, len(sizes), all)
		}
		if !payload.KeyFrame(codec, uneven.Frames[0]) {
			t.Errorf("%v: does not begin with a key frame", codec)
		}
	}
}

// FuzzContainers checks that no file makes the clip readers fail.
func FuzzContainers(f *testing.F) {
	for _, name := range []string{"vp8-q.ivf", "av1-q.ivf", "speech.ogg"} {
		raw, err := clipFiles.ReadFile("clips/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[:min(len(raw), 4096)])
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = parseIVF(raw, sframe.VP8)
		_, _ = parseIVF(raw, sframe.AV1)
		_, _ = parseOggOpus(raw)
	})
}
