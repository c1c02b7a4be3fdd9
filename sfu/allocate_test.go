package sfu

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
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
	alice.peer.SetLive(media.Sources(media.Camera))
	go alice.runCamera(ctx, 1)
	for _, c := range []*client{bob, other} {
		c.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
	}
	var mid string
	shows := func(height int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d lines", height), func() bool {
			var ok bool
			mid, ok = bob.slotOf(1, media.Camera)
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
	alice.peer.SetLive(media.Sources(media.Camera))
	go alice.runCamera(ctx, 1)
	bob.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 180}})
	var mid string
	eventually(t, "a picture", func() bool {
		var ok bool
		mid, ok = bob.slotOf(1, media.Camera)
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

// frameOf is the first packet of a frame.
func frameOf(tid uint8, sync, key bool) *packet {
	return &packet{info: codec.Info{TID: tid, Sync: sync, FrameStart: true, KeyStart: key}, newest: true}
}

func TestTemporalLimits(t *testing.T) {
	type step struct {
		limit      int8
		tid        uint8
		sync, key  bool
		want       bool
		wantReason drop.Reason
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"everything passes", []step{{allTemporal, 0, false, true, true, 0}, {allTemporal, 2, false, false, true, 0}}},
		{"down at once", []step{{allTemporal, 0, false, true, true, 0}, {0, 2, true, false, false, drop.Temporal}, {0, 0, false, false, true, 0}}},
		{"up at a frame that needs nothing dropped", []step{
			{0, 0, false, true, true, 0}, {1, 1, false, false, false, drop.Temporal}, {1, 1, true, false, true, 0}, {1, 1, false, false, true, 0},
		}},
		{"up one by one", []step{
			{0, 0, false, true, true, 0}, {allTemporal, 2, true, false, false, drop.Temporal}, {allTemporal, 1, true, false, true, 0}, {allTemporal, 2, true, false, true, 0},
		}},
		{"up at a key frame", []step{{0, 0, false, true, true, 0}, {allTemporal, 0, false, true, true, 0}, {allTemporal, 2, false, false, true, 0}}},
		{"after a pause only from a key frame on", []step{
			{allTemporal, 0, false, true, true, 0}, {paused, 0, false, false, false, drop.Congested}, {allTemporal, 0, false, false, false, drop.Congested},
			{allTemporal, 1, true, false, false, drop.Congested}, {allTemporal, 0, false, true, true, 0},
		}},
		{"paused at a key frame", []step{{paused, 0, false, true, false, drop.Congested}, {allTemporal, 0, false, false, false, drop.Congested}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s slot
			for i, st := range c.steps {
				s.temporal = st.limit
				why, ok := s.passes(frameOf(st.tid, st.sync, st.key))
				if ok != st.want || !ok && why != st.wantReason {
					t.Fatalf("step %d: %v, %s", i, ok, why)
				}
			}
		})
	}
}

// A frame whose beginning went out goes out whole, whatever the limit has become.
func TestAFrameIsNotCutInTwo(t *testing.T) {
	s := slot{temporal: allTemporal}
	s.passes(frameOf(0, false, true))
	s.passes(frameOf(2, false, false))
	s.temporal = 0
	rest := &packet{info: codec.Info{TID: 2}, newest: true}
	if _, ok := s.passes(rest); !ok {
		t.Error("the rest of the frame was dropped")
	}
	if _, ok := s.passes(frameOf(1, true, false)); ok {
		t.Error("the next frame passed")
	}
}

// While the key frame of a lower layer is awaited, the old layer is sent with what fits the lower one's rate; alone, it is left as it is.
func TestTheOldLayerIsCutDownOnlyWhereItIsTooMuch(t *testing.T) {
	now := time.Now()
	measured := func(kbit uint64) *layer {
		l := &layer{track: &track{layers: make([]*layer, 3)}}
		var bytes [allocation.MaxTemporal]uint64
		for i := range 12 {
			for tid := range 3 {
				bytes[tid] += kbit * 1000 / 8 / 5 * [...]uint64{40, 20, 40}[tid] / 100
			}
			l.meter.Observe(now.Add(time.Duration(i)*200*time.Millisecond), bytes)
		}
		return l
	}
	old, lower := measured(1200), measured(150)
	after := now.Add(3 * time.Second)
	for _, c := range []struct {
		name    string
		rate    int64
		pressed bool
		want    int8
	}{
		{"not pressed", 150_000, false, allTemporal},
		{"nothing of it fits", 150_000, true, paused},
		{"its lowest frame rate fits", 500_000, true, 0},
		{"two of three fit", 800_000, true, 1},
		{"all of it fits", 2_000_000, true, allTemporal},
	} {
		s := slot{cur: &output{layer: old}, passing: allTemporal}
		s.limits(lower, allocation.Decision{Send: allocation.Step{Layer: 0, Temporal: 2}, Rate: c.rate, Pass: 2}, c.pressed, after)
		if s.meanwhile != c.want || s.temporal != allTemporal {
			t.Errorf("%s: meanwhile %d, then %d, want %d", c.name, s.meanwhile, s.temporal, c.want)
		}
	}
}

// While a queue is being let go, nothing passes of what is to wait: neither of the old layer nor of the new one.
func TestNothingPassesWhileAQueueIsLetGo(t *testing.T) {
	now := time.Now()
	l := &layer{track: &track{layers: make([]*layer, 3)}}
	s := slot{video: true, cur: &output{layer: l}, passing: allTemporal}
	s.limits(l, allocation.Decision{Pass: -1}, false, now)
	if _, ok := s.passes(frameOf(0, false, false)); ok {
		t.Error("a frame of the old layer passed")
	}
	e := &egress{}
	if !e.held(&s) || e.stopped(&s) {
		t.Error("a key frame would be asked for too early")
	}
	s.limits(l, allocation.Decision{Pass: 0}, false, now)
	if e.held(&s) || !e.stopped(&s) {
		t.Error("no key frame would be asked for")
	}
}

// A publisher is told at once that somebody wants an encoding that is stopped.
func TestAWantedEncodingIsAskedForWithoutWaiting(t *testing.T) {
	room, publishers, v := meetLayers(t)
	eventually(t, "the lowest is watched", showing(v, 1))
	room.mu.Lock()
	room.tracks[trackKey{1, media.Camera}].encode.reported = 1 // nobody has wanted more for a while
	room.mu.Unlock()
	began := time.Now()
	v.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
	eventually(t, "the publisher is told", func() bool {
		publishers.mu.Lock()
		defer publishers.mu.Unlock()
		return slices.Contains(publishers.encode[media.Camera], "f")
	})
	t.Logf("after %v", time.Since(began))
}

// meetLayers brings a publisher of three layers and a viewer at 180 lines together.
func meetLayers(t *testing.T) (room *Room, publisher, viewer *client) {
	t.Helper()
	room = testServer(t).NewRoom(RoomEvents{})
	publisher = newClient(t, room, 1, clientOptions{layers: 3})
	viewer = newClient(t, room, 2, clientOptions{video: 1})
	for _, c := range []*client{publisher, viewer} {
		c.negotiate()
		c.waitUp()
	}
	publisher.peer.SetLive(media.Sources(media.Camera))
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go publisher.runCamera(ctx, 1)
	viewer.peer.SetView(wantsOf(1))
	return room, publisher, viewer
}
