package sfu

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// assertDecodable checks that no frame came through without those it is predicted from, as videoSource's temporal
// pattern has it.
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

// As the estimate shrinks, a viewer is given lower layers, then fewer temporal layers, then nothing, and is told so; as
// it grows again, temporal layers come back, and after ten seconds layers. What it receives is one continuous stream
// that can be decoded at every moment.
func TestAViewerIsGivenWhatFitsAShrinkingEstimate(t *testing.T) {
	network := newLossyNetwork(t)
	room := newRoom(network.server, media.RoomConfig{})
	alice := newClient(t, room, 1, clientOptions{net: network.host(t), layers: 3, rising: true})
	bob := newClient(t, room, 2, clientOptions{net: network.host(t), video: 1})
	other := newClient(t, room, 3, clientOptions{net: network.host(t), video: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []*client{alice, bob, other} {
		c.negotiate()
		c.waitUp()
	}
	setLive(alice.peer, media.Sources(media.Camera))
	go alice.runCamera(ctx, 1)
	for _, c := range []*client{bob, other} {
		c.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
	}
	var mid string
	shows := func(height int) {
		t.Helper()
		wiretest.Eventually(t, fmt.Sprintf("%d lines", height), func() bool {
			var ok bool
			mid, ok = bob.slotOf(1, media.Camera)
			bob.mu.Lock()
			defer bob.mu.Unlock()
			return ok && bob.slots[mid].Height == height
		})
	}
	highest := func(want int) {
		t.Helper()
		wiretest.Eventually(t, fmt.Sprintf("temporal layers up to %d", want), func() bool {
			all := bySeq(t, bob.packets(mid))
			tid := 0
			for _, p := range all[max(0, len(all)-12):] {
				tid = max(tid, int(p.info.TID))
			}
			return tid == want && len(all) > 12
		})
	}
	fits := func(kbit int64) { bob.peer.connection.Egress().Assume(kbit * 1000) }
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
	wiretest.Eventually(t, "withheld for lack of bandwidth", func() bool {
		bob.mu.Lock()
		defer bob.mu.Unlock()
		return len(bob.withheld) == 1 && bob.withheld[0].Reason == media.ReasonBandwidth && bob.slots[mid].Participant == 0
	})
	assertContinuous(t, before)
	assertDecodable(t, before)

	// Nobody else noticed.
	omid, _ := other.slotOf(1, media.Camera)
	theirs := bySeq(t, other.packets(omid))
	if n := assertContinuous(t, theirs); n > 2 {
		t.Errorf("the other viewer's layer changed %d times", n)
	}
	if last := theirs[len(theirs)-1]; last.layer != 2 {
		t.Errorf("the other viewer is at layer %d", last.layer)
	}
	logStats(t, network.server)
}

// A publisher is told at once that somebody wants an encoding that is stopped.
func TestAWantedEncodingIsAskedForWithoutWaiting(t *testing.T) {
	room, publishers, v := meetLayers(t)
	wiretest.Eventually(t, "the lowest is watched", showing(v, 1))
	room.Room.mu.Lock()
	room.tracks[trackKey{1, media.Camera}].demand.reported = 1 // nobody has wanted more for a while
	room.Room.mu.Unlock()
	began := time.Now()
	v.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
	wiretest.Eventually(t, "the publisher is told", func() bool {
		publishers.mu.Lock()
		defer publishers.mu.Unlock()
		return slices.Contains(publishers.encode[media.Camera], "f")
	})
	t.Logf("after %v", time.Since(began))
}

// meetLayers brings a publisher of three layers and a viewer at 180 lines together.
func meetLayers(t *testing.T) (room *testRoom, publisher, viewer *client) {
	t.Helper()
	room = newRoom(testServer(t), media.RoomConfig{})
	publisher = newClient(t, room, 1, clientOptions{layers: 3})
	viewer = newClient(t, room, 2, clientOptions{video: 1})
	for _, c := range []*client{publisher, viewer} {
		c.negotiate()
		c.waitUp()
	}
	setLive(publisher.peer, media.Sources(media.Camera))
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go publisher.runCamera(ctx, 1)
	viewer.peer.SetView(wantsOf(1))
	return room, publisher, viewer
}
