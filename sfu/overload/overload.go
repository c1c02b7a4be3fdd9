// Package overload decides what gives way when the machine can't carry what it is asked to: pictures before sound, the
// least important first, and new participants before those who are in. docs/overload.md is its specification.
//
// It is pure: no clock, no socket, no goroutine. Numbers and the time go in, a Plan comes out. One goroutine at a time.
package overload

import (
	"math"
	"time"
)

// Level says in a word how much has given way.
type Level int

// The levels.
const (
	Calm     Level = iota
	Layers         // all pictures but a viewer's first are sent in their lowest encoding
	Pictures       // and the least important of each viewer's are left out
	Sound          // all of them are
	Full           // and sound alone is as much as the machine carries: no one else comes in, and at last voices give way
	NumLevels
)

// Plan is what is carried now.
type Plan struct {
	Level Level
	// Share is the part of each viewer's pictures that is sent, from 0 to 1.
	Share float64
	// Voices is how many each hears at most, the loudest; 0: as many as there is room for.
	Voices int
	// Gather has what comes within 20 ms sent together: later by 10 ms on average, with far fewer messages.
	Gather bool
}

// golden spreads the viewers' remainders evenly, whichever of them are there: successive multiples of it, without their
// integer part, are far from each other.
const golden = 0.6180339887498949

// Keep is how many of its n pictures the viewer with that number is sent. Remainders are spread over the viewers, so
// that of a single picture a part of them is sent it.
func (p Plan) Keep(n int, viewer uint32) int {
	if p.Share >= 1 {
		return n
	}
	_, part := math.Modf(float64(viewer) * golden)
	return min(n, int(max(0, p.Share)*float64(n)+part))
}

// Sample is what was measured since the last one.
type Sample struct {
	// Delay is how long half of the receive batches took at most, from the kernel's receipt of their first datagram to
	// their departure. Half, because moments at which the process does not run say nothing of what it carries.
	Delay time.Duration
	// CPU is the processor time used, as a part of what the process may use: 1 is all of it.
	CPU float64
	// Memory is the memory used, as a part of what the process may use; 0: not known.
	Memory float64
	// Stands says that a worker found a standing queue and is leaving out old video.
	Stands bool
	// Layers is how many times as much the pictures would be, in bit/s, if no layers gave way; 0: not known.
	Layers float64
}

// The rules of Governor. docs/overload.md says why they are what they are.
const (
	// Of Delay, which comes in powers of two of 1/8192 s, as the upper bound: over 31 ms something gives way, over 62 ms
	// more of it, under 15 ms something may come back.
	late     = 32 * time.Millisecond
	veryLate = 64 * time.Millisecond
	early    = 16 * time.Millisecond
	high     = 0.92 // of CPU: something gives way
	used     = 0.98 // of CPU, in a single sample: all of it was used
	low      = 0.70 // of CPU: layers may come back, whatever they take
	spare    = 0.85 // of CPU: what is known to fit in this may come back, as if pictures took all that is used
	idle     = 0.50 // of CPU: it comes back soon
	aim      = 0.80 // of CPU: what a step aims at
	nearly   = 0.75 // of CPU: with sound alone, no one else comes in
	memory   = 0.90 // of Memory: no one else comes in
	much     = 0.60 // of CPU: what comes within 20 ms is sent together
	little   = 0.25 // of CPU: and no more; together it may take half of what it takes alone

	settles   = 200 * time.Millisecond // after a step down, before the next
	rests     = 500 * time.Millisecond // after a step up, before the next
	patience  = 2 * time.Second        // after a step down, before one up; doubled when that was too early
	longest   = 16 * time.Second       // patience, at most
	tooEarly  = 5 * time.Second        // between a step up and one down: the one up was too early
	smoothing = 0.5                    // the weight of a new sample of CPU
	least     = 0.03                   // of Share: below, no picture is sent
	rise      = 0.1                    // of Share, each step, while the machine is nearly idle
	fullAfter = 400 * time.Millisecond // of sound alone that is too much, before no one else comes in
	voicesIn  = 600 * time.Millisecond // after no one else comes in, and after a step, before one of voices
	few       = 2                      // voices: the first step down; the second is one
	fewSpare  = 0.40                   // of CPU: voices may come back, which may double what they take
)

// Governor turns samples into a plan. Feed it about ten a second. The zero value is ready.
type Governor struct {
	plan     Plan
	begun    bool
	cpu      float64 // smoothed
	layers   float64 // the most that Sample.Layers was since layers give way
	down, up time.Time
	wait     time.Duration // from the latest step down to the next one up
	over     bool          // the latest sample was too much
	crowded  time.Time     // since when sound alone is too much; zero: it is not
	voiced   time.Time     // the latest step of voices
	memory   bool          // is nearly used up
	gathers  bool          // what comes within 20 ms is sent together
}

// Plan is the latest.
func (g *Governor) Plan() Plan {
	if !g.begun {
		return Plan{Share: 1}
	}
	return g.plan
}

// Full says whether the machine carries no one else: sound alone is too much for it, or would soon be.
func (g *Governor) Full() bool {
	return g.plan.Level == Full || g.plan.Level == Sound && g.cpu > nearly || g.memory
}

