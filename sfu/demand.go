package sfu

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
)

const maxLayers = allocation.MaxLayers

// demandDebounce is how long no viewer must want a layer before its publisher is told to stop it: pages flip back.
// Upwards it is told at once. With the publisher's own time, a layer that is not wanted has stopped after 5 s.
const demandDebounce = 4 * time.Second

// demand follows which layers of one track its viewers want. Time is an argument.
type demand struct {
	byViewer map[media.ParticipantID]uint8 // the layers each viewer wants, as bits; bounded by the peers of the room
	viewers  [maxLayers]int                // how many want each layer
	queued   bool                          // in state.demands
	reported uint8                         // layers the publisher was last told to send; all at first
	unwanted [maxLayers]time.Time
	since    time.Time // the latest layer was added to reported
}

// wants notes what a viewer wants, and says whether the publisher should be told at once.
func (d *demand) wants(viewer media.ParticipantID, layers uint8) (missing bool) {
	if d.byViewer == nil {
		d.byViewer = map[media.ParticipantID]uint8{}
	}
	d.count(d.byViewer[viewer], layers)
	d.byViewer[viewer] = layers
	return layers&^d.reported != 0
}

func (d *demand) forget(viewer media.ParticipantID) {
	d.count(d.byViewer[viewer], 0)
	delete(d.byViewer, viewer)
}

// count has one viewer want other layers than before.
func (d *demand) count(before, layers uint8) {
	for i := range d.viewers {
		d.viewers[i] += int(layers>>i&1) - int(before>>i&1)
	}
}

// waits says whether time alone will change what is to be told.
func (d *demand) waits() bool {
	return slices.ContainsFunc(d.unwanted[:], func(since time.Time) bool { return !since.IsZero() })
}

// update says whether the publisher is to be told a new set of layers, and which.
func (d *demand) update(now time.Time) (layers uint8, changed bool) {
	var want uint8
	for i, n := range d.viewers {
		if n > 0 {
			want |= 1 << i
		}
	}
	before := d.reported
	for i := range d.unwanted {
		bit := uint8(1) << i
		switch {
		case want&bit != 0:
			if d.reported&bit == 0 {
				d.reported, d.since = d.reported|bit, now
			}
			d.unwanted[i] = time.Time{}
		case d.reported&bit == 0:
		case d.unwanted[i].IsZero():
			d.unwanted[i] = now
		case now.Sub(d.unwanted[i]) >= demandDebounce:
			d.reported &^= bit
			d.unwanted[i] = time.Time{}
		}
	}
	return d.reported, d.reported != before
}
