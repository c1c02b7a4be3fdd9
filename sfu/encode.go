package sfu

import (
	"time"

	"conclave/sfu/allocation"
)

const maxLayers = allocation.MaxLayers

// encodeDebounce is how long nobody must want an encoding before its publisher is told to stop it: pages flip back.
// Upwards it is told at once. With the publisher's own time, what nobody wants has stopped after 5 s.
const encodeDebounce = 4 * time.Second

// encodeState follows which layers of one track its viewers want. Guarded by Room.mu; time is an argument.
type encodeState struct {
	byViewer map[*Peer]uint8 // the layers each viewer wants, as bits; bounded by the peers of the room
	reported uint8           // layers the publisher was last told to send; all at first
	unwanted [maxLayers]time.Time
	since    time.Time // the latest layer was added to reported
}

// wants notes what p wants, and says whether the publisher should be told at once.
func (e *encodeState) wants(p *Peer, layers uint8) (missing bool) {
	if e.byViewer == nil {
		e.byViewer = map[*Peer]uint8{}
	}
	e.byViewer[p] = layers
	return layers&^e.reported != 0
}

func (e *encodeState) forget(p *Peer) { delete(e.byViewer, p) }

// update says whether the publisher is to be told a new set of layers, and which.
func (e *encodeState) update(now time.Time) (layers uint8, changed bool) {
	var want uint8
	for _, l := range e.byViewer {
		want |= l
	}
	before := e.reported
	for i := range e.unwanted {
		bit := uint8(1) << i
		switch {
		case want&bit != 0:
			if e.reported&bit == 0 {
				e.reported, e.since = e.reported|bit, now
			}
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
