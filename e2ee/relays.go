package e2ee

import (
	"errors"
	"slices"
	"time"
)

// send seals a message to a peer.
func (s *Session) send(p *peer, m *message) error {
	if err := s.connect(p); err != nil {
		return err
	}
	data, err := p.pair.seal(m.encode())
	if err != nil {
		return err
	}
	s.out.Relays = append(s.out.Relays, Relay{p.number, data})
	return nil
}

// connect derives the channel to a peer when it is first needed.
func (s *Session) connect(p *peer) error {
	if p.pair.made {
		return nil
	}
	c, err := s.root.newPair(s.seat, s.self.Hash, p.ann)
	if err != nil {
		return err
	}
	p.pair = c
	return nil
}

// Relay takes a pairwise message. What does not open is dropped, and told as NoticeForged.
func (s *Session) Relay(now time.Time, from uint32, data []byte) {
	p := s.peers[from]
	if p == nil {
		s.hold(heldMessage{from: from, data: data, until: now.Add(holdTime)}, maxHeldRelays)
		return
	}
	if p.ann == nil {
		return
	}
	if err := s.read(now, p, data); err != nil {
		s.notice(Notice{Kind: NoticeForged, From: from, Err: err})
	}
}

func (s *Session) read(now time.Time, p *peer, data []byte) error {
	if err := s.connect(p); err != nil {
		return err
	}
	plain, err := p.pair.open(data)
	if err != nil {
		return err
	}
	m, err := parseMessage(plain)
	if err != nil {
		return err
	}
	switch {
	case m.kind == msgCredential:
		s.learn(now, m.body)
		s.refreshAll(now)
	case m.kind == msgName && (p.admitted || !p.present):
		s.notice(Notice{Kind: NoticeName, From: p.number, Text: m.text})
	case p.admitted:
		s.act(now, p, &m)
	case len(p.early) < maxHeldRelays: // the roster, or a credential, may be on its way
		p.early = append(p.early, earlyMessage{m, now.Add(holdTime)})
	}
	return nil
}

// catchUp reads what a peer sent before it was known to be admitted.
func (s *Session) catchUp(now time.Time, p *peer) {
	early := p.early
	p.early = nil
	for i := range early {
		if now.Before(early[i].until) {
			s.act(now, p, &early[i].message)
		}
	}
}

// act does what an admitted member's message asks for.
func (s *Session) act(now time.Time, p *peer, m *message) {
	switch m.kind {
	case msgKey:
		s.receive(p, &m.key)
		s.heard(now, p, m.roster)
		key := SenderKey{Generation: m.key.Generation, Step: m.key.Step}
		_ = s.send(p, &message{kind: msgAck, key: key}) // if it fails, they ask again
		s.release(now)
	case msgAck:
		s.acked(now, p, m.key.Generation, m.key.Step)
	case msgConsent:
		if p.question == nil {
			p.question = &question{}
		}
		p.question.done = true
		s.notice(Notice{Kind: NoticeConsent, From: p.number, Consent: m.consent, Text: m.text})
	case msgChat:
		s.notice(Notice{Kind: NoticePrivate, From: p.number, Text: m.text})
	case msgRoster:
		s.heard(now, p, m.roster)
		if m.ask && now.Sub(p.answered) >= time.Second {
			p.answered = now
			s.sendRoster(p, false)
		}
	}
}

// receive takes a sender's key unless a newer one is held.
func (s *Session) receive(p *peer, k *SenderKey) {
	if p.held.some && (k.before(p.held.generation, p.held.step) || k.Generation == p.held.generation) {
		return
	}
	p.held.some, p.held.generation, p.held.step = true, k.Generation, k.Step
	s.opener.SetKey(p.number, p.ann.Hash, *k)
	s.out.Receive = append(s.out.Receive, ReceiveKey{From: p.number, Sender: p.ann.Hash, Key: *k})
}

// Broadcast takes a group message; one's own come back too.
func (s *Session) Broadcast(now time.Time, from uint32, kind Kind, data []byte) {
	m := heldMessage{from: from, data: data, broadcast: kind, until: now.Add(holdTime)}
	if !s.tryBroadcast(now, &m) {
		s.hold(m, maxHeldBroadcasts)
	}
}

// tryBroadcast says whether a group message is dealt with; otherwise its key, or its sender, may still come.
func (s *Session) tryBroadcast(now time.Time, m *heldMessage) bool {
	sender := s.self
	if m.from != s.number {
		p := s.peers[m.from]
		if p == nil {
			return false
		}
		if p.ann == nil {
			return true
		}
		if !p.admitted {
			return false
		}
		sender = p.ann
	}
	text, err := s.root.openBroadcast(s.opener, m.from, sender, m.broadcast, m.data, now)
	if errors.Is(err, ErrNoKey) {
		return false
	}
	if err != nil {
		s.notice(Notice{Kind: NoticeForged, From: m.from, Err: err})
		return true
	}
	if m.broadcast == KindApp {
		return true // only pages read it
	}
	kind := NoticeChat
	if m.broadcast == KindReaction {
		kind = NoticeReaction
	}
	s.notice(Notice{Kind: kind, From: m.from, Text: text})
	return true
}

// hold keeps a message for a while, within the bounds.
func (s *Session) hold(m heldMessage, each int) {
	if len(m.data) > MaxBroadcast || len(s.held) >= maxHeld {
		return
	}
	n := 0
	for i := range s.held {
		if s.held[i].from == m.from && s.held[i].broadcast == m.broadcast {
			n++
		}
	}
	if n < each {
		m.data = slices.Clone(m.data)
		s.held = append(s.held, m)
	}
}

// release looks again at what is held, in the order in which it came.
func (s *Session) release(now time.Time) {
	held := s.held
	s.held = nil
	for i := range held {
		m := &held[i]
		if !now.Before(m.until) {
			continue
		}
		if m.broadcast == 0 && s.peers[m.from] != nil {
			s.Relay(now, m.from, m.data)
			continue
		}
		if m.broadcast == 0 || !s.tryBroadcast(now, m) {
			s.held = append(s.held, *m)
		}
	}
}
