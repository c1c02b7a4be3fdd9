package sfu

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/forward"
)

// recompute is control without memory of what has changed: it looks at everybody, every time. Its allocators are its
// own.
type recompute struct {
	h          *hall
	allocators map[media.ParticipantID]*allocation.Allocator
	seen       map[media.ParticipantID]int // how often control had allocated
}

// hears is whom p is to hear: the first of the whole order but p.
func (o *recompute) hears(p *Peer) (list []trackKey) {
	r := &o.h.room.Room.state
	for _, source := range []media.Source{media.ScreenAudio, media.Mic} {
		for _, v := range r.hearing.ranker.Order() {
			key := trackKey{v.Key.id, source}
			if t := r.tracks[key]; key.participant != p.id && len(list) < hallAudio && t != nil && t.Live() && v.Key.voice == v {
				list = append(list, key)
			}
		}
	}
	return list
}

// watches is what p is to be sent now, and what is withheld. Estimates of a way that carries more than is useful leave
// no trace: what is sent over it is all there is.
func (o *recompute) watches(p *Peer, now time.Time, ample bool) (sent []allotment, withheld []media.Withheld) {
	r, e := &o.h.room.Room.state, p.connection.Egress()
	var tracks []*track
	in := allocation.Input{Now: now, Estimate: e.Estimate(), Drain: e.Drain(now), Silent: e.Silent(now),
		Audio: audioRate(e, now)}
	if in.Estimate == 0 {
		in.Estimate = allocation.Unlimited
	}
	for _, w := range p.wants {
		t := r.tracks[trackKey{w.Participant, w.Source}]
		reason := media.ReasonNoSlot
		switch {
		case t == nil:
			reason = media.ReasonNotPublished
		case !t.Live():
			reason = media.ReasonMuted
		case len(tracks) < hallVideo:
			tracks = append(tracks, t)
			in.Sources = append(in.Sources, t.describe(w.Height, now))
			continue
		}
		withheld = append(withheld, media.Withheld{Participant: w.Participant, Source: w.Source, Reason: reason})
	}
	if o.allocators[p.id] == nil {
		o.allocators[p.id] = new(allocation.Allocator)
	}
	allocator := o.allocators[p.id]
	if ample {
		allocator, in.Estimate = new(allocation.Allocator), allocation.Unlimited
	}
	for i, d := range allocator.Allocate(&in) {
		if sent = append(sent, allotment{tracks[i], d}); d.Send.None() {
			withheld = append(withheld, media.Withheld{Participant: tracks[i].Owner, Source: tracks[i].Source,
				Reason: media.ReasonBandwidth})
		}
	}
	return sent, withheld
}

// compare compares everything with what it would be, were it computed from scratch. due says whose allocation is
// computed now, beside those for whom control has just done that.
func (o *recompute) compare(what string, due func(p *Peer) bool) {
	h, r := o.h, &o.h.room.Room.state
	h.t.Helper()
	for _, a := range h.people {
		p := a.peer
		if p.closed {
			continue
		}
		if !r.hearing.stale && !p.dirtyAudio {
			got, want := assignedTo(p.connection.audio), o.hears(p)
			if !sameKeys(got, want) {
				h.t.Fatalf("%s: %d hears %v, not %v", what, p.id, got, want)
			}
		}
		allocated := p.viewer.allocations != o.seen[p.id]
		o.seen[p.id] = p.viewer.allocations
		if len(p.wants) == 0 || !allocated && !due(p) {
			continue
		}
		sent, withheld := o.watches(p, h.now, p.viewer.ample && !allocated)
		same := slices.EqualFunc(sent, p.viewer.allotted, func(a, b allotment) bool {
			return a.track == b.track && a.Send == b.Send && a.Pass == b.Pass && a.Ask == b.Ask
		})
		if !same || !slices.Equal(withheld, p.withheld) {
			h.t.Fatalf("%s: %d is sent %v and withheld %v, not %v and %v: budgets %d, %d, estimate %d", what, p.id,
				told(p.viewer.allotted), p.withheld, told(sent), withheld, p.viewer.allocator.Budget(),
				o.allocators[p.id].Budget(), p.connection.Egress().Estimate())
		}
		var keys []trackKey
		for _, s := range sent {
			if !s.Send.None() {
				keys = append(keys, s.track.key())
			}
		}
		if got := assignedTo(p.connection.video); !sameKeys(got, keys) {
			h.t.Fatalf("%s: the slots of %d carry %v, not %v", what, p.id, got, keys)
		}
	}
}

