package signaling

import (
	"fmt"
	"testing"

	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
)

type encodingSink struct{ bytes int }

func (s *encodingSink) Deliver(d *meeting.Delivery) {
	if w, ok := d.Message.(*protocol.Welcome); ok {
		s.bytes = len(marshal(w))
	}
}

// BenchmarkJoinBySize is what a join costs by the size of the meeting that is joined, with the encoding of its welcome.
func BenchmarkJoinBySize(b *testing.B) {
	for _, size := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("present=%d", size), func(b *testing.B) {
			registry, err := meeting.NewRegistry(meeting.Config{Media: &fakeMedia{peers: map[media.ParticipantID]*fakePeer{}},
				MaxParticipants: 2000})
			if err != nil {
				b.Fatal(err)
			}
			bot := meeting.Identity{Session: meeting.SessionKeyOf(1), Bot: true}
			id, _, err := registry.Create(b.Context(), meeting.Creation{Creator: bot, E2EE: true})
			if err != nil {
				b.Fatal(err)
			}
			sink := &encodingSink{}
			n := 0
			join := func() *meeting.Seat {
				n++
				seat, err := registry.Join(b.Context(), meeting.Join{Meeting: id, Identity: bot,
					Announce: meeting.NewBlob(fmt.Sprintf("%0195d", n)), Sink: sink})
				if err != nil {
					b.Fatal(err)
				}
				return seat
			}
			for range size {
				join()
			}
			b.ReportAllocs()
			for b.Loop() {
				join().Leave(&protocol.Leave{}, protocol.ByeLeft)
			}
			b.ReportMetric(float64(sink.bytes), "B/welcome")
			_ = registry.Close(b.Context())
		})
	}
}
