package auth

import (
	"testing"
	"time"
)

// spent is an empty line whose pace has no reserve: what is added has to wait.
func spent(perMinute int) *outgoing {
	o := newOutgoing(perMinute)
	o.free = epoch().Add(time.Minute)
	return o
}

func stranger(rank int) mailJob { return mailJob{place: place{rank: rank}} }

// order is what leaves, when nothing holds it back.
func (o *outgoing) order() (ranks []place) {
	for now := epoch(); o.len() > 0; now = now.Add(time.Minute) {
		if j, _, ok := o.next(now); ok {
			ranks = append(ranks, j.place)
		}
	}
	return ranks
}

// TestSixNetworksCannotKeepANewcomersMailBack: six networks fill the line, and the mail of a network that asks for
// its first code leaves next.
func TestSixNetworksCannotKeepANewcomersMailBack(t *testing.T) {
	o := spent(120)
	for i := range 6 * 60 {
		o.add(stranger(i / 6))
	}
	if o.len() != maxWaiting {
		t.Fatalf("%d wait, the bound is %d", o.len(), maxWaiting)
	}
	newcomer := stranger(0)
	newcomer.challenge = challengeID{1}
	dropped, ok := o.add(newcomer)
	if !ok || dropped == nil || dropped.place.rank < maxWaiting/6-1 {
		t.Fatalf("a newcomer is refused, or the wrong one dropped: %v %+v", ok, dropped)
	}
	if ahead := o.ahead(place{rank: 0}); ahead != 7 {
		t.Errorf("%d are ahead of the next newcomer, want the six first ones and this one", ahead)
	}
	now := epoch().Add(time.Hour)
	for i := range 7 {
		if j, _, ok := o.next(now); !ok || j.place.rank != 0 || (i == 6) != (j.challenge == newcomer.challenge) {
			t.Fatalf("message %d: %v, rank %d", i+1, ok, j.place.rank)
		}
	}
}

// TestStrangersAndTheKnownTakeTurns: neither line starves the other, however full it is.
func TestStrangersAndTheKnownTakeTurns(t *testing.T) {
	for name, flood := range map[string]bool{"strangers_flood": false, "the_known_flood": true} {
		t.Run(name, func(t *testing.T) {
			o := spent(120)
			for range 10 * maxWaiting {
				o.add(mailJob{place: place{known: flood}})
			}
			if o.len() != maxWaiting {
				t.Errorf("%d wait", o.len())
			}
			for range 10 { // and rank 100 does not matter in a line of their own
				if _, ok := o.add(mailJob{place: place{known: !flood, rank: 100}}); !ok {
					t.Fatal("refused because the other line is full")
				}
			}
			others := 0
			for _, p := range o.order()[:20] {
				if p.known != flood {
					others++
				}
			}
			if others != 10 {
				t.Errorf("%d of the first twenty are the others', want every second", others)
			}
		})
	}
}

func TestAFullLineRefusesWhomItWouldDrop(t *testing.T) {
	o := spent(120)
	for range maxWaiting {
		o.add(stranger(3))
	}
	for rank, want := range map[int]bool{2: true, 3: false, 4: false} {
		if got := o.room(place{rank: rank}); got != want {
			t.Errorf("rank %d: room %v", rank, got)
		}
		dropped, ok := o.add(stranger(rank))
		if ok != want || (dropped != nil) != want {
			t.Errorf("rank %d: added %v, dropped %v", rank, ok, dropped)
		}
		if o.len() != maxWaiting {
			t.Fatalf("%d wait", o.len())
		}
	}
}

// TestMailLeavesAtItsPace: a quarter of a minute's worth at once, then evenly.
func TestMailLeavesAtItsPace(t *testing.T) {
	o := newOutgoing(120)
	for range 200 {
		o.add(stranger(0))
	}
	sent := 0
	now := epoch()
	for range 60 * 4 {
		for {
			_, wait, ok := o.next(now)
			if !ok {
				if wait <= 0 || wait > 500*time.Millisecond {
					t.Fatalf("wait %v", wait)
				}
				break
			}
			sent++
		}
		if limit := 30 + int(now.Sub(epoch())/(500*time.Millisecond)); sent > limit {
			t.Fatalf("%d sent after %v, want no more than %d", sent, now.Sub(epoch()), limit)
		}
		now = now.Add(250 * time.Millisecond)
	}
	if sent < 30+118 {
		t.Errorf("%d sent in a minute", sent)
	}
}

// TestWhatIsToBeTriedAgainWaitsAndHoldsUpNothing: a message that waits for its next try lets the others pass.
func TestWhatIsToBeTriedAgainWaitsAndHoldsUpNothing(t *testing.T) {
	o := newOutgoing(120)
	late := stranger(0)
	late.notBefore = epoch().Add(5 * time.Second)
	o.again(late)
	o.add(stranger(7))
	if j, _, ok := o.next(epoch()); !ok || j.place.rank != 7 {
		t.Errorf("%v %+v", ok, j)
	}
	if _, wait, ok := o.next(epoch()); ok || wait != 5*time.Second {
		t.Errorf("%v, wait %v", ok, wait)
	}
	if j, _, ok := o.next(epoch().Add(5 * time.Second)); !ok || j.place.rank != 0 {
		t.Errorf("%v %+v", ok, j)
	}
	if _, wait, ok := o.next(epoch().Add(time.Hour)); ok || wait != 0 {
		t.Errorf("an empty line: %v, wait %v", ok, wait)
	}
}
