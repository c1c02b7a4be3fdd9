package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp/codecs"

	"conclave/sfu/codec"
)

type fixture struct {
	name    string
	kind    codec.Kind
	payload []byte
	want    codec.Info
}

// vp8Key are the first bytes of a VP8 key frame, 640 by 360 (RFC 6386 §9.1); vp8Delta those of a delta frame. What
// follows may be encrypted.
var (
	vp8Key   = []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x41}
	vp8Delta = []byte{0x31, 0x00, 0x00}
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func fixtures() []fixture {
	cipher := []byte{0xff, 0xee, 0xdd, 0xcc}
	return []fixture{
		{"VP8 key frame without extension", codec.VP8, join([]byte{0x10}, vp8Key, cipher),
			codec.Info{Height: 360, FrameStart: true, KeyStart: true}},
		{"VP8 delta frame without extension", codec.VP8, join([]byte{0x10}, vp8Delta, cipher), codec.Info{FrameStart: true}},
		{"VP8 continuation that looks like a key frame", codec.VP8, join([]byte{0x00}, vp8Key), codec.Info{}},
		{"VP8 second partition that looks like a key frame", codec.VP8, join([]byte{0x11}, vp8Key), codec.Info{}},
		{"VP8 key frame, 7-bit picture id", codec.VP8, join([]byte{0x90, 0x80, 0x7f}, vp8Key),
			codec.Info{PictureID: 127, PictureIDAt: 2, Height: 360, FrameStart: true, KeyStart: true}},
		{"VP8 key frame, everything", codec.VP8, join([]byte{0x90, 0xf0, 0xff, 0xfe, 0x12, 0x2f}, vp8Key, cipher),
			codec.Info{PictureID: 0x7ffe, PictureIDAt: 2, LongPicture: true, TL0PicIdx: 0x12, TL0At: 4, Sync: true,
				Height: 360, FrameStart: true, KeyStart: true}},
		{"VP8 temporal layer 2", codec.VP8, join([]byte{0x90, 0xe0, 0x81, 0x02, 0x12, 0xa0}, vp8Delta),
			codec.Info{PictureID: 0x102, PictureIDAt: 2, LongPicture: true, TL0PicIdx: 0x12, TL0At: 4, TID: 2, Sync: true,
				FrameStart: true}},
		{"VP8 KEYIDX is no temporal layer", codec.VP8, join([]byte{0x90, 0x10, 0xdf}, vp8Delta),
			codec.Info{FrameStart: true}},
		{"VP8 TL0PICIDX without picture id", codec.VP8, join([]byte{0x90, 0x40, 0x33}, vp8Delta),
			codec.Info{TL0PicIdx: 0x33, TL0At: 2, FrameStart: true}},
		{"VP8 key frame whose start code is encrypted", codec.VP8, join([]byte{0x10}, vp8Key[:3], cipher, cipher),
			codec.Info{FrameStart: true, KeyStart: true}},
		{"VP9 key frame, no extension", codec.VP9, join([]byte{0x08}, cipher), codec.Info{FrameStart: true, KeyStart: true}},
		{"VP9 inter frame", codec.VP9, join([]byte{0x48}, cipher), codec.Info{FrameStart: true}},
		{"VP9 continuation", codec.VP9, join([]byte{0x00}, cipher), codec.Info{}},
		{"VP9 key frame, 7-bit picture id", codec.VP9, join([]byte{0x88, 0x7f}, cipher),
			codec.Info{PictureID: 127, PictureIDAt: 1, FrameStart: true, KeyStart: true}},
		{"VP9 L1T3, temporal layer 2", codec.VP9, join([]byte{0xe8, 0x81, 0x02, 0x50, 0x44}, cipher),
			codec.Info{PictureID: 0x102, PictureIDAt: 1, LongPicture: true, TID: 2, Sync: true, TL0PicIdx: 0x44, TL0At: 4,
				FrameStart: true}},
		{"VP9 upper spatial layer of a key frame", codec.VP9, join([]byte{0x28, 0x03, 0x44}, cipher),
			codec.Info{TL0PicIdx: 0x44, TL0At: 2}},
		{"VP9 flexible, three references", codec.VP9, join([]byte{0xf8, 0x01, 0x00, 0x03, 0x05, 0x06}, cipher),
			codec.Info{PictureID: 1, PictureIDAt: 1, FrameStart: true}},
		{"VP9 key frame with scalability structure", codec.VP9,
			join([]byte{0xaa, 0x01, 0x00, 0x07, 0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0x02, 0x14, 0x01, 0x28,
				0x01, 0x02}, cipher),
			codec.Info{PictureID: 1, PictureIDAt: 1, TL0PicIdx: 7, TL0At: 3, Height: 360, FrameStart: true, KeyStart: true}},
		{"AV1 new sequence", codec.AV1, join([]byte{0x18}, cipher), codec.Info{FrameStart: true, KeyStart: true}},
		{"AV1 frame", codec.AV1, join([]byte{0x10}, cipher), codec.Info{FrameStart: true}},
		{"AV1 continuation", codec.AV1, join([]byte{0x90}, cipher), codec.Info{}},
		{"AV1 continuation that claims a new sequence", codec.AV1, join([]byte{0x98}, cipher), codec.Info{}},
		{"Opus", codec.Opus, []byte{0xfc, 0xff, 0xfe}, codec.Info{FrameStart: true, KeyStart: true}},
		{"Opus DTX", codec.Opus, []byte{0xfc}, codec.Info{FrameStart: true, KeyStart: true}},
	}
}

