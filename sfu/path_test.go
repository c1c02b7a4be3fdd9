package sfu

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/bwe"
	"conclave/sfu/rtcpview"
	"conclave/sfu/sdp"
)

// extTWCC is the header extension id of measuredOffer.
const extTWCC = 5

// measuredOffer is attackerOffer of a viewer that can say what it receives.
func measuredOffer() string {
	ext := "a=extmap:5 " + sdp.URITWCC + "\r\n"
	return strings.NewReplacer("a=mid:2\r\n", "a=mid:2\r\n"+ext, "a=mid:3\r\n", "a=mid:3\r\n"+ext).Replace(attackerOffer)
}

// allReceived appends the body of a feedback message: count packets from base on arrived, a quarter of a millisecond apart, beginning at
// reference, in units of 64 ms.
func allReceived(b []byte, base, count uint16, reference uint32) []byte {
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 2)
	b = binary.BigEndian.AppendUint16(b, base)
	b = binary.BigEndian.AppendUint16(b, count)
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), 0)
	b = binary.BigEndian.AppendUint16(b, 1<<13|count)
	for range count {
		b = append(b, 1)
	}
	return b
}

// feedback sends body as transport-wide feedback.
func (a *attacker) feedback(body []byte) {
	a.t.Helper()
	raw := make(rtcp.RawPacket, 4, 4+len(body)+3)
	raw[0], raw[1] = 0x80|rtcpview.FormatTWCC, rtcpview.TypeRTPFB
	raw = append(raw, body...)
	if pad := -len(body) & 3; pad > 0 {
		raw[0] |= 0x20
		raw = append(raw, make([]byte, pad)...)
		raw[len(raw)-1] = byte(pad)
	}
	binary.BigEndian.PutUint16(raw[2:], uint16(len(raw)/4-1))
	a.rtcpPackets(&raw)
}

// arrivals reads what the server sends to a until cond says that it is enough.
func (a *attacker) arrivals(what string, enough func(p *rtp.Packet, size int) bool) {
	a.t.Helper()
	buf := make([]byte, batch.MaxDatagram)
	_ = a.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := a.conn.Read(buf)
		if err != nil {
			a.t.Fatalf("never: %s: %v", what, err)
		}
		var p rtp.Packet
		if rest := buf[:n]; n > 1 && (rest[1] < 192 || rest[1] > 223) && p.Unmarshal(rest) == nil && enough(&p, n) {
			return
		}
	}
}

// watched is a publisher of a camera and a viewer of it that can say what it receives.
func watched(t testing.TB) (room *Room, publisher, viewer *attacker) {
	t.Helper()
	srv, err := Listen(Config{Listen: []netipAddrPort{mustAddrPort("127.0.0.1:0")}, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	room = srv.NewRoom(RoomEvents{})
	publisher = newAttacker(t, room, 1)
	publisher.peer.SetLive(media.Sources(media.Camera, media.Mic))
	viewer = newAttackerWith(t, room, 2, measuredOffer())
	viewer.peer.SetView(wantsOf(1))
	return room, publisher, viewer
}

// publish sends a camera at 50 packets a second and speech beside it, until the test ends.
func (a *attacker) publish() {
	stop, done := make(chan struct{}), make(chan struct{})
	a.t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		for seq := uint16(1); seq < 3000; seq++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			p := a.video(5, seq, "q")
			p.Payload = append(p.Payload, make([]byte, 900)...)
			a.rtp(p)
			a.rtp(a.audio(seq, 20))
		}
	}()
}

// One numbering goes through all that is sent to a viewer, audio and video, and the answer says so.
func TestEveryPacketToAViewerIsNumbered(t *testing.T) {
	_, publisher, viewer := watched(t)
	publisher.publish()
	next, kinds := -1, map[uint8]int{}
	viewer.arrivals("100 numbered packets", func(p *rtp.Packet, _ int) bool {
		ext := p.GetExtension(extTWCC)
		if len(ext) != 2 {
			t.Fatalf("packet of type %d without a number", p.PayloadType)
		}
		seq := int(binary.BigEndian.Uint16(ext))
		if next >= 0 && seq != next {
			t.Fatalf("number %d after %d", seq, next-1)
		}
		next = seq + 1
		kinds[p.PayloadType]++
		return kinds[96] > 50 && kinds[111] > 20
	})
	answer := viewer.renegotiate(measuredOffer())
	for _, line := range []string{"a=extmap:5 " + sdp.URITWCC, "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:111 transport-cc"} {
		if !strings.Contains(answer, line+"\r\n") {
			t.Errorf("the answer lacks %s", line)
		}
	}
}

