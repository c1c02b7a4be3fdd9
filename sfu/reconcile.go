package sfu

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/forward"
)

// reconcileDirty brings the slots of every dirty peer in line with what is wanted.
func (r *state) reconcileDirty(now time.Time) {
	for _, p := range r.peers {
		if p.dirty {
			p.dirty = false
			r.reconcile(p, now)
		}
	}
	if r.tellNow {
		r.tellNow = false
		r.tellPublishers(now)
	}
}

// reconcile brings p's slots in line with what p wants and may have.
func (r *state) reconcile(p *Peer, now time.Time) {
	if p.connection == nil {
		return
	}
	audio, video := p.connection.slots()
	r.reconcileAudio(p, audio, now)
	withheld := r.reconcileVideo(p, video, now)
	r.report(p, withheld)
}

// reconcileAudio gives the loudest others the audio slots.
func (r *state) reconcileAudio(p *Peer, slots []*forward.Slot, now time.Time) {
	wanted := make([]trackKey, 0, len(slots))
	for _, source := range []media.Source{media.ScreenAudio, media.Mic} { // screen audio is rare and always wanted
		for _, id := range r.order {
			key := trackKey{id, source}
			if t := r.tracks[key]; id != p.id && len(wanted) < len(slots) && t != nil && t.Live() {
				wanted = append(wanted, key)
			}
		}
	}
	r.place(p, slots, wanted, nil, now)
}

// place assigns the wanted tracks to slots and connects, moves or frees outputs accordingly; decided has what the
// allocator gives each of video.
func (r *state) place(p *Peer, slots []*forward.Slot, wanted []trackKey, decided []allotment, now time.Time) {
	current := make([]trackKey, len(slots))
	for i, s := range slots {
		if l := s.Assigned(); l != nil {
			current[i] = trackKey{l.Track().Owner, l.Track().Source}
		}
	}
	pressed := len(decided) > 0 && p.pressed(now)
	for i, key := range assign(current, wanted, p.connection.partner(slots)) {
		s := slots[i]
		if key == (trackKey{}) {
			if current[i] != key {
				s.Release()
			}
			continue
		}
		t := r.tracks[key]
		l := t.Layers()[0]
		for _, d := range decided {
			if d.track == t {
				l = t.Layers()[d.Send.Layer]
				s.Limit(l, d.Decision, pressed, now)
			}
		}
		s.Carry(l, now)
	}
}

// partner returns a function that finds the index of the slot which carries the same participant's other kind of media
// than those of slots do.
func (c *connection) partner(slots []*forward.Slot) func(trackKey) (int, bool) {
	return func(k trackKey) (int, bool) {
		for _, s := range c.Egress().Slots() {
			if s.Video == slots[0].Video {
				continue
			}
			if l := s.Assigned(); l != nil && l.Track().Owner == k.participant {
				return s.Index, true
			}
		}
		return 0, false
	}
}

// report tells the peer what its slots carry now, if that has changed.
func (r *state) report(p *Peer, withheld []media.Withheld) {
	changed := p.connection.changes()
	if len(changed) == 0 && slices.Equal(withheld, p.withheld) {
		return
	}
	p.withheld = withheld
	r.room.tell(media.Event{Kind: media.EventSlots, Participant: p.id, Slots: changed, Withheld: withheld})
}
