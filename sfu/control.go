package sfu

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/forward"
	"conclave/sfu/sdp"
)

// egressRate measures what is sent to viewers.
type egressRate struct {
	rate atomic.Uint64 // bits a second

	// of the last measurement; control's alone
	at    time.Time
	bytes uint64
}

// measure takes the rate since it was last called. total is how many bytes have been sent so far.
func (e *egressRate) measure(total uint64, now time.Time) {
	if elapsed := now.Sub(e.at); elapsed > 0 && !e.at.IsZero() {
		e.rate.Store(uint64(float64(total-e.bytes) * 8 / elapsed.Seconds()))
	}
	e.at, e.bytes = now, total
}

// sentBytes is all that has been sent to viewers so far, whichever sender sent it.
func sentBytes(senders []forward.Sender) (total uint64) {
	for _, s := range senders {
		total += s.SentBytes.Load()
	}
	return total
}

// EgressBitrate is what was sent to viewers over the last second or so, repeats and probes included, in bits a second,
// without IP and UDP headers.
func (s *Server) EgressBitrate() uint64 { return s.egress.rate.Load() }

func (s *Server) listRooms() []*Room {
	s.roomMu.Lock()
	defer s.roomMu.Unlock()
	return slices.Collect(maps.Keys(s.rooms))
}

// tick does what is due in one room.
func (r *Room) tick(now time.Time, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tracks) > 0 {
		r.rankSpeakers(now)
	}
	if n%reportEvery == 0 && len(r.tracks) > 0 {
		r.dirty.Store(true) // layers may have come or gone
	}
	if r.dirty.Swap(false) {
		for _, p := range r.peers {
			p.dirty = true
		}
	}
	everybody := n%reportEvery == 0
	if r.attention.Swap(false) || everybody {
		for _, p := range r.peers {
			if p.connection != nil && p.connection.Egress().Tidy(now) {
				p.dirty = true
			}
		}
	}
	for _, p := range r.peers {
		if c := p.connection; c != nil && (everybody || len(c.tracks) > 0) {
			c.tick(now, n)
		}
	}
	if n%allocateEvery == 0 {
		for _, p := range r.peers {
			r.reallocate(p, now)
		}
	}
	r.reconcileDirty(now)
	if n%feedbackEvery == 0 {
		r.tellPublishers(now)
	}
	if n%pulseEvery == 0 || everybody {
		r.rateConnections(now, everybody)
	}
}

// tick does what is due in one connection.
func (c *connection) tick(now time.Time, n int) {
	c.Repair(now)
	if n%meterEvery == 0 {
		c.Measure(now)
	}
	if n%feedbackEvery == 0 {
		c.SendFeedback()
	}
	if n%reportEvery == 0 {
		c.Report(now)
	}
}

// rankSpeakers updates the order of open microphones and who speaks.
func (r *state) rankSpeakers(now time.Time) {
	levels := make(map[media.ParticipantID]*audiorank.Level, len(r.peers))
	for key, t := range r.tracks {
		if !t.Source.Video() && t.Live() {
			level := t.Level()
			if key.source == media.Mic || levels[key.participant] == nil {
				levels[key.participant] = &level
			}
		}
	}
	order := r.ranker.Update(levels, now)
	if !slices.Equal(order, r.order) {
		r.order = slices.Clone(order)
		r.audioChanged()
	}
	var speakers []media.ParticipantID
	for _, id := range order {
		if levels[id].Speaking(now) && len(speakers) < maxSpeakers {
			speakers = append(speakers, id)
		}
	}
	if !slices.Equal(speakers, r.speakers) {
		r.speakers = speakers
		r.room.tell(media.Event{Kind: media.EventSpeakers, Speakers: speakers})
	}
}

// maxSpeakers bounds the speaker list: who cannot be heard need not be shown as speaking.
const maxSpeakers = 16

// audioChanged marks the listeners whose slots the new order may change: it changes nothing for those whose first
// slots' worth of microphones are the same.
func (r *state) audioChanged() {
	for _, p := range r.peers {
		if p.connection != nil {
			p.dirty = true
		}
	}
}

// tellPublishers tells each publisher which encodings are wanted, on change.
func (r *state) tellPublishers(now time.Time) {
	for _, t := range r.tracks {
		if !t.Source.Video() {
			continue
		}
		layers, changed := t.demand.update(now)
		if !changed {
			continue
		}
		var names []string
		for i, l := range t.Layers() {
			if layers&(1<<i) != 0 {
				names = append(names, cmp.Or(l.RID, sdp.RIDs[maxLayers-1]))
			}
		}
		t.Want(names)
	}
}
