package sfu

import (
	"math/bits"
	"testing"
	"time"

	"conclave/media"
)

// demandRig is a demand in virtual time, with some viewers.
type demandRig struct {
	d   demand
	now time.Time
}

func newDemandRig() *demandRig {
	return &demandRig{d: demand{reported: 1<<maxLayers - 1}, now: time.Unix(1000, 0)}
}

// after lets time pass and returns what the publisher is told, -1 if nothing.
func (r *demandRig) after(d time.Duration) int {
	r.now = r.now.Add(d)
	layers, changed := r.d.update(r.now)
	if !changed {
		return -1
	}
	return int(layers)
}

func (r *demandRig) expect(t *testing.T, d time.Duration, want int) {
	t.Helper()
	if got := r.after(d); got != want {
		t.Fatalf("the publisher is told %b, want %b", got, want)
	}
}

const silence = -1

func TestUnwantedLayersAreStoppedAfterFourSeconds(t *testing.T) {
	r := newDemandRig()
	r.d.wants(0, 1<<1)
	r.expect(t, 0, silence)
	r.expect(t, demandDebounce-1, silence)
	r.expect(t, 1, 0b010)
	r.expect(t, time.Hour, silence)
}

func TestNobodyWatchingStopsEverything(t *testing.T) {
	r := newDemandRig()
	r.expect(t, 0, silence)
	r.expect(t, demandDebounce, 0)
	r.expect(t, demandDebounce, silence)
}

func TestAWantedLayerIsAskedForAtOnce(t *testing.T) {
	r := newDemandRig()
	r.expect(t, 0, silence)
	r.expect(t, demandDebounce, 0)
	r.d.wants(0, 1<<2)
	r.expect(t, time.Millisecond, 0b100)
	r.d.wants(1, 1<<0)
	r.expect(t, time.Millisecond, 0b101)
}

func TestAPageFlippedBackStopsNothing(t *testing.T) {
	r := newDemandRig()
	r.d.wants(0, 1<<2)
	r.d.wants(1, 1<<0)
	r.d.wants(2, 1<<1)
	for range 20 {
		r.expect(t, time.Second, silence)
		r.d.forget(0)
		r.expect(t, demandDebounce-time.Millisecond, silence)
		r.d.wants(0, 1<<2)
	}
}

func TestALayerWantedLatelyIsNotStoppedWithAnother(t *testing.T) {
	r := newDemandRig()
	for range 19 { // a viewer between two sizes, the largest wanted by nobody
		r.d.wants(0, 1<<0)
		r.expect(t, 100*time.Millisecond, silence)
		r.d.wants(0, 1<<1)
		r.expect(t, 100*time.Millisecond, silence)
	}
	r.d.wants(0, 1<<0)
	r.expect(t, 300*time.Millisecond, 0b011)
}

func TestTheHighestWishCountsOverAllViewers(t *testing.T) {
	r := newDemandRig()
	r.d.wants(0, 1<<0)
	r.d.wants(1, 1<<0)
	r.d.wants(2, 1<<2)
	r.expect(t, 0, silence)
	r.expect(t, demandDebounce, 0b101)
	r.d.forget(2)
	r.d.forget(3) // was not there
	r.expect(t, 0, silence)
	r.expect(t, demandDebounce, 0b001)
}

// FuzzDemand asserts that what is wanted is always on, and that only what nobody has wanted for the whole time is
// stopped.
func FuzzDemand(f *testing.F) {
	f.Add([]byte{0x01, 0x80, 0x12, 0xbf, 0x90, 0x03, 0xff})
	f.Add([]byte{0x00, 0x41, 0x88, 0x42, 0x88, 0x43, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, script []byte) {
		r := newDemandRig()
		var lastWanted [maxLayers]time.Time // when each layer was wanted last
		for i := range lastWanted {
			lastWanted[i] = r.now
		}
		on := r.d.reported
		for _, b := range script {
			if b&0x80 != 0 {
				r.now = r.now.Add(time.Duration(b&0x7f) * 50 * time.Millisecond)
			} else if v := media.ParticipantID(b & 3); b&0x40 != 0 {
				r.d.forget(v)
			} else {
				if layer := uint8(1) << (int(b>>2) % maxLayers); r.d.wants(v, layer) != (layer&^on != 0) {
					t.Fatalf("%b is missing of %b, or not", layer, on)
				}
			}
			layers, changed := r.d.update(r.now)
			if changed {
				if layers == on || layers >= 1<<maxLayers {
					t.Fatalf("told %b while on %b", layers, on)
				}
				on = layers
			}
			for _, want := range r.d.byViewer {
				l := bits.TrailingZeros8(want)
				lastWanted[l] = r.now
				if on&want == 0 {
					t.Fatalf("layer %d is wanted, but only %b is on", l, on)
				}
			}
			for l := range lastWanted {
				if on&(1<<l) == 0 && r.now.Sub(lastWanted[l]) < demandDebounce {
					t.Fatalf("layer %d was wanted %v ago and is off", l, r.now.Sub(lastWanted[l]))
				}
			}
		}
	})
}
