package meeting

import (
	"slices"
	"time"

	"conclave/media"
)

// request does what a participant asks. token makes fresh resume tokens. sink is the socket it came by: one that is no
// longer the seat's has no say.
func (s *state) request(now time.Time, id media.ParticipantID, sink Sink, r Request, token func() string) error {
	p := s.seats[id]
	if s.ended || p == nil || p.sink != sink {
		return ErrNotJoined
	}
	if r, ok := r.(Leave); ok {
		s.leaveRequest(now, p, r)
		return nil
	}
	if r, ok := r.(Relay); ok {
		return s.relay(now, p, r) // what a client does by itself, also from the lobby
	}
	if p.role == NoRole {
		return ErrNotJoined
	}
	if need := needs(r); !p.may(need) {
		return ErrNotPermitted
	}
	switch r.(type) {
	case SetView, Negotiated: // what a client does by itself
	default:
		p.active, p.asked = now, time.Time{}
	}
	switch r := r.(type) {
	case SetMedia, SetView, Negotiated, Active:
		return s.ownMedia(now, p, r)
	case Say, React, SetHand, Broadcast:
		return s.talk(now, p, r)
	case Admit:
		return s.admitRequest(now, r, token)
	case Deny:
		return s.denyRequest(now, r)
	default:
		return s.moderate(now, p, r)
	}
}

// needs is the permission that a request takes.
func needs(r Request) Permission {
	switch r.(type) {
	case Say, React, SetHand, Broadcast:
		return MayChat
	case Admit, Deny:
		return MayAdmit
	case Mute, AskUnmute:
		return MayMute
	case Remove:
		return MayRemove
	case SetPolicy:
		return MayLock
	case SetSpotlight:
		return MaySpotlight
	case SetRole:
		return MayRoles
	case End:
		return MayEnd
	default:
		return 0
	}
}

func (s *state) ownMedia(now time.Time, p *seat, r Request) error {
	switch r := r.(type) {
	case SetMedia:
		if r.Sources&^p.role.Permissions().Sources() != 0 {
			return ErrNotPermitted
		}
		s.declare(now, p, r.Sources)
	case SetView:
		if !p.negotiated {
			return ErrNoMedia
		}
		s.do(effect{kind: setView, seat: p.id, wants: r.Wants})
	case Negotiated:
		p.negotiated, p.failedAt, p.refused = true, time.Time{}, nil
	case Active:
	}
	return nil
}

// declare changes what a seat publishes: the media server first, then the others.
func (s *state) declare(now time.Time, p *seat, sources media.SourceSet) {
	if p.declared == sources {
		return
	}
	p.declared = sources
	s.do(effect{kind: setLive, seat: p.id, live: p.live()})
	s.changed(now, p.id, changed)
}

func (s *state) talk(now time.Time, p *seat, r Request) error {
	switch r := r.(type) {
	case Broadcast:
		return s.broadcast(now, p, r)
	case Say:
		if s.e2ee {
			return ErrE2EERequired
		}
		said := Said{From: p.id, To: r.To, Text: r.Text, At: now}
		if r.To == 0 {
			s.tellAll(said)
			return nil
		}
		to := s.seats[r.To]
		if to == nil || to.role == NoRole {
			return ErrNoSuchParticipant
		}
		s.tell(to, said)
		if to != p {
			s.tell(p, said)
		}
	case React:
		if s.e2ee {
			return ErrE2EERequired
		}
		s.tellAll(Reacted{From: p.id, Kind: r.Kind})
	case SetHand:
		return s.setHand(now, p, r)
	}
	return nil
}

func (s *state) setHand(now time.Time, p *seat, r SetHand) error {
	if r.Participant != 0 && r.Participant != p.id {
		if r.Raised || !p.may(MayMute) {
			return ErrNotPermitted
		}
		other := s.seats[r.Participant]
		if other == nil || other.role == NoRole {
			return ErrNoSuchParticipant
		}
		s.lowerHand(now, other)
		return nil
	}
	if r.Raised {
		s.raiseHand(now, p)
	} else {
		s.lowerHand(now, p)
	}
	return nil
}

