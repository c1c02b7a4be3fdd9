package forward

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// statuses counts what feedback says of how many packets.
func statuses(packets []rtcp.Packet) (n int) {
	for _, p := range packets {
		if f, ok := p.(*rtcp.TransportLayerCC); ok {
			n += int(f.PacketStatusCount)
		}
	}
	return n
}

// A publisher whose transport-wide sequence numbers jump makes the server write of no more packets than it has sent,
// many times over.
func TestJumpsOfSequenceNumbersCostLittle(t *testing.T) {
	const packets = 1000
	for _, step := range []uint16{1, maxArrivalJump, maxArrivalJump + 1, 30000, 1 << 15, 1<<16 - 300} {
		a := arrivals{ssrc: 1}
		now, seq, told := time.Now(), uint16(0), 0
		for i := range packets {
			seq += step
			a.record(7, seq, now.Add(time.Duration(i)*time.Millisecond))
			if i%100 == 99 {
				told += statuses(a.take())
			}
		}
		t.Logf("steps of %d: %d statuses", step, told)
		if told > packets*maxArrivalJump || told == 0 {
			t.Errorf("steps of %d: %d packets are told of %d", step, packets, told)
		}
	}
}

// Losses and reordering within bounds are told as before.
func TestArrivalsAreTold(t *testing.T) {
	a := arrivals{ssrc: 1}
	if a.take() != nil {
		t.Error("something is told of nothing")
	}
	now := time.Now()
	for _, seq := range []uint16{65000, 65002, 65001, 65100, 65301} {
		a.record(7, seq, now)
	}
	if n := statuses(a.take()); n != 302 {
		t.Errorf("told of %d, want 302", n)
	}
	if a.take() != nil {
		t.Error("told twice")
	}
}

func BenchmarkArrivals(b *testing.B) {
	for name, step := range map[string]uint16{"in order": 1, "jumps": 30000, "most costly": maxArrivalJump} {
		b.Run(name, func(b *testing.B) {
			a := arrivals{ssrc: 1}
			now, seq := time.Now(), uint16(0)
			for i := range b.N {
				seq += step
				now = now.Add(250 * time.Microsecond)
				a.record(7, seq, now)
				if i%400 == 399 { // ten times a second at 4,000 packets a second
					a.take()
				}
			}
		})
	}
}
