package sfu

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/forward"
	"conclave/sfu/overload"
)

// assumedAudioRate is what an audio slot counts with, in bit/s, before it has been measured.
const assumedAudioRate = 48_000

// viewerState is what control keeps to allocate one viewer's bandwidth. Guarded by Room.mu.
type viewerState struct {
	allocator allocation.Allocator
	tracks    []*track            // scratch
	heights   []int               // scratch
	sources   []allocation.Source // scratch
	allotted  []allotment
	came      time.Time // when it first wanted something
	first     int64     // bit/s that audio and repairs take
	total     int64     // bit/s allotted, first included
	asked     []*track  // whose publishers were told that this viewer wants something

	full, thinned int64 // bit/s of its pictures, as load counts them

	at    time.Time // when to reallocate, while Peer.looking
	ample bool      // the way carries more than is useful
	heard int       // tracks of audio it gets

	allocations int // so far

	repaired   uint64 // bytes retransmitted, at the latest look
	repairedAt time.Time
	repairs    [3]int64 // bit/s, of the last seconds
}

// allotment is what one wanted track is given.
type allotment struct {
	track *track
	allocation.Decision
}

// reconcileVideo gives what p shows, in its order, the video slots as far as it fits, and says what is left out and
// why.
func (r *state) reconcileVideo(p *Peer, now time.Time) {
	c := p.connection
	if c == nil {
		return
	}
	r.work.Video++
	withheld := r.eligible(p, true, now)
	wanted := r.wanted[:0]
	for _, a := range r.allocate(p, now) {
		if a.Send.None() {
			withheld = append(withheld, media.Withheld{Participant: a.track.Owner, Source: a.track.Source,
				Reason: media.ReasonBandwidth})
		} else {
			wanted = append(wanted, a.track.Track)
		}
	}
	if len(c.video) > 0 {
		r.place(p, c.video, wanted, p.viewer.allotted, now)
	}
	r.wanted = wanted
	clear(r.wanted)
	r.report(p, c.video, withheld)
}

// eligible notes which tracks p wants that could be sent, were there bandwidth, and how high it shows them. explain has
// it list the others and why they cannot.
func (r *state) eligible(p *Peer, explain bool, now time.Time) (withheld []media.Withheld) {
	v, e := &p.viewer, p.connection.Egress()
	slots := p.connection.video
	v.tracks, v.heights = v.tracks[:0], v.heights[:0]
	for _, w := range p.wants {
		t := r.tracks[trackKey{w.Participant, w.Source}]
		reason := media.ReasonNoSlot
		switch {
		case t == nil:
			reason = media.ReasonNotPublished
		case !t.Live():
			reason = media.ReasonMuted
		case !e.Takes(t.Codec):
			reason = media.ReasonCodec
		case len(v.tracks) < len(slots):
			v.tracks, v.heights = append(v.tracks, t), append(v.heights, w.Height)
			continue
		}
		if explain {
			withheld = append(withheld, media.Withheld{Participant: w.Participant, Source: w.Source, Reason: reason})
		}
	}
	return r.giveWay(p, withheld, explain, now)
}

// allocate decides what of the eligible tracks p gets, and tells their publishers what is wanted of them.
func (r *state) allocate(p *Peer, now time.Time) []allotment {
	v, e := &p.viewer, p.connection.Egress()
	v.sources = v.sources[:0]
	full, useful := int64(0), int64(0)
	for i, t := range v.tracks {
		s := t.describe(v.heights[i], now)
		full += s.Full()
		if i > 0 && r.plan.Level >= overload.Layers {
			thin(&s)
		}
		useful += s.Full()
		v.sources = append(v.sources, s)
	}
	r.room.server.load.counts(v, full, useful)
	estimate := e.Estimate()
	if estimate == 0 {
		estimate = allocation.Unlimited
	}
	v.first = audioRate(e, now) + v.repairRate(e, now)
	e.Useful(v.first + useful*115/100) // a step up must leave 15 % to spare
	r.work.Allocations++
	v.allocations++
	in := allocation.Input{Now: now, Estimate: estimate, Drain: e.Drain(now), Silent: e.Silent(now), Audio: v.first,
		Sources: v.sources}
	decisions := v.allocator.Allocate(&in)
	v.allotted = v.allotted[:0]
	for i, t := range v.tracks {
		v.allotted = append(v.allotted, allotment{t, decisions[i]})
	}
	clear(v.tracks)
	v.total = v.first
	for _, a := range v.allotted {
		v.total += a.Rate
	}
	r.ask(p)
	r.expect(p, &in, useful)
	return v.allotted
}

