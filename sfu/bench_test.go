package sfu

import (
	"testing"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/rtcpview"
	"conclave/sfu/srtp"
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
func benchRoom(b *testing.B, n int, offer string) (w *worker, s *sink, next func() batch.Datagram, viewers []*attacker) {
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
	seq := uint64(0)
	next = func() batch.Datagram {
		p := publisher.video(5, uint16(seq), "q")
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
		head := p.Header.MarshalSize()
		sealed := append(make([]byte, 0, len(raw)+srtp.Overhead), raw[:head]...)
		sealed = publisher.cipher.Seal(sealed, raw[head:], 5, seq-1, new(srtp.Nonce)) // with the roll-over counter, unlike sealRTP
		return batch.Datagram{Data: sealed, From: publisher.session.transport.remote.Load().to.AddrPort}
	}
	for i := range n {
		a := newAttackerWith(t, room, ParticipantID(i+2), offer)
		a.peer.SetView(wantsOf(1))
		viewers = append(viewers, a)
	}
	for _, box := range w.out {
		box.sender = s
	}
	for _, v := range viewers { // they begin with the first packet, the only key frame
		for assigned := false; !assigned; time.Sleep(time.Millisecond) {
			room.mu.Lock()
			assigned = v.session.egress.list()[0].assigned != nil
			room.mu.Unlock()
		}
	}
	return w, s, next, viewers
}

// BenchmarkForward is the cost of one forwarded packet without the kernel: bursts of four packets from one publisher, as a video
// frame comes, to 50 subscribers; "measured" with transport-wide sequence numbers, and the subscribers' feedback about every 48 packets.
// It must not allocate.
func BenchmarkForward(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkForward(b, attackerOffer) })
	b.Run("measured", func(b *testing.B) { benchmarkForward(b, measuredOffer()) })
}

func benchmarkForward(b *testing.B, offer string) {
	const subscribers, burst, perFeedback = 50, 4, 12
	w, s, next, viewers := benchRoom(b, subscribers, offer)
	datagrams := make([]batch.Datagram, burst)
	now := time.Now()
	feed := func() {
		for i := range datagrams {
			datagrams[i] = next()
		}
		w.take(datagrams, now)
		w.flush()
	}
	// A second of this is an hour of media: control, which would make sense of the rates, has to wait from here on.
	room := viewers[0].peer.room
	for connected := false; !connected; {
		room.mu.Lock()
		if connected = len(room.tracks[trackKey{1, Camera}].layers[0].outputs()) == subscribers; !connected {
			room.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	}
	defer room.mu.Unlock()
	for range 20 {
		feed()
	}
	s.packets = 0
	var feedback []byte
	b.ReportAllocs()
	b.ResetTimer()
	for n := 1; b.Loop(); n++ {
		b.StopTimer()
		for i := range datagrams {
			datagrams[i] = next()
		}
		reports := n%perFeedback == 0 && offer != attackerOffer
		if reports {
			feedback = allReceived(feedback[:0], uint16((n+20-perFeedback)*burst), perFeedback*burst, uint32(n))
		}
		b.StartTimer()
		w.take(datagrams, now)
		w.flush()
		if reports {
			for _, v := range viewers {
				v.session.transportFeedback(rtcpview.Packet{Type: rtcpview.TypeRTPFB, Format: rtcpview.FormatTWCC, Body: feedback}, time.Now(), w)
			}
		}
	}
	if s.packets < b.N*subscribers*burst*9/10 {
		b.Fatalf("forwarded %d packets in %d rounds", s.packets, b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.packets), "ns/packet")
}
