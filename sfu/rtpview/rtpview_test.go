package rtpview_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/pion/rtp"

	"conclave/sfu/rtpview"
)

// fixture is a packet as pion/rtp writes it.
type fixture struct {
	name string
	raw  []byte
}

func marshal(tb testing.TB, p *rtp.Packet) []byte {
	tb.Helper()
	p.Version = 2
	raw, err := p.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func withExtensions(tb testing.TB, profile uint16, exts map[uint8][]byte) *rtp.Packet {
	tb.Helper()
	p := &rtp.Packet{Header: rtp.Header{PayloadType: 96, SequenceNumber: 7, Timestamp: 8, SSRC: 9},
		Payload: []byte{1, 2, 3, 4}}
	p.Extension, p.ExtensionProfile = true, profile
	for id := range 256 { // in a stable order
		if v, ok := exts[uint8(id)]; ok {
			if err := p.SetExtension(uint8(id), v); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return p
}

func fixtures(tb testing.TB) []fixture {
	tb.Helper()
	csrcs := make([]uint32, 15)
	for i := range csrcs {
		csrcs[i] = uint32(i) << 24
	}
	return []fixture{
		{"plain", marshal(tb, &rtp.Packet{Header: rtp.Header{PayloadType: 111, SequenceNumber: 0xfffe, Timestamp: 1 << 31,
			SSRC: 0xdeadbeef, Marker: true},
			Payload: []byte("payload")})},
		{"no payload", marshal(tb, &rtp.Packet{Header: rtp.Header{PayloadType: 111}})},
		{"fifteen CSRCs", marshal(tb, &rtp.Packet{Header: rtp.Header{PayloadType: 96, CSRC: csrcs}, Payload: []byte{1}})},
		{"one-byte extensions", marshal(tb, withExtensions(tb, rtp.ExtensionProfileOneByte, map[uint8][]byte{
			1: {0x85}, 3: {0x12, 0x34}, 4: []byte("0"), 10: []byte("f"), 14: bytes.Repeat([]byte{7}, 16)}))},
		{"two-byte extensions", marshal(tb, withExtensions(tb, rtp.ExtensionProfileTwoByte, map[uint8][]byte{
			1: {}, 2: {9}, 15: []byte("fifteen"), 200: bytes.Repeat([]byte{7}, 200)}))},
		{"unknown extension profile", marshal(tb, withExtensions(tb, 0x4242, map[uint8][]byte{0: {1, 2, 3, 4}}))},
		{"padding", marshal(tb, &rtp.Packet{Header: rtp.Header{PayloadType: 96, Padding: true, PaddingSize: 5},
			Payload: []byte{1, 2}})},
		{"padding only", marshal(tb, &rtp.Packet{Header: rtp.Header{PayloadType: 96, Padding: true, PaddingSize: 255}})},
	}
}

// check compares what rtpview reads with what pion/rtp reads of the same bytes.
func check(tb testing.TB, raw []byte) {
	tb.Helper()
	before := bytes.Clone(raw)
	v, err := rtpview.Parse(raw)
	var h rtp.Header
	n, oracleErr := h.Unmarshal(raw)
	if err != nil {
		if oracleErr == nil && h.Version == 2 {
			tb.Fatalf("refused with %v what pion/rtp accepts", err)
		}
		return
	}
	// Whatever it is, nothing panics and everything lies within the buffer.
	for id := range 256 {
		if e := v.Extension(uint8(id)); len(e) > len(raw) {
			tb.Fatalf("extension %d is longer than the packet", id)
		}
	}
	if v.HeaderLen() < 12 || v.HeaderLen() > len(raw) || len(v.Payload()) != len(raw)-v.HeaderLen() {
		tb.Fatalf("header of %d and payload of %d bytes in a packet of %d", v.HeaderLen(), len(v.Payload()), len(raw))
	}
	if !bytes.Equal(before, raw) {
		tb.Fatal("parsing changed the packet")
	}
	if oracleErr != nil {
		return // pion/rtp refuses the packet for a malformed extension; we only find no extension there
	}
	if v.SSRC != h.SSRC || v.Timestamp != h.Timestamp || v.Seq != h.SequenceNumber || v.PT != h.PayloadType ||
		v.Marker != h.Marker {
		tb.Fatalf("read %+v, pion/rtp %+v", v, h)
	}
	compareExtensions(tb, &v, &h)
	// pion/rtp stops at a reserved id and then says that the header ends there: only compare lengths if the oracle's is
	// sane.
	if want := headerLen(raw); v.HeaderLen() != want || (n != want && n > want) {
		tb.Fatalf("header of %d bytes, want %d, pion/rtp %d", v.HeaderLen(), want, n)
	}
	comparePayload(tb, v, raw)
}

func headerLen(raw []byte) int {
	n := 12 + 4*int(raw[0]&15)
	if raw[0]&0x10 != 0 {
		n += 4 + 4*int(binary.BigEndian.Uint16(raw[n+2:]))
	}
	return n
}

func compareExtensions(tb testing.TB, v *rtpview.View, h *rtp.Header) {
	tb.Helper()
	if h.Extension && h.ExtensionProfile != rtp.ExtensionProfileOneByte &&
		h.ExtensionProfile != rtp.ExtensionProfileTwoByte {
		return // pion/rtp hands out unknown profiles as extension 0; the "appbits" of RFC 8285 §4.3 it does not know
	}
	for id := 1; id < 256; id++ {
		got, want := v.Extension(uint8(id)), h.GetExtension(uint8(id))
		if !bytes.Equal(got, want) {
			tb.Fatalf("extension %d is %x, pion/rtp reads %x", id, got, want)
		}
	}
}

func comparePayload(tb testing.TB, v rtpview.View, raw []byte) {
	tb.Helper()
	var p rtp.Packet
	oracleErr := p.Unmarshal(raw)
	err := v.SetPayload(len(raw) - v.HeaderLen())
	if (err == nil) != (oracleErr == nil) {
		tb.Fatalf("SetPayload: %v, pion/rtp: %v", err, oracleErr)
	}
	if err == nil && !bytes.Equal(v.Payload(), p.Payload) {
		tb.Fatalf("payload %x, pion/rtp %x", v.Payload(), p.Payload)
	}
}

func TestParseReadsWhatPionWrites(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) { check(t, f.raw) })
	}
}

