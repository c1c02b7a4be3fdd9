package sfu

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/rtcpview"
	"conclave/sfu/transport/srtp"
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
	publisher.peer.SetLive(media.Sources(media.Camera))
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
		return batch.Datagram{Data: sealed, From: publisher.address()}
	}
	for i := range n {
		a := newAttackerWith(t, room, media.ParticipantID(i+2), offer)
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

// rested says whether nothing is held back.
func (e *egress) rested() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hold.empty()
}

// BenchmarkForward is the cost of one forwarded packet without the kernel: bursts of four packets from one publisher, as a video
// frame comes, to 50 subscribers; "measured" with transport-wide sequence numbers, and the subscribers' feedback about every third frame.
// Time goes on by a frame interval from burst to burst. It must not allocate.
func BenchmarkForward(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkForward(b, attackerOffer) })
	b.Run("measured", func(b *testing.B) { benchmarkForward(b, measuredOffer()) })
}

func benchmarkForward(b *testing.B, offer string) {
	const subscribers, burst, perFeedback, interval = 50, 4, 3, time.Second / 30
	w, s, next, viewers := benchRoom(b, subscribers, offer)
	datagrams := make([]batch.Datagram, burst)
	begin := time.Now()
	now := begin
	feed := func() {
		for i := range datagrams {
			datagrams[i] = next()
		}
		now = now.Add(interval)
		w.take(datagrams, now)
		w.flush(now)
	}
	// A second of this is an hour of media: control, which would make sense of the rates, has to wait from here on.
	room := viewers[0].peer.room
	for connected := false; !connected; {
		room.mu.Lock()
		if connected = len(room.tracks[trackKey{1, media.Camera}].layers[0].outputs()) == subscribers; !connected {
			room.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	}
	defer room.mu.Unlock()
	feed()
	for _, v := range viewers { // the pacer lives in real time: what it holds of the beginning would never get out
		for e := &v.session.egress; !e.rested(); {
			time.Sleep(time.Millisecond)
		}
	}
	for range 19 {
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
			feedback = allReceived(feedback[:0], uint16((n+20-perFeedback)*burst), perFeedback*burst, uint32(now.Sub(begin)/(64*time.Millisecond)))
			for i := burst; i < perFeedback*burst; i += burst { // a frame interval between one frame and the next
				feedback[len(feedback)-perFeedback*burst+i] = byte((interval - burst*250*time.Microsecond) / (250 * time.Microsecond))
			}
		}
		now = now.Add(interval)
		b.StartTimer()
		w.take(datagrams, now)
		w.flush(now)
		if reports {
			for _, v := range viewers {
				v.session.transportFeedback(rtcpview.Packet{Type: rtcpview.TypeRTPFB, Format: rtcpview.FormatTWCC, Body: feedback}, now, w)
			}
		}
	}
	if s.packets < b.N*subscribers*burst*99/100 {
		b.Fatalf("forwarded %d packets in %d rounds", s.packets, b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.packets), "ns/packet")
}
