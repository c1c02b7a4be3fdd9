package attack

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// crowd is a meeting under a flood: alice publishes, mallory attacks, and bob, who publishes too, should notice
// nothing.
type crowd struct {
	*server
	meeting             string
	alice, bob, mallory *client
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	s := startServer(t)
	meeting := s.createMeeting()
	c := &crowd{s, meeting, s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP), s.join(t, meeting, malloryIP)}
	c.alice.publish(t.Context(), 100) // 0.8 Mbit/s
	c.bob.publish(t.Context(), 0)
	c.bob.view(c.alice)
	c.mallory.view(c.alice)
	c.bob.needsFlow("before the flood")
	c.mallory.needsFlow("before the flood")
	return c
}

// flood calls f so many times a second, for the given time.
func (c *crowd) flood(perSecond int, f func(), lasting time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), lasting)
	defer cancel()
	const tick = 5 * time.Millisecond
	c.mallory.every(ctx, tick, func() {
		for range perSecond / int(time.Second/tick) {
			f()
		}
	})
}

// unharmed fails the test unless the others' media goes on.
func (c *crowd) unharmed() {
	c.t.Helper()
	c.bob.needsFlow("to a viewer after the flood")
	c.alice.needsFlow("to the publisher after the flood")
}

// TestAFloodOfKeyRequestsReachesThePublisherTwiceASecond: PLIs and FIRs of one viewer, as fast as it can.
func TestAFloodOfKeyRequestsReachesThePublisherTwiceASecond(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	const lasting = 3 * time.Second
	time.Sleep(600 * time.Millisecond) // what the join asked for
	before, n := c.alice.keyRequests.Load(), uint8(0)
	c.flood(2000, func() {
		n++
		c.mallory.write(c.mallory.sealRTCP(&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: c.mallory.slotSSRC[0]},
			&rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: c.mallory.slotSSRC[0], SequenceNumber: n}}}))
	}, lasting)
	got := c.alice.keyRequests.Load() - before
	t.Logf("the publisher was asked %d times", got)
	if most := int64(2*lasting.Seconds()) + 2; got > most || got == 0 {
		t.Errorf("the publisher was asked %d times in %v, want 1 to %d", got, lasting, most)
	}
	c.unharmed()
}

// TestAFloodOfNACKsBringsLittle: each NACK names 17 packets, and asks for all of them again.
func TestAFloodOfNACKsBringsLittle(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	rate := func(f func()) float64 {
		before := c.mallory.bytes.Load()
		c.flood(1000, f, 3*time.Second)
		return float64(c.mallory.bytes.Load()-before) * 8 / 3000
	}
	calm := rate(func() {})
	flooded := rate(func() {
		newest := uint16(c.mallory.newest.Load())
		pairs := make([]rtcp.NackPair, 0, 8)
		for i := range uint16(8) {
			pairs = append(pairs, rtcp.NackPair{PacketID: newest - 17*(i+1), LostPackets: 0xffff})
		}
		c.mallory.write(c.mallory.sealRTCP(
			&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: c.mallory.slotSSRC[0], Nacks: pairs}))
	})
	t.Logf("%.0f kbit/s without, %.0f with", calm, flooded)
	if flooded > 3*calm {
		t.Errorf("NACKs raise %.0f kbit/s to %.0f", calm, flooded)
	}
	c.unharmed()
}

// TestAFloodOfRTXReachesNobody: retransmissions of what everybody has, 3,000 a second.
func TestAFloodOfRTXReachesNobody(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	p := c.mallory.packet(camera)
	c.mallory.write(c.mallory.seal(p)) // its stream exists, so its RTX may
	original := p.SequenceNumber
	p.SSRC, p.PayloadType, p.SequenceNumber = rand.Uint32(), rtxType, 1
	p.Payload = append(binary.BigEndian.AppendUint16(nil, original), p.Payload...)
	c.bob.view(c.mallory)
	time.Sleep(200 * time.Millisecond)
	before := c.bob.bytes.Load()
	const lasting = 2 * time.Second
	c.flood(3000, func() {
		p.SequenceNumber++
		c.mallory.write(c.mallory.seal(p))
	}, lasting)
	kbit := float64(c.bob.bytes.Load()-before) * 8 / 1000 / lasting.Seconds()
	t.Logf("the viewer is sent %.0f kbit/s", kbit)
	if kbit > 200 { // two microphones
		t.Errorf("RTX of one packet brings a viewer %.0f kbit/s", kbit)
	}
	c.unharmed()
}

// TestSSRCsAndRIDsThatKeepChangingAreBounded: each packet is of another SSRC and of another encoding than the one
// before.
func TestSSRCsAndRIDsThatKeepChangingAreBounded(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	churner := c.seat(t, c.meeting)
	churner.open(malloryIP)
	churner.sequences.encodings = 3
	churner.offer()
	churner.connect()
	c.bob.request(message{"type": "view", "wants": []message{
		{"participant": c.alice.id, "source": "camera", "height": 180},
		{"participant": churner.id, "source": "camera", "height": 90}}}, "ok")
	before := c.memory()
	c.flood(2000, func() {
		p := churner.packet(camera)
		p.SSRC = rand.Uint32()
		churner.write(churner.seal(p))
	}, 3*time.Second)
	grown := c.memory() - before
	t.Logf("memory grew by %d KiB", grown>>10)
	if grown > 32<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
	c.unharmed()
}

// TestAStormOfViewsEndsItsSenderAlone: requests over the limit are refused, then their sender is.
func TestAStormOfViewsEndsItsSenderAlone(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for i := range 2000 {
		c.mallory.send(message{"type": "view", "wants": []message{
			{"participant": c.alice.id, "source": "camera", "height": 90 + i%2}}})
		if _, gone := c.mallory.event(func(m message) bool { return m["type"] == "bye" }); gone {
			break
		}
	}
	if _, refused := c.mallory.event(func(m message) bool { return m["error"] == "rate_limited" }); !refused {
		t.Error("nothing was refused")
	}
	eventually(t, "the sender is sent away", func() bool {
		_, gone := c.mallory.event(func(m message) bool { return m["type"] == "bye" })
		return gone
	})
	c.unharmed()
}

// TestARemovedParticipantsMediaEndsAtOnce: in both directions, though their client goes on with checks and packets.
func TestARemovedParticipantsMediaEndsAtOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.mallory.publish(t.Context(), 0)
	c.alice.request(message{"type": "remove", "participants": []uint32{c.mallory.id}}, "ok")
	time.Sleep(200 * time.Millisecond)
	if c.mallory.flows(time.Second) {
		t.Error("the removed participant is still sent media")
	}
	heard := c.alice.packets.Load()
	time.Sleep(time.Second)
	if n := c.alice.packets.Load() - heard; n > 60 { // bob's 50 a second
		t.Errorf("%d packets came in a second: the removed participant is still heard", n)
	}
	c.unharmed()
}
