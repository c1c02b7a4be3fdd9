package sfu

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/sfu/forward"
	"conclave/sfu/wiretest"
)

// meet brings n publishers of single-layer cameras and one viewer with the given slots into a room.
func meet(t *testing.T, n int, viewer clientOptions) (room *testRoom, publishers []*client, v *client) {
	t.Helper()
	srv := testServer(t)
	t.Cleanup(func() {
		if t.Failed() {
			logStats(t, srv)
		}
	})
	room = newRoom(srv, media.RoomConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for i := range n {
		c := newClient(t, room, media.ParticipantID(i+1), clientOptions{layers: 1, mic: true})
		c.negotiate()
		c.waitUp()
		setLive(c.peer, media.Sources(media.Camera, media.Mic))
		go c.runCamera(ctx, 2)
		publishers = append(publishers, c)
	}
	v = newClient(t, room, 1000, viewer)
	v.negotiate()
	v.waitUp()
	// The viewer says nothing of its path. Twelve cameras take 1.4 Mbit/s, and more when a busy machine sends in bursts.
	v.peer.connection.Egress().Assume(5_000_000)
	return room, publishers, v
}

// wantsOf is a view of the cameras of the given participants.
func wantsOf(ids ...media.ParticipantID) []media.Want {
	var wants []media.Want
	for _, id := range ids {
		wants = append(wants, media.Want{Participant: id, Source: media.Camera, Height: 180})
	}
	return wants
}

func showing(v *client, ids ...media.ParticipantID) func() bool {
	return func() bool {
		for _, id := range ids {
			if _, ok := v.slotOf(id, media.Camera); !ok {
				return false
			}
		}
		return true
	}
}

// A page flip of 25 slots re-assigns every slot: no offer, no answer, and what arrives in each slot says whose it is.
func TestAPageFlipReassignsSlotsWithoutSDP(t *testing.T) {
	const page = 25
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	cameras := make([]*attacker, 2*page)
	for i := range cameras {
		cameras[i] = newAttacker(t, room, media.ParticipantID(i+1))
		setLive(cameras[i].peer, media.Sources(media.Camera))
	}
	go func() { // everybody sends 20 frames a second
		defer close(done)
		for seq := uint16(0); ctx.Err() == nil; seq++ {
			for _, a := range cameras {
				a.RTP(wiretest.Video(9, seq, "q"))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	defer func() { cancel(); <-done }()
	v := newClient(t, room, 1000, clientOptions{video: page})
	v.negotiate()
	v.waitUp()
	ids := func(from int) (list []media.ParticipantID) {
		for i := range page {
			list = append(list, media.ParticipantID(from+i))
		}
		return list
	}
	version := v.peer.version
	v.peer.SetView(wantsOf(ids(1)...))
	wiretest.Eventually(t, "the first page", showing(v, ids(1)...))
	v.peer.SetView(wantsOf(ids(page + 1)...))
	wiretest.Eventually(t, "the second page", showing(v, ids(page+1)...))
	if v.peer.version != version {
		t.Error("a page flip took an offer")
	}
	for _, id := range ids(page + 1) {
		mid, _ := v.slotOf(id, media.Camera)
		wiretest.Eventually(t, "its packets carry its number", func() bool {
			p := v.packets(mid)
			return len(p) > 0 && p[len(p)-1].CSRC[0] == uint32(id)
		})
	}
	wiretest.Eventually(t, "nothing of the first page is forwarded to anybody", func() bool {
		room.Room.mu.Lock()
		defer room.Room.mu.Unlock()
		for _, slot := range v.peer.connection.Egress().Slots() {
			if l := slot.Assigned(); l != nil && slices.Contains(ids(1), l.Track().Owner) {
				return false
			}
		}
		return true
	})
}

// The old picture plays on until the new one's key frame is there: no slot is ever without packets for long.
func TestTheOldPicturePlaysUntilTheNewOneIsThere(t *testing.T) {
	room, publishers, v := meet(t, 2, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "the first", showing(v, 1))
	l := func() *forward.Layer {
		room.Room.mu.Lock()
		defer room.Room.mu.Unlock()
		return room.tracks[trackKey{2, media.Camera}].Layers()[0]
	}()
	wiretest.Eventually(t, "the second is received", func() bool { return l.Active(time.Now()) })
	before := receivedBy(room.server)
	wiretest.Eventually(t, "the second's key frame is too old to start from: both send, it is over 128 packets back",
		func() bool {
			return receivedBy(room.server) > before+2*150
		})
	publishers[1].mu.Lock()
	publishers[1].plis["q"]-- // the second publisher ignores the first request for a key frame
	publishers[1].mu.Unlock()
	mid, _ := v.slotOf(1, media.Camera)
	v.peer.SetView(wantsOf(2))
	n := len(v.packets(mid))
	wiretest.Eventually(t, "the second", showing(v, 2))
	during := v.packets(mid)[n:]
	if len(during) == 0 || during[0].CSRC[0] != 1 {
		t.Errorf("nothing of the first was forwarded while the second was awaited")
	}
	if state := v.slots[mid]; state.Participant != 2 {
		t.Errorf("slot %s carries %d", mid, state.Participant)
	}
}

// A viewer that re-assigns to a source with a recent key frame gets it from the history: the publisher is not asked
// again.
func TestARecentKeyFrameIsReused(t *testing.T) {
	room, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "the first viewer", showing(v, 1))
	second := newClient(t, room, 2000, clientOptions{video: 1})
	second.negotiate()
	second.waitUp()
	publishers[0].mu.Lock()
	asked := publishers[0].plis["q"]
	publishers[0].mu.Unlock()
	second.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "the second viewer", showing(second, 1))
	publishers[0].mu.Lock()
	if publishers[0].plis["q"] != asked {
		t.Error("the publisher was asked for another key frame")
	}
	publishers[0].mu.Unlock()
	mid, _ := second.slotOf(1, media.Camera)
	wiretest.Eventually(t, "packets", func() bool { return len(second.packets(mid)) > 30 })
	assertContinuous(t, bySeq(t, second.packets(mid)))
}

// More slots take one more offer on the same PeerConnection; the ones there keep their SSRCs and play on.
func TestMoreSlotsTakeOneMoreOffer(t *testing.T) {
	_, _, v := meet(t, 12, clientOptions{video: 9})
	v.peer.SetView(wantsOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
	wiretest.Eventually(t, "nine", showing(v, 1, 2, 3, 4, 5, 6, 7, 8, 9))
	v.mu.Lock()
	if len(v.withheld) != 3 || v.withheld[0].Reason != media.ReasonNoSlot {
		t.Errorf("withheld %v, want three for lack of slots", v.withheld)
	}
	v.mu.Unlock()
	connection := v.peer.connection
	for range 40 {
		v.addSlot(webrtc.RTPCodecTypeVideo)
	}
	before := strings.Count(v.pc.LocalDescription().SDP, "m=video")
	v.negotiate()
	if v.peer.connection != connection {
		t.Error("another PeerConnection was made")
	}
	if n := strings.Count(v.pc.LocalDescription().SDP, "m=video"); before != 9 || n != 49 {
		t.Errorf("%d and %d m-lines", before, n)
	}
	wiretest.Eventually(t, "all twelve", showing(v, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.withheld) != 0 {
		t.Errorf("still withheld: %v", v.withheld)
	}
}

// An ICE restart keeps the connection and its slots; another certificate makes a new one on the same seat, and both
// sides' media goes on.
func TestReconnecting(t *testing.T) {
	_, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a picture", showing(v, 1))
	connection := v.peer.connection
	mid, _ := v.slotOf(1, media.Camera)

	answer, err := v.offer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	v.answered(answer)
	if v.peer.connection != connection {
		t.Fatal("an ICE restart made another connection")
	}
	n := len(v.packets(mid))
	wiretest.Eventually(t, "packets after the ICE restart", func() bool { return len(v.packets(mid)) > n+50 })

	// The publisher's page is reloaded: another PeerConnection on the same seat.
	_ = publishers[0].pc.Close()
	p := publishers[0].reload(clientOptions{layers: 1, mic: true})
	p.negotiate()
	wiretest.Eventually(t, "the new session is up",
		func() bool { return p.pc.ConnectionState() == webrtc.PeerConnectionStateConnected })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go p.runCamera(ctx, 2)
	n = len(v.packets(mid))
	wiretest.Eventually(t, "packets of the publisher's new session", func() bool { return len(v.packets(mid)) > n+50 })
}

// Muted means no packet, and the viewer is told why nothing comes.
func TestMutedMeansNoPacket(t *testing.T) {
	_, publishers, v := meet(t, 1, clientOptions{video: 1, audio: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a picture", showing(v, 1))
	mid, _ := v.slotOf(1, media.Camera)
	setLive(publishers[0].peer, 0)
	wiretest.Eventually(t, "the slot is free and the reason told", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.slots[mid].Participant == 0 && len(v.withheld) == 1 && v.withheld[0].Reason == media.ReasonMuted
	})
	wiretest.Eventually(t, "no packet for 200 ms, once what was on the wire has come", func() bool {
		n := len(v.packets(mid))
		time.Sleep(200 * time.Millisecond)
		return len(v.packets(mid)) == n
	})
	setLive(publishers[0].peer, media.Sources(media.Camera))
	wiretest.Eventually(t, "it comes back", showing(v, 1))
}

// With a hundred open microphones, no listener is sent more than they have slots for; the loudest are, within 100 ms of
// speaking up.
func TestOfAHundredMicrophonesOnlyTheLoudestAreForwarded(t *testing.T) {
	speakers := make(chan []media.ParticipantID, 256)
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	room.listen(0, func(e media.Event) {
		if e.Kind == media.EventSpeakers {
			speakers <- e.Speakers
		}
	})
	talkers := make([]*attacker, 100)
	for i := range talkers {
		talkers[i] = newAttacker(t, room, media.ParticipantID(i+1))
		setLive(talkers[i].peer, media.Sources(media.Mic))
	}
	v := newClient(t, room, 1000, clientOptions{audio: 4})
	v.negotiate()
	v.waitUp()
	loud := map[int]bool{2: true, 5: true}
	seq := uint16(0)
	speak := func() {
		for i, a := range talkers {
			level := byte(90)
			if loud[i] {
				level = 20
			}
			a.RTP(wiretest.Audio(seq, level))
		}
		seq++
		time.Sleep(20 * time.Millisecond)
	}
	heard := func() map[media.ParticipantID]bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		who := map[media.ParticipantID]bool{}
		for _, s := range v.slots {
			if s.Participant != 0 {
				who[s.Participant] = true
			}
		}
		return who
	}
	speakUntil := func(what string, cond func() bool) {
		t.Helper()
		wiretest.Eventually(t, what, func() bool { speak(); return cond() })
	}
	speakUntil("3 and 6 are heard, and two others", func() bool { h := heard(); return len(h) == 4 && h[3] && h[6] })
	forwarded := func() (n uint64) {
		for _, sender := range srv.engine.Senders() {
			n += sender.Forwarded.Load()
		}
		return n
	}
	before := forwarded()
	for range 25 {
		speak()
	}
	if n := forwarded() - before; n > 25*(4+4*99) { // the viewer's four; each talker has one slot
		t.Errorf("%d packets forwarded of 25 from each", n)
	}
	loud = map[int]bool{10: true}
	speakUntil("participant 11 is heard", func() bool { return heard()[11] })
	var latest []media.ParticipantID
	speakUntil("participant 11 is announced first", func() bool {
		for len(speakers) > 0 {
			latest = <-speakers
		}
		return len(latest) > 0 && latest[0] == 11
	})
}
