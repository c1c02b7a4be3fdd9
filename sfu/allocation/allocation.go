// Package allocation decides what each of a viewer's sources is sent, so that all of it fits through the viewer's
// connection. docs/allocation.md is its specification; the files follow its sections: steps.go, phases.go,
// hysteresis.go, drain.go, and rates.go for the measured rates among the inputs.
//
// It is pure: no clock, no lock, no goroutine, and once its slices have grown no allocation. Rates are in bit/s at IP
// level.
package allocation

import (
	"math"
	"time"
)

// Bounds of the inputs.
const (
	MaxLayers = 3 // encodings of a source
	// temporal layers of an encoding: RFC 7741 has two bits for them; RFC 9628's further ones count with the fourth
	MaxTemporal = 4
)

// Unlimited is the estimate of a connection about which nothing is known.
const Unlimited = math.MaxInt64

// Layer is one encoding of a source.
type Layer struct {
	Height int  // in lines
	Active bool // packets of it are arriving
	// Temporal is how many temporal layers it has, at least 1.
	Temporal int
	// Rates are what it takes up to each temporal layer.
	Rates [MaxTemporal]int64
}

// Source is one entry of a view that may be sent.
type Source struct {
	Key    uint64 // identifies it from call to call
	Screen bool
	Height int // at which it is shown, in device pixels
	// Layers are lowest first, at least one and at most MaxLayers.
	Layers [MaxLayers]Layer
	Count  int // of Layers
}

// Input is what one allocation depends on.
type Input struct {
	Now time.Time
	// Estimate is what the connection carries, Unlimited if unknown.
	Estimate int64
	// Drain is what may be sent while a queue drains, beside the estimate, which holds after that; 0 when none
	// is.
	Drain int64
	// Silent says that the estimate falls only because nothing is heard of the connection.
	Silent bool
	// Audio and Repairs are taken off first.
	Audio, Repairs int64
	// Sources are in order of importance, each Key once.
	Sources []Source
}

// Step is one quality a source can be sent in: a layer, and the highest temporal layer of it.
type Step struct{ Layer, Temporal int }

// None is the step of a source that is not sent.
var none = Step{-1, -1}

// None says whether s is no quality at all.
func (s Step) None() bool { return s.Layer < 0 }

// above says whether s is the higher quality.
func (s Step) above(t Step) bool {
	return s.Layer > t.Layer || s.Layer == t.Layer && s.Temporal > t.Temporal
}

// Decision is what one source gets.
type Decision struct {
	// Send is what to send now; none if it is withheld for lack of bandwidth.
	Send Step
	// Rate is what Send takes.
	Rate int64
	// Pass is the highest temporal layer of it that may pass now: that of Send, less while a queue drains, -1 for none
	// of it.
	Pass int
	// Ask is the layer to ask the publisher for, -1 if none.
	Ask int
}

// Allocator is the state of one viewer. The zero value is ready. One goroutine at a time.
type Allocator struct {
	budget budget
	hold   hold
	silent bool // at the last call

	before   []memory // of the sources of the last call, in its order
	work     []work   // of this call
	result   []Decision
	room     int64 // what of the budget is left for video
	left     int64 // of that
	climbing int64 // how much of room may be used by what climbs to a higher layer or was withheld
	moved    bool  // something was decided otherwise than at the call before, or was new
	stage    int   // height from which a source is on the stage
}

// memory is what is remembered of a source from call to call.
type memory struct {
	key    uint64
	height int
	sent   Step
	exempt bool // from the hold: it was new when the hold was on
	// allowed is the layer it may have during the hold though it had less when the hold began: what it was given then, and
	// was not arriving. -1: none.
	allowed int
}

// work is a source while the phases run.
type work struct {
	ladder ladder
	at     int    // rung, -1 below the first
	before memory // sent is meaningless while fresh
	fresh  bool   // new in the view, or shown larger than before
	exempt bool   // from the hold
	fixed  bool   // climbs no more in this call
}

