package forward

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"conclave/sfu/batch"
	"conclave/sfu/rtcpview"
	"conclave/sfu/wiretest"
)

// speak sends n packets of speech.
func (p *peer) speak(first, n uint16) {
	for seq := first; seq < first+n; seq++ {
		p.RTP(wiretest.Audio(seq, 20))
	}
}

// heard is how many packets the peer's slot of audio has sent.
func (p *peer) heard() (n uint32) {
	p.withAudio(func(s *Slot) { n = s.packets })
	return n
}

// withAudio calls f with the peer's slot of audio, locked.
func (p *peer) withAudio(f func(s *Slot)) {
	p.c.out.mu.Lock()
	defer p.c.out.mu.Unlock()
	f(p.c.out.slots[1])
}

// keepsAudio says whether packets of audio are kept for the peer.
func (p *peer) keepsAudio() (kept bool) {
	p.withAudio(func(s *Slot) { kept = s.short != nil })
	return kept
}

// nackAudio asks again for packets of the peer's slot of audio.
func (p *peer) nackAudio(seqs ...uint16) {
	ssrc, _, _ := p.c.out.Slots()[1].SSRCs()
	p.RTCP(&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
}

// lossy is a publisher who has spoken, and a viewer of it who has lost something, and the sequence number of the latest
// packet to it.
func lossy(t *testing.T) (r *rig, alice, bob *peer, last uint16) {
	t.Helper()
	r = newRig(t)
	alice = r.join(1, options{}).live()
	bob = r.join(2, options{twcc: true}).watch(alice)
	alice.speak(1, 2)
	wiretest.Eventually(t, "some speech", func() bool { return bob.heard() == 2 })
	if bob.keepsAudio() {
		t.Error("packets are kept for a viewer who has lost none")
	}
	bob.nackAudio(1)
	wiretest.Eventually(t, "packets are kept", bob.keepsAudio)
	alice.speak(3, 2)
	wiretest.Eventually(t, "more speech", func() bool { return bob.heard() == 4 })
	bob.withAudio(func(s *Slot) {
		out, _ := s.rw.Last()
		last = uint16(out.Seq)
	})
	return r, alice, bob, last
}

// On one SSRC a sequence number is a nonce: what is sent again must be the same, byte for byte.
func TestAudioThatAViewerMissedIsSentAgainAsItWas(t *testing.T) {
	_, _, bob, last := lossy(t)
	var first, again []byte
	bob.Datagrams("the last packet", func(b []byte) bool {
		var p rtp.Packet
		first = append([]byte(nil), b...)
		return p.Unmarshal(b) == nil && p.PayloadType == 111 && p.SequenceNumber == last
	})
	bob.nackAudio(last)
	bob.Datagrams("the repeat", func(b []byte) bool {
		again = append([]byte(nil), b...)
		return len(b) > 1 && b[1]&0x7f == 111
	})
	if string(first) != string(again) {
		t.Errorf("sent % x, and again % x", first, again)
	}
}

// A viewer who asks for audio without end gets 50 packets a second, whatever it has lost.
func TestNACKsOfAudioHaveABudget(t *testing.T) {
	r, _, bob, last := lossy(t)
	before := r.engine.workers[0].counters.Retransmitted.Load()
	w := testWorker(r.engine, &sink{})
	now := time.Now()
	for range 200 {
		now = now.Add(time.Millisecond)
		bob.withAudio(func(s *Slot) { s.short.Add(last, []byte{1}, now) }) // as if it had never been asked for
		bob.answer(w, now, last)
	}
	if n := w.counters.Retransmitted.Load() - before; n != audioAgainPerSecond {
		t.Errorf("%d packets sent again, want %d", n, audioAgainPerSecond)
	}
	bob.c.out.reviseCopies(now)
	bob.withAudio(func(s *Slot) { s.short.Add(last, []byte{1}, now) })
	if bob.answer(w, now, last); w.counters.Retransmitted.Load() != audioAgainPerSecond+1 {
		t.Error("the next second brings no new budget")
	}
}

// answer has a NACK of the peer's audio answered on w.
func (p *peer) answer(w *worker, now time.Time, seq uint16) {
	ssrc, _, _ := p.c.out.Slots()[1].SSRCs()
	raw, err := (&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: seq}}}).Marshal()
	if err != nil {
		p.T.Fatal(err)
	}
	packet, _, err := rtcpview.Next(raw)
	if err != nil {
		p.T.Fatal(err)
	}
	p.c.out.answerNACK(packet, now, w)
}

