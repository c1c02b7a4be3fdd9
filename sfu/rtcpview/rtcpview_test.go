package rtcpview_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/pion/rtcp"

	"conclave/sfu/rtcpview"
)

type fixture struct {
	name   string
	packet rtcp.Packet
}

func reports(n int) (list []rtcp.ReceptionReport) {
	for i := range uint32(n) {
		list = append(list, rtcp.ReceptionReport{SSRC: 1000 + i, FractionLost: uint8(i), TotalLost: i << 4,
			LastSequenceNumber: i << 8,
			Jitter:             i << 12, LastSenderReport: 0xff000000 | i, Delay: 65536 * i})
	}
	return list
}

func fixtures() []fixture {
	nacks := []rtcp.NackPair{{PacketID: 0xfffe, LostPackets: 0x8001}, {PacketID: 17, LostPackets: 0}}
	var firs []rtcp.FIREntry
	for i := range uint32(180) {
		firs = append(firs, rtcp.FIREntry{SSRC: i, SequenceNumber: uint8(i)})
	}
	return []fixture{
		{"sender report", &rtcp.SenderReport{SSRC: 0xdeadbeef, NTPTime: 0x0123456789abcdef, RTPTime: 0xfedcba98,
			PacketCount: 5, OctetCount: 6}},
		{"sender report with blocks", &rtcp.SenderReport{SSRC: 1, NTPTime: 2, RTPTime: 3, Reports: reports(31)}},
		{"receiver report", &rtcp.ReceiverReport{SSRC: 1, Reports: reports(3)}},
		{"empty receiver report", &rtcp.ReceiverReport{SSRC: 1}},
		{"NACK", &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 2, Nacks: nacks}},
		{"PLI", &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 0xcafebabe}},
		{"FIR", &rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: 0, FIR: firs}},
		{"REMB", &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1e6, SSRCs: []uint32{1, 2, 3}}},
		{"TWCC", &rtcp.TransportLayerCC{SenderSSRC: 1, MediaSSRC: 2, BaseSequenceNumber: 3, PacketStatusCount: 1,
			FbPktCount: 1,
			Header:     rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5, Padding: true},
			PacketChunks: []rtcp.PacketStatusChunk{
				&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 1}},
			RecvDeltas: []*rtcp.RecvDelta{{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250}}}},
		{"BYE", &rtcp.Goodbye{Sources: []uint32{1, 2, 3}, Reason: "gone"}},
		{"SDES", rtcp.NewCNAMESourceDescription(1, "name")},
	}
}