func TestParse(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			got, err := codec.Parse(f.kind, f.payload)
			if err != nil || got != f.expected() {
				t.Errorf("got %+v, %v\nwant %+v", got, err, f.expected())
			}
			check(t, f.kind, f.payload)
		})
	}
}

// expected is want, with what follows from the other fields: where the frame begins, and that most codecs have no
// spatial layers.
func (f fixture) expected() codec.Info {
	want := f.want
	want.FrameAt = uint16(descriptorLen(f))
	want.LayerStart = want.FrameStart || f.kind == codec.VP9 && f.payload[0]&0x08 != 0
	return want
}

// check parses payload and asserts what must hold of any bytes.
func check(tb testing.TB, kind codec.Kind, payload []byte) {
	tb.Helper()
	before := bytes.Clone(payload)
	in, err := codec.Parse(kind, payload)
	if !bytes.Equal(before, payload) {
		tb.Fatal("parsing changed the payload")
	}
	if err != nil {
		if !errors.Is(err, codec.ErrMalformed) {
			tb.Fatalf("unexpected error %v", err)
		}
	} else {
		if in.KeyStart && !in.FrameStart || in.FrameStart && !in.LayerStart {
			tb.Fatal("a key frame starts where no frame does")
		}
		if int(in.FrameAt) >= len(payload) {
			tb.Fatalf("the frame begins at %d of %d", in.FrameAt, len(payload))
		}
		if in.Height != 0 && !in.KeyStart {
			tb.Fatal("a height without a key frame")
		}
	}
	switch kind {
	case codec.VP8:
		checkVP8(tb, payload, in, err)
	case codec.VP9:
		checkVP9(tb, payload, in, err)
	default:
	}
}

func checkVP8(tb testing.TB, payload []byte, in codec.Info, err error) {
	tb.Helper()
	var oracle codecs.VP8Packet
	rest, oracleErr := oracle.Unmarshal(payload)
	if err != nil {
		if oracleErr == nil && len(rest) > 0 {
			tb.Fatalf("refused what pion/rtp accepts: %x", payload)
		}
		return
	}
	if oracleErr != nil {
		tb.Fatalf("accepted what pion/rtp refuses (%v): %x", oracleErr, payload)
	}
	if in.PictureID != oracle.PictureID || in.TL0PicIdx != oracle.TL0PICIDX || in.TID != oracle.TID ||
		in.FrameStart != (oracle.S == 1 && oracle.PID == 0) || (in.PictureIDAt != 0) != (oracle.I == 1) ||
		(in.TL0At != 0) != (oracle.L == 1) {
		tb.Fatalf("read %+v, pion/rtp %+v", in, oracle)
	}
	checkPatch(tb, codec.VP8, payload, in)
}

// checkPatch asserts that a patched payload reads as patched, that nothing else changed, and that patching again is the
// same.
func checkPatch(tb testing.TB, kind codec.Kind, payload []byte, in codec.Info) {
	tb.Helper()
	patched := bytes.Clone(payload)
	codec.Patch(patched, in, 0xabcd, 0x5a)
	want := in
	if in.PictureIDAt != 0 {
		want.PictureID = 0xabcd & 0x7fff
		if !in.LongPicture {
			want.PictureID &= 0x7f
		}
	}
	if in.TL0At != 0 {
		want.TL0PicIdx = 0x5a
	}
	got, err := codec.Parse(kind, patched)
	if err != nil || got != want {
		tb.Fatalf("after the patch %+v, %v, want %+v", got, err, want)
	}
	again := bytes.Clone(patched)
	codec.Patch(again, in, 0xabcd, 0x5a)
	if !bytes.Equal(again, patched) {
		tb.Fatal("patching twice is not patching once")
	}
	codec.Patch(again, in, in.PictureID, in.TL0PicIdx)
	if !bytes.Equal(again, payload) {
		tb.Fatal("patching back does not restore the payload")
	}
}

