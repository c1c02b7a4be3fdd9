package meeting

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// maxBars is the best quality of a connection (protocol).
const maxBars = 4

// mediaReport is what the media server reported of one peer since it was last looked at, merged: only the latest
// state of each slot and source matters, so it is bounded whatever the rate of events.
type mediaReport struct {
	slots      map[string]media.Slot // at most one a receiving m-line
	withheld   []media.Withheld      // at most one a want
	encode     map[media.Source][]string
	refused    map[media.Source]string
	connected  bool
	failed     bool            // later than connected
	trouble    string          // the cause why it failed or is stuck, later than connected; empty: none
	warnings   []media.Warning // of the latest offer, at most one an m-line
	applied    uint64          // the latest generation
	joinFailed string          // why
}

// merge takes in an event about the peer.
func (r *mediaReport) merge(e *media.Event) {
	switch e.Kind {
	case media.EventConnected:
		r.connected, r.failed, r.trouble = true, false, ""
	case media.EventFailed:
		r.connected, r.failed, r.trouble = false, true, e.Cause
	case media.EventStuck:
		r.trouble = e.Cause
	case media.EventSlots:
		if r.slots == nil {
			r.slots = make(map[string]media.Slot, len(e.Slots))
		}
		for _, slot := range e.Slots {
			r.slots[slot.MID] = slot
		}
		r.withheld = slices.Clone(e.Withheld)
	case media.EventEncode:
		if r.encode == nil {
			r.encode = make(map[media.Source][]string)
		}
		r.encode[e.Source] = slices.Clone(e.RIDs)
	case media.EventRefused:
		if r.refused == nil {
			r.refused = make(map[media.Source]string)
		}
		r.refused[e.Source] = e.Cause
	case media.EventWarnings:
		r.warnings = e.Warnings
	case media.EventApplied:
		r.applied = max(r.applied, e.Generation)
	case media.EventJoinFailed:
		r.joinFailed = e.Cause
	}
}

// onMedia takes in an event of the media server, for the actor to look at. It never blocks, so that the media server
// may call it with locks held.
func (a *actor) onMedia(e media.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	switch e.Kind {
	case media.EventSpeakers:
		a.speaker, a.speaks = slices.Clone(e.Speakers), true
	case media.EventQuality:
		if a.bars == nil {
			a.bars = make(map[media.ParticipantID]int, len(e.Quality))
		}
		for _, q := range e.Quality {
			a.bars[q.Participant] = q.Bars
		}
	default:
		if a.reports == nil {
			a.reports = make(map[media.ParticipantID]*mediaReport)
		}
		r := a.reports[e.Participant]
		if r == nil {
			r = &mediaReport{}
			a.reports[e.Participant] = r
		}
		r.merge(&e)
	}
	a.start()
}

// report takes in what the media server said about a seat.
func (s *state) report(now time.Time, id media.ParticipantID, r *mediaReport) {
	p := s.seats[id]
	if s.ended || p == nil || p.role == noRole {
		return
	}
	if r.connected {
		p.failedAt, p.trouble = time.Time{}, nil
	}
	if r.failed {
		p.failedAt = now
		s.wakeSeat(p, now.Add(s.cfg.MediaGrace))
	}
	if r.trouble != "" {
		reason := protocol.MediaFailure(r.trouble)
		p.trouble = &protocol.MediaFailed{Reason: reason, Final: r.failed, Message: reason.Sentence()}
		s.tell(p, p.trouble)
	}
	if len(r.warnings) > 0 {
		s.tell(p, warningsMessage(r.warnings))
	}
	if r.slots != nil {
		s.slotsChanged(p, r)
	}
	for source, rids := range r.encode {
		if p.encode == nil {
			p.encode = make(map[media.Source]*protocol.Encode)
		}
		e := &protocol.Encode{Source: source, RIDs: make([]protocol.RID, len(rids))}
		for i, rid := range rids {
			e.RIDs[i] = protocol.RID(rid)
		}
		p.encode[source] = e
		s.tell(p, e)
	}
	for source, reason := range r.refused {
		if p.refused == nil {
			p.refused = make(map[media.Source]*protocol.MediaRefused)
		}
		p.refused[source] = &protocol.MediaRefused{Source: source, Reason: protocol.RefusedReason(reason)}
		s.tell(p, p.refused[source])
	}
}

