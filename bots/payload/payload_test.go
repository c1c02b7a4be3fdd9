package payload

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"

	"conclave/e2ee/sframe"
)

func TestAStampSurvivesAndDecodersDoNotSeeIt(t *testing.T) {
	at := time.Unix(1_700_000_000, 123456789)
	padded, ok := PadOpus([]byte{0x78, 1, 2, 3})
	if !ok {
		t.Fatal("no room")
	}
	PutStamp(sframe.Opus, padded, at)
	got, ok := ReadStamp(sframe.Opus, padded)
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
	if _, ok := ReadStamp(sframe.Opus, []byte("no stamp in here")); ok {
		t.Error("read a stamp where there is none")
	}
}

func TestFragmentsCoverTheFrame(t *testing.T) {
	for n := 1; n < 5*MaxFragment; n++ {
		count, at, before := Fragments(n), 0, 0
		for i := range count {
			size := fragment(n, count, i+1) - fragment(n, count, i)
			if at += size; size > MaxFragment || size < before || size > max(before, n/count)+1 {
				t.Fatalf("%d bytes: part %d of %d is %d, after %d", n, i, count, size, before)
			}
			before = size
		}
		if at != n || count > 1 && (count-1)*MaxFragment >= n {
			t.Fatalf("%d bytes: %d parts of %d together", n, count, at)
		}
	}
}

// pictures are the codecs of pictures.
var pictures = [...]sframe.Codec{sframe.VP8, sframe.VP9, sframe.AV1}

// frameOf is a frame of about n bytes as an encoder writes it.
func frameOf(c sframe.Codec, key bool, n int) []byte {
	body := bytes.Repeat([]byte{0xA5}, n)
	switch c {
	case sframe.VP9:
		body[0] = 0x86
		if key {
			body[0] = 0x82
		}
		return body
	case sframe.AV1:
		unit := []byte{0x12, 0}
		if key {
			unit = append(unit, 0x0A, 3, 1, 2, 3)
		}
		return append(appendLEB128(append(unit, 0x32), n), body...)
	default:
		body[0] = 1
		if key {
			body[0] = 0
		}
		return body
	}
}

// What is sent is put together again as it was, key frames are known by their first packet and no other, and the send
// time is in the last one: of frames of every size, in every codec.
func TestAFrameIsPutTogetherAgain(t *testing.T) {
	at := time.Unix(1_700_000_000, 1)
	for _, c := range pictures {
		p := Packetizer{Codec: c, Width: 320, Height: 180}
		for n := 12; n < 4*MaxFragment; n += 7 {
			number := n % 4
			frame := Room(c, frameOf(c, number == 0, n), 0)
			if KeyFrame(c, frame) != (number == 0) {
				t.Fatalf("%v: key frame %v", c, !(number == 0))
			}
			PutStamp(c, frame, at)
			count := p.Frame(frame, number)
			if want := Fragments(len(p.frame)); count != want {
				t.Fatalf("%v: %d packets of %d bytes", c, count, len(frame))
			}
			var body, last []byte
			for i := range count {
				last = p.Append(nil, i)
				if KeyStart(c, last) != (number == 0 && i == 0) || len(last) > MaxFragment+32 {
					t.Fatalf("%v: packet %d of frame %d: key %v, %d bytes", c, i, number, KeyStart(c, last), len(last))
				}
				var ok bool
				if body, ok = AppendBody(body, c, last); !ok {
					t.Fatalf("%v: packet %d: % x", c, i, last)
				}
			}
			want := frame
			if c == sframe.AV1 {
				want, _, _ = appendOBUs(nil, nil, frame)
			}
			if !bytes.Equal(body, want) {
				t.Fatalf("%v: %d bytes came as %d", c, len(want), len(body))
			}
			if got, ok := ReadStamp(c, last); !ok || !got.Equal(at) {
				t.Fatalf("%v, %d bytes: the last packet says %v, %v", c, n, got, ok)
			}
		}
	}
}

// The room for a stamp is where decoders do not look: libvpx, FFmpeg's VP9 decoder and dav1d, which browsers use, show
// the same pictures with it and without. libaom does not take a padding OBU behind the frame.
func TestRoomIsFilledUpToASize(t *testing.T) {
	for _, c := range pictures {
		for size := range 700 {
			frame := frameOf(c, true, 20)
			got := Room(c, frame, size)
			if !bytes.HasPrefix(got, frame) || len(got) < size || size > len(frame)+40 && len(got) > size+1 {
				t.Fatalf("%v: %d bytes for %d", c, len(got), size)
			}
			if c == sframe.VP9 && int(binary.LittleEndian.Uint32(got[len(got)-5:])) != len(got)-superframeIndex {
				t.Fatalf("the index says % x of %d", got[len(got)-superframeIndex:], len(got))
			}
			if _, _, ok := appendOBUs(nil, nil, got); c == sframe.AV1 && !ok {
				t.Fatalf("size %d: not OBUs", size)
			}
		}
	}
}