func marshal(tb testing.TB, p rtcp.Packet) []byte {
	tb.Helper()
	raw, err := p.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// walk reads everything of a compound, as the SFU does and more, and returns how many packets it has.
func walk(tb testing.TB, raw []byte) (packets int, err error) {
	tb.Helper()
	whole, before := raw, bytes.Clone(raw)
	for len(raw) > 0 {
		p, rest, err := rtcpview.Next(raw)
		if err != nil {
			if !errors.Is(err, rtcpview.ErrMalformed) {
				tb.Fatalf("unexpected error %v", err)
			}
			return packets, err
		}
		if len(p.Body)+4 > len(raw)-len(rest) {
			tb.Fatalf("a body of %d bytes in a packet of %d", len(p.Body), len(raw)-len(rest))
		}
		packets++
		visit(tb, p)
		raw = rest
	}
	if !bytes.Equal(before, whole) {
		tb.Fatal("reading changed the packet")
	}
	return packets, nil
}

func visit(tb testing.TB, p rtcpview.Packet) {
	tb.Helper()
	if n := p.Receptions(); n > 31 || 24*n > len(p.Body) {
		tb.Fatalf("%d report blocks in %d bytes", n, len(p.Body))
	}
	for i := range p.Receptions() {
		p.Reception(i)
	}
	if n := p.NACKs(); n > 0 && 8+4*n > len(p.Body) {
		tb.Fatalf("%d NACK pairs in %d bytes", n, len(p.Body))
	}
	for i := range p.NACKs() {
		p.NACK(i)
	}
	if n := p.FIRs(); n > 0 && 8+8*n > len(p.Body) {
		tb.Fatalf("%d FIR entries in %d bytes", n, len(p.Body))
	}
	if bps, ok := p.REMB(); ok && bps < 0 {
		tb.Errorf("REMB of %d", bps)
	}
	for i := range p.FIRs() {
		p.FIR(i)
	}
	p.MediaSSRC()
	p.SenderReport()
}

// compare asserts that a single packet is read as pion/rtcp reads it.
func compare(tb testing.TB, raw []byte) {
	tb.Helper()
	p, _, err := rtcpview.Next(raw)
	if err != nil || raw[0]&0x20 != 0 { // pion/rtcp takes padding for content
		return
	}
	parsed, err := rtcp.Unmarshal(raw[:4*(int(binary.BigEndian.Uint16(raw[2:]))+1)])
	if err != nil || len(parsed) != 1 {
		return
	}
	switch want := parsed[0].(type) {
	case *rtcp.SenderReport:
		sr, ok := p.SenderReport()
		if !ok || sr.SSRC != want.SSRC || sr.NTP != want.NTPTime || sr.Timestamp != want.RTPTime {
			tb.Fatalf("read %+v, %v, pion/rtcp %v", sr, ok, want)
		}
		compareReceptions(tb, p, want.Reports)
	case *rtcp.ReceiverReport:
		compareReceptions(tb, p, want.Reports)
	case *rtcp.TransportLayerNack:
		compareNACKs(tb, p, want)
	case *rtcp.PictureLossIndication:
		if ssrc, ok := p.MediaSSRC(); !ok || ssrc != want.MediaSSRC || p.Type != rtcpview.TypePSFB ||
			p.Format != rtcpview.FormatPLI {
			tb.Fatalf("read %+v, pion/rtcp %v", p, want)
		}
	case *rtcp.FullIntraRequest:
		var got, ssrcs []uint32
		for i := range p.FIRs() {
			got = append(got, p.FIR(i))
		}
		for _, e := range want.FIR {
			ssrcs = append(ssrcs, e.SSRC)
		}
		if !slices.Equal(got, ssrcs) {
			tb.Fatalf("read %v, pion/rtcp %v", got, ssrcs)
		}
	default:
	}
}

func compareReceptions(tb testing.TB, p rtcpview.Packet, want []rtcp.ReceptionReport) {
	tb.Helper()
	if p.Receptions() != len(want) {
		tb.Fatalf("%d report blocks, pion/rtcp %d", p.Receptions(), len(want))
	}
	for i, w := range want {
		if got := p.Reception(i); got != (rtcpview.Reception{SSRC: w.SSRC, FractionLost: w.FractionLost, Jitter: w.Jitter,
			LastSR: w.LastSenderReport, Delay: w.Delay}) {
			tb.Fatalf("block %d is %+v, pion/rtcp %+v", i, got, w)
		}
	}
}

func compareNACKs(tb testing.TB, p rtcpview.Packet, want *rtcp.TransportLayerNack) {
	tb.Helper()
	var got []rtcp.NackPair
	for i := range p.NACKs() {
		pid, blp := p.NACK(i)
		got = append(got, rtcp.NackPair{PacketID: pid, LostPackets: rtcp.PacketBitmap(blp)})
	}
	if ssrc, ok := p.MediaSSRC(); !ok || ssrc != want.MediaSSRC || !slices.Equal(got, want.Nacks) {
		tb.Fatalf("read %d %v, pion/rtcp %v", ssrc, got, want)
	}
}

func TestPacketsAreReadAsPionReadsThem(t *testing.T) {
	for _, f := range fixtures() {
		t.Run(f.name, func(t *testing.T) {
			raw := marshal(t, f.packet)
			if n, err := walk(t, raw); n != 1 || err != nil {
				t.Fatalf("%d packets, %v", n, err)
			}
			compare(t, raw)
		})
	}
}

func TestACompoundIsReadPacketByPacket(t *testing.T) {
	var compound []byte
	for _, f := range fixtures() {
		compound = append(compound, marshal(t, f.packet)...)
	}
	if n, err := walk(t, compound); n != len(fixtures()) || err != nil {
		t.Errorf("%d packets, %v", n, err)
	}
}

func TestTruncationAtEveryLengthIsMalformed(t *testing.T) {
	for _, f := range fixtures() {
		raw := marshal(t, f.packet)
		for n := 1; n < len(raw); n++ {
			if _, err := walk(t, bytes.Clone(raw[:n])); !errors.Is(err, rtcpview.ErrMalformed) {
				t.Errorf("%s: %d of %d bytes: %v", f.name, n, len(raw), err)
			}
		}
	}
}

func TestALengthFieldShorterThanTheContentsBoundsThem(t *testing.T) {
	for _, f := range fixtures() {
		raw := marshal(t, f.packet)
		for words := range len(raw) / 4 {
			short := bytes.Clone(raw[:4*(words+1)])
			binary.BigEndian.PutUint16(short[2:], uint16(words))
			_, _ = walk(t, short)
			compare(t, short)
		}
	}
}

func TestEveryFlippedBitNeverPanics(t *testing.T) {
	for _, f := range fixtures() {
		raw := marshal(t, f.packet)
		for bit := range 8 * len(raw) {
			flipped := bytes.Clone(raw)
			flipped[bit/8] ^= 1 << (bit % 8)
			_, _ = walk(t, flipped)
			compare(t, flipped)
		}
	}
}

// A bit rate of REMB is read to within its eighteen bits, and what is beyond any path is cut.
func TestREMBIsReadAsPionWritesIt(t *testing.T) {
	for _, want := range []float32{0, 1, 50_000, 1_234_567, 262_143 << 10, 1e9, 1e18} {
		raw := marshal(t, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: want, SSRCs: []uint32{1, 2, 3}})
		p, _, err := rtcpview.Next(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.REMB()
		if diff := float32(got) - want; !ok || want < 1e12 && (diff > want/1000+1 || -diff > want/1000+1) || want >= 1e12 &&
			got < 1e12 {
			t.Errorf("%v is read as %d, %v", want, got, ok)
		}
		for n := range len(p.Body) {
			cut := p
			cut.Body = p.Body[:n:n]
			if _, ok := cut.REMB(); ok != (n >= 16) {
				t.Errorf("%d bytes: %v", n, ok)
			}
		}
	}
	if _, ok := (rtcpview.Packet{Type: rtcpview.TypePSFB, Format: rtcpview.FormatALFB,
		Body: make([]byte, 20)}).REMB(); ok {
		t.Error("another application's feedback is read as REMB")
	}
}

func TestPaddingIsNoContent(t *testing.T) {
	nack := marshal(t, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: 2, Nacks: []rtcp.NackPair{{PacketID: 9}}})
	for pad, ok := range map[byte]bool{0: false, 1: true, 3: true, 4: true, 8: true, 12: true, 20: true, 21: false,
		255: false} {
		raw := append(bytes.Clone(nack), 0, 0, 0, 0, 0, 0, 0, pad)
		raw[0] |= 0x20
		raw[3] += 2
		p, _, err := rtcpview.Next(raw)
		if (err == nil) != ok {
			t.Errorf("padding of %d: %v", pad, err)
		}
		if want := max(0, 3-(int(pad)+3)/4); ok && p.NACKs() != want {
			t.Errorf("padding of %d: %d NACK pairs, want %d", pad, p.NACKs(), want)
		}
	}
	if _, _, err := rtcpview.Next([]byte{0xa0, 201, 0, 0}); !errors.Is(err, rtcpview.ErrMalformed) {
		t.Errorf("padding without a body: %v", err)
	}
}

