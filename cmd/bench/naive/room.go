package naive

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/meeting"
)

// pliInterval is the shortest time between two key-frame requests to one publisher.
const pliInterval = 500 * time.Millisecond

type trackKey struct {
	owner  media.ParticipantID
	source media.Source
}

// track is one received source. outs is replaced, never changed, so that it can be read without the room's lock.
type track struct {
	key     trackKey
	peer    *peer
	ssrc    webrtc.SSRC
	outs    []*slot // guarded by room.mu
	lastPLI time.Time
}

// requestKey asks the publisher for a key frame. Callers hold room.mu.
func (t *track) requestKey() {
	now := time.Now()
	if !t.key.source.Video() || now.Sub(t.lastPLI) < pliInterval {
		return
	}
	t.lastPLI = now
	// A lost one is asked for again.
	_ = t.peer.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.ssrc)}})
}

// room decides who gets what, all of it anew after each change.
type room struct {
	server *Server
	tell   func(media.Event)

	mu     sync.RWMutex
	peers  map[media.ParticipantID]*peer
	tracks map[trackKey]*track
	closed bool
}

// Join implements meeting.Room.
func (r *room) Join(id media.ParticipantID) meeting.Peer {
	p := newPeer(r, id)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.peers[id] != nil {
		p.notify(media.Event{Kind: media.EventJoinFailed, Cause: "number_taken"})
		return p
	}
	r.peers[id] = p
	return p
}

// Close implements meeting.Room.
func (r *room) Close() {
	r.mu.Lock()
	r.closed = true
	var peers []*peer
	for _, p := range r.peers {
		peers = append(peers, p)
	}
	r.mu.Unlock()
	for _, p := range peers {
		p.Close(0)
	}
}

// add takes in a received track.
func (r *room) add(t *track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.peers[t.key.owner] == t.peer && r.tracks[t.key] == nil {
		r.tracks[t.key] = t
		r.assign()
	}
}

// outputs are the slots that t goes to.
func (r *room) outputs(t *track) []*slot {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return t.outs
}

// assign gives each peer what it wants and may have. Callers hold mu.
func (r *room) assign() {
	outs := map[*track][]*slot{}
	for _, p := range r.peers {
		var changed []media.Slot
		changed = p.fill(changed, p.audio, r.audioFor(p))
		changed = p.fill(changed, p.video, r.videoFor(p))
		if len(changed) > 0 {
			p.notify(media.Event{Kind: media.EventSlots, Slots: changed})
		}
		for _, s := range slices.Concat(p.audio, p.video) {
			if s.track != nil {
				outs[s.track] = append(outs[s.track], s)
			}
		}
	}
	for _, t := range r.tracks {
		t.outs = outs[t]
	}
}

// audioFor lists every open microphone but p's own, in the order of the participants. Callers hold mu.
func (r *room) audioFor(p *peer) (wanted []*track) {
	for key, t := range r.tracks {
		if key.owner != p.id && !key.source.Video() && t.peer.live.Has(key.source) {
			wanted = append(wanted, t)
		}
	}
	slices.SortFunc(wanted, func(a, b *track) int { return int(a.key.owner) - int(b.key.owner) })
	return wanted
}

// videoFor lists what p shows and may see. Callers hold mu.
func (r *room) videoFor(p *peer) (wanted []*track) {
	for _, w := range p.wants {
		if t := r.tracks[trackKey{w.Participant, w.Source}]; t != nil && t.peer.live.Has(w.Source) {
			wanted = append(wanted, t)
		}
	}
	return wanted
}

// fill puts the first wanted tracks into the slots, leaving those where they are that have one, and appends what
// changed. Callers hold room.mu.
func (p *peer) fill(changed []media.Slot, slots []*slot, wanted []*track) []media.Slot {
	wanted = wanted[:min(len(wanted), len(slots))]
	var free []*slot
	placed := map[*track]bool{}
	for _, s := range slots {
		if s.track != nil && slices.Contains(wanted, s.track) {
			placed[s.track] = true
			continue
		}
		free = append(free, s)
	}
	for _, s := range free {
		var next *track
		for _, t := range wanted {
			if !placed[t] {
				next = t
				break
			}
		}
		if next == nil && s.track == nil {
			continue
		}
		s.carry(next)
		state := media.Slot{MID: s.mid}
		if next != nil {
			placed[next] = true
			next.requestKey()
			state.Participant, state.Source = next.key.owner, next.key.source
		}
		changed = append(changed, state)
	}
	return changed
}
