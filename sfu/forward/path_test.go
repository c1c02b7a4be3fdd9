package forward

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"conclave/sfu/bwe"
	"conclave/sfu/wiretest"
)

// One numbering goes through all that is sent to a viewer, audio and video, and the answer says so.
func TestEveryPacketToAViewerIsNumbered(t *testing.T) {
	_, publisher, viewer := watched(t)
	publisher.film()
	next, kinds := -1, map[uint8]int{}
	viewer.Arrivals("100 numbered packets", func(p *rtp.Packet, _ int) bool {
		ext := p.GetExtension(wiretest.ExtTWCC)
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
}

// A viewer that wants more than the estimate is probed, with repeated packets, and an estimate that grows with what
// arrives.
func TestProbesRaiseTheEstimate(t *testing.T) {
	r, publisher, viewer := watched(t)
	publisher.film()
	e := viewer.c.Egress()
	began := time.Now()
	probes, base := 0, -1
	var times []int64
	viewer.Arrivals("an estimate of twice the first", func(p *rtp.Packet, _ int) bool {
		seq := binary.BigEndian.Uint16(p.GetExtension(wiretest.ExtTWCC))
		if base < 0 {
			base = int(seq)
		}
		times = append(times, time.Since(began).Microseconds())
		if p.PayloadType == 97 {
			probes++
		}
		if len(times) == 10 {
			e.Useful(8_000_000)
			viewer.Feedback(wiretest.ArrivedAt(uint16(base), times))
			base, times = -1, nil
		}
		return e.Estimate() > 2*bwe.Initial
	})
	if probes == 0 {
		t.Error("no probe was sent")
	}
	if n := r.engine.pacer.counters.Probes.Load(); n == 0 || n > 2000 {
		t.Errorf("%d probes are counted", n)
	}
}

// A viewer that never says anything is held to the first, cautious estimate, whether it took the extension or not. One
// that sends receiver reports is sent everything for as long as it does.
func TestAViewerThatSaysNothingStaysLow(t *testing.T) {
	for name, measured := range map[string]bool{"with the extension": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			r, publisher, _ := watched(t)
			viewer := r.join(4, options{twcc: measured}).watch(publisher)
			e := &viewer.c.out
			publisher.film()
			viewer.Arrivals("a packet", func(*rtp.Packet, int) bool { return true })
			now := time.Now().Add(3 * time.Second) // longer than feedback is waited for
			report := func(ssrc uint32) {
				viewer.RTCP(&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: ssrc}}})
			}
			if e.revise(now); e.Estimate() != bwe.Initial {
				t.Errorf("it is sent %d", e.Estimate())
			}
			report(1) // of no slot
			report(e.slots[len(e.slots)-1].ssrc)
			wiretest.Eventually(t, "a viewer that reports is sent everything", func() bool {
				e.revise(now)
				return e.Estimate() == bwe.Max
			})
			if e.revise(now.Add(2 * reportsHold)); e.Estimate() != bwe.Initial {
				t.Error("reports that have ended still count")
			}
		})
	}
}

// Threat 6: whatever a viewer says of its own path, its estimate stays between the limits, and others have nothing of
// it.
func TestFeedbackThatLiesHurtsNobodyElse(t *testing.T) {
	r, publisher, mallory := watched(t)
	victim := r.join(3, options{twcc: true}).watch(publisher)
	publisher.film()
	before := victim.c.out.Estimate()
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // any numbers will do
	e := mallory.c.Egress()
	n := 0
	mallory.Arrivals("packets in spite of nonsense", func(p *rtp.Packet, _ int) bool {
		seq := binary.BigEndian.Uint16(p.GetExtension(wiretest.ExtTWCC))
		switch n++; n % 5 {
		case 0: // the packet's true number, times from anywhere: clocks that jump and run backwards
			mallory.Feedback(wiretest.AllReceived(nil, seq-uint16(random.IntN(20)), 1+uint16(random.IntN(20)),
				random.Uint32()&0xffffff))
		case 1:
			noise := make([]byte, 4+random.IntN(60))
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			mallory.Feedback(noise)
		case 2: // packets that were never sent
			mallory.Feedback(wiretest.AllReceived(nil, seq+1000, 200, 1))
		case 3:
			mallory.RTCP(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{5}})
		default:
			mallory.RTCP(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e18, SSRCs: []uint32{5}})
		}
		if bps := e.Estimate(); bps != 0 && (bps < bwe.Min || bps > bwe.Max) {
			t.Fatalf("an estimate of %d", bps)
		}
		return n > 200
	})
	if after := victim.c.out.Estimate(); after < before {
		t.Errorf("the victim's estimate fell from %d to %d", before, after)
	}
	kinds := 0
	victim.Arrivals("the victim's picture", func(p *rtp.Packet, _ int) bool {
		if p.PayloadType == 96 {
			kinds++
		}
		return kinds > 20
	})
}

// Threat 6: a viewer without transport-wide feedback that says it can receive nothing gets audio still, and no more
// than the least.
func TestREMBOfNothingLeavesTheAudio(t *testing.T) {
	r, publisher, _ := watched(t)
	viewer := r.join(3, options{remb: true}).watch(publisher)
	publisher.film()
	viewer.RTCP(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{5}})
	wiretest.Eventually(t, "the least estimate", func() bool { return viewer.c.out.Estimate() == bwe.Min })
	audio := 0
	viewer.Arrivals("audio", func(p *rtp.Packet, _ int) bool {
		if p.PayloadType == 111 {
			audio++
		}
		return audio > 50
	})
}
