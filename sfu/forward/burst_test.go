package forward

import (
	"testing"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/rtpview"
	"conclave/sfu/wiretest"
)

// segments is a sender that remembers each packet, and how many messages they came in.
type segments struct {
	packets  [][]byte
	messages int
	during   func() // the next call
}

func (s *segments) Send(messages []batch.Message) (int, error) {
	for _, m := range messages {
		s.messages++
		for rest := m.Data; len(rest) > 0; rest = rest[min(m.Segment, len(rest)):] {
			s.packets = append(s.packets, append([]byte(nil), rest[:min(m.Segment, len(rest))]...))
		}
	}
	if during := s.during; during != nil {
		s.during = nil
		during()
	}
	return len(messages), nil
}

func (s *segments) MaxSegments() int { return batch.MaxSegments }

// burst forwards n packets of one frame to the viewer in one batch, and then what speak says. Nothing else paces.
func burst(t *testing.T, estimate int64, n int) (
	out *segments, pace func(after time.Duration), speak func(seq uint16)) {
	t.Helper()
	out, pace, speak, _, _ = burstAndMore(t, estimate, n)
	return out, pace, speak
}

// burstAndMore also returns what has one more packet of video come.
func burstAndMore(t *testing.T, estimate int64, n int) (
	out *segments, pace func(after time.Duration), speak func(seq uint16), more func(estimate int64), d *destination) {
	t.Helper()
	r := newRig(t)
	publisher := r.join(1, options{}).live()
	viewer := r.join(2, options{twcc: true}).watch(publisher)
	d = &viewer.c.out.destination
	out = &segments{}
	w := testWorker(r.engine, out)
	at := time.Now()
	w.feed(publisher, at, publisher.Sealed(wiretest.Video(5, 1, "q"))) // the picture begins
	out.packets, out.messages = nil, 0
	d.paced.Store(true) // the engine's pacer looks the other way
	d.Assume(estimate)
	p := &pacer{}
	p.out = []*outbox{newOutbox(arenaBytes, &p.counters)}
	p.out[0].sender = out
	p.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	sealed := make([][]byte, n)
	for i := range sealed {
		v := wiretest.Video(5, uint16(2+i), "q")
		v.Payload = append(v.Payload, make([]byte, 1000)...)
		sealed[i] = publisher.Sealed(v)
	}
	d.mu.Lock()
	d.hold.debt, d.hold.paidAt = 0, at
	d.mu.Unlock()
	w.feed(publisher, at, sealed...)
	return out, func(after time.Duration) { p.pace(d, at.Add(after)) },
		func(seq uint16) { w.feed(publisher, at, publisher.Sealed(wiretest.Audio(seq, 20))) },
		func(estimate int64) {
			n++
			d.Assume(estimate)
			w.feed(publisher, at, publisher.Sealed(wiretest.Video(5, uint16(1+n), "q")))
		}, d
}

// On half a megabit a key frame waits for its turn, and what is said meanwhile does not wait for it.
func TestSoundOvertakesABurst(t *testing.T) {
	const packets = 40
	out, pace, speak := burst(t, 500_000, packets)
	before := len(out.packets)
	if before >= packets {
		t.Fatal("nothing waits")
	}
	audio := func() bool {
		v, err := rtpview.Parse(out.packets[len(out.packets)-1])
		return err == nil && v.PT == wiretest.PayloadTypes()[codec.Opus]
	}
	for seq := uint16(1); seq <= 4; seq++ {
		if speak(seq); len(out.packets) != before+1 || !audio() {
			t.Fatalf("%d packets went out with one of sound, the last of them sound: %v", len(out.packets)-before, audio())
		}
		pace(time.Duration(seq) * paceStep)
		before = len(out.packets)
	}
	if before == packets+4 {
		t.Error("the burst was over before: it shows nothing")
	}
}

// A burst of over what the path takes at once goes out in steps, in order and whole, within a frame interval, and each
// step is one message.
func TestABurstIsSpreadOverAFrameInterval(t *testing.T) {
	const packets = 40
	out, pace, _ := burst(t, 1_000_000, packets)
	if n := len(out.packets); n < 4 || n > 16 {
		t.Errorf("%d packets of %d go out at once", n, packets)
	}
	last := len(out.packets)
	for step := paceStep; step <= holdMost; step += paceStep {
		pace(step)
		if n := len(out.packets) - last; n > 12 {
			t.Errorf("%d packets go out after %v", n, step)
		}
		last = len(out.packets)
	}
	if len(out.packets) != packets {
		t.Fatalf("%d packets of %d have gone out", len(out.packets), packets)
	}
	for i := 1; i < packets; i++ {
		a, _ := rtpview.Parse(out.packets[i-1])
		b, _ := rtpview.Parse(out.packets[i])
		if b.Seq != a.Seq+1 {
			t.Errorf("packet %d after %d", b.Seq, a.Seq)
		}
	}
	if out.messages > 7 {
		t.Errorf("they take %d messages", out.messages)
	}
}

// While packets that were held back are being sent, a worker waits for no one, and its packets don't pass them.
func TestNothingPassesWhatIsBeingSent(t *testing.T) {
	for _, after := range []int64{1_000_000, 50_000_000, 0} { // what the path turns out to carry meanwhile
		out, pace, _, more, d := burstAndMore(t, 1_000_000, 20)
		if len(out.packets) == 20 {
			t.Fatal("nothing is held back")
		}
		came := false
		out.during = func() { came = true; more(after) }
		before := len(out.packets)
		pace(holdMost)
		if during := len(out.packets) - before; !came || during != 20-before {
			t.Errorf("%d packets went out at once, want the %d that were held back", during, 20-before)
		}
		d.hold.leaving++ // the player is sending what came before
		if pace(holdMost + holdMost); len(out.packets) != 20 {
			t.Error("what was held back passes what is being sent")
		}
		d.hold.leaving--
		pace(holdMost + holdMost)
		for i := 1; i < len(out.packets); i++ {
			a, _ := rtpview.Parse(out.packets[i-1])
			b, _ := rtpview.Parse(out.packets[i])
			if b.Seq != a.Seq+1 {
				t.Errorf("%d: packet %d after %d", after, b.Seq, a.Seq)
			}
		}
		if len(out.packets) != 21 {
			t.Errorf("%d: %d packets of 21 have gone out", after, len(out.packets))
		}
	}
}

// Where the path takes it, or nothing is known of it, a burst goes out whole and at once.
func TestABurstThatFitsIsNotHeldBack(t *testing.T) {
	for _, estimate := range []int64{0, 50_000_000} {
		if out, _, _ := burst(t, estimate, 40); len(out.packets) != 40 {
			t.Errorf("estimate %d: %d packets of 40 go out at once", estimate, len(out.packets))
		}
	}
}

// What does not fit into the buffer goes out, in order, and the memory is given back.
func TestWhatIsHeldBackIsBounded(t *testing.T) {
	var h hold
	now := time.Now()
	sealed := make([]byte, 1100)
	kept := 0
	for h.keep(sealed, 0, false, now) {
		kept++
	}
	if kept*len(sealed) > holdBytes || kept < 50 {
		t.Errorf("%d packets are kept", kept)
	}
	h.next = len(h.packets)
	h.rest()
	if h.bytes != nil || h.packets != nil {
		t.Error("the buffer stays")
	}
	out, pace, _ := burst(t, 1_000_000, 64)
	pace(holdMost)
	pace(holdMost + paceStep)
	if len(out.packets) != 64 {
		t.Errorf("%d packets of 64 have gone out", len(out.packets))
	}
}
