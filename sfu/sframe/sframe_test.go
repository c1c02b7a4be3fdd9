package sframe_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"conclave/sfu/codec"
	"conclave/sfu/sframe"
)

// header encodes an SFrame header minimally (RFC 9605 §4.3).
func header(kid, ctr uint64) []byte {
	var config byte
	var rest []byte
	part := func(v uint64) byte {
		if v < 8 {
			return byte(v)
		}
		b := binary.BigEndian.AppendUint64(nil, v)
		b = bytes.TrimLeft(b, "\x00")
		rest = append(rest, b...)
		return 8 | byte(len(b)-1)
	}
	config = part(kid) << 4
	config |= part(ctr)
	return append([]byte{config}, rest...)
}

// kid is a key id as docs/e2ee.md makes it.
func kid(context, sender, epoch uint64) uint64 { return context<<20 | sender<<10 | epoch%1024 }

// encrypted is a whole frame: a header, as much ciphertext, a tag.
func encrypted(kid, ctr uint64, ciphertext int) []byte {
	b := header(kid, ctr)
	for range ciphertext + 16 {
		b = append(b, byte(rand.Uint32())) //nolint:gosec // any bytes will do
	}
	return b
}

// RFC 9605 appendix C.1 has these among its vectors.
func TestHeadersOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		kid, ctr uint64
		encoded  []byte
	}{
		{0, 0, []byte{0x00}}, {0, 1, []byte{0x01}}, {0, 0xff, []byte{0x08, 0xff}}, {0, 0x100, []byte{0x09, 0x01, 0x00}},
		{1, 0, []byte{0x10}}, {0xff, 0, []byte{0x80, 0xff}}, {0x100, 0xffff, []byte{0x99, 0x01, 0x00, 0xff, 0xff}},
		{0xffffffffffffffff, 0xffffffffffffffff, append([]byte{0xff}, bytes.Repeat([]byte{0xff}, 16)...)},
	} {
		if !bytes.Equal(header(c.kid, c.ctr), c.encoded) {
			t.Errorf("the test encodes %x %x as %x", c.kid, c.ctr, header(c.kid, c.ctr))
		}
		h, err := sframe.ParseHeader(append(c.encoded, 1, 2, 3))
		if err != nil || h != (sframe.Header{KID: c.kid, CTR: c.ctr, Len: len(c.encoded)}) {
			t.Errorf("%x: %+v, %v", c.encoded, h, err)
		}
	}
}

func TestEveryHeaderReadsAsWritten(t *testing.T) {
	for kidBits := range 65 {
		for ctrBits := range 65 {
			kid, ctr := uint64(1)<<kidBits-1, uint64(1)<<ctrBits-1
			b := header(kid, ctr)
			h, err := sframe.ParseHeader(b)
			if err != nil || h.KID != kid || h.CTR != ctr || h.Len != len(b) {
				t.Fatalf("%x: %+v, %v", b, h, err)
			}
			for n := range b {
				if h, err := sframe.ParseHeader(b[:n]); err == nil {
					t.Fatalf("%x is read as %+v", b[:n], h)
				}
			}
		}
	}
}

func TestHeadersThatAreNotMinimalAreRefused(t *testing.T) {
	for _, b := range [][]byte{{0x80, 0x07}, {0x80, 0x00}, {0x08, 0x00}, {0x08, 0x07}, {0x90, 0x00, 0xff},
		{0x09, 0x00, 0xff}, {0xf0, 0, 0, 0, 0, 0, 0, 0, 9}} {
		if h, err := sframe.ParseHeader(b); err == nil {
			t.Errorf("%x is read as %+v", b, h)
		}
	}
}

// payloads are the first packets of frames of every codec, with SFrame where it belongs.
func payloads(frame []byte) []struct {
	name    string
	kind    codec.Kind
	payload []byte
} {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	plain := []byte{0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1}
	size := byte(len(frame))
	return []struct {
		name    string
		kind    codec.Kind
		payload []byte
	}{
		{"Opus", codec.Opus, frame},
		{"VP8 key frame", codec.VP8, join([]byte{0x90, 0xe0, 0x80, 1, 2, 0x20}, plain, frame)},
		{"VP8 delta frame", codec.VP8, join([]byte{0x10, 0x11}, frame)},
		{"VP9 key frame", codec.VP9, join([]byte{0x8a, 0x81, 2, 0x10, 1, 0x40, 0, 0xb4}, frame)},
		{"VP9 delta frame", codec.VP9, join([]byte{0xe8, 0x81, 2, 0x40, 7}, frame)},
		{"VP9 upper spatial layer", codec.VP9, join([]byte{0xe8, 0x81, 2, 0x43, 7}, frame)},
		{"AV1 key frame", codec.AV1, join([]byte{0x18, 0x08}, frame)},
		{"AV1 with the OBU's size", codec.AV1, join([]byte{0x10, 0x32, size}, frame)},
		{"AV1 with the element's length", codec.AV1, join([]byte{0x00, size + 1, 0x30}, frame)},
		{"AV1 with both", codec.AV1, join([]byte{0x08, size + 2, 0x0a, size}, frame)},
		{"AV1, continued in the next packet", codec.AV1, join([]byte{0x50, 0x32, 0xff, 0xff, 0x03}, frame)},
	}
}

