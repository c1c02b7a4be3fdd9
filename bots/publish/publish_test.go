package publish

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/e2ee/sframe"
	"conclave/media"
	"conclave/protocol"
)

// sender is a publisher whose packets are opened again.
type sender struct {
	*Publisher
	t    *testing.T
	in   *srtp.Context
	sent []rtp.Packet
	rtcp []rtcp.Packet
	lag  *measure.Lag
}

const (
	voice      = 100
	small, big = 200, 300 // of the camera's encodings; retransmissions have one more
)

var begun = time.Unix(1_700_000_000, 0)

func contexts(t *testing.T) (out, in *srtp.Context) {
	t.Helper()
	for _, c := range []**srtp.Context{&out, &in} {
		var err error
		*c, err = srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
		if err != nil {
			t.Fatal(err)
		}
	}
	return out, in
}

func newSender(t *testing.T) *sender {
	t.Helper()
	played, err := clip.Load(sframe.VP8)
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{t: t, lag: measure.NewLag()}
	out, in := contexts(t)
	s.in = in
	s.Publisher = New(Config{Send: s.take, Lag: s.lag})
	ext := Extensions{MID: 1, RID: 2, RRID: 3, AudioLevel: 4, TWCC: 5}
	s.Add(Track{
		Source: media.Mic, MID: "0", Extensions: ext, Payload: 111, Encodings: []Encoding{{SSRC: voice,
			Audio: &played.Audio}},
	})
	s.Add(Track{Source: media.Camera, MID: "1", Extensions: ext, Payload: 96, RTX: 97, Encodings: []Encoding{
		{RID: "q", SSRC: small, RTXSSRC: small + 1, Video: played.Layer("q")},
		{RID: "f", SSRC: big, RTXSSRC: big + 1, Video: played.Layer("f")},
	}})
	s.SetLive(func(protocol.Source) bool { return true })
	s.Begin(out, begun)
	return s
}

func (s *sender) take(b []byte) {
	if b[1] >= 192 && b[1] <= 223 {
		plain, err := s.in.DecryptRTCP(nil, b, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		list, err := rtcp.Unmarshal(plain)
		if err != nil {
			s.t.Fatal(err)
		}
		s.rtcp = append(s.rtcp, list...)
		return
	}
	plain, err := s.in.DecryptRTP(nil, b, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(plain); err != nil {
		s.t.Fatal(err)
	}
	s.sent = append(s.sent, p)
}

// play runs the publisher for a time after the beginning.
func (s *sender) play(from, to time.Duration) {
	for now := begun.Add(from); now.Before(begun.Add(to)); {
		now = s.Run(now)
	}
}

// of are the packets sent on an SSRC.
func (s *sender) of(ssrc uint32) (list []rtp.Packet) {
	for _, p := range s.sent {
		if p.SSRC == ssrc {
			list = append(list, p)
		}
	}
	return list
}

func markers(list []rtp.Packet) (n int) {
	for _, p := range list {
		if p.Marker {
			n++
		}
	}
	return n
}

func TestASecondIsThirtyFramesAndFiftyPackets(t *testing.T) {
	s := newSender(t)
	s.play(0, time.Second)
	if v, q, f := len(s.of(voice)), markers(s.of(small)), markers(s.of(big)); v != 50 || q != 30 || f != 30 {
		t.Errorf("%d packets of sound, %d and %d frames", v, q, f)
	}
	for _, ssrc := range []uint32{voice, small, big} {
		list := s.of(ssrc)
		for i := 1; i < len(list); i++ {
			if list[i].SequenceNumber != list[i-1].SequenceNumber+1 {
				t.Fatalf("%d: %d after %d", ssrc, list[i].SequenceNumber, list[i-1].SequenceNumber)
			}
			step := list[i].Timestamp - list[i-1].Timestamp
			if want := map[uint32]uint32{voice: 960}[ssrc]; ssrc == voice && step != want || ssrc != voice && step != 0 &&
				step != 3000 {
				t.Fatalf("%d: a step of %d", ssrc, step)
			}
		}
	}
	if q := s.lag.Summary(); q.Max > 0.01 {
		t.Errorf("%.3f ms late in a time that stands still", q.Max)
	}
}

// After the process was held up, the clip's time goes on: it sends a little at once, and not all that it missed.
func TestWhatIsLongPastIsSkipped(t *testing.T) {
	s := newSender(t)
	s.play(0, time.Second)
	before := len(s.of(voice))
	s.Run(begun.Add(11 * time.Second))
	if n := len(s.of(voice)) - before; n < 10 || n > 13 {
		t.Errorf("%d packets of 10 s at once, want those of 250 ms", n)
	}
	if q := s.lag.Summary(); q.Max < 9900 {
		t.Errorf("%.0f ms late, want 10 s", q.Max)
	}
}

func TestOnlyWantedEncodingsAreSent(t *testing.T) {
	s := newSender(t)
	s.play(0, 100*time.Millisecond)
	s.Encode(media.Camera, []protocol.RID{"q"})
	before := len(s.of(big))
	s.play(100*time.Millisecond, time.Second)
	if len(s.of(big)) != before || markers(s.of(small)) != 30 {
		t.Errorf("%d packets of what is not wanted, %d frames of what is", len(s.of(big))-before, markers(s.of(small)))
	}
	s.Encode(media.Camera, []protocol.RID{"q", "f"})
	s.play(time.Second, 1100*time.Millisecond)
	if stats := s.Sent(); stats[2].RID != "f" || stats[2].KeyFrames != 2 || stats[1].KeyFrames != 1 {
		t.Errorf("an encoding that comes back begins with a key frame: %+v", stats)
	}
}

func TestKeyFramesAreSentOnRequest(t *testing.T) {
	s := newSender(t)
	s.play(0, 200*time.Millisecond)
	s.OnRTCP(&rtcp.PictureLossIndication{MediaSSRC: small})
	s.OnRTCP(&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: big}}})
	s.OnRTCP(&rtcp.PictureLossIndication{MediaSSRC: 999}) // of no one
	s.play(200*time.Millisecond, 400*time.Millisecond)
	for _, stats := range s.Sent()[1:] {
		if stats.KeyFrames != 2 || stats.PLIs != 1 {
			t.Errorf("%+v", stats)
		}
	}
}

