package sfu

import "time"

// encodeDebounce is how long nobody must want an encoding before its publisher is told to stop it: pages flip back.
// Upwards it is told at once.
const encodeDebounce = 5 * time.Second

// encodeState follows which layers of one track its viewers want. Guarded by Room.mu; time is an argument.
type encodeState struct {
	bySlot   map[*slot]int // the layer each slot would ideally carry; bounded by the slots of the room
	reported uint8         // layers the publisher was last told to send, as bits; all at first
	lower    time.Time     // since when fewer than reported are wanted, zero if not
}

func (e *encodeState) wants(s *slot, layer int) {
	if e.bySlot == nil {
		e.bySlot = map[*slot]int{}
	}
	e.bySlot[s] = layer
}

func (e *encodeState) forget(s *slot) { delete(e.bySlot, s) }

// update says whether the publisher is to be told a new set of layers, and which.
func (e *encodeState) update(now time.Time) (layers uint8, changed bool) {
	var want uint8
	for _, l := range e.bySlot {
		want |= 1 << l
	}
	switch {
	case want&^e.reported != 0: // more: at once, keeping what is on
		e.reported |= want
		e.lower = time.Time{}
		return e.reported, true
	case want == e.reported:
		e.lower = time.Time{}
		return 0, false
	case e.lower.IsZero():
		e.lower = now
		return 0, false
	case now.Sub(e.lower) >= encodeDebounce:
		e.reported, e.lower = want, time.Time{}
		return want, true
	}
	return 0, false
}