func TestAProfileExtensionIsNoReportBlock(t *testing.T) {
	raw := append(marshal(t, &rtcp.ReceiverReport{SSRC: 1, Reports: reports(1)}), bytes.Repeat([]byte{0xff}, 48)...)
	raw[3] += 12
	p, rest, err := rtcpview.Next(raw)
	if err != nil || p.Receptions() != 1 || len(rest) != 0 {
		t.Errorf("%d blocks, %v", p.Receptions(), err)
	}
}

func TestOtherVersionsAreMalformed(t *testing.T) {
	raw := marshal(t, fixtures()[6].packet)
	for version := range byte(4) {
		raw[0] = version<<6 | raw[0]&0x3f
		if _, _, err := rtcpview.Next(raw); (err == nil) != (version == 2) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

func TestCountsAreThoseOfTheBodyNotOfTheHeader(t *testing.T) {
	raw := marshal(t, &rtcp.ReceiverReport{SSRC: 1, Reports: reports(2)})
	raw[0] |= 31 // claims 31 blocks
	p, _, err := rtcpview.Next(raw)
	if err != nil || p.Receptions() != 2 {
		t.Errorf("%d blocks, %v", p.Receptions(), err)
	}
	raw[0] = raw[0]&^31 | 1 // claims one
	p, _, err = rtcpview.Next(raw)
	if err != nil || p.Receptions() != 1 {
		t.Errorf("%d blocks, %v", p.Receptions(), err)
	}
}

func TestOtherPacketsHaveNoContents(t *testing.T) {
	p := rtcpview.Packet{Type: 204, Format: 1, Body: make([]byte, 100)}
	_, isSR := p.SenderReport()
	_, isFeedback := p.MediaSSRC()
	if isSR || isFeedback || p.Receptions()+p.NACKs()+p.FIRs() != 0 {
		t.Error("an APP packet is taken for something else")
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	var compound []byte
	for _, f := range fixtures() {
		compound = append(compound, marshal(t, f.packet)...)
	}
	if n := testing.AllocsPerRun(100, func() {
		for rest := compound; len(rest) > 0; {
			var p rtcpview.Packet
			p, rest, _ = rtcpview.Next(rest)
			for i := range p.Receptions() {
				p.Reception(i)
			}
			for i := range p.NACKs() {
				p.NACK(i)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzNext walks arbitrary bytes: no panic, nothing beyond the body, and what pion/rtcp accepts too is read alike.
func FuzzNext(f *testing.F) {
	var compound []byte
	for _, x := range fixtures() {
		raw := marshal(f, x.packet)
		f.Add(raw)
		compound = append(compound, raw...)
	}
	f.Add(compound)
	f.Add([]byte{0x80})
	f.Add([]byte{0xa1, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = walk(t, raw)
		compare(t, raw)
	})
}

func BenchmarkReceiverReport(b *testing.B) {
	raw := marshal(b, &rtcp.ReceiverReport{SSRC: 1, Reports: reports(31)})
	b.ReportAllocs()
	for b.Loop() {
		p, _, err := rtcpview.Next(raw)
		if err != nil {
			b.Fatal(err)
		}
		for i := range p.Receptions() {
			p.Reception(i)
		}
	}
}