func TestPacketsAreSentAgain(t *testing.T) {
	s := newSender(t)
	s.play(0, time.Second)
	list := s.of(big)
	lost := list[len(list)/2]
	ask := func(ssrc uint32, seq uint16) {
		s.OnRTCP(&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: seq}}})
	}
	ask(big, lost.SequenceNumber)
	again := s.of(big + 1)
	if len(again) != 1 {
		t.Fatalf("%d packets sent again", len(again))
	}
	p := again[0]
	if binary.BigEndian.Uint16(p.Payload) != lost.SequenceNumber || string(p.Payload[2:]) != string(lost.Payload) ||
		p.PayloadType != 97 || p.Timestamp != lost.Timestamp || p.Marker != lost.Marker {
		t.Errorf("%v for %v", p.Header, lost.Header)
	}
	ask(big, lost.SequenceNumber-20_000) // never sent
	ask(999, 1)                          // of no one
	if n := len(s.of(big + 1)); n != 1 {
		t.Errorf("%d packets sent again, want one", n)
	}
	if stats := s.Sent()[2]; stats.NACKed != 2 || stats.RTXPackets != 1 {
		t.Errorf("%+v", stats)
	}
}

// Browsers have no RTX for audio: they send the same packet once more, and not twice within a round trip.
func TestAVoiceIsSentAgainAsItWas(t *testing.T) {
	s := newSender(t)
	var raw [][]byte
	s.Send = func(b []byte) {
		raw = append(raw, append([]byte(nil), b...))
		s.take(b)
	}
	s.play(0, 3*time.Second)
	sent, before := s.of(voice), len(raw)
	ask := func(seq uint16) {
		s.OnRTCP(&rtcp.TransportLayerNack{MediaSSRC: voice, Nacks: []rtcp.NackPair{{PacketID: seq}}})
	}
	lost := sent[len(sent)-10]
	ask(lost.SequenceNumber)
	ask(lost.SequenceNumber)
	ask(sent[len(sent)-1-audioHistory].SequenceNumber) // too long ago
	if len(raw) != before+1 {
		t.Fatalf("%d packets sent again, want one", len(raw)-before)
	}
	same := 0
	for _, b := range raw[:before] {
		if string(b) == string(raw[before]) {
			same++
		}
	}
	if again := s.sent[len(s.sent)-1]; same != 1 || again.SequenceNumber != lost.SequenceNumber || again.SSRC != voice {
		t.Errorf("packet %d of %d was sent again, %d like it before", again.SequenceNumber, again.SSRC, same)
	}
	s.play(3*time.Second, 3*time.Second+audioAgain+20*time.Millisecond)
	before = len(raw)
	if ask(lost.SequenceNumber); len(raw) != before+1 {
		t.Error("it isn't sent again a round trip later")
	}
	if stats := s.Sent()[0]; stats.NACKed != 4 || stats.RTXPackets != 2 {
		t.Errorf("%+v", stats)
	}
}

func TestReportsTellClocksAndCounts(t *testing.T) {
	s := newSender(t)
	if list := s.SenderReports(begun); len(list) != 0 {
		t.Errorf("reports of nothing: %v", list)
	}
	s.play(0, time.Second)
	s.SendRTCP(s.SenderReports(begun.Add(1500 * time.Millisecond)))
	reports := 0
	for _, p := range s.rtcp {
		r, ok := p.(*rtcp.SenderReport)
		if !ok {
			continue
		}
		reports++
		list, rate := s.of(r.SSRC), uint32(90_000)
		if r.SSRC == voice {
			rate = 48_000
		}
		if seconds := r.NTPTime >> 32; seconds != 1_700_000_001+2_208_988_800 || r.NTPTime&0xFFFFFFFF>>31 != 1 {
			t.Errorf("NTP time %x", r.NTPTime)
		}
		if r.RTPTime != list[0].Timestamp+rate*3/2 || r.PacketCount != uint32(len(list)) {
			t.Errorf("%d: RTP time %d after %d, %d of %d packets", r.SSRC, r.RTPTime, list[0].Timestamp, r.PacketCount,
				len(list))
		}
	}
	if reports != 3 {
		t.Errorf("%d reports", reports)
	}
	s.OnRTCP(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: big, TotalLost: 0xFFFFFF}}}) // -1: duplicates
	if n := s.Sent()[2].ReportedLost; n != -1 {
		t.Errorf("%d lost", n)
	}
}

func TestWithoutKeysNothingIsSent(t *testing.T) {
	s := &sender{t: t, lag: measure.NewLag()}
	s.Publisher = New(Config{Send: func([]byte) { t.Error("sent") }, Lag: s.lag})
	s.SendRTCP([]rtcp.Packet{&rtcp.ReceiverReport{}})
	s.Begin(nil, begun)
	s.play(0, 100*time.Millisecond)
}
