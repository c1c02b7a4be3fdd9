package bwe

import (
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"conclave/sfu/rtcpview"
)

// BenchmarkPacket is the whole cost of a packet: it is sent, and feedback about it comes with that of fifty others.
func BenchmarkPacket(b *testing.B) {
	e := New(epoch)
	now := epoch
	r := twcc.NewRecorder(1)
	const batch = 50
	at := now.UnixMicro()
	var bodies [65536 / batch][]byte
	for i := range bodies { // feedback does not depend on what has been sent: it is made beforehand
		for j := range batch {
			at += 1000
			r.Record(2, uint16(i*batch+j), at)
		}
		raw, err := rtcp.Marshal(r.BuildFeedbackPacket())
		if err != nil {
			b.Fatal(err)
		}
		p, _, err := rtcpview.Next(raw)
		if err != nil {
			b.Fatal(err)
		}
		bodies[i] = p.Body
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for range batch {
			e.Sent(now, 1100)
			now = now.Add(time.Millisecond)
		}
		if n == len(bodies) {
			n, e.sent.next = 0, 0
		}
		_ = e.Feedback(now, bodies[n])
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/packet")
}