// A mute is acknowledged when nothing more is forwarded: not even what was sent before.
func TestWhatIsMutedIsNotSentAgain(t *testing.T) {
	r, alice, bob, last := lossy(t)
	alice.mic.SetLive(false)
	alice.mic.Free()
	w := testWorker(r.engine, &sink{})
	bob.answer(w, time.Now(), last)
	if n := w.counters.Retransmitted.Load(); n != 0 || bob.keepsAudio() {
		t.Errorf("%d packets of a muted microphone are sent again; kept: %v", n, bob.keepsAudio())
	}
}

func TestWhatASlotCarriedBeforeIsNotSentAgain(t *testing.T) {
	r, _, bob, last := lossy(t)
	carol := r.join(3, options{}).live()
	bob.c.out.Slots()[1].Carry(carol.mic.layers[0], time.Now())
	carol.speak(1, 1)
	wiretest.Eventually(t, "carol's speech", func() bool { return bob.heard() == 5 })
	w := testWorker(r.engine, &sink{})
	bob.answer(w, time.Now(), last)
	if n := w.counters.Retransmitted.Load(); n != 0 {
		t.Errorf("%d packets of what the slot carried before are sent again", n)
	}
}

// A viewer who loses packets is sent each audio packet once more with the next one, the copy first.
func TestAViewerWhoLosesPacketsIsSentAudioTwice(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	alice.speak(1, 1)
	wiretest.Eventually(t, "some speech", func() bool { return bob.heard() == 1 })
	ssrc, _, _ := bob.c.out.Slots()[1].SSRCs()
	bob.RTCP(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 13}}})
	wiretest.Eventually(t, "the report", func() bool { return bob.c.out.audio.worst.Load() == 13 })
	bob.c.out.reviseCopies(time.Now())
	alice.speak(2, 4)
	var seqs []uint16
	bob.Arrivals("copies", func(p *rtp.Packet, _ int) bool {
		if p.PayloadType == 111 {
			seqs = append(seqs, p.SequenceNumber)
		}
		return len(seqs) == 8
	})
	for i, want := range []uint16{0, 1, 1, 2, 2, 3, 3, 4} { // the first was sent before packets were kept
		if seqs[i]-seqs[0] != want {
			t.Fatalf("sequence numbers %v", seqs)
		}
	}
}

// What comes late, because the publisher was asked for it, is copied like all else.
func TestWhatThePublisherSentAgainIsCopiedToo(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	out := &datagrams{}
	w := testWorker(r.engine, out)
	now := time.Now()
	speak := func(seq uint16) {
		now = now.Add(20 * time.Millisecond)
		w.feed(alice, now, alice.Sealed(wiretest.Audio(seq, 20)))
	}
	speak(1)
	bob.c.out.audio.reportedLoss(13)
	bob.c.out.reviseCopies(now)
	for _, seq := range []uint16{2, 4, 5, 3, 6, 7, 8} {
		speak(seq)
	}
	want := []uint16{0, 1, 1, 3, 3, 4, 4, 2, 2, 5, 5, 6, 6, 7}
	if len(out.seqs) != len(want) {
		t.Fatalf("%v sent, want %v", out.seqs, want)
	}
	for i, seq := range out.seqs {
		if seq-out.seqs[0] != want[i] {
			t.Fatalf("%v sent, want %v", out.seqs, want)
		}
	}
}

