package allocation

// Phases: how the budget is given away.

// spare is what a step above what a source carries must leave, as a part of its rate: 15 %.
const sparePercent = 15

// run gives the room away over the selected layers. The outcome is in a.work.
func (a *Allocator) run(in *Input, layers selection) {
	a.left = a.room
	held := a.hold.active(in.Now)
	for i := range a.work {
		w := &a.work[i]
		w.ladder.steps(&in.Sources[i], layers(&in.Sources[i]))
		w.at, w.fixed = -1, false
		switch {
		case w.exempt || !held:
		case w.before.sent.None() && w.before.allowed < 0 && a.hold.fresh(in.Now):
			w.ladder.n, w.ladder.least = 0, -1
		default:
			w.limit()
		}
	}
	a.stageFirst(in)
	a.everybodyVisible(in)
	a.rounds()
}

// limit cuts the ladder down to what the source may have while climbing is held back: no higher layer than it has; but
// what it was given when the hold began and was not arriving then, it may have. One that has nothing, or whose layer
// has gone, may have the lowest there is.
func (w *work) limit() {
	highest := max(w.before.sent.Layer, w.before.allowed, w.ladder.rungs[0].step.Layer)
	for w.ladder.n > 0 && w.ladder.rungs[w.ladder.n-1].step.Layer > highest {
		w.ladder.n--
	}
	w.ladder.least = min(w.ladder.least, w.ladder.n-1)
}

// stageFirst is phase 2: what is on the stage climbs to its minimum.
func (a *Allocator) stageFirst(in *Input) {
	for i := range a.work {
		w := &a.work[i]
		for in.Sources[i].Height >= a.stage && w.at < w.ladder.least && a.climb(w) {
		}
	}
}

// everybodyVisible is phase 3: the first step for everybody.
func (a *Allocator) everybodyVisible(in *Input) {
	for i := range a.work {
		if w := &a.work[i]; w.at < 0 && in.Sources[i].Height < a.stage {
			a.climb(w)
		}
	}
}

// rounds is phase 4: one step each, until none can.
func (a *Allocator) rounds() {
	for again := true; again; {
		again = false
		for i := range a.work {
			w := &a.work[i]
			again = w.at >= 0 && !w.fixed && a.climb(w) || again
		}
	}
}

// climb takes the next step if it fits. A source that could not is not tried again: what is left only shrinks.
func (a *Allocator) climb(w *work) bool {
	if w.at+1 >= w.ladder.n {
		w.fixed = true
		return false
	}
	next := w.ladder.rungs[w.at+1]
	more := next.rate
	if w.at >= 0 {
		more -= w.ladder.rungs[w.at].rate
	}
	need := more
	switch sent := w.before.sent; {
	case w.fresh || !next.step.above(sent):
	case next.step.Layer == sent.Layer: // easily undone: it needs no key frame
		need += more * sparePercent / 100
	default:
		need += next.rate * sparePercent / 100
	}
	if need > a.left || a.room-a.left+more > a.allowance(w, next.step) {
		w.fixed = true
		return false
	}
	a.left -= more
	w.at++
	return true
}

// allowance is how much may be used in all once w has taken a step: for higher layers than it has, the estimate must
// have been good enough for some time.
func (a *Allocator) allowance(w *work, step Step) int64 {
	if w.exempt || step.Layer <= max(w.before.sent.Layer, w.before.allowed) {
		return a.room
	}
	return a.climbing
}

func (a *Allocator) step(i int) Step {
	if w := &a.work[i]; w.at >= 0 {
		return w.ladder.rungs[w.at].step
	}
	return none
}

func (a *Allocator) rate(i int) int64 {
	if w := &a.work[i]; w.at >= 0 {
		return w.ladder.rungs[w.at].rate
	}
	return 0
}