func warningsMessage(list []media.Warning) *protocol.Warnings {
	m := &protocol.Warnings{}
	for _, w := range list {
		m.Warnings = append(m.Warnings, protocol.Warning{MID: w.MID, Warning: w.Warning,
			Message: protocol.WarningSentence(w.Warning)})
	}
	return m
}

func (s *state) slotsChanged(p *seat, r *mediaReport) {
	if p.slots == nil {
		p.slots = make(map[string]media.Slot)
	}
	maps.Copy(p.slots, r.slots)
	p.withheld = r.withheld
	s.tell(p, slotsMessage(r.slots, r.withheld))
}

// slotsMessage tells of slots, in the order of their MIDs. Its list of what is withheld is always there: an empty one
// says that nothing is.
func slotsMessage(slots map[string]media.Slot, withheld []media.Withheld) *protocol.Slots {
	m := &protocol.Slots{Slots: make([]media.Slot, 0, len(slots)), Withheld: append([]media.Withheld{}, withheld...)}
	for _, slot := range slots {
		m.Slots = append(m.Slots, slot)
	}
	slices.SortFunc(m.Slots, func(a, b media.Slot) int { return compareMID(a.MID, b.MID) })
	return m
}

// speaking takes in who speaks. To speak is to be active.
func (s *state) speaking(now time.Time, list []media.ParticipantID) {
	if s.ended {
		return
	}
	list = slices.DeleteFunc(slices.Clone(list), func(id media.ParticipantID) bool {
		p := s.seats[id]
		return p == nil || p.role == noRole
	})
	for _, id := range list {
		p := s.seats[id]
		p.active, p.asked = now, time.Time{}
	}
	if !slices.Equal(list, s.speakers) {
		s.speakers, s.restage = list, true
		s.tellAll(&protocol.Speakers{Speakers: append([]media.ParticipantID{}, list...)})
	}
}

// qualityBatch gathers whose connection changed since the last quality event.
type qualityBatch struct {
	changed map[media.ParticipantID]struct{} // at most one a seat
	due     time.Time                        // zero: nothing gathered
	sent    time.Time
}

// connections takes in how good connections are: zero to four bars of each.
func (s *state) connections(now time.Time, bars map[media.ParticipantID]int) {
	if s.ended {
		return
	}
	for id, n := range bars {
		p := s.seats[id]
		if p == nil || p.role == noRole || n < 0 || n > maxBars || p.bars == uint8(n+1) {
			continue
		}
		p.bars = uint8(n + 1)
		s.index.measured.put(p)
		if s.quality.changed == nil {
			s.quality.changed = make(map[media.ParticipantID]struct{})
		}
		s.quality.changed[id] = struct{}{}
	}
	if len(s.quality.changed) > 0 && s.quality.due.IsZero() {
		s.quality.due = now
		if at := s.quality.sent.Add(qualityInterval); at.After(now) {
			s.quality.due = at
		}
		s.wake(s.quality.due)
	}
}

func (s *state) flushQuality(now time.Time) {
	q := s.quality
	if q.due.IsZero() || q.due.After(now) {
		return
	}
	s.quality = qualityBatch{sent: now}
	var list []media.Quality
	for _, id := range slices.Sorted(maps.Keys(q.changed)) {
		if p := s.seats[id]; p != nil {
			list = append(list, media.Quality{Participant: id, Bars: int(p.bars) - 1})
		}
	}
	if len(list) > 0 {
		s.tellAll(&protocol.Quality{Quality: list})
	}
}

// knownQuality is what a newcomer is told.
func (s *state) knownQuality() []media.Quality {
	var list []media.Quality
	for id, p := range s.index.measured {
		list = append(list, media.Quality{Participant: id, Bars: int(p.bars) - 1})
	}
	slices.SortFunc(list, func(a, b media.Quality) int { return cmp.Compare(a.Participant, b.Participant) })
	return list
}
