package sfu

import (
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/forward"
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
	attention attention
	hasWork   atomic.Bool      // something is desired, or some peer is dirty
	published atomic.Int32     // tracks
	clock     func() time.Time // measures how long a turn takes

	mu sync.Mutex
	state
}

// state is what a room's lock guards, beside the fields of its peers, connections and tracks that say so. Its methods,
// and those of them that touch such fields, run with the lock held.
type state struct {
	room     *Room
	peers    map[media.ParticipantID]*Peer
	tracks   map[trackKey]*track
	filming  map[*track]struct{}             // live tracks of video
	interest map[trackKey]map[*Peer]struct{} // who wants a track, published or not: at most maxWants a peer
	hearing  hearing
	phases   phases
	plan     overload.Plan
	closed   bool
	tellNow  bool     // some publisher is to be told to start an encoding
	demands  []*track // of which it is to be decided what to ask for, each once
	backlog  []desire // taken from the inbox and not yet applied
	quality  qualityNews

	dirtyAudio, dirtyVideo []*Peer // each once
	looking                []*Peer // who is to be reallocated at some time, each once

	// scratch
	decided           []allotment
	wanted            []*forward.Track
	current, assigned []*forward.Track
	due               []*Peer
	retired           forward.Retired
	chores            chores // of the ticking goroutine, which does them without the lock
	work              work
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
	voice      *audiorank.Voice[*Peer] // in the order of open microphones; nil: none is open
	phase      int                     // of phases
	dirtyAudio bool                    // in state.dirtyAudio
	dirtyVideo bool                    // in state.dirtyVideo
	looking    bool                    // in state.looking
	closed     bool                    // or not let in
}

// NewRoom makes a room: a set of peers among which media may flow. tell, which may be nil, is called with each event,
// one at a time for each peer, with locks held: it must not block and must not call back into the room.
func (s *Server) NewRoom(cfg media.RoomConfig, tell func(media.Event)) *Room {
	if tell == nil {
		tell = func(media.Event) {}
	}
	r := &Room{server: s, cfg: cfg, tell: tell, clock: time.Now}
	r.state = state{room: r, peers: map[media.ParticipantID]*Peer{}, tracks: map[trackKey]*track{},
		filming: map[*track]struct{}{}, interest: map[trackKey]map[*Peer]struct{}{}}
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
	r.phases.add(p)
}

// remove ends p: when it returns, no further packet of or to the peer is forwarded.
func (r *state) remove(p *Peer) {
	if p.closed {
		return
	}
	p.closed = true
	delete(r.peers, p.id)
	r.phases.remove(p)
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
		r.switchTrack(t, sources.Has(source))
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
	r.countSlots(c, -1)
	c.audio, c.video = nil, nil
	for _, t := range c.tracks {
		r.unpublish(t)
	}
	c.Discard()
}

// unpublish ends a track: what carries it is freed.
func (r *state) unpublish(t *track) {
	if r.tracks[t.key()] == t {
		delete(r.tracks, t.key())
		r.room.published.Add(-1)
	}
	r.switchTrack(t, false)
	r.freeSlotsOf(t)
	for viewer := range t.demand.byViewer {
		if p := r.peers[viewer]; p != nil {
			p.viewer.forgetTrack(t)
		}
	}
	for viewer := range t.carried {
		if p := r.peers[viewer]; p != nil && p.connection != nil {
			p.connection.Egress().Forget(t.Track)
		}
	}
}

// freeSlotsOf takes t out of every slot that carries or awaits it. Audio slots are given something else, and are told
// of, with the next list of who is heard.
func (r *state) freeSlotsOf(t *track) {
	viewers := t.Free()
	r.work.Freed += len(viewers)
	if !t.Source.Video() {
		r.hearing.stale = true
		r.hearing.freed = r.hearing.freed || len(viewers) > 0
		return
	}
	for p := range r.interest[t.key()] { // the reason why they do not get it is another
		r.videoDirty(p)
	}
	for _, viewer := range viewers {
		if p := r.peers[viewer]; p != nil {
			r.videoDirty(p)
		}
	}
}

// countSlots keeps count of how many peers have how many audio slots.
func (r *state) countSlots(c *connection, n int) {
	r.hearing.slots[min(len(c.audio), MaxAudioSlots)] += n
	r.hearing.stale = true
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

// wake marks those who want t, so that they are reconciled. Who hears it follows from the list of who is heard.
func (r *state) wake(t *track) {
	for p := range r.interest[t.key()] {
		r.videoDirty(p)
	}
}

// causeNotEncrypted is the protocol document's reason in media_refused.
const causeNotEncrypted = "not_encrypted"