func (s *state) moderate(now time.Time, p *seat, r Request) error {
	switch r := r.(type) {
	case Mute:
		return s.mute(now, p, r)
	case AskUnmute:
		list, err := s.named(r.Participants, false)
		if err != nil {
			return err
		}
		for _, other := range list {
			s.tell(other, AskedUnmute{By: p.id, Sources: r.Sources})
		}
	case Remove:
		return s.remove(now, p, r)
	case SetRole:
		return s.roleRequest(now, p, r)
	case SetSpotlight:
		return s.spotlightRequest(p, r)
	case SetPolicy:
		if r.Locked != nil {
			s.locked = *r.Locked
		}
		if r.Lobby != nil {
			s.lobby = *r.Lobby
		}
		s.tellAll(PolicyChanged{Locked: s.locked, Lobby: s.lobby})
	case End:
		s.end(ByeEnded)
	}
	return nil
}

// mute stops sources of others. Those who had none of them on are not told.
func (s *state) mute(now time.Time, p *seat, r Mute) error {
	list, err := s.named(r.Participants, false)
	if err != nil {
		return err
	}
	if r.All {
		for _, other := range s.seats {
			if other != p && other.role != NoRole {
				list = append(list, other)
			}
		}
		slices.SortFunc(list, func(a, b *seat) int { return int(int64(a.id) - int64(b.id)) })
	}
	for _, other := range list {
		if stopped := other.declared & r.Sources; stopped != 0 {
			s.declare(now, other, other.declared&^r.Sources)
			s.tell(other, Muted{By: p.id, Sources: stopped})
		}
	}
	return nil
}

// remove puts people out. Nobody removes somebody who holds permissions that they do not hold, nor themselves.
func (s *state) remove(now time.Time, p *seat, r Remove) error {
	list, err := s.named(r.Participants, false)
	if err != nil {
		return err
	}
	for _, other := range list {
		if other == p || !p.may(other.role.Permissions()) {
			return ErrNotPermitted
		}
		if who := other.identity.person(); r.Ban && (who == s.creator || who == p.identity.person()) {
			return ErrNotPermitted
		}
	}
	if r.Ban && len(s.banned)+len(list) > maxBans {
		return ErrBusy
	}
	bye := ByeRemoved
	if r.Ban {
		bye = ByeBanned
	}
	for _, other := range list {
		if r.Ban {
			s.ban(now, other.identity.person())
		}
		if s.seats[other.id] != nil {
			s.leave(now, other, LeftRemoved, bye)
		}
	}
	return nil
}

// ban keeps a person out and puts their other seats out, in the meeting and in the lobby.
func (s *state) ban(now time.Time, who person) {
	if s.banned == nil {
		s.banned = make(map[person]struct{})
	}
	s.banned[who] = struct{}{}
	for _, p := range s.seats {
		if p.identity.person() == who {
			s.leave(now, p, LeftRemoved, ByeBanned)
		}
	}
}

// roleRequest is SetRole. The permission "roles" is the host's alone, so whoever holds it holds all there is to grant.
func (s *state) roleRequest(now time.Time, p *seat, r SetRole) error {
	other := s.seats[r.Participant]
	if other == nil || other.role == NoRole {
		return ErrNoSuchParticipant
	}
	if other == p || !p.may(r.Role.Permissions()) {
		return ErrNotPermitted
	}
	if !s.e2ee && r.Grant != (Blob{}) {
		return ErrNotEncrypted
	}
	s.setRole(now, other, r.Role)
	if r.Grant != (Blob{}) {
		other.grant = r.Grant
		s.changed(now, other.id, changed)
	}
	if r.Role == Host {
		s.handedOver = true
		s.setRole(now, p, Cohost)
	}
	return nil
}

// setRole changes a role and all that follows from it. What the new role may not publish is switched off for good:
// getting the permission back must not open a microphone that its owner believes closed.
func (s *state) setRole(now time.Time, p *seat, role Role) {
	if p.role == role {
		return
	}
	couldAdmit, wasHost := p.may(MayAdmit), p.role == Host
	p.role, p.grant = role, Blob{} // what was signed about the role before says nothing of this one
	s.declare(now, p, p.live())
	s.tell(p, RoleChanged{role})
	s.changed(now, p.id, changed)
	if p.may(MayAdmit) != couldAdmit {
		s.lobbyChanged(now)
	}
	if role == Host {
		s.hosts++
	}
	if wasHost {
		s.hostGone(now)
	}
}

func (s *state) spotlightRequest(p *seat, r SetSpotlight) error {
	if other := s.seats[r.Participant]; r.Participant != 0 && (other == nil || other.role == NoRole) {
		return ErrNoSuchParticipant
	}
	s.setSpotlight(r.Participant, p.id)
	return nil
}

func (s *state) setSpotlight(id, by media.ParticipantID) {
	if s.spotlight != id {
		s.spotlight = id
		s.tellAll(SpotlightChanged{Participant: id, By: by})
	}
}
