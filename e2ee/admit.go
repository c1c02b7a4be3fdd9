package e2ee

import "time"

// What a host's client does at the lobby.

// Waiting takes the lobby as those who may admit see it: names of those in it can be read, nothing else.
func (s *Session) Waiting(now time.Time, list []Member) {
	here := map[uint32]bool{}
	for i := range list {
		here[list[i].Participant] = true
		s.meet(now, &list[i])
	}
	for number, p := range s.peers {
		switch {
		case p.present || here[number]:
			delete(s.missing, number)
		case s.missing[number].IsZero(): // perhaps admitted, and the roster is on its way
			s.missing[number] = now
		case now.Sub(s.missing[number]) > lobbyGrace:
			s.remove(p)
		}
	}
	s.release(now)
}

// Issue signs a credential for a participant in the meeting or in the lobby. It travels in the protocol's admit or
// role.
func (s *Session) Issue(now time.Time, number uint32, role Role) ([]byte, error) {
	p := s.peers[number]
	if p == nil || p.ann == nil {
		return nil, ErrNotHere
	}
	return s.root.Issue(s.cfg.Identity, s.own, p.ann, role, now)
}