func TestDescriptorsAreReadByOthers(t *testing.T) {
	for number := range 8 {
		tid, sync := Temporal(number)
		for _, c := range pictures[:2] {
			p := Packetizer{Codec: c, Width: 640, Height: 360}
			p.Begin(0x1233, 76)
			count := p.Frame(frameOf(c, number == 0, 2000), number)
			tl0 := uint8(76)
			if tid == 0 {
				tl0++
			}
			for i := range count {
				b := p.Append(nil, i)
				if c == sframe.VP8 {
					var d codecs.VP8Packet
					if _, err := d.Unmarshal(b); err != nil || (d.S == 1) != (i == 0) || d.PID != 0 || d.PictureID != 0x1234 ||
						d.TL0PICIDX != tl0 || d.TID != tid || (d.Y == 1) != sync {
						t.Errorf("%v: %+v", err, d)
					}
					continue
				}
				var d codecs.VP9Packet
				if _, err := d.Unmarshal(b); err != nil || d.B != (i == 0) || d.E != (i == count-1) || d.P == (number == 0) ||
					d.PictureID != 0x1234 || d.TL0PICIDX != tl0 || d.TID != tid || d.U != sync || d.F || d.SID != 0 {
					t.Errorf("%v: %+v", err, d)
				}
				if key := number == 0 && i == 0; key != d.V || key && (d.Width[0] != 640 || d.Height[0] != 360 || d.NG != 4) {
					t.Errorf("packet %d of frame %d: %+v", i, number, d)
				}
				for k, layer := range d.PGTID {
					if want, up := Temporal(k); layer != want || d.PGU[k] != up || len(d.PGPDiff[k]) != 1+k/3 {
						t.Errorf("picture %d of the group: layer %d, predicted from %v", k, layer, d.PGPDiff[k])
					}
				}
			}
		}
	}
}

// FuzzAV1 checks that no payload and no temporal unit makes the readers fail.
func FuzzAV1(f *testing.F) {
	f.Add(Room(sframe.AV1, frameOf(sframe.AV1, true, 300), 0))
	f.Add([]byte{0x10, 0x30, 1, 2})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _, _ = appendOBUs(nil, nil, b)
		for _, c := range pictures {
			_, _ = AppendBody(nil, c, b)
			_ = KeyStart(c, b)
			_, _ = ReadStamp(c, b)
		}
	})
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

func TestOpusPacketsSayWhetherTheyRepair(t *testing.T) {
	for name, test := range map[string]struct {
		packet []byte
		want   bool
	}{
		"nothing":                    {nil, false},
		"no frame":                   {[]byte{8 << 3}, false},
		"20 ms, active":              {[]byte{9 << 3, 0x80}, false},
		"20 ms, with repair":         {[]byte{9 << 3, 0xC0}, true},
		"40 ms, both active":         {[]byte{10 << 3, 0xC0}, false},
		"40 ms, with repair":         {[]byte{10 << 3, 0x20}, true},
		"60 ms, all active":          {[]byte{11 << 3, 0xE0}, false},
		"60 ms, with repair":         {[]byte{11 << 3, 0x10}, true},
		"hybrid, with repair":        {[]byte{15 << 3, 0x40}, true},
		"CELT":                       {[]byte{31 << 3, 0xFF}, false},
		"padded":                     {[]byte{9<<3 | 3, 0x41, 12, 0xC0}, true},
		"padded, without repair":     {[]byte{9<<3 | 3, 0x41, 12, 0x80}, false},
		"padded by more than 254":    {[]byte{9<<3 | 3, 0x41, 255, 1, 0xC0}, true},
		"two frames of their length": {[]byte{9<<3 | 2, 5, 0xC0}, true},
		"a long first frame":         {[]byte{9<<3 | 2, 252, 5, 0xC0}, true},
		"cut in its lengths":         {[]byte{9<<3 | 3}, false},
		"cut in its padding":         {[]byte{9<<3 | 3, 0x41, 255}, false},
	} {
		if got := OpusRepairs(test.packet); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if padded, ok := PadOpus([]byte{9 << 3, 0xC0, 1, 2}); !ok || !OpusRepairs(padded) {
		t.Error("a stamped packet does not say that it repairs")
	}
}