func TestTheHeaderIsFoundBehindWhatIsClear(t *testing.T) {
	frame := encrypted(kid(1, 700, 3), 500, 20)
	for _, p := range payloads(frame) {
		t.Run(p.name, func(t *testing.T) {
			info, err := codec.Parse(p.kind, p.payload)
			if err != nil || !info.LayerStart {
				t.Fatalf("%+v, %v", info, err)
			}
			got, ok := sframe.Find(p.kind, info, p.payload)
			if !ok || !bytes.Equal(got, frame) {
				t.Errorf("found %x, %v\nwant  %x", got, ok, frame)
			}
			for n := range p.payload {
				if info, err := codec.Parse(p.kind, p.payload[:n]); err == nil {
					if got, ok := sframe.Find(p.kind, info, p.payload[:n]); ok && !bytes.HasPrefix(frame, got) {
						t.Errorf("cut to %d bytes: found %x", n, got)
					}
				}
			}
		})
	}
}

func TestOBUsThatHoldNoEncryptedFrame(t *testing.T) {
	frame := encrypted(9, 9, 9)
	for name, start := range map[string][]byte{
		"temporal delimiter": {0x10, 0x10}, "tile group": {0x10, 0x20}, "metadata": {0x10, 0x28},
		"forbidden bit": {0x10, 0xb0},
		"extension":     {0x10, 0x34}, "element longer than the packet": {0x00, 0x7f, 0x30},
		"length without end": {0x00, 0xff, 0xff, 0xff, 0xff, 0xff},
		"size without end":   {0x10, 0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	} {
		payload := bytes.Join([][]byte{start, frame}, nil)
		info, err := codec.Parse(codec.AV1, payload)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := sframe.Find(codec.AV1, info, payload); ok {
			t.Errorf("%s: found %x", name, got)
		}
	}
}

// stream feeds a Checker frames with consecutive sequence numbers.
type stream struct {
	sframe.Checker
	seq uint64
}

func (s *stream) frame(data []byte) sframe.Result {
	s.seq += 3
	return s.Check(sframe.Frame{Seq: s.seq, Track: 1, Data: data, Whole: true})
}

func TestFramesAreCheckedForTrackKeyAndCounter(t *testing.T) {
	var s stream
	for i, c := range []struct {
		data []byte
		want sframe.Result
	}{
		{encrypted(kid(1, 3, 0), 0, 9), sframe.Valid},
		{encrypted(kid(1, 3, 0), 1, 9), sframe.Valid},
		{encrypted(kid(1, 3, 0), 1, 9), sframe.CounterBack},
		{encrypted(kid(1, 3, 0), 700, 9), sframe.Valid}, // other encodings of the track count too
		{encrypted(kid(1, 3, 1), 0, 9), sframe.Valid},   // an epoch: counters begin anew
		{encrypted(kid(1, 3, 0), 701, 9), sframe.KeyBack},
		{encrypted(kid(1, 3, 513), 0, 9), sframe.Valid}, // 512 on
		{encrypted(kid(1, 3, 2), 0, 9), sframe.KeyBack}, // 511 back
		{encrypted(kid(1, 3, 513), 1, 9), sframe.Valid},
		{encrypted(kid(0, 3, 513), 2, 9), sframe.WrongTrack},
		{encrypted(kid(1, 1023, 1), 2, 0), sframe.Valid},          // 512 on, around the end; another leaf
		{encrypted(kid(1, 1023, 1), 3, 0)[:17], sframe.Malformed}, // no room for the tag
		{encrypted(kid(9, 0, 2), 1<<32-1, 9), sframe.Valid},       // of a sender outside the group
		{encrypted(kid(16, 0, 2), 2, 9), sframe.Malformed},
		{encrypted(kid(5, 0, 3), 2, 9), sframe.WrongTrack},
		{encrypted(kid(13, 0, 3), 2, 9), sframe.WrongTrack},
		{encrypted(kid(1, 0, 3), 1<<32, 9), sframe.Malformed},
		{nil, sframe.Malformed},
	} {
		if got := s.frame(c.data); got != c.want {
			t.Errorf("frame %d: %s, want %s", i, got, c.want)
		}
		if i < 13 && s.Closed() {
			t.Fatalf("closed after frame %d", i)
		}
	}
}

func TestThreeFailuresInARowCloseAndThreeValidFramesOpen(t *testing.T) {
	var s stream
	ctr := uint64(0)
	feed := func(frames string) {
		t.Helper()
		for i, f := range frames {
			data := []byte{0xff}
			if f == '+' {
				ctr++
				data = encrypted(kid(1, 0, 0), ctr, 5)
			}
			if got := s.frame(data); (got == sframe.Valid) != (f == '+') {
				t.Fatalf("%s: frame %d is %s", frames, i, got)
			}
		}
	}
	for _, step := range []struct {
		frames string
		closed bool
	}{{"+++++--+--+-", false}, {"--", true}, {"-----++-++-", true}, {"++", true}, {"+", false}, {"+--+--", false},
		{"-", true}} {
		if feed(step.frames); s.Closed() != step.closed {
			t.Fatalf("after %s: closed %v", step.frames, s.Closed())
		}
	}
}

// Sound in clear can look like a short header, of which the counter jumps. Encrypted sound that leaves frames out, or
// is lost on the way, loses at most one frame by it.
func TestTheCounterOfSoundGrowsAsItsPacketsCome(t *testing.T) {
	var c sframe.Checker
	for i, f := range []struct {
		seq, epoch, ctr uint64
		want            sframe.Result
	}{
		{10, 1, 0, sframe.Valid},
		{11, 1, 1, sframe.Valid},
		{12, 1, 7, sframe.CounterAhead},
		{13, 1, 8, sframe.Valid},
		{113, 1, 108, sframe.Valid}, // lost
		{213, 1, 109, sframe.Valid}, // silence
		{114, 2, 900, sframe.Valid}, // another epoch begins anywhere
	} {
		got := c.Check(sframe.Frame{Seq: f.seq, Data: encrypted(kid(0, 0, f.epoch), f.ctr, 5), Whole: true, Sound: true})
		if got != f.want {
			t.Errorf("frame %d is %s, want %s", i, got, f.want)
		}
	}
	for seq := range uint64(3) {
		c.Check(sframe.Frame{Seq: 300 + seq, Sound: true})
	}
	for i := range 8 {
		if !c.Closed() {
			t.Fatalf("open after %d frames", i)
		}
		c.Check(sframe.Frame{Seq: uint64(400 + i), Data: encrypted(kid(0, 0, 2), uint64(950+i), 5), Whole: true, Sound: true})
	}
	if c.Closed() {
		t.Error("closed after eight frames")
	}
	c.Renumber()
	got := c.Check(sframe.Frame{Seq: 5, Data: encrypted(kid(0, 0, 2), 2000, 5), Whole: true, Sound: true})
	if got != sframe.Valid {
		t.Errorf("in another numbering it is %s", got)
	}
}

// A sender that began in clear, by chance with what reads as a far epoch, is not kept out once it encrypts.
func TestAStrayEpochDoesNotKeepOutWhatFollows(t *testing.T) {
	var s stream
	s.frame(encrypted(kid(1, 9, 500), 9, 5))
	var got []sframe.Result
	for i := range 7 {
		got = append(got, s.frame(encrypted(kid(1, 0, 0), uint64(i), 5)))
	}
	if s.Closed() || got[6] != sframe.Valid {
		t.Errorf("closed %v, %v", s.Closed(), got)
	}
}

func TestLateFramesAreNotComparedWithNewer(t *testing.T) {
	var s stream
	for i := range 5 {
		s.frame(encrypted(kid(1, 0, 2), uint64(i), 5))
	}
	late := sframe.Frame{Seq: s.seq - 1, Track: 1, Data: encrypted(kid(1, 0, 1), 3, 5), Whole: true}
	if got := s.Check(late); got != sframe.Valid {
		t.Errorf("%s", got)
	}
	late.Track = 3
	if got := s.Check(late); got != sframe.WrongTrack {
		t.Errorf("of another track: %s", got)
	}
	if got := s.frame(encrypted(kid(1, 0, 2), 5, 5)); got != sframe.Valid {
		t.Errorf("after the late ones: %s", got)
	}
	s.Renumber()
	if got := s.Check(sframe.Frame{Seq: 1, Track: 1, Data: encrypted(kid(1, 0, 2), 5, 5)}); got != sframe.CounterBack {
		t.Errorf("after another SSRC: %s", got)
	}
}

// clips are real frames nobody encrypted.
func clips(tb testing.TB) (frames map[string][][]byte) {
	tb.Helper()
	frames = map[string][][]byte{}
	for _, name := range []string{"q", "h", "f"} {
		raw, err := os.ReadFile("../../bots/clip/clips/vp8-" + name + ".ivf")
		if err != nil {
			tb.Fatal(err)
		}
		for rest := raw[32:]; len(rest) > 12; {
			size := binary.LittleEndian.Uint32(rest)
			frames["VP8 "+name] = append(frames["VP8 "+name], rest[12:12+size])
			rest = rest[12+size:]
		}
	}
	raw, err := os.ReadFile("../../bots/clip/clips/speech.ogg")
	if err != nil {
		tb.Fatal(err)
	}
	for at := 0; at < len(raw); { // pages of whole packets: good enough for frames of speech
		segments := raw[at+27 : at+27+int(raw[at+26])]
		at += 27 + len(segments)
		start := at
		for _, n := range segments {
			if at += int(n); n < 255 {
				frames["Opus"] = append(frames["Opus"], raw[start:at])
				start = at
			}
		}
	}
	return frames
}

func TestRealFramesInClearAreHeldBack(t *testing.T) {
	for name, frames := range clips(t) {
		var c sframe.Checker
		valid := 0
		for i := range 600 {
			frame := frames[i%len(frames)]
			kind, track, payload := codec.Opus, uint8(0), frame
			if name != "Opus" {
				kind, track, payload = codec.VP8, 1, append([]byte{0x10}, frame...)
			}
			info, err := codec.Parse(kind, payload)
			if err != nil {
				continue // an empty frame
			}
			data, _ := sframe.Find(kind, info, payload)
			if c.Check(sframe.Frame{
				Seq: uint64(i), Track: track, Data: data, Whole: true, Sound: kind == codec.Opus,
			}) == sframe.Valid {
				valid++
			}
			if i == 20 && !c.Closed() {
				t.Errorf("%s: still forwarded after %d frames", name, i)
			}
			if i > 20 && !c.Closed() {
				t.Fatalf("%s: forwarded again at frame %d", name, i)
			}
		}
		t.Logf("%s: %d of 600 frames in clear looked encrypted", name, valid)
	}
}

func TestCheckingDoesNotAllocate(t *testing.T) {
	var c sframe.Checker
	frame := encrypted(kid(1, 700, 3), 500, 20)
	seq := uint64(0)
	for _, p := range payloads(frame) {
		if n := testing.AllocsPerRun(100, func() {
			info, _ := codec.Parse(p.kind, p.payload)
			data, _ := sframe.Find(p.kind, info, p.payload)
			seq++
			c.Check(sframe.Frame{Seq: seq, Track: 1, Data: data})
		}); n != 0 {
			t.Errorf("%s: %v allocations", p.name, n)
		}
	}
}

// FuzzFrame feeds any payload: nothing panics, what is found lies within, and a header that is accepted is the minimal
// encoding of what it says.
func FuzzFrame(f *testing.F) {
	for _, p := range payloads(encrypted(kid(1, 700, 3), 500, 20)) {
		f.Add(uint8(p.kind), p.payload)
	}
	f.Fuzz(func(t *testing.T, kind uint8, payload []byte) {
		k := codec.Kind(kind % uint8(codec.Kinds))
		info, err := codec.Parse(k, payload)
		if err != nil {
			return
		}
		data, ok := sframe.Find(k, info, payload)
		if !ok {
			if len(data) != 0 {
				t.Fatal("something that is not there")
			}
			return
		}
		if !bytes.Contains(payload, data) {
			t.Fatalf("%x is not of %x", data, payload)
		}
		if h, err := sframe.ParseHeader(data); err == nil && !bytes.Equal(header(h.KID, h.CTR), data[:h.Len]) {
			t.Fatalf("%x reads as %+v, which is %x", data[:h.Len], h, header(h.KID, h.CTR))
		}
		var c sframe.Checker
		first := c.Check(sframe.Frame{Seq: 1, Data: data})
		if second := c.Check(sframe.Frame{Seq: 2, Data: data}); second == sframe.Valid {
			t.Fatalf("the same frame twice: %s, then %s", first, second)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	var c sframe.Checker
	frames := make([][]byte, 256)
	for i := range frames {
		frames[i] = encrypted(kid(1, 700, 3), uint64(1000+i), 20)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Check(sframe.Frame{Seq: uint64(i), Track: 1, Data: frames[i%256]})
	}
}

func ExampleChecker() {
	var c sframe.Checker
	for seq := range uint64(4) {
		fmt.Println(c.Check(sframe.Frame{Seq: seq, Track: 1, Data: []byte("not encrypted")}), c.Closed())
	}
	// Output:
	// malformed false
	// malformed false
	// malformed true
	// malformed true
}
