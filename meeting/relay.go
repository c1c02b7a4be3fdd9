package meeting

import (
	"time"

	"conclave/protocol"
)

// The bounds of relaying. A key message is some 150 bytes long, so that a hundred people who change their keys at
// once fit into what is kept for one seat ten times over. Who waits needs to send a sealed name to 16 hosts, no more.
const (
	relayInterval = 25 * time.Millisecond // from the first thing relayed to its delivery, with what came meanwhile
	// bytes kept for one seat; a seat with a socket gets them earlier, one without loses the rest
	maxKept      = 256 << 10
	keptOverhead = 32 // what one entry counts beside its data

	waiterBurst, waiterRate = 16 << 10, 1 << 10   // bytes, bytes a second that one waiting person may relay
	lobbyBurst, lobbyRate   = 256 << 10, 32 << 10 // the same of all who wait, so that no crowd there can drown a host
)

// mail is what waits to be delivered.
type mail struct {
	to  []*seat   // those with something kept since the last delivery; at most one entry a seat and maxKept bytes for it
	due time.Time // zero: nothing waits
}

// relay sends each recipient its own, as far as it may be reached. Who is not there is skipped: the sender learns
// nothing of the lobby, and people leave at any time. It costs O(recipients named).
func (s *state) relay(now time.Time, p *seat, r *protocol.Relay) error {
	if !s.e2ee {
		return ErrNotPermitted
	}
	if p.role == noRole && !s.mayRelayFromLobby(now, p, r) {
		return ErrTooMuch
	}
	for _, one := range r.To {
		if q := s.seats[one.Participant]; q != nil && reaches(p, q) {
			s.keep(now, q, protocol.Relayed{From: p.id, Data: one.Data})
		}
	}
	return nil
}

// reaches says whether p may relay to q: within the meeting, and between the lobby and those who may admit.
func reaches(p, q *seat) bool {
	switch {
	case p == q:
		return false
	case p.role != noRole && q.role != noRole:
		return true
	case p.role == noRole:
		return q.may(protocol.MayAdmit)
	default:
		return p.may(protocol.MayAdmit)
	}
}

func (s *state) mayRelayFromLobby(now time.Time, p *seat, r *protocol.Relay) bool {
	n := 0
	for _, one := range r.To {
		n += len(one.Data)
	}
	if !p.relayed.fits(now, n, waiterBurst, waiterRate) || !s.lobbyRelayed.fits(now, n, lobbyBurst, lobbyRate) {
		return false
	}
	p.relayed.spent += n
	s.lobbyRelayed.spent += n
	return true
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
