package e2ee

import "time"

// What the client of a person does and a bot does not: chat, rename, consent, admit and appoint. Only tests do it in
// Go.

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
			p.missing = time.Time{}
		case p.missing.IsZero(): // perhaps admitted, and the roster is on its way
			p.missing = now
		case now.Sub(p.missing) > lobbyGrace:
			s.remove(p)
		}
	}
	s.release(now)
}

// Say sends a group message: at once, or when there is a key for it.
func (s *Session) Say(now time.Time, kind Kind, text string) error {
	if err := checkBroadcast(kind, text); err != nil {
		return err
	}
	if len(s.outbox) >= maxOutbox {
		return ErrBusy
	}
	s.outbox = append(s.outbox, outgoing{kind, text})
	s.settle(now)
	return s.flush()
}

// Tell sends a private message.
func (s *Session) Tell(to uint32, text string) error {
	if err := checkText(text, MaxPrivateBytes, MaxPrivateBytes, true); err != nil {
		return err
	}
	p := s.peers[to]
	if p == nil || !p.recipient {
		return ErrNotHere
	}
	return s.send(p, &message{kind: msgChat, text: text})
}

// Rename changes one's own name and tells it.
func (s *Session) Rename(name string) error {
	if err := checkText(name, MaxNameRunes, MaxNameBytes, false); err != nil {
		return err
	}
	s.cfg.Name = name
	for _, p := range s.peers {
		if p.recipient {
			s.tellName(p)
		}
	}
	return nil
}

// Consent agrees that somebody gets one's keys, or refuses; it is told.
func (s *Session) Consent(now time.Time, number uint32, granted bool) error {
	p := s.peers[number]
	if p == nil || !p.admitted {
		return ErrNotHere
	}
	p.choice = ConsentRefused
	if granted {
		p.choice = ConsentGranted
	}
	p.chosen = true
	s.refreshAll(now)
	return s.send(p, &message{kind: msgConsent, consent: p.choice})
}

// Issue signs a credential for somebody in the meeting or in the lobby. It travels in the protocol's admit or role.
func (s *Session) Issue(now time.Time, number uint32, role Role) ([]byte, error) {
	p := s.peers[number]
	if p == nil || p.ann == nil {
		return nil, ErrNotHere
	}
	return s.root.Issue(s.cfg.Identity, s.own, p.ann, role, now)
}

// Appoint issues a credential and tells everybody over the pairwise channel: where the server shows none.
func (s *Session) Appoint(now time.Time, number uint32, role Role) ([]byte, error) {
	c, err := s.Issue(now, number, role)
	if err != nil {
		return nil, err
	}
	for _, p := range s.peers {
		if p.present && p.ann != nil && (p.admitted || p.number == number) {
			if err := s.send(p, &message{kind: msgCredential, body: c}); err != nil {
				return nil, err
			}
		}
	}
	s.learn(now, c)
	s.refreshAll(now)
	return c, nil
}

// AdmitEverybody admits every participant with a valid announcement: for a person who may admit and has
// switched the lobby off by their own act. The server's word is no reason to call it.
func (s *Session) AdmitEverybody(now time.Time, on bool) {
	s.lenient = on
	s.refreshAll(now)
}

// Code is the meeting code to compare.
func (s *Session) Code() string { return s.root.Code(s.Members()) }