// Observe takes in a sample of the time before now, and returns the plan from now on.
func (g *Governor) Observe(now time.Time, s Sample) Plan {
	if !g.begun {
		g.begun, g.plan, g.cpu, g.wait = true, Plan{Share: 1}, s.CPU, patience
	}
	g.cpu += smoothing * (s.CPU - g.cpu)
	g.memory = s.Memory > memory || g.memory && s.Memory > memory-0.05
	if g.plan.Level == Calm {
		g.layers = 0
	}
	g.layers = max(g.layers, s.Layers) // encodings that no one is sent are not there to be measured after some seconds
	if g.gathers {                     // 20 ms of work are done at once, for which what comes meanwhile has to wait
		s.Delay /= 2
	}
	over := s.Delay > late || s.Stands || g.cpu > high || s.CPU > used
	again := over && g.over || s.Stands // one late batch is no overload
	g.over = over
	switch {
	case again && now.Sub(g.down) >= settles:
		g.reduce(now, s)
	case !over && s.Delay < early && g.room():
		g.restore(now)
	}
	g.fill(now, over)
	g.gather()
	return g.plan
}

// gather has little things sent together from when the machine has much to do until it has little.
func (g *Governor) gather() {
	switch {
	case g.plan.Level > Calm || g.cpu > much:
		g.gathers = true
	case g.cpu < little:
		g.gathers = false
	}
	g.plan.Gather = g.gathers
}

// reduce takes a step down: first the layers, and pictures with them if the queue stands already.
func (g *Governor) reduce(now time.Time, s Sample) {
	if !g.up.IsZero() && now.Sub(g.up) < tooEarly {
		g.wait = min(2*g.wait, longest)
	}
	g.down, g.up = now, time.Time{}
	if g.plan.Level == Calm {
		g.plan.Level = Layers
		if s.Delay <= late && !s.Stands {
			return
		}
	}
	part := min(0.9, aim/max(g.cpu, 0.01))
	switch {
	case s.Delay > veryLate || s.Stands || s.CPU > used:
		part = min(part, 0.6) // how much too much there is can't be seen
	case s.Delay > late:
		part = min(part, 0.85)
	}
	g.share(g.plan.Share * part)
}

// share sets the share and the level that goes with it.
func (g *Governor) share(x float64) {
	switch {
	case x >= 1:
		g.plan = Plan{Level: Layers, Share: 1}
	case x < least:
		g.plan.Share = 0
		g.plan.Level = max(g.plan.Level, Sound)
	default:
		g.plan = Plan{Level: Pictures, Share: x}
	}
}

// room says whether something may come back: there is processor time to spare for it, or, where what it takes isn't
// known, more than that.
func (g *Governor) room() bool {
	switch {
	case g.plan.Share == 0 || g.plan.Share >= 1 && g.layers == 0:
		return g.cpu < low
	case g.plan.Share >= 1:
		return g.cpu < max(low, spare/max(1, g.layers))
	}
	return g.cpu < spare
}

// restore takes a step up, as large as the processor has room for.
func (g *Governor) restore(now time.Time) {
	free := g.cpu < idle
	if free || now.Sub(g.down) > 2*longest { // what was too early before is no more
		g.wait = patience
	}
	if g.plan.Level == Calm || now.Sub(g.up) < rests || !free && now.Sub(g.down) < g.wait || now.Sub(g.down) < patience/2 {
		return
	}
	if g.plan.Voices > 0 {
		g.speakUp(now)
		return
	}
	g.up = now
	if g.plan.Share >= 1 {
		g.plan.Level = Calm
		return
	}
	factor := 1.25
	if free {
		factor = 2
	}
	more := g.plan.Share * min(factor, spare/max(g.cpu, 0.01))
	if free || g.plan.Share == 0 {
		more = max(more, g.plan.Share+rise)
	}
	if g.cpu <= spare*g.plan.Share {
		more = 1
	}
	g.plan.Level = Pictures
	g.share(more)
}

// speakUp takes a step up of voices.
func (g *Governor) speakUp(now time.Time) {
	if g.cpu >= fewSpare {
		return
	}
	g.up, g.voiced = now, now
	if g.plan.Voices == few {
		g.plan.Voices = 0
	} else {
		g.plan.Voices = few
	}
}

// fill follows whether sound alone is too much. No one else comes in then, and when that isn't enough, the voices that
// are least loud give way, so that those that are heard are heard well: a meeting can go on with one.
func (g *Governor) fill(now time.Time, over bool) {
	switch {
	case g.plan.Share > 0:
		g.crowded = time.Time{}
	case !over && g.cpu < aim:
		g.crowded = time.Time{}
		if g.plan.Voices == 0 {
			g.plan.Level = Sound
		}
	case over && g.crowded.IsZero():
		g.crowded = now
	case over && now.Sub(g.crowded) >= fullAfter:
		if g.plan.Level != Full {
			g.plan.Level, g.voiced = Full, now
			return
		}
		if now.Sub(g.voiced) >= voicesIn && g.plan.Voices != 1 {
			g.voiced = now
			if g.plan.Voices == 0 {
				g.plan.Voices = few
			} else {
				g.plan.Voices = 1
			}
		}
	}
}
