package sfu

import "time"

// encodeDebounce is how long nobody must want an encoding before its publisher is told to stop it: pages flip back.
// Upwards it is told at once.
const encodeDebounce = 5 * time.Second

// encodeState follows which layers of one track its viewers want. Guarded by Room.mu; time is an argument.
type encodeState struct {
	bySlot   map[*slot]int // the layer each slot would ideally carry; bounded by the slots of the room
	reported uint8         // layers the publisher was last told to send, as bits; all at first
	unwanted [maxLayers]time.Time
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
	before := e.reported
	for i := range e.unwanted {
		bit := uint8(1) << i
		switch {
		case want&bit != 0:
			e.reported |= bit
			e.unwanted[i] = time.Time{}
		case e.reported&bit == 0:
		case e.unwanted[i].IsZero():
			e.unwanted[i] = now
		case now.Sub(e.unwanted[i]) >= encodeDebounce:
			e.reported &^= bit
			e.unwanted[i] = time.Time{}
		}
	}
	return e.reported, e.reported != before
}
