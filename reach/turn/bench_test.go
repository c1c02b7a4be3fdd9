package turn

import (
	"testing"
	"time"
)

// BenchmarkFraming frames a burst of four packets of 1,150 bytes for a client: as ChannelData, and as Data indications,
// which Firefox takes throughout.
func BenchmarkFraming(b *testing.B) {
	for _, bound := range []bool{true, false} {
		b.Run(map[bool]string{true: "channel", false: "indication"}[bound], func(b *testing.B) {
			u := &users{}
			s := NewServer(nil, u)
			s.peers = append(s.peers, ours)
			a := &allocation{peers: make([]binding, 1)}
			until := time.Now().Add(time.Hour).UnixNano()
			a.until.Store(until)
			a.peers[0].permitted.Store(until)
			if bound {
				a.peers[0].channel.Store(0x4000)
				a.peers[0].bound.Store(until)
			}
			c := s.NewClient(owner{}, client, ours.Addr(), true)
			c.alloc = a
			f, packet, room := c.Framing(0, time.Now), make([]byte, 1150), make([]byte, 0, 8192)
			b.ReportAllocs()
			b.SetBytes(4 * 1150)
			for b.Loop() {
				out := room
				for range 4 {
					out = f.Append(out, packet)
				}
			}
		})
	}
}
