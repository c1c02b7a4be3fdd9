package sfu

import (
	"slices"
	"sync"

	"conclave/media"
)

// inbox takes what is desired of a room's peers until control applies it. Its lock is held for a moment only, so that
// who desires, a meeting's actor, never waits for control.
type inbox struct {
	mu    sync.Mutex
	peers []*Peer // of whom something is desired, each once: bounded by the peers of the room and those who ask to join
	end   bool
}

// desired is the state that a peer is to have, as far as it is not applied yet. What comes later replaces what came
// before.
type desired struct {
	queued     bool // in inbox.peers
	join       bool
	live       *media.SourceSet
	wants      []media.Want
	hasWants   bool
	end        bool
	generation uint64 // the latest: it is told once all this has taken effect
}

// Join adds a participant. No PeerConnection exists until Negotiate. id must be new in the room and not zero. It
// returns at once; if the participant cannot be let in, EventJoinFailed says so, and the peer is a closed one.
func (r *Room) Join(id media.ParticipantID) *Peer {
	p := &Peer{room: r, id: id}
	p.desire(func(d *desired) { d.join = true })
	return p
}

// SetLive replaces the set of sources that may be forwarded from this peer: what its participant has switched on and
// the meeting permits. It returns at once; EventApplied tells that all desired up to generation has taken effect: no
// slot carries any other source.
func (p *Peer) SetLive(sources media.SourceSet, generation uint64) {
	p.desire(func(d *desired) { d.live, d.generation = &sources, max(d.generation, generation) })
}

// SetView replaces what the peer wants to see, most important first. It returns at once; the outcome arrives as
// EventSlots. Entries beyond 256, repeats, and sources that are not video are ignored.
func (p *Peer) SetView(wants []media.Want) {
	clean := make([]media.Want, 0, min(len(wants), maxWants))
	for _, w := range wants {
		same := func(x media.Want) bool { return x.Participant == w.Participant && x.Source == w.Source }
		usable := w.Source < media.NumSources && w.Source.Video() && w.Participant != p.id
		if len(clean) < maxWants && usable && !slices.ContainsFunc(clean, same) {
			clean = append(clean, w)
		}
	}
	p.desire(func(d *desired) { d.wants, d.hasWants = clean, true })
}

// Close ends the peer's media. It returns at once; EventApplied tells that all desired up to generation has taken
// effect: no further packet of or to the peer is forwarded.
func (p *Peer) Close(generation uint64) {
	p.desire(func(d *desired) { d.end, d.generation = true, max(d.generation, generation) })
}

// Close closes the room and every peer in it. It returns at once, and nothing is told of it.
func (r *Room) Close() {
	r.inbox.mu.Lock()
	r.inbox.end = true
	r.inbox.mu.Unlock()
	r.soon()
}

// desire changes what is desired of p, and has control apply it.
func (p *Peer) desire(change func(*desired)) {
	box := &p.room.inbox
	box.mu.Lock()
	change(&p.desired)
	if !p.desired.queued {
		p.desired.queued = true
		box.peers = append(box.peers, p)
	}
	box.mu.Unlock()
	p.room.soon()
}

// desire is what is desired of one peer.
type desire struct {
	peer *Peer
	desired
}

// take empties the inbox into list.
func (b *inbox) take(list []desire) (_ []desire, end bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, p := range b.peers {
		list = append(list, desire{p, p.desired})
		p.desired = desired{}
		b.peers[i] = nil
	}
	b.peers = b.peers[:0]
	return list, b.end
}

// apply gives peers the state desired of them, as far as there is time for, and says whether the room is to end.
func (r *state) apply(turn *turn) (end bool) {
	for !end {
		if len(r.backlog) == 0 { // else what has come since is merged in the inbox
			r.backlog, end = r.room.inbox.take(r.backlog)
		}
		if len(r.backlog) == 0 {
			break
		}
		if r.backlog = workOff(r.backlog, turn, r.grant); len(r.backlog) > 0 {
			break
		}
	}
	return end
}

// grant gives one peer the state desired of it.
func (r *state) grant(d desire) {
	p := d.peer
	if d.join {
		r.admit(p)
	}
	if d.live != nil && !p.closed && p.live != *d.live {
		r.setLive(p, *d.live)
	}
	if d.hasWants && !p.closed {
		r.showInterest(p, d.wants)
		r.videoDirty(p)
	}
	if d.end {
		r.remove(p)
	}
	if d.generation != 0 {
		r.room.tell(media.Event{Kind: media.EventApplied, Participant: p.id, Generation: d.generation})
	}
}
