package sfu

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
)

// packetOverhead is what a forwarded packet takes beside its payload: IP and UDP headers, RTP header with CSRC and
// transport-wide sequence number, and the tag.
const packetOverhead = 28 + 12 + 4 + 8 + 16

// audioRate is what an audio slot counts with before it has been measured.
const audioRate = 48_000

// allTemporal is a slot's limit when nothing is to be dropped; paused is it when everything is.
const (
	allTemporal = 127
	paused      = -1
)

// viewerState is what control keeps to allocate one viewer's bandwidth. Guarded by Room.mu.
type viewerState struct {
	allocator allocation.Allocator
	tracks    []*track            // scratch
	heights   []int               // scratch
	sources   []allocation.Source // scratch
	allotted  []allotment
	first     int64    // bit/s that audio and repairs take
	total     int64    // bit/s allotted, first included
	asked     []*track // whose publishers were told that this viewer wants something

	repaired   uint64 // bytes retransmitted, at the latest look
	repairedAt time.Time
	repairs    [3]int64 // bit/s, of the last seconds
}

// allotment is what one wanted track is given.
type allotment struct {
	track *track
	allocation.Decision
}

// estimate is what the viewer's connection carries, in bit/s at IP level; known is false before the estimator has found out.
func (e *egress) estimate() (bps int64, known bool) {
	bps = e.estimated.Load()
	return bps, bps > 0
}

// reconcileVideo gives what p shows, in its order, the video slots as far as it fits, and says what is left out and why. Callers hold
// mu.
func (r *Room) reconcileVideo(p *Peer, slots []*slot, now time.Time) []media.Withheld {
	withheld := r.eligible(p, true)
	wanted := make([]trackKey, 0, len(slots))
	for _, a := range r.allocate(p, now) {
		key := trackKey{a.track.owner, a.track.source}
		if a.Send.None() {
			withheld = append(withheld, media.Withheld{Participant: key.participant, Source: key.source, Reason: media.ReasonBandwidth})
		} else {
			wanted = append(wanted, key)
		}
	}
	r.place(p, slots, wanted, p.viewer.allotted, now)
	return withheld
}

// eligible notes which tracks p wants that could be sent, were there bandwidth, and how high it shows them. explain has it list the
// others and why they cannot. Callers hold mu.
func (r *Room) eligible(p *Peer, explain bool) (withheld []media.Withheld) {
	v, e := &p.viewer, &p.session.egress
	slots := e.videoSlots()
	v.tracks, v.heights = v.tracks[:0], v.heights[:0]
	for _, w := range p.wants {
		t := r.tracks[trackKey{w.Participant, w.Source}]
		reason := media.ReasonNoSlot
		switch {
		case t == nil:
			reason = media.ReasonNotPublished
		case !t.live.Load():
			reason = media.ReasonMuted
		case !e.allTake(t.Codec):
			reason = media.ReasonCodec
		case len(v.tracks) < slots:
			v.tracks, v.heights = append(v.tracks, t), append(v.heights, w.Height)
			continue
		}
		if explain {
			withheld = append(withheld, media.Withheld{Participant: w.Participant, Source: w.Source, Reason: reason})
		}
	}
	return withheld
}

func (e *egress) videoSlots() (n int) {
	for _, sl := range e.slots {
		if sl.video {
			n++
		}
	}
	return n
}

// allTake says whether the viewer can decode kind in every one of its video slots: which one a track gets is not known yet.
func (e *egress) allTake(kind codec.Kind) bool {
	return !slices.ContainsFunc(e.slots, func(sl *slot) bool { return sl.video && !sl.takes(kind) })
}

// allocate decides what of the eligible tracks p gets, and tells their publishers what is wanted of them. Callers hold mu.
func (r *Room) allocate(p *Peer, now time.Time) []allotment {
	v, e := &p.viewer, &p.session.egress
	v.sources = v.sources[:0]
	useful := int64(0)
	for i, t := range v.tracks {
		v.sources = append(v.sources, t.describe(v.heights[i], now))
		useful += v.sources[i].Full()
	}
	estimate, known := e.estimate()
	if !known {
		estimate = allocation.Unlimited
	}
	v.first = e.audioRate(now) + v.repairRate(e, now)
	e.wanted(v.first + useful*115/100) // a step up must leave 15 % to spare
	decisions := v.allocator.Allocate(&allocation.Input{Now: now, Estimate: estimate, Drain: e.drain(now), Audio: v.first, Sources: v.sources})
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
	return v.allotted
}

// describe is t as the allocator sees it. Callers hold Room.mu.
func (t *track) describe(height int, now time.Time) allocation.Source {
	s := allocation.Source{Key: uint64(t.owner)<<8 | uint64(t.source), Screen: t.source == media.Screen, Height: height, Count: len(t.layers)}
	for i, l := range t.layers {
		s.Layers[i] = allocation.Layer{Height: l.guessHeight(), Active: l.active(now)}
		l.meter.Rates(now, &s.Layers[i])
	}
	return s
}

// audioRate is what the audio slots take, measured.
func (e *egress) audioRate(now time.Time) (total int64) {
	for _, sl := range e.slots {
		if sl.video || sl.assigned == nil {
			continue
		}
		if rate, ok := sl.assigned.layer.meter.Measured(now); ok {
			total += rate
		} else {
			total += audioRate
		}
	}
	return total
}