func checkVP9(tb testing.TB, payload []byte, in codec.Info, err error) {
	tb.Helper()
	var oracle codecs.VP9Packet
	rest, oracleErr := oracle.Unmarshal(payload)
	if err != nil {
		if oracleErr == nil && len(rest) > 0 {
			tb.Fatalf("refused what pion/rtp accepts: %x", payload)
		}
		return
	}
	if oracleErr != nil {
		return // pion/rtp refuses more than five spatial layers; nobody sends them, nor do they hurt
	}
	if in.PictureID != oracle.PictureID || in.TL0PicIdx != oracle.TL0PICIDX || in.TID != oracle.TID ||
		in.KeyStart != (oracle.B && oracle.SID == 0 && !oracle.P) {
		tb.Fatalf("read %+v, pion/rtp %+v", in, oracle)
	}
	if in.KeyStart && oracle.V && oracle.Y && in.Height != oracle.Height[len(oracle.Height)-1] {
		tb.Fatalf("height %d, pion/rtp %v", in.Height, oracle.Height)
	}
	if (in.PictureIDAt != 0) != oracle.I || (in.TL0At != 0) != (oracle.L && !oracle.F) {
		tb.Fatalf("read %+v, pion/rtp %+v", in, oracle)
	}
	checkPatch(tb, codec.VP9, payload, in)
}

// descriptorLen is how many bytes the descriptor has: what must be there, and one byte more.
func descriptorLen(f fixture) int {
	for n := len(f.payload) - 1; n >= 0; n-- {
		if _, err := codec.Parse(f.kind, f.payload[:n]); err != nil {
			return n
		}
	}
	return 0
}

func TestTruncationAtEveryLength(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			short := descriptorLen(f)
			for n := range f.payload {
				payload := bytes.Clone(f.payload[:n])
				check(t, f.kind, payload)
				// What is malformed stays so when more is cut off: there is one boundary, not several.
				if _, err := codec.Parse(f.kind, payload); (err != nil) != (n <= short) {
					t.Errorf("%d bytes of %d: %v", n, len(f.payload), err)
				}
			}
		})
	}
}

func TestOnlyTheClearPrefixIsRead(t *testing.T) {
	// End-to-end encryption leaves clear the descriptor and the first 10 bytes of a VP8 key frame, 3 of a delta frame.
	for _, f := range fixtures() {
		if f.kind == codec.AV1 || f.kind == codec.Opus {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			clearLen := descriptorLen(f) + 1
			if f.kind == codec.VP8 {
				clearLen = min(len(f.payload), clearLen-1+10)
			}
			encrypted := bytes.Clone(f.payload)
			for i := clearLen; i < len(encrypted); i++ {
				encrypted[i] ^= 0xa5
			}
			if got, err := codec.Parse(f.kind, encrypted); err != nil || got != f.expected() {
				t.Errorf("got %+v, %v\nwant %+v", got, err, f.expected())
			}
		})
	}
}

func TestEveryFlippedBitNeverPanics(t *testing.T) {
	for _, f := range fixtures() {
		for bit := range 8 * len(f.payload) {
			payload := bytes.Clone(f.payload)
			payload[bit/8] ^= 1 << (bit % 8)
			check(t, f.kind, payload)
		}
	}
}

func TestEmptyPayloadIsMalformed(t *testing.T) {
	for _, kind := range []codec.Kind{codec.Opus, codec.VP8, codec.VP9, codec.AV1, codec.H264} {
		if _, err := codec.Parse(kind, nil); !errors.Is(err, codec.ErrMalformed) {
			t.Errorf("codec %d: %v", kind, err)
		}
	}
}

func TestPatchLeavesCodecsWithoutPictureIDsAlone(t *testing.T) {
	for _, f := range fixtures() {
		if f.kind == codec.VP8 || f.kind == codec.VP9 {
			continue
		}
		patched := bytes.Clone(f.payload)
		codec.Patch(patched, f.want, 0x7fff, 0xff)
		if !bytes.Equal(patched, f.payload) {
			t.Errorf("%s: %x became %x", f.name, f.payload, patched)
		}
	}
}

func TestVP9WithFourReferencesIsMalformed(t *testing.T) {
	if _, err := codec.Parse(codec.VP9, []byte{0x50, 0x03, 0x05, 0x07, 0x06, 1, 2, 3}); !errors.Is(err,
		codec.ErrMalformed) {
		t.Error(err)
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	for _, f := range fixtures() {
		if n := testing.AllocsPerRun(100, func() { _, _ = codec.Parse(f.kind, f.payload) }); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, x := range fixtures() {
		f.Add(uint8(x.kind), x.payload)
	}
	f.Fuzz(func(t *testing.T, kind uint8, payload []byte) { check(t, codec.Kind(kind%4), payload) })
}

func BenchmarkParseVP8(b *testing.B) {
	payload := fixtures()[5].payload
	b.ReportAllocs()
	for b.Loop() {
		in, err := codec.Parse(codec.VP8, payload)
		if err != nil {
			b.Fatal(err)
		}
		codec.Patch(payload, in, in.PictureID, in.TL0PicIdx)
	}
}