// datagrams notes the sequence numbers of what is sent.
type datagrams struct {
	sink
	seqs []uint16
}

// Send implements batch.Sender.
func (d *datagrams) Send(messages []batch.Message) (int, error) {
	for _, m := range messages {
		for data := m.Data; len(data) > 0; data = data[min(m.Segment, len(data)):] {
			d.seqs = append(d.seqs, binary.BigEndian.Uint16(data[2:]))
		}
	}
	return d.sink.Send(messages)
}

// A viewer of audio alone has its path measured up to what copies take, and no further.
func TestThePathIsMeasuredForCopies(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{twcc: true}).watch(alice)
	out := &bob.c.out
	out.Useful(60_000)
	if p := out.path; p.useful != 60_000 || p.copies != 0 {
		t.Errorf("useful %d, copies %d", p.useful, p.copies)
	}
	out.audio.bytes = 50_000 / 8
	out.audio.reportedLoss(13)
	out.reviseCopies(time.Now())
	if out.path.copies != 200_000 {
		t.Errorf("copies need a path of %d bit/s, want twice what audio and a copy take", out.path.copies)
	}
	out.Useful(70_000)
	if got := out.path.wanted(); got != 200_000 {
		t.Errorf("the path is measured to %d bit/s, want 200,000", got)
	}
	out.Useful(500_000)
	if got := out.path.wanted(); got != 500_000 {
		t.Errorf("the path is measured to %d bit/s, want 500,000", got)
	}
}

func TestAPublisherIsAskedForLostAudio(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	for _, seq := range []uint16{1, 2, 4} {
		alice.RTP(wiretest.Audio(seq, 20))
	}
	wiretest.Eventually(t, "some speech", func() bool { return bob.heard() == 3 })
	alice.c.Report(time.Now())
	alice.c.Repair(time.Now().Add(time.Millisecond))
	for {
		if nack, ok := alice.Report("a NACK")[0].(*rtcp.TransportLayerNack); ok {
			if len(nack.Nacks) != 1 || nack.Nacks[0].PacketID != 3 || nack.MediaSSRC != 3 {
				t.Errorf("asked for %v of %d", nack.Nacks, nack.MediaSSRC)
			}
			break
		}
	}
	alice.RTP(wiretest.Audio(3, 20))
	wiretest.Eventually(t, "the repeat is forwarded", func() bool { return bob.heard() == 4 })
}

// Loss must not feed itself: of one microphone no more than 20 packets a second are asked for.
func TestAskingForAudioHasABudget(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	r.join(2, options{}).watch(alice)
	now := time.Now()
	l := alice.mic.layers[0]
	alice.c.in.refill()
	asked := 0
	for seq := uint64(1); seq < 200; seq += 2 { // every other packet is lost
		now = now.Add(5 * time.Millisecond)
		alice.c.in.mu.Lock()
		l.receive.nack.Audio = true
		l.receive.nack.Received(seq, now)
		alice.c.in.mu.Unlock()
		due, _ := alice.c.in.missing(l, now)
		asked += len(due)
	}
	if asked != audioAsksPerSecond {
		t.Errorf("%d packets asked for, want %d", asked, audioAsksPerSecond)
	}
}

// What an encoder is told of loss is what it can do something about: repaired packets count as lost.
func TestThePublisherHearsOfLossThatWasRepaired(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	for _, seq := range []uint16{1, 2, 4, 3} {
		alice.RTP(wiretest.Audio(seq, 20))
	}
	wiretest.Eventually(t, "some speech", func() bool { return bob.heard() == 4 })
	blocks := alice.c.in.receptionReports(time.Now())
	if len(blocks) != 1 || blocks[0].FractionLost != 64 || blocks[0].TotalLost != 0 {
		t.Errorf("reported %+v, want a quarter lost for the encoder and none in all", blocks)
	}
}