// repairRate is what retransmissions have been taking in each of the last three seconds: a burst of them after a loss is no lasting need. Callers
// hold Room.mu.
func (v *viewerState) repairRate(e *egress, now time.Time) int64 {
	if elapsed := now.Sub(v.repairedAt); elapsed >= time.Second {
		sent := e.repaired.Load()
		if !v.repairedAt.IsZero() {
			v.repairs = [...]int64{v.repairs[1], v.repairs[2], int64(float64(sent-v.repaired) * 8 / elapsed.Seconds())}
		}
		v.repaired, v.repairedAt = sent, now
	}
	return slices.Min(v.repairs[:])
}

// ask tells the tracks what this viewer wants of them: the layer it would get were all being sent, the one it gets meanwhile, and the
// lowest, to fall back to. Callers hold mu.
func (r *Room) ask(p *Peer) {
	v := &p.viewer
	for _, t := range v.asked {
		if !slices.ContainsFunc(v.allotted, func(a allotment) bool { return a.track == t }) {
			t.encode.forget(p)
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
		if a.track.encode.wants(p, layers) {
			r.tellNow = true
		}
		v.asked = append(v.asked, a.track)
	}
}

// forgetViewer takes back all p wants of anybody. Callers hold mu.
func (r *Room) forgetViewer(p *Peer) {
	for _, t := range p.viewer.asked {
		t.encode.forget(p)
	}
	p.viewer.asked, p.viewer.allotted = nil, nil
}

// forgetTrack takes an ended track out of what p asks for. Callers hold mu.
func (v *viewerState) forgetTrack(t *track) {
	v.asked = slices.DeleteFunc(v.asked, func(x *track) bool { return x == t })
	v.allotted = slices.DeleteFunc(v.allotted, func(a allotment) bool { return a.track == t })
}

// reallocate marks p to be reconciled if it should get something else now than what was decided last. Callers hold mu.
func (r *Room) reallocate(p *Peer, now time.Time) {
	if p.session == nil || p.dirty || len(p.wants) == 0 {
		return
	}
	r.decided = append(r.decided[:0], p.viewer.allotted...)
	before := r.decided
	r.eligible(p, false)
	p.dirty = !slices.EqualFunc(before, r.allocate(p, now), func(a, b allotment) bool {
		return a.track == b.track && a.Send == b.Send && a.Pass == b.Pass
	})
	clear(before) // it must keep nobody's track alive
}

// pressed says whether more is being sent than the viewer's budget holds. Callers hold Room.mu.
func (e *egress) pressed(v *viewerState, now time.Time) bool {
	budget := v.allocator.Budget()
	if budget == allocation.Unlimited {
		return false
	}
	total := v.first
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sl := range e.slots {
		if sl.video && sl.cur != nil && sl.passing != paused {
			l := allocation.Layer{Height: sl.cur.layer.guessHeight()}
			sl.cur.layer.meter.Rates(now, &l)
			total += l.Rates[min(int(sl.passing), l.Temporal-1)]
		}
	}
	return total > budget
}

// stopped says whether nothing passes until the next key frame, though it may.
func (e *egress) stopped(sl *slot) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return sl.video && sl.temporal != paused && (sl.cur == nil || sl.passing == paused)
}

// held says whether nothing may pass, because a queue is being let go.
func (e *egress) held(sl *slot) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return sl.video && sl.temporal == paused
}

// limits sets which temporal layers of what the slot carries may pass: of the output it is assigned to, and of what it carries until
// that begins. pressed says that more is being sent than fits: then the old layer must fit what the new one was given. Callers
// hold egress.mu.
func (s *slot) limits(l *layer, d allocation.Decision, pressed bool, now time.Time) {
	s.temporal, s.meanwhile = allTemporal, s.passing
	described := allocation.Layer{Height: l.guessHeight()}
	if l.meter.Rates(now, &described); d.Pass < described.Temporal-1 {
		s.temporal = int8(d.Pass)
	}
	if d.Pass < 0 {
		s.meanwhile = paused
		return
	}
	if !pressed || s.cur == nil || s.cur.layer == l {
		return
	}
	old := allocation.Layer{Height: s.cur.layer.guessHeight()}
	s.cur.layer.meter.Rates(now, &old)
	for s.meanwhile >= 0 && old.Rates[min(int(s.meanwhile), old.Temporal-1)] > d.Rate {
		s.meanwhile = min(s.meanwhile, int8(old.Temporal)-1) - 1
	}
}

// passes decides by its temporal layer whether p, of the slot's current output, goes out. A lower limit takes effect with the next
// frame; a higher one where the encoder says that nothing dropped is needed, and once everything has been dropped, at a key
// frame. Callers hold egress.mu.
func (s *slot) passes(p *packet) (drop.Reason, bool) {
	limit := s.temporal
	if s.next != nil {
		limit = s.meanwhile
	}
	if tid := int8(p.info.TID); p.info.FrameStart && p.newest {
		switch {
		case p.info.KeyStart || limit < s.passing:
			s.passing = limit
		case s.passing >= 0 && tid == s.passing+1 && tid <= limit && p.info.Sync:
			s.passing = tid
		}
	}
	switch {
	case s.passing == paused:
		return drop.Congested, false
	case int8(p.info.TID) > s.passing:
		return drop.Temporal, false
	}
	return 0, true
}
