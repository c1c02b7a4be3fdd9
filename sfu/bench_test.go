package sfu

import (
	"testing"
	"time"

	"conclave/sfu/batch"
)

// sink takes messages without a system call: what remains is our own cost.
type sink struct{ packets int }

func (s *sink) Send(messages []batch.Message) (int, error) {
	for _, m := range messages {
		s.packets += m.Segments()
	}
	return len(messages), nil
}

func (s *sink) MaxSegments() int { return batch.MaxSegments }

// benchRoom is one publisher and n subscribers with keys, on a worker of its own that nobody runs.
func benchRoom(b *testing.B, n int) (w *worker, s *sink, next func() batch.Datagram) {
	b.Helper()
	srv, err := Listen(Config{Listen: []netipAddrPort{mustAddrPort("127.0.0.1:0")}, Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close() })
	room := srv.NewRoom(RoomEvents{})
	t := &testing.T{}
	publisher := newAttacker(t, room, 1)
	publisher.peer.SetLive(Sources(Camera))
	publisher.session.budget = 1 << 40
	w = srv.workers[0]
	s = &sink{}
	seq := uint16(0)
	next = func() batch.Datagram {
		p := publisher.video(5, seq, "q")
		p.Version = 2
		p.Payload = append(p.Payload, make([]byte, 1100-len(p.Payload))...)
		p.Payload[5] = 1 // a delta frame
		if seq == 0 {
			p.Payload[5] = 0
		}
		seq++
		raw, err := p.Marshal()
		if err != nil {
			b.Fatal(err)
		}
		return batch.Datagram{Data: publisher.sealRTP(raw, p.Header.MarshalSize()), From: publisher.session.transport.remote.Load().to.AddrPort}
	}
	for i := range n {
		a := newAttacker(t, room, ParticipantID(i+2))
		a.peer.SetView(wantsOf(1))
	}
	for _, box := range w.out {
		box.sender = s
	}
	return w, s, next
}

// BenchmarkForward is the cost of one forwarded packet without the kernel: bursts of four packets from one publisher, as a video
// frame comes, to 50 subscribers. It must not allocate.
func BenchmarkForward(b *testing.B) {
	const subscribers, burst = 50, 4
	w, s, next := benchRoom(b, subscribers)
	datagrams := make([]batch.Datagram, burst)
	now := time.Now()
	feed := func() {
		for i := range datagrams {
			datagrams[i] = next()
		}
		w.take(datagrams, now)
		w.flush()
	}
	for range 20 {
		feed()
	}
	s.packets = 0
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		for i := range datagrams {
			datagrams[i] = next()
		}
		b.StartTimer()
		w.take(datagrams, now)
		w.flush()
	}
	if s.packets < b.N*subscribers*burst*9/10 {
		b.Fatalf("forwarded %d packets in %d rounds", s.packets, b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.packets), "ns/packet")
}
