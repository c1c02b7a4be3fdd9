package sfu

import (
	"slices"

	"conclave/media"
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
	tracks   []*track              // at most one a source
	reported map[string]media.Slot // by mid: what the client was told last
	pulse    quality.Pulse
	silenced bool // its media has stopped, by its pulse
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

// Changed implements forward.Owner.
func (c *connection) Changed() { c.peer.room.attention.Store(true) }

// slots returns the slots by their kind.
func (c *connection) slots() (audio, video []*forward.Slot) {
	for _, s := range c.Egress().Slots() {
		if s.Video {
			video = append(video, s)
		} else {
			audio = append(audio, s)
		}
	}
	return audio, video
}

// changes says what the slots carry now, where the client was told otherwise, and takes it as told.
func (c *connection) changes() (changed []media.Slot) {
	for _, s := range c.Egress().Slots() {
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
	demand demand // guarded by Room.mu
}

func newTrack(cfg *forward.TrackConfig) *track {
	t := &track{Track: forward.NewTrack(cfg)}
	t.demand.reported = 1<<len(t.Layers()) - 1
	return t
}

// Key names the track within its room.
func (t *track) key() trackKey { return trackKey{t.Owner, t.Source} }
