package sfu

import (
	"slices"
	"sync"
	"sync/atomic"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/overload"
	"conclave/sfu/quality"
)

// maxPeers bounds one room: it bounds what reconciling costs. Bigger meetings need more than one node.
const maxPeers = 2000

// maxWants bounds a view. More cannot be shown: there are at most MaxVideoSlots.
const maxWants = 256

// trackKey names a track within a room, across connections of its publisher.
type trackKey struct {
	participant media.ParticipantID
	source      media.Source
}

// Room is a set of peers among which media may flow. Safe for concurrent use.
//
// Desired state goes in (joins, live sources, views, ends, the order of speakers); reconcile compares it with what the
// slots carry and changes what differs; the outcome goes out as events.
type Room struct {
	server    *Server
	cfg       media.RoomConfig
	tell      func(media.Event)
	inbox     inbox
	attention atomic.Bool // some slot has switched or waits to
	hasWork   atomic.Bool // something is desired, or some peer is dirty
	dirty     atomic.Bool // a slot has switched, or a layer come or gone: reconcile all peers at the next tick

	mu sync.Mutex
	state
}

// state is what a room's lock guards, beside the fields of its peers, connections and tracks that say so. Its methods,
// and those of them that touch such fields, run with the lock held.
type state struct {
	room     *Room
	peers    map[media.ParticipantID]*Peer
	tracks   map[trackKey]*track
	ranker   audiorank.Ranker[media.ParticipantID]
	order    []media.ParticipantID // open microphones, loudest first
	speakers []media.ParticipantID
	closed   bool
	tellNow  bool        // some publisher is to be told to start an encoding
	decided  []allotment // scratch
	plan     overload.Plan
}

// Peer is one participant's media side. Safe for concurrent use.
type Peer struct {
	room *Room
	id   media.ParticipantID

	desired desired // guarded by inbox.mu

	negMu   sync.Mutex // one negotiation at a time
	version int

	// guarded by Room.mu
	connection *connection
	live       media.SourceSet
	wants      []media.Want
	withheld   []media.Withheld
	viewer     viewerState
	quality    quality.Meter
	dirty      bool
	closed     bool // or not let in
}

// NewRoom makes a room: a set of peers among which media may flow. tell, which may be nil, is called with each event,
// one at a time for each peer, with locks held: it must not block and must not call back into the room.
func (s *Server) NewRoom(cfg media.RoomConfig, tell func(media.Event)) *Room {
	if tell == nil {
		tell = func(media.Event) {}
	}
	r := &Room{server: s, cfg: cfg, tell: tell}
	r.state = state{room: r, peers: map[media.ParticipantID]*Peer{}, tracks: map[trackKey]*track{}}
	s.roomMu.Lock()
	defer s.roomMu.Unlock()
	_, r.plan = s.load.read() // with roomMu held: a later plan finds the room in the list
	s.rooms[r] = struct{}{}
	return r
}

// admit lets p in, or tells why not.
func (r *state) admit(p *Peer) {
	cause := ""
	switch {
	case r.closed:
		cause = "closed"
	case p.id == 0 || r.peers[p.id] != nil:
		cause = "number_taken"
	case len(r.peers) >= maxPeers:
		cause = "room_full"
	}
	if cause != "" {
		p.closed = true
		r.room.tell(media.Event{Kind: media.EventJoinFailed, Participant: p.id, Cause: cause})
		return
	}
	r.peers[p.id] = p
}

// remove ends p: when it returns, no further packet of or to the peer is forwarded.
func (r *state) remove(p *Peer) {
	if p.closed {
		return
	}
	p.closed = true
	delete(r.peers, p.id)
	r.forgetViewer(p)
	if c := p.connection; c != nil {
		p.connection = nil
		r.retire(c)
		c.Transport().Close()
	}
}

// setLive replaces the set of sources that may be forwarded from p. When it returns, no slot carries any other source:
// no packet of one is forwarded but those a worker is just handing to the kernel.
func (r *state) setLive(p *Peer, sources media.SourceSet) {
	if c := p.connection; c != nil && sources&p.live != p.live {
		c.pulse.Forget()
	}
	p.live = sources
	for source := range media.NumSources {
		t := r.tracks[trackKey{p.id, source}]
		if t == nil || t.Live() == sources.Has(source) {
			continue
		}
		t.SetLive(sources.Has(source))
		if sources.Has(source) {
			r.wake(t)
			continue
		}
		r.freeSlotsOf(t)
	}
}

// end closes the room and every peer in it.
func (r *Room) end() {
	r.mu.Lock()
	r.closed = true
	for _, p := range r.peers {
		r.remove(p)
	}
	r.mu.Unlock()
	r.server.roomMu.Lock()
	delete(r.server.rooms, r)
	r.server.roomMu.Unlock()
}

// retire takes a connection's tracks and slots out of the room.
func (r *state) retire(c *connection) {
	c.Egress().Release()
	for _, t := range c.tracks {
		r.unpublish(t)
	}
	c.Discard()
}

// unpublish ends a track: what carries it is freed.
func (r *state) unpublish(t *track) {
	t.SetLive(false)
	if r.tracks[t.key()] == t {
		delete(r.tracks, t.key())
	}
	r.freeSlotsOf(t)
	for _, p := range r.peers {
		p.viewer.forgetTrack(t)
		if p.connection != nil {
			p.connection.Egress().Forget(t.Track)
		}
	}
}

// freeSlotsOf takes t out of every slot that carries or awaits it.
func (r *state) freeSlotsOf(t *track) {
	for _, viewer := range t.Free() {
		if p := r.peers[viewer]; p != nil {
			p.dirty = true
		}
	}
	r.room.dirty.Store(true)
}

// soon has control reconcile the dirty peers at once, on its own goroutine: callers are actors with better things to
// do.
func (r *Room) soon() {
	r.hasWork.Store(true)
	select {
	case r.server.wake <- struct{}{}:
	default:
	}
}

// wake marks those who want t, so that they are reconciled.
func (r *state) wake(t *track) {
	for _, p := range r.peers {
		if p.connection == nil || p.id == t.Owner {
			continue
		}
		if !t.Source.Video() || slices.ContainsFunc(p.wants, t.isWanted) {
			p.dirty = true
		}
	}
	r.room.dirty.Store(true)
}

// causeNotEncrypted is the protocol document's reason in media_refused.
const causeNotEncrypted = "not_encrypted"

// isWanted says whether w asks for t.
func (t *track) isWanted(w media.Want) bool { return w.Participant == t.Owner && w.Source == t.Source }
