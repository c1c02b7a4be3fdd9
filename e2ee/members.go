package e2ee

import (
	"bytes"
	"errors"
	"time"
)

// Reasons for an invalid participant, beside those of ParseAnnouncement.
var (
	ErrAnnounceChanged = errors.New("e2ee: the server shows another announcement for the same participant")
	ErrAnnounceTwice   = errors.New("e2ee: the server shows one announcement twice")
	ErrTooManySeen     = errors.New("e2ee: too many announcements in one meeting")
)

// peer is another participant, in the meeting or in the lobby.
type peer struct {
	number    uint32
	ann       *Announcement // as it was first shown; nil: invalid, for good
	pair      pair          // made when it is first used
	cred      *Credential   // the newest that is valid
	bot       bool          // the server says so
	connected bool
	present   bool // in the meeting, not in the lobby
	admitted  bool // gets and gives keys
	recipient bool // admitted, and may have one's own
	told      bool // has one's name
	chosen    bool // the person decided
	choice    Consent
	question  *question // of a bot to a person; nil: never asked

	early     []earlyMessage // from before it was admitted, opened; at most maxHeldRelays
	reachable bool           // as the roster last said
	out       *delivery      // where it is with one's key; nil: it was never sealed to it
	held      struct {
		some       bool
		generation uint32
		step       uint8
	}
	differs  *difference // how it sees others than oneself does; nil: it does not
	answered time.Time   // when it was last told one's own roster hash because it asked
}

type earlyMessage struct {
	message
	until time.Time
}

// meet returns the peer of a member, new or known, with what the server shows of it.
func (s *Session) meet(now time.Time, m *Member) *peer {
	p := s.peers[m.Participant]
	if p == nil {
		p = &peer{number: m.Participant}
		s.peers[m.Participant] = p
		if err := s.check(p, m.Announce); err != nil {
			s.notice(Notice{Kind: NoticeInvalid, From: p.number, Err: err})
		}
	} else if p.ann != nil && !bytes.Equal(p.ann.raw[:], m.Announce) {
		s.seen[p.ann.Hash] = sighting{p.number, true}
		p.ann = nil
		s.notice(Notice{Kind: NoticeInvalid, From: p.number, Err: ErrAnnounceChanged})
	}
	p.bot, p.connected = m.Bot, m.Connected
	if p.ann != nil {
		s.credit(now, p, m.Admit)
		s.credit(now, p, m.Grant)
	}
	return p
}

// check reads a new peer's announcement, which no other participant may have had.
func (s *Session) check(p *peer, announce []byte) error {
	ann, err := s.root.ParseAnnouncement(announce)
	if err != nil {
		return err
	}
	if ann.Hash == s.self.Hash {
		return ErrAnnounceTwice
	}
	if was, again := s.seen[ann.Hash]; again && (was.gone || was.number != p.number) {
		return ErrAnnounceTwice
	}
	if len(s.seen) >= maxSeen {
		return ErrTooManySeen
	}
	s.seen[ann.Hash] = sighting{number: p.number}
	p.ann = ann
	return nil
}

// remove forgets a participant who has left, but for the announcement: it does not come back.
func (s *Session) remove(p *peer) {
	if p.ann != nil {
		s.seen[p.ann.Hash] = sighting{p.number, true}
	}
	delete(s.peers, p.number)
	delete(s.missing, p.number)
	s.opener.Forget(p.number)
	s.out.Forget = append(s.out.Forget, p.number)
}

// credit takes a credential of a peer if it is valid and newer.
func (s *Session) credit(now time.Time, p *peer, raw []byte) {
	if len(raw) == 0 || p.cred != nil && bytes.Equal(p.cred.raw, raw) {
		return
	}
	if c, err := s.root.ParseCredential(raw, p.ann, now); err == nil && (p.cred == nil || c.Issued.After(p.cred.Issued)) {
		p.cred = c
	}
}

// showOwn takes one's own credentials as the server shows them.
func (s *Session) showOwn(now time.Time, m *Member) {
	for _, raw := range [][]byte{m.Admit, m.Grant} {
		if c, err := s.root.ParseCredential(raw, s.self, now); err == nil {
			s.shown = s.shown || s.own == nil || !c.Issued.Before(s.own.Issued)
			s.setOwn(now, c)
		}
	}
}

