package sfu

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/forward"
)

// audioDirty has p's audio slots reconciled.
func (r *state) audioDirty(p *Peer) {
	if !p.dirtyAudio && !p.closed {
		p.dirtyAudio = true
		r.dirtyAudio = append(r.dirtyAudio, p)
	}
}

// videoDirty has p's video slots reconciled.
func (r *state) videoDirty(p *Peer) {
	if !p.dirtyVideo && !p.closed {
		p.dirtyVideo = true
		r.dirtyVideo = append(r.dirtyVideo, p)
	}
}

// reconcileDirty brings slots in line with what is wanted, first come, first served, audio before video: as many as
// there is time for.
func (r *state) reconcileDirty(turn *turn, now time.Time) {
	r.dirtyAudio = workOff(r.dirtyAudio, turn, func(p *Peer) {
		p.dirtyAudio = false
		r.reconcileAudio(p, now)
	})
	r.dirtyVideo = workOff(r.dirtyVideo, turn, func(p *Peer) {
		p.dirtyVideo = false
		r.reconcileVideo(p, now)
	})
	if r.tellNow {
		r.tellNow = false
		r.tellPublishers(now)
	}
}

// workOff does one thing after the other until the turn is over, and returns what is left. What is done must add
// nothing to the list.
func workOff[T any](list []T, turn *turn, do func(T)) []T {
	done := 0
	for done < len(list) && !turn.over() {
		do(list[done])
		done++
	}
	left := copy(list, list[done:])
	clear(list[left:])
	return list[:left]
}

// place assigns the wanted tracks to slots and connects, moves or frees outputs accordingly; decided has what the
// allocator gives each of video.
func (r *state) place(p *Peer, slots []*forward.Slot, wanted []*forward.Track, decided []allotment, now time.Time) {
	current := r.current[:0]
	for _, s := range slots {
		var t *forward.Track
		if l := s.Assigned(); l != nil {
			t = l.Track()
		}
		current = append(current, t)
	}
	r.current = current
	pressed := len(decided) > 0 && p.pressed(now)
	r.assigned = assign(r.assigned, current, wanted, p.connection.partner(slots[0].Video))
	for i, t := range r.assigned {
		s := slots[i]
		if t == nil {
			if current[i] != nil {
				s.Release()
			}
			continue
		}
		l := t.Layers()[0]
		for _, d := range decided {
			if d.track.Track == t {
				l = t.Layers()[d.Send.Layer]
				s.Limit(l, d.Decision, pressed, now)
				d.track.carriedBy(p.id)
			}
		}
		s.Carry(l, now)
	}
	clear(r.current) // they must keep no track alive
	clear(r.assigned)
}

// partner returns a function that finds the index of the slot which carries the same participant's other kind of media
// than those of slots do.
func (c *connection) partner(video bool) func(*forward.Track) (int, bool) {
	others := c.video
	if video {
		others = c.audio
	}
	return func(t *forward.Track) (int, bool) {
		for _, s := range others {
			if l := s.Assigned(); l != nil && l.Track().Owner == t.Owner {
				return s.Index, true
			}
		}
		return 0, false
	}
}

// report tells the peer what these slots carry now and what is withheld, if that has changed.
func (r *state) report(p *Peer, slots []*forward.Slot, withheld []media.Withheld) {
	changed := p.connection.changes(slots)
	if len(changed) == 0 && slices.Equal(withheld, p.withheld) {
		return
	}
	p.withheld = withheld
	r.room.tell(media.Event{Kind: media.EventSlots, Participant: p.id, Slots: changed, Withheld: withheld})
}
