package e2ee

import (
	"encoding/binary"
	"io"
	"time"
)

const (
	rosterTolerance = 5 * time.Second
	// No server can put the answer off for longer by changing the roster or keeping answers back.
	rosterRestless = 30 * time.Second
	askInterval    = 2 * time.Second
	maxRosters     = 64
)

// rosterAt is one's own roster hash and until when it was the current one; zero: it still is.
type rosterAt struct {
	hash  RosterHash
	until time.Time
}

// difference is a member's roster hash that was not one's own lately.
type difference struct {
	latest RosterHash
	heard  time.Time // when it said so
	since  time.Time // when it began to differ
	asked  time.Time
	told   bool // to the person
}

// roster is one's own roster hash.
func (s *Session) roster() RosterHash {
	if n := len(s.rosters); n > 0 {
		return s.rosters[n-1].hash
	}
	return s.root.RosterHash(s.Members())
}

// noteRoster takes note of a change in who is admitted.
func (s *Session) noteRoster(now time.Time) {
	hash := s.root.RosterHash(s.Members())
	if n := len(s.rosters); n > 0 {
		if s.rosters[n-1].hash == hash {
			return
		}
		s.rosters[n-1].until = now
	}
	s.rosters = append(s.rosters, rosterAt{hash: hash})
	for len(s.rosters) > 1 && (len(s.rosters) > maxRosters || now.Sub(s.rosters[0].until) > rosterTolerance) {
		s.rosters = s.rosters[1:]
	}
	s.notice(Notice{Kind: NoticeMembers})
	for _, p := range s.peers {
		if p.differs != nil && p.differs.latest == hash {
			s.agree(p)
		}
	}
}

// heard compares what a member sees with what oneself saw lately.
func (s *Session) heard(now time.Time, p *peer, hash RosterHash) {
	for _, r := range s.rosters {
		if r.hash == hash && (r.until.IsZero() || now.Sub(r.until) <= rosterTolerance) {
			s.agree(p)
			return
		}
	}
	if p.differs == nil {
		p.differs = &difference{since: now, asked: now}
	}
	p.differs.latest, p.differs.heard = hash, now
}

func (s *Session) agree(p *peer) {
	if p.differs != nil && p.differs.told {
		s.notice(Notice{Kind: NoticeMatch, From: p.number})
	}
	p.differs = nil
}

func (s *Session) sendRoster(p *peer, ask bool) {
	_ = s.send(p, &message{kind: msgRoster, roster: s.roster(), ask: ask}) // said again in a while
}

// compare asks those who see others, and tells when it lasts.
func (s *Session) compare(now time.Time) {
	for _, p := range s.peers {
		d := p.differs
		if d == nil || !p.admitted {
			continue
		}
		if !d.told && !now.Before(s.known(d)) {
			d.told = true
			s.notice(Notice{Kind: NoticeMismatch, From: p.number})
		}
		if now.Sub(d.asked) >= askInterval {
			d.asked = now
			s.sendRoster(p, true)
		}
	}
}

// known is when a difference is one. While one's own roster changes, or a member that is held up does not answer, it is
// not known who is behind: the member has to say so again, late enough.
func (s *Session) known(d *difference) time.Time {
	begun := d.since
	if n := len(s.rosters); n > 1 && s.rosters[n-2].until.After(begun) {
		begun = s.rosters[n-2].until
	}
	latest := d.since.Add(rosterRestless)
	if !d.heard.Before(begun.Add(rosterTolerance)) && d.heard.Before(latest) {
		return d.heard
	}
	return latest
}

// beacon tells one random member what oneself sees.
func (s *Session) beacon(now time.Time) {
	if s.number == 0 || now.Before(s.nextBeacon) {
		return
	}
	s.nextBeacon = now.Add(beaconInterval)
	var list []*peer
	for _, p := range s.peers {
		if p.recipient {
			list = append(list, p)
		}
	}
	var b [8]byte
	if _, err := io.ReadFull(s.cfg.Random, b[:]); err != nil || len(list) == 0 {
		return
	}
	s.sendRoster(list[binary.BigEndian.Uint64(b[:])%uint64(len(list))], false)
}

// Tick does what is due by time. Next says when to call it.
func (s *Session) Tick(now time.Time) {
	s.settle(now)
	for _, p := range s.peers {
		if p.owed() && !now.Before(p.out.next) {
			s.deliver(now, p, p.out.delay)
		}
		if p.recipient && p.question.open() && !now.Before(p.question.at.Add(askAgain)) {
			s.ask(now, p)
		}
	}
	s.compare(now)
	s.beacon(now)
	if len(s.held) > 0 && !now.Before(s.held[0].until) {
		s.release(now)
	}
}

// Next returns when Tick is due; zero: not before another event.
func (s *Session) Next() time.Time {
	var next time.Time
	soonest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	soonest(s.nextBeacon)
	if !s.mine.lossAt.IsZero() {
		soonest(s.mine.lossAt.Add(leaveDebounce))
	}
	if s.mine.pending != nil {
		soonest(s.mine.pending.sealed.Add(switchAfter))
	}
	for _, p := range s.peers {
		if p.owed() {
			soonest(p.out.next)
		}
		if p.recipient && p.question.open() {
			soonest(p.question.at.Add(askAgain))
		}
		if p.differs != nil && p.admitted {
			soonest(p.differs.asked.Add(askInterval))
			if !p.differs.told {
				soonest(s.known(p.differs))
			}
		}
	}
	if len(s.held) > 0 {
		soonest(s.held[0].until)
	}
	return next
}