// Allocate decides. The result has the order of in.Sources and is valid until the next call.
func (a *Allocator) Allocate(in *Input) []Decision {
	first := clamp(in.Audio) + clamp(in.Repairs)
	a.budget.update(in.Now, in.Estimate, a.sent(), first)
	a.prepare(in)
	if a.hold.otherLink(in.Now, a.budget.lowest(risesAfter)) {
		a.budget.begin()
	}
	if a.silent && !in.Silent { // what was withheld comes back as fast as the estimate
		a.budget.begin()
	}
	a.silent = in.Silent
	a.room = max(0, a.budget.value()-first) // phase 1: audio first
	a.climbing = max(0, a.budget.lowest(a.hold.patience())-first)

	a.run(in, everyLayer)
	for i := range a.work {
		a.result[i].Ask = a.step(i).Layer
	}
	a.run(in, activeLayers)
	for i := range a.work {
		a.result[i].Send, a.result[i].Rate = a.step(i), a.rate(i)
	}
	a.thin(in, first)
	lost, climbed := a.changes(in)
	lost = lost && !in.Silent // that is no sign of a link that is full
	a.hold.observe(in.Now, a.budget.value(), lost, climbed)
	a.remember(in, lost)
	return a.result
}

// Next is when the decision about in, just made, may be another although in stays as it is but for the time. A time
// that is not after in.Now says soon, zero that the decision stays. A decision asked for between makes no difference.
func (a *Allocator) Next(in *Input) time.Time {
	if a.moved || in.Drain > 0 || in.Silent {
		return in.Now
	}
	first := clamp(in.Audio) + clamp(in.Repairs)
	return sooner(a.hold.next(in.Now), a.budget.next(in.Now, in.Estimate, a.sent(), first, a.hold.patience()))
}

// Budget is what the hysteresis makes of the estimates so far, Unlimited while none is known.
func (a *Allocator) Budget() int64 { return a.budget.value() }

// clamp keeps sums of rates far from overflowing.
func clamp(rate int64) int64 { return min(max(rate, 0), maxRate) }

// sent is the total of the last call.
func (a *Allocator) sent() (total int64) {
	for i := range a.result {
		total += a.result[i].Rate
	}
	return total
}

// prepare sizes the scratch space and recalls what each source got before.
func (a *Allocator) prepare(in *Input) {
	a.work, a.result = a.work[:0], a.result[:0]
	lowest := math.MaxInt
	for i := range in.Sources {
		s := &in.Sources[i]
		lowest = min(lowest, max(1, s.Height))
		before, known := a.recall(s.Key, i)
		fresh := !known || s.Height > before.height
		a.work = append(a.work, work{before: before, fresh: fresh, exempt: fresh || before.exempt})
		a.result = append(a.result, Decision{})
	}
	a.stage = 2 * min(lowest, math.MaxInt/2)
}

// recall finds a source of the last call: usually it is where it was.
func (a *Allocator) recall(key uint64, i int) (memory, bool) {
	if i < len(a.before) && a.before[i].key == key {
		return a.before[i], true
	}
	for _, m := range a.before {
		if m.key == key {
			return m, true
		}
	}
	return memory{sent: none, allowed: -1}, false
}

func (a *Allocator) remember(in *Input, lost bool) {
	a.before = a.before[:0]
	held := a.hold.active(in.Now)
	for i := range in.Sources {
		m := memory{key: in.Sources[i].Key, height: in.Sources[i].Height, sent: a.result[i].Send, allowed: -1}
		switch {
		case lost: // a new hold exempts none
			m.allowed = a.result[i].Ask
		case held:
			m.exempt, m.allowed = a.work[i].exempt, a.work[i].before.allowed
		}
		a.before = append(a.before, m)
	}
}

// changes says what happened to the sources that were there before: whether one lost a layer it could still have had,
// and whether one climbed to a higher. What gives way to something new in the view has not lost: that is the person's
// own act; nor has anything when the estimate becomes known.
func (a *Allocator) changes(in *Input) (lost, climbed bool) {
	own := false
	a.moved = len(a.before) != len(a.work)
	for i := range a.work {
		w, s := &a.work[i], &in.Sources[i]
		now, before := a.result[i].Send, w.before.sent
		own = own || w.fresh
		a.moved = a.moved || w.fresh || now != before
		switch {
		case w.fresh:
		case now.Layer > before.Layer:
			climbed = climbed || now.Layer > w.before.allowed
		case now.Layer < before.Layer:
			lost = lost || before.Layer <= s.Right() && (now.None() || s.Layers[before.Layer].Active)
		}
	}
	return lost && !own && !a.budget.first, climbed
}