// expect says when p has to be looked at again: when the estimate has moved, and at the time that the allocator names.
// A way that carries half as much again as is useful may carry what it likes.
func (r *state) expect(p *Peer, in *allocation.Input, useful int64) {
	v, e := &p.viewer, p.connection.Egress()
	ample := max(v.total, v.first+useful) / 2 * 3
	at := v.allocator.Next(in)
	if alone := v.came.Add(audioFirst); r.plan.Level >= overload.Pictures && in.Now.Before(alone) {
		r.lookAt(p, alone)
	}
	if v.ample = min(in.Estimate, v.allocator.Budget()) > ample && at.IsZero(); v.ample {
		e.Expect(ample, allocation.Unlimited)
	} else {
		step := in.Estimate / estimateStep
		e.Expect(in.Estimate-step, in.Estimate+min(step, allocation.Unlimited-in.Estimate))
	}
	if !at.IsZero() {
		r.lookAt(p, at)
	}
}

// estimateStep is the part by which an estimate has to move to be looked at.
const estimateStep = 32

// showInterest has p want something else: it is in the lists of those who watch a track.
func (r *state) showInterest(p *Peer, wants []media.Want) {
	for _, w := range p.wants {
		key := trackKey{w.Participant, w.Source}
		if delete(r.interest[key], p); len(r.interest[key]) == 0 {
			delete(r.interest, key)
		}
	}
	p.wants = wants
	for _, w := range wants {
		key := trackKey{w.Participant, w.Source}
		if r.interest[key] == nil {
			r.interest[key] = map[*Peer]struct{}{}
		}
		r.interest[key][p] = struct{}{}
	}
}

// changed says whether t is another to the allocator than when it was last asked: a layer has come or gone, or takes
// an eighth more or less.
func (t *track) changed(now time.Time) (changed bool) {
	for i, l := range t.Layers() {
		d, told := l.Describe(now), &t.told[i]
		rate, before := d.Rates[allocation.MaxTemporal-1], told.Rates[allocation.MaxTemporal-1]
		if d.Active != told.Active || d.Height != told.Height || d.Temporal != told.Temporal ||
			max(rate, before)-min(rate, before) > before/8 {
			*told = d
			changed = true
		}
	}
	return changed
}

// describe is t as the allocator sees it.
func (t *track) describe(height int, now time.Time) allocation.Source {
	layers := t.Layers()
	s := allocation.Source{Key: uint64(t.Owner)<<8 | uint64(t.Source), Screen: t.Source == media.Screen, Height: height,
		Count: len(layers)}
	for i, l := range layers {
		s.Layers[i] = l.Describe(now)
	}
	return s
}

// audioRate is what the audio slots take, measured.
func audioRate(e *forward.Egress, now time.Time) (total int64) {
	for _, s := range e.Slots() {
		l := s.Assigned()
		if s.Video || l == nil {
			continue
		}
		if rate, ok := l.Measured(now); ok {
			total += rate
		} else {
			total += assumedAudioRate
		}
	}
	return total
}