// A viewer that wants more than the estimate is probed, with repeated packets, and an estimate that grows with what arrives.
func TestProbesRaiseTheEstimate(t *testing.T) {
	_, publisher, viewer := watched(t)
	publisher.publish()
	e := &viewer.session.egress
	began := time.Now()
	probes, base := 0, -1
	var times []int64
	viewer.arrivals("an estimate of twice the first", func(p *rtp.Packet, _ int) bool {
		seq := binary.BigEndian.Uint16(p.GetExtension(extTWCC))
		if base < 0 {
			base = int(seq)
		}
		times = append(times, time.Since(began).Microseconds())
		if p.PayloadType == 97 {
			probes++
		}
		if len(times) == 10 {
			e.wanted(8_000_000)
			viewer.feedback(arrivedAt(uint16(base), times))
			base, times = -1, nil
		}
		return e.estimated.Load() > 2*bwe.Initial
	})
	if probes == 0 {
		t.Error("no probe was sent")
	}
	if n := viewer.session.server.stats.probes.Load(); n == 0 || n > 2000 {
		t.Errorf("%d probes are counted", n)
	}
}

// arrivedAt is the body of a feedback message: packets from base on arrived at the given µs.
func arrivedAt(base uint16, times []int64) []byte {
	const unit = 64_000
	reference := times[0] / unit
	b := allReceived(nil, base, uint16(len(times)), uint32(reference))
	b[16], b[17] = 2<<5, byte(len(times)) // a run of two-byte deltas
	b = b[:18]
	last := reference * unit
	for _, at := range times {
		b = binary.BigEndian.AppendUint16(b, uint16((at-last)/250))
		last += (at - last) / 250 * 250
	}
	return b
}

// A viewer that took the extension and never says anything is not held to the first, cautious estimate.
func TestAViewerThatSaysNothingIsSentEverything(t *testing.T) {
	_, publisher, viewer := watched(t)
	publisher.publish()
	eventually(t, "no limit", func() bool { return viewer.session.egress.estimated.Load() == bwe.Max })
}

// Threat 6: whatever a viewer says of its own path, its estimate stays between the limits, and others have nothing of it.
func TestFeedbackThatLiesHurtsNobodyElse(t *testing.T) {
	room, publisher, mallory := watched(t)
	victim := newAttackerWith(t, room, 3, measuredOffer())
	victim.peer.SetView(wantsOf(1))
	publisher.publish()
	before := victim.session.egress.estimated.Load()
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // any numbers will do
	e := &mallory.session.egress
	n := 0
	mallory.arrivals("packets in spite of nonsense", func(p *rtp.Packet, _ int) bool {
		seq := binary.BigEndian.Uint16(p.GetExtension(extTWCC))
		switch n++; n % 5 {
		case 0: // the packet's true number, times from anywhere: clocks that jump and run backwards
			mallory.feedback(allReceived(nil, seq-uint16(random.IntN(20)), 1+uint16(random.IntN(20)), random.Uint32()&0xffffff))
		case 1:
			noise := make([]byte, 4+random.IntN(60))
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			mallory.feedback(noise)
		case 2: // packets that were never sent
			mallory.feedback(allReceived(nil, seq+1000, 200, 1))
		case 3:
			mallory.rtcpPackets(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{5}})
		default:
			mallory.rtcpPackets(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e18, SSRCs: []uint32{5}})
		}
		if bps := e.estimated.Load(); bps != 0 && (bps < bwe.Min || bps > bwe.Max) {
			t.Fatalf("an estimate of %d", bps)
		}
		return n > 200
	})
	if after := victim.session.egress.estimated.Load(); after < before {
		t.Errorf("the victim's estimate fell from %d to %d", before, after)
	}
	kinds := 0
	victim.arrivals("the victim's picture", func(p *rtp.Packet, _ int) bool {
		if p.PayloadType == 96 {
			kinds++
		}
		return kinds > 20
	})
}

// Threat 6: a viewer without transport-wide feedback that says it can receive nothing gets audio still, and no more than the least.
func TestREMBOfNothingLeavesTheAudio(t *testing.T) {
	room, publisher, _ := watched(t)
	offer := strings.Replace(attackerOffer, "a=mid:2\r\n", "a=mid:2\r\na=rtcp-fb:96 goog-remb\r\n", 1)
	viewer := newAttackerWith(t, room, 3, offer)
	viewer.peer.SetView(wantsOf(1))
	publisher.publish()
	viewer.rtcpPackets(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{5}})
	eventually(t, "the least estimate", func() bool { return viewer.session.egress.estimated.Load() == bwe.Min })
	audio := 0
	viewer.arrivals("audio", func(p *rtp.Packet, _ int) bool {
		if p.PayloadType == 111 {
			audio++
		}
		return audio > 50
	})
}