func TestTruncationAtEveryLengthNeverPanics(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			for n := range f.raw {
				check(t, bytes.Clone(f.raw[:n]))
				if n < headerLen(f.raw) {
					if _, err := rtpview.Parse(f.raw[:n]); !errors.Is(err, rtpview.ErrShort) && !errors.Is(err, rtpview.ErrExtension) {
						t.Fatalf("%d of %d header bytes: %v", n, headerLen(f.raw), err)
					}
				}
			}
		})
	}
}

func TestEveryFlippedBitNeverPanics(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			for bit := range 8 * len(f.raw) {
				raw := bytes.Clone(f.raw)
				raw[bit/8] ^= 1 << (bit % 8)
				check(t, raw)
			}
		})
	}
}

func TestOtherVersionsAreRefused(t *testing.T) {
	for version := range byte(4) {
		raw := make([]byte, 12)
		raw[0] = version << 6
		_, err := rtpview.Parse(raw)
		if version == 2 && err != nil || version != 2 && !errors.Is(err, rtpview.ErrVersion) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

// packet returns an RTP packet with the given extension block, padded to words.
func packet(profile uint16, block ...byte) []byte {
	for len(block)%4 != 0 {
		block = append(block, 0)
	}
	raw := make([]byte, 16)
	raw[0] = 2<<6 | 0x10
	binary.BigEndian.PutUint16(raw[12:], profile)
	binary.BigEndian.PutUint16(raw[14:], uint16(len(block)/4))
	return append(append(raw, block...), "payload"...)
}

func TestExtensionsOfRFC8285(t *testing.T) {
	const one, two = 0xBEDE, 0x1000
	for _, c := range []struct {
		name string
		raw  []byte
		id   uint8
		want []byte
	}{
		{"one byte", packet(one, 0x10, 0xaa), 1, []byte{0xaa}},
		{"one byte, sixteen long", packet(one, append([]byte{0x2f}, bytes.Repeat([]byte{5}, 16)...)...), 2,
			bytes.Repeat([]byte{5}, 16)},
		{"after padding", packet(one, 0, 0, 0x30, 0xbb), 3, []byte{0xbb}},
		{"absent", packet(one, 0x10, 0xaa), 2, nil},
		{"id 0 names nothing", packet(one, 0x00, 0x00), 0, nil},
		{"id 0 with a length ends the block", packet(one, 0x01, 1, 2, 0x10, 0xaa), 1, nil},
		{"id 15 ends the block", packet(one, 0xf0, 1, 0x10, 0xaa), 1, nil},
		{"id 15 itself is reserved", packet(one, 0xf0, 1), 15, nil},
		{"of duplicates the first", packet(one, 0x10, 1, 0x10, 2), 1, []byte{1}},
		{"running past the block", packet(one, 0x1f, 1, 2), 1, nil},
		{"running into the payload", packet(one, 0x00, 0x00, 0x00, 0x12), 1, nil},
		{"two byte", packet(two, 1, 2, 0xaa, 0xbb), 1, []byte{0xaa, 0xbb}},
		{"two byte, no value", packet(two, 1, 0), 1, []byte{}},
		{"two byte, id 15 is ordinary", packet(two, 15, 1, 0xcc), 15, []byte{0xcc}},
		{"two byte with appbits", packet(two|0xf, 9, 1, 0xcc), 9, []byte{0xcc}},
		{"two byte, id without length", packet(two, 0, 0, 0, 1), 1, nil},
		{"two byte, past the block", packet(two, 1, 255, 0xaa, 0xbb), 1, nil},
		{"two-byte elements in a one-byte block", packet(one, 1, 2, 0xaa, 0xbb), 1, nil},
		{"one-byte elements in a two-byte block", packet(two, 0x10, 0xaa), 1, nil},
		{"unknown profile", packet(0x4242, 0x10, 0xaa), 1, nil},
		{"empty block", packet(one), 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := rtpview.Parse(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			got := v.Extension(c.id)
			if !bytes.Equal(got, c.want) || (got == nil) != (c.want == nil) {
				t.Errorf("extension %d is %x, want %x", c.id, got, c.want)
			}
			if string(v.Payload()) != "payload" {
				t.Errorf("payload %q", v.Payload())
			}
		})
	}
}

func TestExtensionPastTheEndIsRefused(t *testing.T) {
	raw := packet(0xBEDE, 0x10, 1)
	binary.BigEndian.PutUint16(raw[14:], 0xffff)
	if _, err := rtpview.Parse(raw); !errors.Is(err, rtpview.ErrExtension) {
		t.Error(err)
	}
}

func TestPacketsWithoutExtensionHaveNone(t *testing.T) {
	v, err := rtpview.Parse(fixtures(t)[0].raw)
	if err != nil {
		t.Fatal(err)
	}
	for id := range 256 {
		if v.Extension(uint8(id)) != nil {
			t.Errorf("extension %d", id)
		}
	}
}

func TestSetPayloadRemovesPadding(t *testing.T) {
	for _, c := range []struct {
		payload []byte
		n       int
		want    []byte
		err     error
	}{
		{[]byte{1, 2, 3, 1}, 4, []byte{1, 2, 3}, nil},
		{[]byte{1, 2, 3, 3}, 4, []byte{1}, nil},
		{[]byte{1, 2, 3, 4}, 4, []byte{}, nil},
		{[]byte{1, 2, 3, 5}, 4, nil, rtpview.ErrPadding},
		{[]byte{1, 2, 3, 255}, 4, nil, rtpview.ErrPadding},
		{[]byte{1, 2, 3, 0}, 4, nil, rtpview.ErrPadding},
		{[]byte{}, 0, nil, rtpview.ErrPadding},
		{[]byte{1, 1, 9, 9}, 2, []byte{1}, nil}, // the decrypted part is shorter: the tag is gone
		{[]byte{1}, 2, nil, rtpview.ErrShort},
		{[]byte{1}, -1, nil, rtpview.ErrShort},
	} {
		t.Run(fmt.Sprint(c.payload, c.n), func(t *testing.T) {
			raw := append(make([]byte, 12), c.payload...)
			raw[0] = 2<<6 | 0x20
			v, err := rtpview.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.SetPayload(c.n); !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err == nil && !bytes.Equal(v.Payload(), c.want) {
				t.Errorf("payload %x, want %x", v.Payload(), c.want)
			}
		})
	}
}

func TestStripOSNYieldsTheRepeatedPacket(t *testing.T) {
	raw := append(make([]byte, 12), 0xab, 0xcd, 1, 2)
	raw[0] = 2 << 6
	for n, want := range map[int]bool{0: false, 1: false, 2: true, 4: true} {
		v, err := rtpview.Parse(raw[:12+n])
		if err != nil {
			t.Fatal(err)
		}
		if ok := v.StripOSN(); ok != want {
			t.Errorf("%d bytes: %v", n, ok)
		}
		if want && (v.Seq != 0xabcd || !bytes.Equal(v.Payload(), raw[14:12+n])) {
			t.Errorf("%d bytes: sequence %x, payload %x", n, v.Seq, v.Payload())
		}
	}
}

func TestStripOSNSeesThroughPadding(t *testing.T) {
	raw := append(make([]byte, 12), 0xab, 3, 2, 2) // one byte and then padding: no room for an OSN
	raw[0] = 2<<6 | 0x20
	for pad, want := range map[byte]bool{1: true, 2: true, 3: false, 4: false} {
		raw[15] = pad
		v, err := rtpview.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.SetPayload(4); err != nil {
			t.Fatal(err)
		}
		if ok := v.StripOSN(); ok != want {
			t.Errorf("padding %d: %v", pad, ok)
		}
	}
}

func TestWriteHeaderIsReadByPion(t *testing.T) {
	for _, want := range []rtpview.Header{
		{},
		{SSRC: 0xffffffff, CSRC: 0xffffffff, Timestamp: 0xffffffff, Seq: 0xffff, PT: 127, Marker: true},
		{SSRC: 1, CSRC: 2, Timestamp: 3, Seq: 4, PT: 5},
		{SSRC: 1, CSRC: 2, Timestamp: 3, Seq: 4, PT: 5, TransportID: 14, TransportSeq: 0xfedc},
		{SSRC: 1, CSRC: 2, Timestamp: 3, Seq: 4, PT: 5, TransportID: 1, Padding: true},
	} {
		raw := append(bytes.Repeat([]byte{0xff}, want.Len()), 0, 0, 0, 4)
		rtpview.WriteHeader(raw[:want.Len()], &want)
		var h rtp.Header
		n, err := h.Unmarshal(raw)
		if err != nil || n != want.Len() {
			t.Fatalf("%d bytes, %v", n, err)
		}
		got := rtpview.Header{SSRC: h.SSRC, CSRC: h.CSRC[0], Timestamp: h.Timestamp, Seq: h.SequenceNumber,
			PT: h.PayloadType, Marker: h.Marker, Padding: h.Padding}
		if h.Extension {
			got.TransportID = h.GetExtensionIDs()[0]
			got.TransportSeq = binary.BigEndian.Uint16(h.GetExtension(got.TransportID))
		}
		if got != want || len(h.CSRC) != 1 || len(h.GetExtensionIDs()) > 1 {
			t.Errorf("wrote %+v, pion/rtp reads %+v", want, h)
		}
	}
}

func TestIsRTPTellsRTCPByItsSecondByte(t *testing.T) {
	for b := range 256 {
		if got, want := rtpview.IsRTP([]byte{128, byte(b)}), b < 192 || b > 223; got != want {
			t.Errorf("second byte %d: %v", b, got)
		}
	}
	if rtpview.IsRTP(nil) || rtpview.IsRTP([]byte{128}) {
		t.Error("too short to tell")
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	raw := fixtures(t)[3].raw
	if n := testing.AllocsPerRun(100, func() {
		v, _ := rtpview.Parse(raw)
		_ = v.Extension(10)
		_ = v.SetPayload(4)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, x := range fixtures(f) {
		f.Add(x.raw)
	}
	f.Add(packet(0xBEDE, 0x01, 1, 2, 0x10, 0xaa))
	f.Add(packet(0xBEDE, 0xf0, 1, 0x10, 0xaa))
	f.Add(packet(0x1003, 9, 1, 0xcc))
	f.Fuzz(func(t *testing.T, raw []byte) { check(t, raw) })
}

func BenchmarkParse(b *testing.B) {
	raw := fixtures(b)[3].raw
	b.ReportAllocs()
	for b.Loop() {
		v, err := rtpview.Parse(raw)
		if err != nil || len(v.Extension(4)) == 0 {
			b.Fatal(err)
		}
	}
}
