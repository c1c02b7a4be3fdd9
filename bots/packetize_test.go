package bots

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

func TestTheClipIsWhatItSays(t *testing.T) {
	c, err := LoadClip()
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string][2]int{"q": {320, 180}, "h": {640, 360}, "f": {1280, 720}}
	for _, v := range c.Video {
		if got := [2]int{v.Width, v.Height}; got != sizes[v.RID] {
			t.Errorf("%s is %v", v.RID, got)
		}
		if len(v.Frames) != 8*videoFPS {
			t.Errorf("%s has %d frames", v.RID, len(v.Frames))
		}
		for i, f := range v.Frames {
			if vp8KeyFrame(f) != (i == 0) {
				t.Errorf("%s: frame %d: key frame %v", v.RID, i, vp8KeyFrame(f))
			}
			if f[0]&0x10 == 0 { // RFC 6386 §9.1: show_frame
				t.Errorf("%s: frame %d is invisible", v.RID, i)
			}
		}
	}
	if n := len(c.Audio.Packets); n < 8*audioPPS || n > 8*audioPPS+2 || len(c.Audio.Levels) != n {
		t.Errorf("%d audio packets, %d levels", n, len(c.Audio.Levels))
	}
}

func TestTheBenchClipIs120EqualPacketsASecond(t *testing.T) {
	c, err := LoadClip()
	if err != nil {
		t.Fatal(err)
	}
	v := c.bench(false).Video[0]
	for i, f := range v.Frames[1:] {
		if n, size := fragments(len(f) + stampSize); n != 4 || size != maxFragment {
			t.Fatalf("frame %d: %d packets of %d", i+1, n, size)
		}
	}
	if !vp8KeyFrame(v.Frames[0]) {
		t.Error("does not begin with a key frame")
	}
}

func TestAStampSurvivesAndDecodersDoNotSeeIt(t *testing.T) {
	at := time.Unix(1_700_000_000, 123456789)
	padded, ok := padOpus([]byte{0x78, 1, 2, 3})
	if !ok {
		t.Fatal("no room")
	}
	putStamp(padded, at)
	got, ok := readStamp(padded)
	if !ok || !got.Equal(at) {
		t.Errorf("read %v %v", got, ok)
	}
	// RFC 6716 §3.2.5: code 3, one frame, CBR, with padding; between the three bytes of header and the padding lies the frame.
	if padded[0] != 0x7B || padded[1] != 0x41 || padded[2] != stampSize || !bytes.Equal(padded[3:6], []byte{1, 2, 3}) || len(padded) != 6+stampSize {
		t.Errorf("% x", padded)
	}
	if _, ok := padOpus([]byte{0x79, 1}); ok {
		t.Error("padded a packet of code 1")
	}
	if _, ok := readStamp([]byte("no stamp in here")); ok {
		t.Error("read a stamp where there is none")
	}
}

func TestFragmentsCoverTheFrame(t *testing.T) {
	for n := 1; n < 5*maxFragment; n++ {
		count, size := fragments(n)
		if size > maxFragment || count*size < n || (count-1)*size >= n {
			t.Fatalf("%d bytes: %d × %d", n, count, size)
		}
	}
}

func TestDescriptorsAreReadByOthers(t *testing.T) {
	for _, first := range []bool{true, false} {
		b := make([]byte, vp8DescriptorSize+3)
		putVP8Descriptor(b, first, 0x1234, 77, 0)
		var p codecs.VP8Packet
		if _, err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if (p.S == 1) != first || p.PID != 0 || p.PictureID != 0x1234 || p.TL0PICIDX != 77 || p.TID != 0 || len(p.Payload) != 3 {
			t.Errorf("%+v", p)
		}
		if start, key := vp8Start(b); start != first || key != first { // payload byte 0: a key frame's
			t.Errorf("start %v, key %v", start, key)
		}
	}
}

// FuzzVP8Start checks that no descriptor makes the reader fail, and that it agrees with Pion's where both understand.
func FuzzVP8Start(f *testing.F) {
	f.Add([]byte{0x90, 0xE0, 0x92, 0x34, 7, 0x20, 0x10, 2, 0})
	f.Add([]byte{0x10, 0})
	f.Add([]byte{0x90, 0x80, 0x12, 1})
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		start, key := vp8Start(b)
		var p codecs.VP8Packet
		payload, err := p.Unmarshal(b)
		if err != nil || len(payload) == 0 {
			return
		}
		if want := p.S == 1 && b[0]&0x0F == 0; start != want || key != (want && payload[0]&1 == 0) {
			t.Errorf("% x: start %v key %v", b, start, key)
		}
	})
}

// FuzzParseRTP checks that no datagram makes the reader fail, and that it agrees with Pion's.
func FuzzParseRTP(f *testing.F) {
	h := rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 7, Timestamp: 9, SSRC: 11, CSRC: []uint32{5}}
	_ = h.SetExtension(3, []byte{1, 2})
	raw, _ := (&rtp.Packet{Header: h, Payload: []byte{1, 2, 3}}).Marshal()
	f.Add(raw)
	f.Add([]byte{0x80, 0x60})
	f.Add([]byte{0x9F, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := parseRTP(b)
		if !ok {
			return
		}
		if v.headerLen > len(b) {
			t.Fatalf("header of %d bytes in %d", v.headerLen, len(b))
		}
		got := v.extension(3)
		var h rtp.Header
		n, err := h.Unmarshal(b)
		if err != nil || h.Extension && h.ExtensionProfile != 0xBEDE {
			return
		}
		if v.ssrc != h.SSRC || v.seq != h.SequenceNumber || v.timestamp != h.Timestamp || v.marker != h.Marker {
			t.Errorf("%+v is not %+v", v, h)
		}
		if want := h.GetExtension(3); n == v.headerLen && got != nil && !bytes.Equal(got, want) {
			t.Errorf("extension % x, want % x", got, want)
		}
	})
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
		b := make([]byte, vp8DescriptorSize)
		putVP8Descriptor(b, true, 1, 1, frame)
		if tid, sync := b[5]>>6, b[5]&0x20 != 0; tid != want.tid || sync != want.sync {
			t.Errorf("frame %d: layer %d, sync %v", frame, tid, sync)
		}
	}
}
