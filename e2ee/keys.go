package e2ee

import "time"

// senderState is one's own chain.
type senderState struct {
	live    bool // publishes
	inUse   bool // key is in use
	stale   bool // a member came or left while nothing was sent: not to be used again
	key     SenderKey
	next    uint32 // generation of the next fresh chain
	pending *pending
	lossAt  time.Time // of the first loss not yet acted on
}

// pending is a fresh generation that was sealed and is not used yet.
type pending struct {
	key    SenderKey
	sealed time.Time
}

// delivery is where a recipient is with one's key.
type delivery struct {
	owed bool // something was sealed that is not acknowledged
	key  struct {
		generation uint32
		step       uint8
	}
	next  time.Time     // when it is sealed again
	delay time.Duration // until the time after that
}

// owed says whether a recipient has not acknowledged what was sealed to it.
func (p *peer) owed() bool { return p.recipient && p.out != nil && p.out.owed }

// active says whether the chain is kept ready, rather than renewed when it is needed.
func (s *Session) active() bool {
	if s.mine.live || len(s.outbox) > 0 {
		return true
	}
	n := 1
	for _, p := range s.peers {
		if p.admitted {
			n++
		}
	}
	return n <= smallMeeting
}

// gain is told who became a recipient.
func (s *Session) gain(now time.Time, added []*peer) {
	if len(added) == 0 {
		return
	}
	for _, p := range added {
		s.greet(now, p)
	}
	m := &s.mine
	switch {
	case m.pending != nil: // not used yet: newcomers may have it as it is
	case !m.inUse || m.stale:
		return // whatever comes next is for all
	case !s.active():
		m.stale = true
		return
	case m.key.Step == maxStep:
		s.fresh(now)
		return
	default:
		m.key.Step++
		m.key.Chain = m.key.Chain.next()
		s.use()
	}
	for _, p := range added {
		s.deliver(now, p, firstResend)
	}
}

// greet tells a new recipient what it must know.
func (s *Session) greet(now time.Time, p *peer) {
	s.tellName(p)
	if s.own != nil && !s.shown {
		_ = s.send(p, &message{kind: msgCredential, body: s.own.raw}) // a channel that is used up gets no key either
	}
	if s.cfg.Bot && s.cfg.Purpose != "" && !p.bot && !p.ann.Bot {
		s.ask(now, p)
	}
}

// question is what a bot asks a person. Who was too busy when it came (opening is slow where fifty come at once) has
// dropped it, so that it is asked again.
type question struct {
	asked int // times
	at    time.Time
	done  bool
}

// open says whether the question is to be asked again.
func (q *question) open() bool { return q != nil && q.asked < askMost && !q.done }

func (s *Session) ask(now time.Time, p *peer) {
	if p.question == nil {
		p.question = &question{}
	}
	p.question.asked++
	p.question.at = now
	_ = s.send(p, &message{kind: msgConsent, consent: ConsentAsked, text: s.cfg.Purpose}) // as above
}

func (s *Session) tellName(p *peer) {
	if s.cfg.Name == "" {
		return
	}
	p.told = true
	_ = s.send(p, &message{kind: msgName, text: s.cfg.Name}) // as above
}

// lose is told that a recipient has gone.
func (s *Session) lose(now time.Time) {
	m := &s.mine
	switch {
	case !m.inUse && m.pending == nil:
	case m.pending == nil && !s.active():
		m.stale = true
	case m.lossAt.IsZero():
		m.lossAt = now
	}
}

// settle does what is due for the chain.
func (s *Session) settle(now time.Time) {
	if s.number == 0 {
		return
	}
	m := &s.mine
	if !m.lossAt.IsZero() && !now.Before(m.lossAt.Add(leaveDebounce)) {
		m.lossAt = time.Time{}
		if s.active() {
			s.fresh(now)
		} else {
			m.stale, m.pending = true, nil
		}
	}
	if m.pending == nil && (!m.inUse || m.stale) && s.active() {
		s.fresh(now)
	}
	if m.pending != nil && (s.allHave(m.pending) || !now.Before(m.pending.sealed.Add(switchAfter))) {
		m.key, m.inUse, m.stale, m.pending = m.pending.key, true, false, nil
		s.use()
	}
}

// fresh seals a new generation to everybody who may have it.
func (s *Session) fresh(now time.Time) {
	m := &s.mine
	if m.next > maxGeneration {
		return // no key: nothing is sent any more
	}
	chain, err := newChain(s.cfg.Random)
	if err != nil {
		return // tried again with the next event; until then the old key, or none
	}
	m.pending = &pending{key: SenderKey{Generation: m.next, Chain: chain}, sealed: now}
	m.next++
	for _, p := range s.peers {
		if p.recipient {
			s.deliver(now, p, firstResend)
		}
	}
}

func (s *Session) allHave(k *pending) bool {
	for _, p := range s.peers {
		if p.recipient && (p.out == nil || p.out.owed || p.out.key.generation != k.key.Generation) {
			return false
		}
	}
	return true
}

// use hands the key to the sealer.
func (s *Session) use() {
	k := s.mine.key
	s.out.Send = &k
	s.sealer.SetKey(k)
	s.opener.SetKey(s.number, s.self.Hash, k) // one's own messages come back
	_ = s.flush()                             // what cannot be sealed now stays
}

// deliver seals the newest key to a recipient.
func (s *Session) deliver(now time.Time, p *peer, again time.Duration) {
	k := &s.mine.key
	if s.mine.pending != nil {
		k = &s.mine.pending.key
	}
	if err := s.send(p, &message{kind: msgKey, key: *k, roster: s.roster()}); err != nil {
		return
	}
	d := &delivery{owed: true, next: now.Add(again), delay: min(2*again, lastResend)}
	d.key.generation, d.key.step = k.Generation, k.Step
	p.out = d
}

// acked is told what a recipient has.
func (s *Session) acked(now time.Time, p *peer, generation uint32, step uint8) {
	if p.out == nil {
		return
	}
	want := p.out.key
	if p.out.owed && (generation > want.generation || generation == want.generation && step >= want.step) {
		p.out.owed = false
		s.settle(now)
	}
}

// resend seals again what a recipient has not acknowledged.
func (s *Session) resend(now time.Time, p *peer) {
	if p.owed() {
		s.deliver(now, p, firstResend)
	}
}

func (s *Session) resendAll(now time.Time) {
	for _, p := range s.peers {
		s.resend(now, p)
	}
}

// flush seals the broadcasts that waited.
func (s *Session) flush() error {
	for s.Usable() && len(s.outbox) > 0 {
		o := s.outbox[0]
		data, err := s.root.sealBroadcast(s.sealer, s.cfg.Identity, o.kind, o.text)
		if err != nil {
			return err
		}
		s.outbox = s.outbox[1:]
		s.out.Broadcasts = append(s.out.Broadcasts, Broadcast{o.kind, data})
	}
	return nil
}
