package sfu

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// assertDecodable checks that no frame came through without those it is predicted from, as videoSource's temporal pattern has it.
func assertDecodable(t *testing.T, packets []received) {
	t.Helper()
	last := [3]int{-1, -1, -1} // the source's picture ids, modulo 16, of the latest frame up to each temporal layer
	for i, p := range packets {
		if !p.info.FrameStart || i > 0 && packets[i-1].info.PictureID == p.info.PictureID {
			continue
		}
		id, tid := int(p.Payload[len(p.Payload)-1]&0x0f), int(p.info.TID)
		needs, back := tid, 4>>tid
		if p.info.Sync {
			needs = 0
			back = 2
			if tid == 2 {
				back = 1
			}
		}
		if want := (id - back) & 0x0f; !p.info.KeyStart && last[needs] != want {
			t.Errorf("packet %d, picture %d, temporal layer %d: comes after %v, needs %d", p.SequenceNumber, id, tid, last, want)
		}
		for j := tid; j < len(last); j++ {
			last[j] = id
		}
	}
}

// As the estimate shrinks, a viewer is given lower layers, then fewer temporal layers, then nothing, and is told so; as it grows again, temporal layers
// come back, and after ten seconds layers. What it receives is one continuous stream that can be decoded at every moment.
func TestAViewerIsGivenWhatFitsAShrinkingEstimate(t *testing.T) {
	network := newLossyNetwork(t)
	room := network.server.NewRoom(RoomEvents{})
	alice := newClient(t, room, 1, clientOptions{net: network.host(t), layers: 3, rising: true})
	bob := newClient(t, room, 2, clientOptions{net: network.host(t), video: 1})
	other := newClient(t, room, 3, clientOptions{net: network.host(t), video: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []*client{alice, bob, other} {
		c.negotiate()
		c.waitUp()
	}
	alice.peer.SetLive(Sources(Camera))
	go alice.runCamera(ctx, 1)
	for _, c := range []*client{bob, other} {
		c.peer.SetView([]Want{{Participant: 1, Source: Camera, Height: 720}})
	}
	var mid string
	shows := func(height int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d lines", height), func() bool {
			var ok bool
			mid, ok = bob.slotOf(1, Camera)
			bob.mu.Lock()
			defer bob.mu.Unlock()
			return ok && bob.slots[mid].Height == height
		})
	}
	highest := func(want int) {
		t.Helper()
		eventually(t, fmt.Sprintf("temporal layers up to %d", want), func() bool {
			all := bySeq(t, bob.packets(mid))
			tid := 0
			for _, p := range all[max(0, len(all)-12):] {
				tid = max(tid, int(p.info.TID))
			}
			return tid == want && len(all) > 12
		})
	}
	fits := func(kbit int64) { bob.peer.session.egress.estimated.Store(kbit * 1000) }
	shows(720)
	time.Sleep(1500 * time.Millisecond) // rates are measured
	fits(400)
	shows(360)
	fits(100)
	shows(180)
	highest(2)
	fits(50)
	highest(1)
	fits(25)
	highest(0)
	before := bySeq(t, bob.packets(mid))
	fits(10)
	eventually(t, "withheld for lack of bandwidth", func() bool {
		bob.mu.Lock()
		defer bob.mu.Unlock()
		return len(bob.withheld) == 1 && bob.withheld[0].Reason == ReasonBandwidth && bob.slots[mid].Participant == 0
	})
	assertContinuous(t, before)
	assertDecodable(t, before)

	// Nobody else noticed.
	omid, _ := other.slotOf(1, Camera)
	theirs := bySeq(t, other.packets(omid))
	if n := assertContinuous(t, theirs); n > 2 {
		t.Errorf("the other viewer's layer changed %d times", n)
	}
	if last := theirs[len(theirs)-1]; last.layer != 2 {
		t.Errorf("the other viewer is at layer %d", last.layer)
	}
	logStats(t, network.server)
}

// Temporal layers come back without a key frame, where the encoder says that they may.
func TestTemporalLayersComeBackWhereTheyCanBeDecoded(t *testing.T) {
	srv := testServer(t)
	room := srv.NewRoom(RoomEvents{})
	alice := newClient(t, room, 1, clientOptions{layers: 3, rising: true})
	bob := newClient(t, room, 2, clientOptions{video: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []*client{alice, bob} {
		c.negotiate()
		c.waitUp()
	}
	alice.peer.SetLive(Sources(Camera))
	go alice.runCamera(ctx, 1)
	bob.peer.SetView([]Want{{Participant: 1, Source: Camera, Height: 180}})
	var mid string
	eventually(t, "a picture", func() bool {
		var ok bool
		mid, ok = bob.slotOf(1, Camera)
		return ok && len(bob.packets(mid)) > 40
	})
	egress := &bob.peer.session.egress
	for range 2 {
		for _, temporal := range []int8{0, 2, 1, allTemporal} {
			egress.mu.Lock()
			egress.slots[0].temporal = temporal
			egress.mu.Unlock()
			n := len(bob.packets(mid))
			eventually(t, "some frames", func() bool { return len(bob.packets(mid)) > n+7 })
		}
	}
	packets := bySeq(t, bob.packets(mid))
	assertContinuous(t, packets)
	assertDecodable(t, packets)
	alice.mu.Lock()
	defer alice.mu.Unlock()
	if n := alice.plis["q"]; n > 1 {
		t.Errorf("%d key frames were asked for", n)
	}
}
