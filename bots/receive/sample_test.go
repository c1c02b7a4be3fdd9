package receive

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"conclave/bots/wire"
)

// A sample tells how many packets were sent, and what part of them was lost, whatever the pattern of the losses and
// wherever the numbers begin and wrap.
func TestASampleEstimatesTheLoss(t *testing.T) {
	const sent = 400_500 // no burst at the end, which no number tells of
	for name, lost := range map[string]func(*rand.Rand, int) bool{
		"none":             func(*rand.Rand, int) bool { return false },
		"one in a hundred": func(rng *rand.Rand, _ int) bool { return rng.IntN(100) == 0 },
		"bursts":           func(_ *rand.Rand, n int) bool { return n%1000 >= 985 },
		"a second":         func(_ *rand.Rand, n int) bool { return n > 50_000 && n < 54_000 },
	} {
		for _, shift := range []uint8{1, 5, 6} {
			rng := rand.New(rand.NewPCG(uint64(shift), 7))
			all, sample := seqLog{}, seqLog{shift: shift}
			first := rng.IntN(1 << 16)
			for n := range sent {
				if n > 0 && n < sent-1 && lost(rng, n) {
					continue
				}
				seq := uint16(first + n)
				all.add(seq, false)
				if seq%(1<<shift) == 0 {
					sample.add(seq, false)
				}
			}
			if off := int64(all.expected() - sample.expected()); max(off, -off) > 4<<shift {
				t.Errorf("%s, 1 in %d: %d expected, of %d", name, 1<<shift, sample.expected(), all.expected())
			}
			truth, _ := all.lost()
			before, after := sample.lost()
			// Four standard deviations of a sample of so many, were each lost by itself; a burst is seen to a packet.
			margin := 4*math.Sqrt(float64(truth)*float64(int(1)<<shift)) + 1
			if before != after || math.Abs(float64(before)-float64(truth)) > margin || truth == 0 && before > 0 {
				t.Errorf("%s, 1 in %d: %d lost and %d in the end, of %d; margin %.0f", name, 1<<shift, before, after, truth, margin)
			}
		}
	}
}

func TestASampleCountsEachPacketOnce(t *testing.T) {
	l := seqLog{shift: 5}
	for _, seq := range []uint16{65472, 65504, 0, 0, 65504, 64, 32, 32, 128} { // 96 is lost
		l.add(seq, false)
	}
	before, _ := l.lost()
	counts := [...]uint64{l.Direct, l.Duplicates, l.Reordered}
	if l.expected() != 7*32 || before != 32 || counts != [...]uint64{6, 3, 1} {
		t.Errorf("expected %d, lost %d, %v", l.expected(), before, counts)
	}
	if got := uint32(l.number() - 1<<16); got != 1<<16+128 {
		t.Errorf("the highest number is %d", got)
	}
	if l.add(96, false); l.expected() != 7*32 {
		t.Error("a late packet changed how many were sent")
	}
	if before, _ := l.lost(); before != 0 {
		t.Errorf("%d lost after the late packet came", before)
	}
}

// A bot with a sample reports what it receives, and asks for nothing: what the kernel discarded is not missed.
func TestASampleAsksForNothing(t *testing.T) {
	var sent []rtcp.Packet
	r := New(Config{
		Verify: 1, Feedback: true, Sample: 32, SendRTCP: func(list []rtcp.Packet) { sent = append(sent, list...) },
	})
	r.srtp = &srtp.Context{} // the handshake is over
	r.Expect([]Slot{{MID: "0", Video: true, SSRC: 1, RTX: 2, TWCC: 2}, {MID: "1", SSRC: 3}})
	r.list[0].owner = 7
	now := time.Unix(1000, 0)
	for n := range 200 {
		seq := uint16(32 * n)
		for _, s := range r.list {
			if n%10 != 9 { // one of ten is lost
				r.count(s, &wire.RTP{Seq: seq, SSRC: s.ssrc, CSRC: 7, Marker: true}, nil, now.UnixNano(), false)
			}
		}
		now = now.Add(50 * time.Millisecond)
		r.Pulse(now)
	}
	var last *rtcp.ReceiverReport
	for _, p := range sent {
		report, ok := p.(*rtcp.ReceiverReport)
		if !ok {
			t.Fatalf("it sent %T", p)
		}
		last = report
	}
	if last == nil || len(last.Reports) != 2 {
		t.Fatalf("the last report is %+v", last)
	}
	for _, rr := range last.Reports {
		if rr.FractionLost < 15 || rr.FractionLost > 35 || rr.TotalLost == 0 || rr.LastSequenceNumber%32 != 0 {
			t.Errorf("%+v", rr)
		}
	}
	if v := r.Summary(now); v.FirstRTP != (time.Time{}) || v.Streams[0].Frames != 0 || v.Streams[0].Packets != 180*32 {
		t.Errorf("%+v", v.Streams[0])
	}
}

// The stream of a sample has arrived with its first packet, and still comes while the next may be due.
func TestAStreamOfASampleArrives(t *testing.T) {
	r := New(Config{Sample: 32})
	r.Expect([]Slot{{MID: "0", Video: true, SSRC: 1}})
	at := time.Unix(1000, 0)
	if _, video := r.Arrived(at); video != 0 {
		t.Error("it arrived before anything came")
	}
	r.count(r.list[0], &wire.RTP{SSRC: 1}, nil, at.UnixNano(), false)
	for after, want := range map[time.Duration]int{0: 1, LiveWindow: 1, 6 * time.Second: 1, 7 * time.Second: 0} {
		if _, video := r.Arrived(at.Add(after)); video != want {
			t.Errorf("%v after the last packet %d arrive", after, video)
		}
	}
}
