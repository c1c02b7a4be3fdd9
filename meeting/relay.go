package meeting

import (
	"time"

	"conclave/protocol"
)

// The bounds of relaying.
const (
	relayInterval = 25 * time.Millisecond // from the first thing relayed to its delivery, with what came meanwhile
	// bytes kept for one seat; a seat with a socket gets them earlier, one without loses the rest
	maxKept      = 256 << 10
	keptOverhead = 32 // what one entry counts beside its data
)

// mail is what waits to be delivered.
type mail struct {
	to  []*seat   // those with something kept since the last delivery; at most one entry a seat and maxKept bytes for it
	due time.Time // zero: nothing waits
}

// relay sends each recipient its own. Who is not in the meeting is skipped: the sender learns nothing of the lobby, and
// people leave at any time. It costs O(recipients named).
func (s *state) relay(now time.Time, p *seat, r *protocol.Relay) error {
	if !s.e2ee {
		return ErrNotPermitted
	}
	for _, one := range r.To {
		if q := s.seats[one.Participant]; q != nil && q != p && q.role != noRole {
			s.keep(now, q, protocol.Relayed{From: p.id, Data: one.Data})
		}
	}
	return nil
}

// keep puts something to what the next delivery brings q.
func (s *state) keep(now time.Time, q *seat, r protocol.Relayed) {
	size := len(r.Data) + keptOverhead
	if q.keptBytes+size > maxKept {
		if q.sink == nil {
			return
		}
		s.deliver(q)
	}
	if len(q.kept) == 0 {
		s.mail.to = append(s.mail.to, q)
	}
	q.kept = append(q.kept, r)
	q.keptBytes += size
	if s.mail.due.IsZero() {
		s.mail.due = now.Add(relayInterval)
		s.wake(s.mail.due)
	}
}

// deliver gives q what is kept for it, as one event. A seat without a socket keeps it.
func (s *state) deliver(q *seat) {
	if q.sink == nil || len(q.kept) == 0 {
		return
	}
	s.tell(q, &protocol.Relays{Relays: q.kept})
	q.kept, q.keptBytes = nil, 0
}

// deliverMail makes the deliveries that are due.
func (s *state) deliverMail(now time.Time) {
	if s.mail.due.IsZero() || s.mail.due.After(now) {
		return
	}
	for _, q := range s.mail.to {
		if s.seats[q.id] == q {
			s.deliver(q)
		}
	}
	clear(s.mail.to)
	s.mail = mail{to: s.mail.to[:0]}
}