func told(list []allotment) (s string) {
	for _, a := range list {
		s += fmt.Sprintf(" %d:%+v", a.track.Owner, a.Decision)
	}
	return s
}

// assignedTo is what slots are to carry.
func assignedTo(slots []*forward.Slot) (keys []trackKey) {
	for _, s := range slots {
		if l := s.Assigned(); l != nil {
			keys = append(keys, trackKey{l.Track().Owner, l.Track().Source})
		}
	}
	return keys
}

func sameKeys(a, b []trackKey) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(k trackKey) bool { return !slices.Contains(b, k) })
}

// event lets something happen.
func (h *hall) event(random *rand.Rand) (what string) {
	i := random.IntN(len(h.people))
	p := h.people[i].peer
	switch kind := random.IntN(20); {
	case kind == 0 && len(h.people) < 40:
		h.join()
		return "a join"
	case kind == 1 && !p.closed && len(h.room.Room.peers) > 4:
		p.Close(0)
		return "a leave"
	case kind < 9:
		var sources []media.Source
		for _, s := range []media.Source{media.Mic, media.Mic, media.Camera, media.Camera, media.ScreenAudio} {
			if random.IntN(3) > 0 && (s != media.ScreenAudio || random.IntN(5) == 0) {
				sources = append(sources, s)
			}
		}
		h.live(i, sources...)
		return "a switch"
	case kind < 13:
		var wants []media.Want
		for range random.IntN(14) {
			wants = append(wants, media.Want{Participant: media.ParticipantID(random.IntN(len(h.people)+2) + 1),
				Source: media.Camera, Height: 90 << random.IntN(4)})
		}
		p.SetView(wants)
		return "a view"
	case kind < 17 && !p.closed:
		p.connection.Egress().Assume([]int64{0, 60_000, 120_000, 300_000, 700_000, 1_000_000, 3_000_000}[random.IntN(7)])
		return "an estimate"
	}
	return "nothing"
}

// Whatever happens, in whatever order: looking only at what has changed comes to the same as computing everything from
// scratch at every turn. Joins, leaves, microphones, cameras, shared sound, views, levels and estimates, for minutes of
// virtual time.
func TestWhatHasChangedIsEnough(t *testing.T) {
	rounds, length := 6, 90*time.Second
	if testing.Short() {
		rounds, length = 2, 40*time.Second
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // any numbers will do
			h := newHall(t, 8)
			frozen := time.Now()
			h.room.clock = func() time.Time { return frozen } // turns are never over
			full := &recompute{h, map[media.ParticipantID]*allocation.Allocator{}, map[media.ParticipantID]int{}}
			louds := map[int]uint8{}
			staleFor := 0
			for end := h.now.Add(length); h.now.Before(end); {
				if random.IntN(10) == 0 {
					what := h.event(random)
					h.settle()
					full.compare(what, func(*Peer) bool { return false })
				}
				for i, a := range h.people {
					if a.peer.closed {
						continue
					}
					if random.IntN(20) == 0 {
						louds[i] = uint8(random.IntN(100))
					}
					if a.peer.live.Has(media.Mic) {
						h.says(i, louds[i])
					}
					h.films(i)
				}
				h.tick()
				full.compare("a tick", func(p *Peer) bool { return (h.n-p.phase)%allocateEvery == 0 })
				if staleFor++; !h.room.hearing.stale {
					staleFor = 0
				}
				if staleFor > int(paceEvery/tick)+1 {
					t.Fatalf("who is heard has been out of date for %d ticks", staleFor)
				}
			}
		})
	}
}