// repairRate is what retransmissions have been taking in each of the last three seconds: a burst of them after a loss
// is no lasting need.
func (v *viewerState) repairRate(e *forward.Egress, now time.Time) int64 {
	if elapsed := now.Sub(v.repairedAt); elapsed >= time.Second {
		sent := e.Repaired()
		if !v.repairedAt.IsZero() {
			v.repairs = [...]int64{v.repairs[1], v.repairs[2], int64(float64(sent-v.repaired) * 8 / elapsed.Seconds())}
		}
		v.repaired, v.repairedAt = sent, now
	}
	return slices.Min(v.repairs[:])
}

// ask tells the tracks what this viewer wants of them: the layer it would get were all being sent, the one it gets
// meanwhile, and the lowest, to fall back to.
func (r *state) ask(p *Peer) {
	v := &p.viewer
	for _, t := range v.asked {
		if !slices.ContainsFunc(v.allotted, func(a allotment) bool { return a.track == t }) {
			t.demand.forget(p.id)
			r.demanded(t)
		}
	}
	v.asked = v.asked[:0]
	for _, a := range v.allotted {
		layers := uint8(0)
		for _, l := range [...]int{a.Ask, a.Send.Layer} {
			if l >= 0 {
				layers |= 1<<l | 1
			}
		}
		before := a.track.demand.byViewer[p.id]
		if a.track.demand.wants(p.id, layers) {
			r.tellNow = true
		}
		if layers != before || r.tellNow {
			r.demanded(a.track)
		}
		v.asked = append(v.asked, a.track)
	}
}

// forgetViewer takes back all p wants of anybody.
func (r *state) forgetViewer(p *Peer) {
	for _, t := range p.viewer.asked {
		t.demand.forget(p.id)
		r.demanded(t)
	}
	r.showInterest(p, nil)
	r.room.server.load.counts(&p.viewer, 0, 0)
	p.viewer.asked, p.viewer.allotted = nil, nil
}

// forgetTrack takes an ended track out of what p asks for.
func (v *viewerState) forgetTrack(t *track) {
	v.asked = slices.DeleteFunc(v.asked, func(x *track) bool { return x == t })
	v.allotted = slices.DeleteFunc(v.allotted, func(a allotment) bool { return a.track == t })
}

// lookAt has p reallocated at the next of its phases from then on. What comes sooner holds.
func (r *state) lookAt(p *Peer, at time.Time) {
	if p.closed {
		return
	}
	if !p.looking {
		p.looking = true
		p.viewer.at = at
		r.looking = append(r.looking, p)
	} else if at.Before(p.viewer.at) {
		p.viewer.at = at
	}
}

// look reallocates those who are due: each ten times a second at most.
func (r *state) look(now time.Time, n int) {
	due := r.due[:0]
	r.looking = slices.DeleteFunc(r.looking, func(p *Peer) bool {
		if !p.closed && ((n-p.phase)%allocateEvery != 0 || p.viewer.at.After(now)) {
			return false
		}
		p.looking = false
		due = append(due, p)
		return true
	})
	for _, p := range due {
		r.reallocate(p, now)
	}
	clear(due)
	r.due = due
}

// reallocate marks p to be reconciled if it should get something else now than what was decided last.
func (r *state) reallocate(p *Peer, now time.Time) {
	if p.closed || p.connection == nil || p.dirtyVideo || len(p.wants) == 0 {
		return
	}
	r.decided = append(r.decided[:0], p.viewer.allotted...)
	before := r.decided
	r.eligible(p, false, now)
	if !slices.EqualFunc(before, r.allocate(p, now), func(a, b allotment) bool {
		return a.track == b.track && a.Send == b.Send && a.Pass == b.Pass
	}) {
		r.videoDirty(p)
	}
	clear(before) // it must keep no track alive
}

// pressed says whether more is being sent than the viewer's budget holds.
func (p *Peer) pressed(now time.Time) bool {
	budget := p.viewer.allocator.Budget()
	return budget != allocation.Unlimited && p.viewer.first+p.connection.Egress().SendingVideo(now) > budget
}
