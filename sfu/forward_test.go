package sfu

import (
	"context"
	"net/netip"
	"testing"

	"conclave/media"
	"conclave/sfu/wiretest"
)

type netipAddrPort = netip.AddrPort

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// A subscriber sees a publisher's camera through a slot, at the layer it asked for, with the publisher's number as
// CSRC.
func TestForwardsACameraThroughASlot(t *testing.T) {
	srv := testServer(t)
	t.Cleanup(func() { logStats(t, srv) })
	room := newRoom(srv, media.RoomConfig{})
	alice := newClient(t, room, 1, clientOptions{layers: 3, mic: true})
	bob := newClient(t, room, 2, clientOptions{audio: 2, video: 2})
	alice.negotiate()
	bob.negotiate()
	alice.waitUp()
	bob.waitUp()
	setLive(alice.peer, media.Sources(media.Mic, media.Camera))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go alice.runCamera(ctx, 3)
	bob.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 360}})
	wiretest.Eventually(t, "bob is told of alice's camera at 360", func() bool {
		mid, ok := bob.slotOf(1, media.Camera)
		bob.mu.Lock()
		defer bob.mu.Unlock()
		return ok && bob.slots[mid].Height == 360
	})
	mid, _ := bob.slotOf(1, media.Camera)
	wiretest.Eventually(t, "a hundred packets", func() bool { return len(bob.packets(mid)) > 100 })
	t.Log(dump(bob.packets(mid)[:20]))
}