func (s *Session) setOwn(now time.Time, c *Credential) {
	if s.own != nil && !c.Issued.After(s.own.Issued) {
		return
	}
	before := s.admittedSelf()
	s.own = c
	if !before {
		s.resendAll(now)
	}
}

// learn takes a credential that came over a pairwise channel: of whom it is says its last link.
func (s *Session) learn(now time.Time, raw []byte) {
	if len(raw) < credentialHead+linkSize {
		return
	}
	hash := Hash(raw[len(raw)-linkSize+17+publicSize:][:HashSize])
	if hash == s.self.Hash {
		if c, err := s.root.ParseCredential(raw, s.self, now); err == nil && (s.own == nil || c.Issued.After(s.own.Issued)) {
			s.shown = false
			s.setOwn(now, c)
		}
		return
	}
	if p := s.peers[s.seen[hash].number]; p != nil && p.ann != nil && p.ann.Hash == hash {
		s.credit(now, p, raw)
	}
}

func (s *Session) creator(a *Announcement) bool {
	return s.root.link.Keyed && FingerprintOf(a.IK) == s.root.link.Creator
}

func (s *Session) admittedSelf() bool {
	return !s.root.link.Lobby || s.creator(s.self) || s.own != nil
}

func (s *Session) mayAdmit(p *peer) bool {
	return s.creator(p.ann) || p.cred != nil && p.cred.Role >= RoleCohost
}

// update takes roster changes and acts on them.
func (s *Session) update(now time.Time, members []Member, left []uint32) {
	for i := range members {
		p := s.meet(now, &members[i])
		if back := members[i].Connected && !p.reachable; back && p.present {
			s.resend(now, p)
		}
		p.reachable = members[i].Connected
		p.present = true
	}
	lost := false
	for _, number := range left {
		p := s.peers[number]
		if p == nil {
			continue
		}
		lost = lost || p.recipient
		s.remove(p)
	}
	if lost {
		s.lose(now)
	}
	s.refreshAll(now)
	s.release(now)
}

// refreshAll decides again who is admitted and who gets one's keys, and acts on the difference.
func (s *Session) refreshAll(now time.Time) {
	var added []*peer
	lost := false
	for _, p := range s.peers {
		s.welcomeByHand(now, p)
		admitted := p.present && p.ann != nil && (!s.root.link.Lobby || s.creator(p.ann) || p.cred != nil)
		if p.admitted && !admitted {
			s.opener.Forget(p.number)
			s.out.Forget = append(s.out.Forget, p.number)
			p.held.some = false
		}
		p.admitted = admitted
		recipient := admitted && s.agreed(p)
		switch {
		case recipient && !p.recipient:
			added = append(added, p)
		case p.recipient && !recipient:
			lost = true
			p.out = nil
		}
		p.recipient = recipient
	}
	s.noteRoster(now)
	if lost {
		s.lose(now)
	}
	s.gain(now, added)
	for _, p := range s.peers {
		if p.admitted && len(p.early) > 0 {
			s.catchUp(now, p)
		}
	}
	s.settle(now)
}

// welcomeByHand admits a newcomer on behalf of a person who switched the lobby off.
func (s *Session) welcomeByHand(now time.Time, p *peer) {
	if !s.lenient || !s.root.link.Lobby || !p.present || p.ann == nil || p.cred != nil || s.creator(p.ann) {
		return
	}
	raw, err := s.root.Issue(s.cfg.Identity, s.own, p.ann, RoleParticipant, now)
	if err != nil { // one's own role does not allow it any more
		s.lenient = false
		return
	}
	s.credit(now, p, raw)
	for _, to := range s.peers {
		if to.present && to.ann != nil {
			_ = s.send(to, &message{kind: msgCredential, body: raw}) // a channel that is used up: they stay outside
		}
	}
}

// agreed says whether a peer may have one's keys, name and words.
func (s *Session) agreed(p *peer) bool {
	if p.chosen {
		return p.choice == ConsentGranted
	}
	return s.cfg.Bot || !p.bot && !p.ann.Bot
}
