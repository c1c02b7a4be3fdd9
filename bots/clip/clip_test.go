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
