package sfu

import (
	"runtime"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// What a participant published is gone with them, although the server runs on and others still watch.
func TestNothingOfALeaverIsKept(t *testing.T) {
	room, publishers, v := meet(t, 2, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a picture", showing(v, 1))
	mid, _ := v.slotOf(1, media.Camera)
	wiretest.Eventually(t, "some of it", func() bool { return len(v.packets(mid)) > 30 })
	v.peer.SetView(wantsOf(2))
	wiretest.Eventually(t, "the other's picture", showing(v, 2))
	gone := make(chan struct{})
	runtime.AddCleanup(publishers[0].peer.connection.Connection, func(c chan struct{}) { close(c) }, gone)
	publishers[0].peer.Close(0)
	_ = publishers[0].pc.Close()
	publishers[0].peer = nil
	deadline := time.After(20 * time.Second)
	for {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-deadline:
			t.Fatal("the connection is still reachable")
		case <-time.After(50 * time.Millisecond):
		}
		_ = room
	}
}
