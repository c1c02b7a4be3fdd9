package meeting

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// lost notes that the socket of a seat is gone. An old socket of a seat that another one has taken changes nothing.
func (s *state) lost(now time.Time, id media.ParticipantID, sink Sink) {
	p := s.seats[id]
	if p == nil || p.sink != sink {
		return
	}
	p.sink, p.lostAt = nil, now
	s.wakeSeat(p, now.Add(s.cfg.ResumeGrace))
	if p.role == noRole || p.may(protocol.MayAdmit) {
		s.lobbyChanged(now)
	}
	if p.role != noRole {
		s.connectedGroup(now, p)
		s.changed(now, id, changed)
	}
}

// leaveRequest is Leave. In an encrypted meeting the last host may name to whom the meeting falls, if they may inherit
// it: the heirs of the group are not known here.
func (s *state) leaveRequest(now time.Time, p *seat, r *protocol.Leave, why protocol.ByeReason) {
	s.by = p
	defer func() { s.by = nil }()
	heir := s.seats[r.Heir]
	last := s.e2ee && p.role == protocol.RoleHost && s.hosts == 1 && s.policy == protocol.WhenPromote
	if last && heir != nil && heir != p && heir.mayInherit() {
		s.setRole(now, heir, protocol.RoleHost)
	}
	s.leave(now, p, protocol.Left, why)
}

// abandon gives up the seat that a person got on a socket that did not wait for it.
func (s *state) abandon(now time.Time, who person, sink Sink) {
	for _, p := range s.index.persons[who] {
		s.looked++
		if p.sink == sink {
			s.leave(now, p, protocol.LeftLost, protocol.ByeLeft)
			return
		}
	}
}

// leave takes a seat out of the meeting or the lobby. Its media is told to end before anything else is done.
func (s *state) leave(now time.Time, p *seat, why protocol.LeftReason, bye protocol.ByeReason) {
	s.goes(p)
	if p.role == noRole {
		s.bye(p, bye)
		s.lobbyChanged(now)
		return
	}
	s.leaveGroup(now, p)
	s.recordShare(p, p.declared, 0)
	s.recordOf(ActionLeft, p, string(why))
	s.do(effect{kind: closePeer, seat: p.id})
	s.bye(p, bye)
	s.lowerHand(now, p)
	s.speakers = slices.DeleteFunc(s.speakers, func(id media.ParticipantID) bool { return id == p.id })
	s.present--
	who := p.identity.person()
	if s.here[who]--; s.here[who] == 0 {
		delete(s.here, who)
	}
	s.left(now, p.id, why)
	if s.parent == (ID{}) && !s.isHere(who) {
		s.do(effect{kind: leaveBreakouts, who: who})
	}
	if s.spotlight == p.id {
		s.setSpotlight(0, 0)
	}
	if p.may(protocol.MayAdmit) {
		s.lobbyChanged(now)
	}
	if s.present == len(s.index.streams) && !p.identity.stream() {
		s.emptySince = now
		s.wake(now.Add(s.cfg.EmptyAfter))
	}
	if p.role == protocol.RoleHost {
		s.hostGone(now)
	}
}

// hostGone applies the last-host policy when there is no host any more.
func (s *state) hostGone(now time.Time) {
	s.hosts--
	s.lobbyChanged(now)
	if s.hosts > 0 || s.ended {
		return
	}
	switch s.policy {
	case protocol.WhenEnd:
		s.end(protocol.ByeEnded)
	case protocol.WhenPromote:
		if heir := s.heir(); heir != nil {
			s.setRole(now, heir, protocol.RoleHost)
		}
	case protocol.WhenKeep:
	}
}

// heir is the longest-present co-host, else participant; one with a socket before one without. It looks at the
// co-hosts, and at those who entered before the first who may inherit.
func (s *state) heir() (best *seat) {
	consider := func(p *seat) (found bool) {
		s.looked++
		if p.mayInherit() && (best == nil || p.before(best)) {
			best = p
		}
		return best != nil && best.sink != nil
	}
	for _, p := range s.index.leaders {
		consider(p)
	}
	if best != nil && best.sink != nil {
		return best
	}
	for p := range s.index.inside.all() {
		if consider(p) {
			break
		}
	}
	return best
}

// mayInherit says whether the meeting may fall to a participant. Never to bots, guests and
// streams: nothing about them is known.
func (p *seat) mayInherit() bool {
	known := !p.identity.Bot && !p.identity.guest() && !p.identity.stream()
	return known && (p.role == protocol.RoleCohost || p.role == protocol.RoleParticipant)
}

func (p *seat) before(q *seat) bool {
	if (p.sink != nil) != (q.sink != nil) {
		return p.sink != nil
	}
	if p.role != q.role {
		return p.role == protocol.RoleCohost // the other is a participant
	}
	return p.entered < q.entered
}

// end ends the meeting for everybody, lobby included. Nothing of it remains.
func (s *state) end(why protocol.ByeReason) {
	if s.ended {
		return
	}
	s.ended = true
	s.recordEnd(why)
	var sinks []Sink
	for _, p := range s.seats {
		if p.sink != nil {
			sinks, p.sink = append(sinks, p.sink), nil
		}
	}
	if len(sinks) > 0 {
		s.do(effect{kind: sendSome, sinks: sinks, event: bye(why)})
	}
	s.do(effect{kind: endMeeting})
	s.seats, s.index, s.resumes, s.banned, s.hands, s.speakers = nil, index{}, nil, nil, nil, nil
	s.voices, s.here, s.keys = nil, nil, nil
	s.present, s.hosts, s.spotlight, s.next, s.group = 0, 0, 0, time.Time{}, nil
	s.batch, s.lobbyNews, s.mail, s.quality = batch{}, lobbyNews{}, mail{}, qualityBatch{}
}
