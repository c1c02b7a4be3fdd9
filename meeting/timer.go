package meeting

import (
	"time"

	"conclave/protocol"
)

// maxTimer is the longest countdown, however often a minute is added.
const maxTimer = 48 * time.Hour

// setTimer starts, stops or prolongs the countdown that everybody sees. It ends by itself: each client counts down what
// was left, so that no clock but this one's matters. What is added to one that is over starts a new one.
func (s *state) setTimer(now time.Time, p *seat, m *protocol.Timer) error {
	stops := m.InS != nil && *m.InS == 0
	if !stops && !s.mayTellAll(now, p, 0) {
		return ErrTooMuch
	}
	left := max(0, s.timer.Sub(now)) + time.Duration(m.AddS)*time.Second
	if m.InS != nil {
		left = time.Duration(*m.InS) * time.Second
	}
	left = min(left, maxTimer)
	if stops && !s.timer.After(now) {
		return nil // there is none: nothing to tell
	}
	s.timer = now.Add(left)
	s.tellAll(&protocol.TimerEvent{LeftMS: int(left.Milliseconds()), By: p.id})
	return nil
}

// tellTimer tells one who comes, or comes back, what is left. A client knows of no countdown after a Welcome.
func (s *state) tellTimer(now time.Time, p *seat) {
	if left := s.timer.Sub(now); left > 0 {
		s.tell(p, &protocol.TimerEvent{LeftMS: int(left.Milliseconds())})
	}
}
