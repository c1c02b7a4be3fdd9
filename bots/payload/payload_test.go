package payload

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
)

func TestAStampSurvivesAndDecodersDoNotSeeIt(t *testing.T) {
	at := time.Unix(1_700_000_000, 123456789)
	padded, ok := PadOpus([]byte{0x78, 1, 2, 3})
	if !ok {
		t.Fatal("no room")
	}
	PutStamp(padded, at)
	got, ok := ReadStamp(padded)
	if !ok || !got.Equal(at) {
		t.Errorf("read %v %v", got, ok)
	}
	// RFC 6716 §3.2.5: code 3, one frame, CBR, with padding; between the three bytes of header and the padding lies the
	// frame.
	if padded[0] != 0x7B || padded[1] != 0x41 || padded[2] != StampSize ||
		!bytes.Equal(padded[3:6], []byte{1, 2, 3}) || len(padded) != 6+StampSize {
		t.Errorf("% x", padded)
	}
	if _, ok := PadOpus([]byte{0x79, 1}); ok {
		t.Error("padded a packet of code 1")
	}
	if _, ok := ReadStamp([]byte("no stamp in here")); ok {
		t.Error("read a stamp where there is none")
	}
}

func TestFragmentsCoverTheFrame(t *testing.T) {
	for n := 1; n < 5*MaxFragment; n++ {
		count, size := Fragments(n)
		if size > MaxFragment || count*size < n || (count-1)*size >= n {
			t.Fatalf("%d bytes: %d × %d", n, count, size)
		}
	}
}

func TestDescriptorsAreReadByOthers(t *testing.T) {
	for _, first := range []bool{true, false} {
		b := make([]byte, VP8DescriptorSize+3)
		PutVP8Descriptor(b, first, 0x1234, 77, 0)
		var p codecs.VP8Packet
		if _, err := p.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		if (p.S == 1) != first || p.PID != 0 || p.PictureID != 0x1234 || p.TL0PICIDX != 77 || p.TID != 0 ||
			len(p.Payload) != 3 {
			t.Errorf("%+v", p)
		}
		if start, key := VP8Start(b); start != first || key != first { // payload byte 0: a key frame's
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
		start, key := VP8Start(b)
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
