package sfu

import (
	"context"
	"sync"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// Others are told that a publisher's media has stopped long before ICE says so, and that it is back. A viewer who sends
// nothing, and a publisher who turned the camera off, have not stopped.
func TestMediaThatStopsIsToldBeforeICESaysSo(t *testing.T) {
	var mu sync.Mutex
	bars := map[media.ParticipantID]int{}
	silentViewer := false
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	room.listen(0, func(e media.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, q := range e.Quality {
			bars[q.Participant] = q.Bars
			silentViewer = silentViewer || q.Participant == 2 && q.Bars == 0
		}
	})
	is := func(id media.ParticipantID, lost bool) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			n, known := bars[id]
			return known && (n == 0) == lost
		}
	}
	alice := newClient(t, room, 1, clientOptions{layers: 3, rising: true})
	bob := newClient(t, room, 2, clientOptions{video: 1})
	for _, c := range []*client{alice, bob} {
		c.negotiate()
		c.waitUp()
	}
	setLive(alice.peer, media.Sources(media.Camera))
	bob.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
	sends := func() (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { alice.runCamera(ctx, 1) })
		return func() { cancel(); wg.Wait() }
	}
	stop := sends()
	wiretest.Eventually(t, "both are rated", func() bool { return is(1, false)() && is(2, false)() })
	time.Sleep(3 * time.Second) // what flows has a history then
	stop()
	since := time.Now()
	wiretest.Eventually(t, "others are told", is(1, true))
	if took := time.Since(since); took >= 13*time.Second {
		t.Errorf("told after %v, which ICE does by itself", took)
	}
	stop = sends()
	wiretest.Eventually(t, "it is back", is(1, false))
	stop()
	wiretest.Eventually(t, "it stops again", is(1, true))
	setLive(alice.peer, 0)
	wiretest.Eventually(t, "off is not lost", is(1, false))
	mu.Lock()
	defer mu.Unlock()
	if silentViewer {
		t.Error("a viewer who publishes nothing was told to be lost")
	}
}
