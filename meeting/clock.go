package meeting

import (
	"time"

	"conclave/protocol"
)

// timeOfNotice is when the next expiry notice is due, zero for never.
func (s *state) timeOfNotice() time.Time {
	if s.notices == len(expiryNotices) {
		return time.Time{}
	}
	return s.expires.Add(-expiryNotices[s.notices])
}

// deadline is when tick should be called next; zero for never.
func (s *state) deadline() time.Time { return s.next }

// tick does what is due by now. next is a lower bound: it is computed anew here and lowered by what sets a deadline. It
// looks at the seats that are due, and at no others.
func (s *state) tick(now time.Time) {
	if s.ended || s.next.IsZero() || now.Before(s.next) {
		return
	}
	s.next = time.Time{}
	if !now.Before(s.expires) {
		s.end(protocol.ByeExpired)
		return
	}
	s.wake(s.expires)
	s.notice(now)
	if s.tickSeats(now); s.ended {
		return
	}
	if s.present == len(s.index.streams) && s.parent == (ID{}) { // streams keep no meeting alive; rooms end with theirs
		at := s.emptySince.Add(s.cfg.EmptyAfter)
		if !now.Before(at) {
			s.end(protocol.ByeEnded)
			return
		}
		s.wake(at)
	}
	s.flush(now)
	s.wake(s.batch.due)
	s.wake(s.lobbyNews.due)
	s.wake(s.quality.due)
	s.wake(s.mail.due)
	if s.group != nil {
		s.wake(s.group.Deadline())
	}
}

// tickSeats does what is due for seats.
func (s *state) tickSeats(now time.Time) {
	due := &s.index.due
	for range len(*due) {
		if len(*due) == 0 || now.Before((*due)[0].due) {
			break
		}
		p := (*due)[0]
		due.remove(p)
		s.looked++
		if s.tickSeat(now, p); s.ended {
			return
		}
	}
	s.wake(due.next())
}

func (s *state) notice(now time.Time) {
	at := s.timeOfNotice()
	if at.IsZero() {
		return
	}
	if !now.Before(at) {
		s.tellAll(&protocol.Notice{Notice: protocol.Expiring, Seconds: wireSeconds(expiryNotices[s.notices])})
		s.notices++
	}
	s.wake(s.timeOfNotice())
}

// tickSeat does what is due for one seat: end of the resume grace, of the media grace, the idle question.
func (s *state) tickSeat(now time.Time, p *seat) {
	if p.sink == nil {
		if s.due(now, p, p.lostAt.Add(s.cfg.ResumeGrace)) {
			s.leave(now, p, protocol.LeftLost, protocol.ByeLeft)
		}
		return
	}
	if p.role == noRole {
		return
	}
	if !p.failedAt.IsZero() && s.due(now, p, p.failedAt.Add(s.cfg.MediaGrace)) {
		s.leave(now, p, protocol.LeftLost, protocol.ByeMediaFailed)
		return
	}
	s.tickIdle(now, p)
}

func (s *state) tickIdle(now time.Time, p *seat) {
	idle := s.idleAfter()
	if idle <= 0 || p.identity.Bot || p.identity.stream() {
		return
	}
	s.seen(now, p)
	if !p.asked.IsZero() {
		if s.due(now, p, p.asked.Add(s.cfg.IdleAnswer)) {
			s.leave(now, p, protocol.LeftIdle, protocol.ByeIdle)
		}
		return
	}
	if s.due(now, p, p.active.Add(idle)) {
		p.asked = now
		s.tell(p, &protocol.Idle{Seconds: wireSeconds(s.cfg.IdleAnswer)})
		s.wakeSeat(p, now.Add(s.cfg.IdleAnswer))
	}
}

// due says whether at has come, and notes it as a deadline of p if not.
func (s *state) due(now time.Time, p *seat, at time.Time) bool {
	if now.Before(at) {
		s.wakeSeat(p, at)
		return false
	}
	return true
}
