package sfu

import (
	"maps"
	"slices"
	"sync/atomic"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/forward"
	"conclave/sfu/quality"
	"conclave/sfu/sdp"
	"conclave/sfu/transport"
)

// connection is one PeerConnection of a peer, with what was negotiated last. A new DTLS fingerprint makes a new
// connection on the same seat.
type connection struct {
	*forward.Connection
	peer *Peer

	// guarded by Peer.negMu
	ufrag, pwd, fingerprint string // the client's
	localUfrag, localPwd    string
	lines                   []sdp.Line // of its latest offer, at most 128
	sdpID                   uint64

	// guarded by Room.mu
	tracks   []*track        // at most one a source
	audio    []*forward.Slot // its slots by their kind
	video    []*forward.Slot
	reported map[string]media.Slot // by mid: what the client was told last
	pulse    quality.Pulse
	silenced bool // its media has stopped, by its pulse

	news atomic.Uint32 // what of it control is to look at
}

var _ forward.Owner = (*connection)(nil)

func (p *Peer) newConnection(fingerprint string) *connection {
	c := &connection{peer: p, sdpID: uint64(random32()), reported: map[string]media.Slot{}}
	c.Connection = p.room.server.engine.Connect(fingerprint, p.id, c)
	return c
}

// Connected implements transport.Owner: what was waiting can flow.
func (c *connection) Connected() { c.peer.connected(c) }

// Failed implements transport.Owner: the meeting is told that the connection is lost for good.
func (c *connection) Failed(cause transport.Cause) { c.trouble(media.EventFailed, cause) }

// Stuck implements transport.Owner: the meeting is told what the connection waits for.
func (c *connection) Stuck(cause transport.Cause) { c.trouble(media.EventStuck, cause) }

// trouble is told, counted and logged if the connection is still the peer's.
func (c *connection) trouble(kind media.EventKind, cause transport.Cause) {
	r := c.peer.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.peer.closed || c.peer.connection != c {
		return
	}
	r.server.troubles.count(kind, cause)
	r.server.log.Debug("media does not flow", "kind", string(kind), "cause", cause)
	r.tell(media.Event{Kind: kind, Participant: c.peer.id, Cause: string(cause)})
}

// Wanted implements forward.Owner.
func (c *connection) Wanted(source media.Source, rids []string) {
	c.peer.room.tell(media.Event{Kind: media.EventEncode, Participant: c.peer.id, Source: source, RIDs: rids})
}

// NotEncrypted implements forward.Owner.
func (c *connection) NotEncrypted(source media.Source) {
	c.peer.room.tell(media.Event{Kind: media.EventRefused, Participant: c.peer.id, Source: source,
		Cause: causeNotEncrypted})
}

// sortSlots notes the slots by their kind.
func (c *connection) sortSlots() {
	c.audio, c.video = nil, nil
	for _, s := range c.Egress().Slots() {
		if s.Video {
			c.video = append(c.video, s)
		} else {
			c.audio = append(c.audio, s)
		}
	}
}

// changes says what slots carry now, where the client was told otherwise, and takes it as told.
func (c *connection) changes(slots []*forward.Slot) (changed []media.Slot) {
	for _, s := range slots {
		now := s.State()
		if before, told := c.reported[s.MID]; now != before && (told || now != media.Slot{MID: s.MID}) {
			c.reported[s.MID] = now
			changed = append(changed, now)
		}
	}
	return changed
}

// replace makes t the track of its source.
func (c *connection) replace(t *track) {
	c.tracks = append(slices.DeleteFunc(c.tracks, func(old *track) bool { return old.Source == t.Source }), t)
}

// track is what a peer publishes of one source, and what viewers want of it.
type track struct {
	*forward.Track
	connection *connection

	// guarded by Room.mu
	demand  demand
	told    [maxLayers]allocation.Layer      // as the allocator was last asked about it
	carried map[media.ParticipantID]struct{} // whose slots may still remember it, of video
}

func newTrack(c *connection, cfg *forward.TrackConfig) *track {
	t := &track{Track: forward.NewTrack(cfg), connection: c}
	t.demand.reported = 1<<len(t.Layers()) - 1
	return t
}

// carriedBy notes that a slot of the viewer carries t: it remembers t for a while after.
func (t *track) carriedBy(viewer media.ParticipantID) {
	if t.carried == nil {
		t.carried = map[media.ParticipantID]struct{}{}
	}
	if _, known := t.carried[viewer]; !known && len(t.carried) >= 2*maxPeers { // most of them have left
		peers := t.connection.peer.room.peers
		maps.DeleteFunc(t.carried, func(id media.ParticipantID, _ struct{}) bool { return peers[id] == nil })
	}
	t.carried[viewer] = struct{}{}
}

// Key names the track within its room.
func (t *track) key() trackKey { return trackKey{t.Owner, t.Source} }
