package meeting

import (
	"slices"
	"time"

	"conclave/sfu"
)

// mediaReport is what the media server reported of one peer since it was last looked at, coalesced: only the latest
// state of each slot and source matters, so it is bounded whatever the rate of events.
type mediaReport struct {
	slots     map[string]sfu.Slot // at most one a receiving m-line
	withheld  []sfu.Withheld      // at most one a want
	encode    map[sfu.Source][]string
	connected bool
	failed    bool // later than connected
}

// report takes in what the media server said about a seat.
func (s *state) report(now time.Time, id sfu.ParticipantID, r *mediaReport) {
	p := s.seats[id]
	if s.ended || p == nil || p.role == NoRole {
		return
	}
	if r.connected {
		p.failedAt = time.Time{}
	}
	if r.failed {
		p.failedAt = now
		s.wake(now.Add(s.opts.MediaGrace))
	}
	if r.slots != nil {
		s.slotsChanged(p, r)
	}
	for source, rids := range r.encode {
		if p.encode == nil {
			p.encode = make(map[sfu.Source][]string)
		}
		p.encode[source] = rids
		s.tell(p, EncodeChanged{Source: source, RIDs: rids})
	}
}

func (s *state) slotsChanged(p *seat, r *mediaReport) {
	if p.slots == nil {
		p.slots = make(map[string]sfu.Slot)
	}
	e := SlotsChanged{Withheld: r.withheld, Slots: make([]sfu.Slot, 0, len(r.slots))}
	for mid, slot := range r.slots {
		p.slots[mid] = slot
		e.Slots = append(e.Slots, slot)
	}
	slices.SortFunc(e.Slots, func(a, b sfu.Slot) int { return compareMID(a.MID, b.MID) })
	p.withheld = r.withheld
	s.tell(p, e)
}

// speaking takes in who speaks. To speak is to be active.
func (s *state) speaking(now time.Time, list []sfu.ParticipantID) {
	if s.ended {
		return
	}
	list = slices.DeleteFunc(slices.Clone(list), func(id sfu.ParticipantID) bool {
		p := s.seats[id]
		return p == nil || p.role == NoRole
	})
	for _, id := range list {
		p := s.seats[id]
		p.active, p.asked = now, time.Time{}
	}
	if !slices.Equal(list, s.speakers) {
		s.speakers = list
		s.tellAll(Speakers{slices.Clone(list)})
	}
}
