package sfu

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"conclave/media"
	"conclave/sfu/audiorank"
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
// Desired state goes in (views, live sets, the order of speakers); reconcile compares it with what the slots carry and changes
// what differs; the outcome goes out as events.
type Room struct {
	server    *Server
	notify    *notifier
	attention atomic.Bool // some slot has switched or waits to
	hasWork   atomic.Bool // some peer is dirty
	dirty     atomic.Bool // a slot has switched, or a layer come or gone: reconcile everybody at the next tick

	mu           sync.Mutex
	peers        map[media.ParticipantID]*Peer
	tracks       map[trackKey]*track
	ranker       audiorank.Ranker[media.ParticipantID]
	order        []media.ParticipantID // open microphones, loudest first
	speakers     []media.ParticipantID
	sframe       bool // set before anybody joins
	privateAudio bool // no audio levels: set before anybody joins
	closed       bool
	tellNow      bool        // some publisher is to be told to start an encoding
	decided      []allotment // scratch
}

// Peer is one participant's media connection. Safe for concurrent use.
type Peer struct {
	room   *Room
	id     media.ParticipantID
	notify *notifier

	negMu      sync.Mutex // one negotiation at a time
	version    int
	connection *connection // guarded by Room.mu

	// guarded by Room.mu
	live     media.SourceSet
	wants    []media.Want
	withheld []media.Withheld
	viewer   viewerState
	quality  quality.Meter
	dirty    bool
	closed   bool
}

// Join adds a participant. No PeerConnection exists until Negotiate. id must be new in the room and not zero.
func (r *Room) Join(id media.ParticipantID, events PeerEvents) (*Peer, error) {
	if id == 0 {
		return nil, errors.New("sfu: participant 0 is nobody")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, ErrClosed
	case r.peers[id] != nil:
		return nil, errors.New("sfu: participant is already in the room")
	case len(r.peers) >= maxPeers:
		return nil, errors.New("sfu: room is full")
	}
	p := &Peer{room: r, id: id, notify: newNotifier(r.server, events)}
	r.peers[id] = p
	return p, nil
}

// Close closes the room and every peer in it.
func (r *Room) Close() {
	r.mu.Lock()
	r.closed = true
	peers := make([]*Peer, 0, len(r.peers))
	for _, p := range r.peers {
		peers = append(peers, p)
	}
	r.mu.Unlock()
	for _, p := range peers {
		p.Close()
	}
	r.notify.close()
	r.server.roomMu.Lock()
	delete(r.server.rooms, r)
	r.server.roomMu.Unlock()
}

// Close ends the media connection. When it returns, no further packet of or to the peer is forwarded.
func (p *Peer) Close() {
	r := p.room
	r.mu.Lock()
	if p.closed {
		r.mu.Unlock()
		return
	}
	p.closed = true
	delete(r.peers, p.id)
	r.forgetViewer(p)
	c := p.connection
	p.connection = nil
	if c != nil {
		r.retire(c)
		r.soon()
	}
	r.mu.Unlock()
	if c != nil {
		c.Transport().Close()
	}
	p.notify.close()
}

// retire takes a connection's tracks and slots out of the room. Callers hold mu.
func (r *Room) retire(c *connection) {
	c.Egress().Release()
	for _, t := range c.tracks {
		r.unpublish(t)
	}
	c.Discard()
}

// unpublish ends a track: what carries it is freed. Callers hold mu.
func (r *Room) unpublish(t *track) {
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

// freeSlotsOf takes t out of every slot that carries or awaits it. Callers hold mu.
func (r *Room) freeSlotsOf(t *track) {
	for _, viewer := range t.Free() {
		if p := r.peers[viewer]; p != nil {
			p.dirty = true
		}
	}
	r.dirty.Store(true)
}

// SetLive replaces the set of sources that may be forwarded from this peer: what the person switched on and the
// meeting permits. When it returns, no slot carries any other source: no packet of one is forwarded but those a worker is
// just handing to the kernel.
func (p *Peer) SetLive(sources media.SourceSet) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.closed || p.live == sources {
		return
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
	r.soon()
}

// soon has control reconcile the dirty peers at once, on its own goroutine: callers are actors with better things to do.
func (r *Room) soon() {
	r.hasWork.Store(true)
	select {
	case r.server.wake <- struct{}{}:
	default:
	}
}

// wake marks those who want t, so that they are reconciled. Callers hold mu.
func (r *Room) wake(t *track) {
	for _, p := range r.peers {
		if p.connection == nil || p.id == t.Owner {
			continue
		}
		if !t.Source.Video() || slices.ContainsFunc(p.wants, t.isWanted) {
			p.dirty = true
		}
	}
	r.dirty.Store(true)
}

// SetView replaces what the peer wants to see, most important first. It returns at once; the outcome arrives as
// PeerEvents.Slots. Entries beyond 256, repeats, and sources that are not video are ignored.
func (p *Peer) SetView(wants []media.Want) {
	clean := make([]media.Want, 0, min(len(wants), maxWants))
	for _, w := range wants {
		same := func(x media.Want) bool { return x.Participant == w.Participant && x.Source == w.Source }
		if len(clean) < maxWants && w.Source < media.NumSources && w.Source.Video() && w.Participant != p.id && !slices.ContainsFunc(clean, same) {
			clean = append(clean, w)
		}
	}
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.closed {
		return
	}
	p.wants = clean
	p.dirty = true
	r.soon()
}

// reasonNotEncrypted is the protocol document's reason in media_refused.
const reasonNotEncrypted = "not_encrypted"

// RequireSFrame makes the room one whose media is end-to-end encrypted: frames that do not look it are not forwarded. Call it before
// anybody joins; it cannot be undone.
func (r *Room) RequireSFrame() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sframe = true
}

// PrivateAudio makes the room one in which clients are not asked how loud their microphones are (RFC 6464), which tells who speaks
// when: nobody is reported as speaking, and the microphones that were opened first are the ones forwarded where there are more
// than a listener has slots. Call it before anybody joins; it cannot be undone.
func (r *Room) PrivateAudio() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.privateAudio = true
}

// isWanted says whether w asks for t.
func (t *track) isWanted(w media.Want) bool { return w.Participant == t.Owner && w.Source == t.Source }
