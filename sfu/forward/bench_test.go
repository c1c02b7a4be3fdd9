package forward

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/wiretest"
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

// benchRoom is one publisher and n viewers with keys, on a worker that nobody runs. No control makes sense of the
// rates: a second of this is an hour of media.
func benchRoom(b *testing.B, n int, viewer options) (w *worker, s *sink, next func() batch.Datagram, viewers []*peer) {
	b.Helper()
	r := newRig(b)
	publisher := r.join(1, options{}).live()
	publisher.c.in.budget = 1 << 40
	s = &sink{}
	w = testWorker(r.engine, s)
	seq := uint64(0)
	next = func() batch.Datagram {
		p := wiretest.Video(5, uint16(seq), "q")
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
		// with the roll-over counter, unlike Seal
		sealed = publisher.Cipher.Seal(sealed, raw[head:], 5, seq-1, new(srtp.Scratch))
		return batch.Datagram{Data: sealed, From: publisher.Address()}
	}
	for i := range n { // they begin with the first packet, the only key frame
		v := r.join(media.ParticipantID(i+2), viewer).watch(publisher)
		v.c.out.Useful(200_000) // as the allocator says of one small picture: no probes
		viewers = append(viewers, v)
	}
	return w, s, next, viewers
}

// rested says whether nothing is held back.
func (d *destination) rested() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hold.empty()
}

// BenchmarkForward is the cost of one forwarded packet without the kernel: bursts of four packets from one publisher,
// as a video frame comes, to 50 subscribers; "measured" with transport-wide sequence numbers, and the subscribers'
// feedback about every third frame. Time goes on by a frame interval from burst to burst. It must not allocate.
func BenchmarkForward(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkForward(b, options{}) })
	b.Run("measured", func(b *testing.B) { benchmarkForward(b, options{twcc: true}) })
}

func benchmarkForward(b *testing.B, viewer options) {
	const subscribers, burst, perFeedback, interval = 50, 4, 3, time.Second / 30
	w, s, next, viewers := benchRoom(b, subscribers, viewer)
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
	feed()
	for _, v := range viewers { // the pacer lives in real time: what it holds of the beginning would never get out
		for !v.c.out.rested() {
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
		reports := n%perFeedback == 0 && viewer.twcc
		if reports {
			feedback = wiretest.AllReceived(feedback[:0], uint16((n+20-perFeedback)*burst), perFeedback*burst,
				uint32(now.Sub(begin)/(64*time.Millisecond)))
			for i := burst; i < perFeedback*burst; i += burst { // a frame interval between one frame and the next
				const unit = 250 * time.Microsecond
				feedback[len(feedback)-perFeedback*burst+i] = byte((interval - burst*unit) / unit)
			}
		}
		now = now.Add(interval)
		b.StartTimer()
		w.take(datagrams, now)
		w.flush(now)
		if reports {
			for _, v := range viewers {
				if err := v.c.out.feedback(feedback, now); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	if s.packets < b.N*subscribers*burst*99/100 {
		b.Fatalf("forwarded %d packets in %d rounds", s.packets, b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.packets), "ns/packet")
}
