package sfu

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/quality"
)

// maxPeers bounds one room: it bounds what reconciling costs. Bigger meetings need more than one node.
const maxPeers = 2000

// maxWants bounds a view. More cannot be shown: there are at most MaxVideoSlots.
const maxWants = 256

// trackKey names a track within a room, across sessions of its publisher.
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

	rtcpBudget budget

	negMu   sync.Mutex // one negotiation at a time
	version int
	session *session // guarded by Room.mu for writing

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
	p := &Peer{room: r, id: id}
	p.notify = newNotifier(r.server, events)
	p.rtcpBudget.fill(rtcpPerSecond)
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
	sess := p.session
	p.session = nil
	if sess != nil {
		r.retire(sess)
		r.soon()
	}
	r.mu.Unlock()
	if sess != nil {
		sess.transport.Close()
	}
	p.notify.close()
}

// retire takes a session's tracks and slots out of the room. Callers hold mu.
func (r *Room) retire(s *session) {
	for _, sl := range s.egress.list() {
		r.release(&s.egress, sl)
	}
	for _, t := range s.tracks {
		r.unpublish(t)
		t.discard()
	}
}

// unpublish ends a track: what carries it is freed. Callers hold mu.
func (r *Room) unpublish(t *track) {
	t.live.Store(false)
	key := trackKey{t.owner, t.source}
	if r.tracks[key] == t {
		delete(r.tracks, key)
	}
	r.freeSlotsOf(t)
	for _, p := range r.peers {
		p.viewer.forgetTrack(t)
		if p.session != nil {
			p.session.egress.forget(t)
		}
	}
}

// freeSlotsOf takes t out of every slot that carries or awaits it. Callers hold mu.
func (r *Room) freeSlotsOf(t *track) {
	for _, l := range t.layers {
		for _, o := range l.outputs() {
			r.release(o.egress, o.slot)
			o.egress.session.peer.dirty = true
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
		if t == nil || t.live.Load() == sources.Has(source) {
			continue
		}
		t.live.Store(sources.Has(source))
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
		if p.session == nil || p.id == t.owner {
			continue
		}
		if !t.source.Video() || slices.ContainsFunc(p.wants, func(w media.Want) bool { return w.Participant == t.owner && w.Source == t.source }) {
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

// reconcileDirty brings the slots of every dirty peer in line with what is wanted. Callers hold mu.
func (r *Room) reconcileDirty(now time.Time) {
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

// reconcile brings p's slots in line with what p wants and may have. Callers hold mu.
func (r *Room) reconcile(p *Peer, now time.Time) {
	s := p.session
	if s == nil {
		return
	}
	audio, video := s.egress.byKind()
	r.reconcileAudio(p, audio, now)
	withheld := r.reconcileVideo(p, video, now)
	r.report(p, withheld)
}

// reconcileAudio gives the loudest others the audio slots. Callers hold mu.
func (r *Room) reconcileAudio(p *Peer, slots []*slot, now time.Time) {
	wanted := make([]trackKey, 0, len(slots))
	for _, source := range []media.Source{media.ScreenAudio, media.Mic} { // screen audio is rare and always wanted
		for _, id := range r.order {
			key := trackKey{id, source}
			if t := r.tracks[key]; id != p.id && len(wanted) < len(slots) && t != nil && t.live.Load() {
				wanted = append(wanted, key)
			}
		}
	}
	r.place(p, slots, wanted, nil, now)
}

// place assigns the wanted tracks to slots and connects, moves or frees outputs accordingly; decided has what the allocator gives each of
// video. Callers hold mu.
func (r *Room) place(p *Peer, slots []*slot, wanted []trackKey, decided []allotment, now time.Time) {
	current := make([]trackKey, len(slots))
	for i, sl := range slots {
		if sl.assigned != nil {
			t := sl.assigned.layer.track
			current[i] = trackKey{t.owner, t.source}
		}
	}
	e := &p.session.egress
	pressed := len(decided) > 0 && e.pressed(&p.viewer, now)
	for i, key := range assign(current, wanted, func(k trackKey) (int, bool) { return e.partner(k, len(slots) > 0 && slots[0].video) }) {
		sl := slots[i]
		if key == (trackKey{}) {
			if sl.assigned != nil {
				r.release(e, sl)
			}
			continue
		}
		l := r.tracks[key].layers[0]
		for _, d := range decided {
			if d.track == l.track {
				l = l.track.layers[d.Send.Layer]
				e.mu.Lock()
				sl.limits(l, d.Decision, pressed, now)
				e.mu.Unlock()
			}
		}
		r.connect(e, sl, l, now)
	}
}

// partner is the index of the slot that carries the same participant's other kind of media.
func (e *egress) partner(k trackKey, video bool) (int, bool) {
	for _, sl := range e.slots {
		if sl.video != video && sl.assigned != nil && sl.assigned.layer.track.owner == k.participant {
			return sl.index, true
		}
	}
	return 0, false
}

// connect makes sl carry l. Callers hold mu.
func (r *Room) connect(e *egress, sl *slot, l *layer, now time.Time) {
	if sl.assigned != nil && sl.assigned.layer == l || e.stay(sl, l) {
		if e.stopped(sl) {
			l.requestKey(now)
		}
		return
	}
	o := &output{slot: sl, layer: l, egress: e}
	sl.assigned = o
	e.mu.Lock()
	waiting := sl.next
	sl.next = o
	e.hasPending.Store(true)
	r.attention.Store(true)
	e.mu.Unlock()
	if waiting != nil {
		waiting.layer.removeOutput(waiting)
	}
	l.addOutput(o)
	if l.track.source.Video() && !e.held(sl) && !e.startFromHistory(o, now) {
		l.requestKey(now)
	}
}

// stay gives up a switch under way if l is what the slot carries still, and says whether it is. Callers hold Room.mu.
func (e *egress) stay(sl *slot, l *layer) bool {
	e.mu.Lock()
	cur, waiting := sl.cur, sl.next
	if cur == nil || cur.layer != l {
		e.mu.Unlock()
		return false
	}
	sl.next = nil
	e.mu.Unlock()
	if waiting != nil {
		waiting.layer.removeOutput(waiting)
	}
	sl.assigned = cur
	return true
}

// release frees a slot. Callers hold mu.
func (r *Room) release(e *egress, sl *slot) {
	for _, o := range e.drop(sl) {
		o.layer.removeOutput(o)
	}
	sl.assigned = nil
}

// report tells the peer what its slots carry now, if that has changed. Callers hold mu.
func (r *Room) report(p *Peer, withheld []media.Withheld) {
	var changed []media.Slot
	e := &p.session.egress
	e.mu.Lock()
	for _, sl := range e.slots {
		now := media.Slot{MID: sl.mid}
		if sl.cur != nil {
			t := sl.cur.layer.track
			now.Participant, now.Source = t.owner, t.source
			if t.source.Video() {
				now.Height = int(sl.cur.layer.height.Load())
			}
		}
		if now != sl.reported {
			sl.reported = now
			changed = append(changed, now)
		}
	}
	e.mu.Unlock()
	if len(changed) == 0 && slices.Equal(withheld, p.withheld) {
		return
	}
	p.withheld = withheld
	p.notify.slots(changed, withheld)
}
