package sfu

import (
	"testing"
	"time"
)

// Control holds a room's lock for its time only, however much there is to do. What is left is done in the next turns:
// audio first, and all of it in the end.
func TestATurnEndsAndTheNextGoesOn(t *testing.T) {
	const people = 120
	h := newHall(t, people)
	r := &h.room.Room.state
	at := time.Now()
	h.room.clock = func() time.Time { at = at.Add(turnLasts / 2); return at } // every eight steps take half of a turn
	for _, a := range h.people {
		r.audioDirty(a.peer)
		r.videoDirty(a.peer)
	}
	turns := 0
	for len(r.dirtyAudio)+len(r.dirtyVideo) > 0 {
		audio, video := len(r.dirtyAudio), len(r.dirtyVideo)
		h.tick()
		turns++
		switch did := audio + video - len(r.dirtyAudio) - len(r.dirtyVideo); {
		case did == 0 || did > 40:
			t.Fatalf("turn %d reconciled %d", turns, did)
		case len(r.dirtyAudio) > 0 && len(r.dirtyVideo) != video:
			t.Fatalf("video in turn %d, before %d of audio", turns, len(r.dirtyAudio))
		}
	}
	if turns < 2*people/40 {
		t.Errorf("all in %d turns", turns)
	}
}

// Changes of who is heard that come in quick succession are merged; one that comes alone is not delayed.
func TestAConversationIsNotPaced(t *testing.T) {
	var p pace
	now := time.Unix(1000, 0)
	for range paceBurst {
		if !p.take(now, 2) {
			t.Error("a change is delayed")
		}
	}
	if p.take(now, 2) || p.take(now.Add(paceEvery-1), 2) {
		t.Error("changes follow each other without a bound")
	}
	if !p.take(now.Add(paceEvery), 2) {
		t.Error("a change is delayed for longer than the pace")
	}
	if p.take(now.Add(paceEvery), 2) {
		t.Error("two at once")
	}
	for i := range 20 { // a speaker every 100 ms is within bounds
		if !p.take(now.Add(time.Duration(i+20)*paceEvery), 2) {
			t.Errorf("change %d is delayed", i)
		}
	}
}

// The more people a change is sent to, the less often changes follow each other.
func TestChangesForManyAreRarer(t *testing.T) {
	for people, every := range map[int]time.Duration{2: paceEvery, 333: paceEvery, 1000: 3 * paceEvery} {
		var p pace
		now, changes := time.Unix(1000, 0), 0
		for range 1000 { // 10 s
			if p.take(now, people) {
				changes++
			}
			now = now.Add(10 * time.Millisecond)
		}
		if want := int(10*time.Second/every) + paceBurst - 1; changes < want || changes > want+1 {
			t.Errorf("%d people: %d changes in 10 s, want %d", people, changes, want)
		}
	}
}
