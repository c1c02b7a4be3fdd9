package sfu

import (
	"context"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// Everybody is told how good the connections are once they are up, and again when one is lost; who is withheld pictures
// sinks.
func TestConnectionQualityIsToldOnChange(t *testing.T) {
	type news struct {
		at   time.Time
		list []media.Quality
	}
	told := make(chan news, 256)
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	room.listen(0, func(e media.Event) {
		if e.Kind == media.EventQuality {
			told <- news{time.Now(), e.Quality}
		}
	})
	alice := newClient(t, room, 1, clientOptions{layers: 3, rising: true})
	bob := newClient(t, room, 2, clientOptions{video: 1})
	for _, c := range []*client{alice, bob} {
		c.negotiate()
		c.waitUp()
	}
	setLive(alice.peer, media.Sources(media.Camera))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go alice.runCamera(ctx, 1)
	bob.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
	var last time.Time
	bars := map[media.ParticipantID]int{}
	until := func(what string, cond func() bool) {
		t.Helper()
		deadline := time.After(wiretest.Patience)
		for !cond() {
			select {
			case n := <-told:
				if n.at.Sub(last) < 900*time.Millisecond {
					t.Errorf("told again after %v", n.at.Sub(last))
				}
				last = n.at
				for _, q := range n.list {
					bars[q.Participant] = q.Bars
				}
			case <-deadline:
				t.Fatalf("never: %s; %v", what, bars)
			}
		}
	}
	until("both are excellent", func() bool { return bars[1] == 4 && bars[2] == 4 })
	bob.peer.connection.Egress().Assume(10_000)
	until("a viewer to whom everything is withheld has half of them", func() bool { return bars[2] == 2 })
	if bars[1] != 4 {
		t.Errorf("the publisher has %d bars", bars[1])
	}
}
