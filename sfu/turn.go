package sfu

import "time"

// turnLasts is how long control may hold a room's lock in one turn. What is not done then is done in the next: audio
// first.
const turnLasts = 2 * time.Millisecond

// turn is the time budget of one turn. The clock measures how long the work takes and decides nothing else.
type turn struct {
	clock func() time.Time
	until time.Time
	steps int
	ended bool
}

func (r *Room) turn() turn { return turn{clock: r.clock, until: r.clock().Add(turnLasts)} }

// over says whether the time is used up. It looks at the clock at every eighth step: one takes a microsecond or so.
func (t *turn) over() bool {
	t.steps++
	if t.steps%8 == 0 && !t.clock().Before(t.until) {
		t.ended = true
	}
	return t.ended
}

// work counts what control has looked at so far: its cost without a clock.
type work struct {
	Levels      int // microphones heard
	Audio       int // viewers whose audio slots were reconciled
	Video       int // viewers whose video slots were reconciled
	Allocations int // of bandwidth
	Looks       int // at viewers, once a second each, and when the packet path had something to say
	Publishers  int // housekeeping of those who publish
	Demands     int // tracks of which it was decided what to ask for
	Freed       int // slots freed because their track was muted or ended
}
