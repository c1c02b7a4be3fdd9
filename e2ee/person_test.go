package e2ee

import "time"

// What the client of a person does and a bot does not: chat, rename, consent and appoint. Only tests do it in
// Go.

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
