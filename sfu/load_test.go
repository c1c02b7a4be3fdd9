package sfu

import (
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/overload"
	"conclave/sfu/wiretest"
)

// pin keeps the plan as it is: these tests run beside others.
func (s *Server) pin() {
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	s.load.pinned = true
}

// When the machine carries no more, a picture gives way and its viewer is told why; it comes back when there is room.
// Who comes meanwhile has sound first.
func TestAPictureGivesWayAndComesBack(t *testing.T) {
	room, _, v := meetLayers(t)
	wiretest.Eventually(t, "the picture is shown", showing(v, 1))
	withheld := func() []media.Reason {
		v.mu.Lock()
		defer v.mu.Unlock()
		var reasons []media.Reason
		for _, w := range v.withheld {
			reasons = append(reasons, w.Reason)
		}
		return reasons
	}
	room.server.follows(overload.Plan{Level: overload.Sound})
	wiretest.Eventually(t, "it is withheld because the server is busy", func() bool {
		return slices.Equal(withheld(), []media.Reason{media.ReasonServer})
	})
	room.server.follows(overload.Plan{Share: 1})
	wiretest.Eventually(t, "it is back", func() bool { return len(withheld()) == 0 && showing(v, 1)() })

	room.server.follows(overload.Plan{Level: overload.Pictures, Share: 0.99})
	room.Room.mu.Lock()
	v.peer.viewer.came = time.Now() // as if it had just come
	room.Room.mu.Unlock()
	wiretest.Eventually(t, "sound first", func() bool { return len(withheld()) == 1 })
	wiretest.Eventually(t, "then the picture", func() bool { return len(withheld()) == 0 })
}

// Of a picture that gives way the lowest layer that arrives is left.
func TestLayersGiveWay(t *testing.T) {
	for _, tt := range []struct {
		active [3]bool
		want   int
	}{{[3]bool{true, true, true}, 1}, {[3]bool{false, true, true}, 2}, {[3]bool{}, 1}} {
		s := allocation.Source{Count: 3}
		for i, a := range tt.active {
			s.Layers[i].Active = a
		}
		if thin(&s); s.Count != tt.want {
			t.Errorf("%v: %d layers are left, want %d", tt.active, s.Count, tt.want)
		}
	}
}

// When even sound is too much, each hears the loudest only, and more again afterwards.
func TestVoicesGiveWay(t *testing.T) {
	h := newHall(t, 6)
	for i := range 5 {
		h.live(i, media.Mic)
	}
	h.settle()
	heard := func(i int) (n int) {
		h.room.Room.mu.Lock()
		defer h.room.Room.mu.Unlock()
		return h.people[i].peer.viewer.heard
	}
	follow := func(voices int) {
		h.room.server.roomMu.Lock()
		h.room.server.rooms[h.room.Room] = struct{}{}
		h.room.server.roomMu.Unlock()
		h.room.server.follows(overload.Plan{Level: overload.Full, Voices: voices})
		h.room.server.roomMu.Lock()
		delete(h.room.server.rooms, h.room.Room)
		h.room.server.roomMu.Unlock()
	}
	for _, tt := range []struct{ voices, want int }{{0, 4}, {2, 2}, {1, 1}, {2, 2}, {0, 4}} {
		follow(tt.voices)
		for range 25 { // half a second
			for i := range 5 {
				h.says(i, uint8(20+i))
			}
			h.tick()
		}
		for i := range h.people {
			if got := heard(i); got != tt.want {
				t.Errorf("%d voices: %d hears %d", tt.voices, i+1, got)
			}
		}
	}
}
