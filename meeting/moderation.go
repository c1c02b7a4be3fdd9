package meeting

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// What hosts and co-hosts may do to others.

// mute stops sources of others. Those who had none of them on are not told.
func (s *state) mute(now time.Time, p *seat, m *protocol.Mute) error {
	list, err := s.named(m.Participants, false)
	if err != nil {
		return err
	}
	if m.All {
		for _, other := range s.seats {
			if other != p && other.role != noRole {
				list = append(list, other)
			}
		}
		slices.SortFunc(list, func(a, b *seat) int { return int(int64(a.id) - int64(b.id)) })
	}
	muted := media.Sources(m.Sources...)
	for _, other := range list {
		if stopped := other.declared & muted; stopped != 0 {
			s.recordOn(ActionMuted, other, sourceNames(stopped))
			s.declare(now, other, other.declared&^muted)
			s.tell(other, &protocol.Muted{By: p.id, Sources: stopped.List()})
		}
	}
	return nil
}

// remove puts people out. A participant removes neither themselves nor those who hold a permission that they do not.
func (s *state) remove(now time.Time, p *seat, m *protocol.Remove) error {
	list, err := s.named(m.Participants, false)
	if err != nil {
		return err
	}
	for _, other := range list {
		if other == p || !covers(p.role, other.role) {
			return ErrNotPermitted
		}
		if who := other.identity.person(); m.Ban && (who == s.creator || who == p.identity.person()) {
			return ErrNotPermitted
		}
	}
	if m.Ban && len(s.banned)+len(list) > maxBans {
		return ErrBusy
	}
	bye := protocol.ByeRemoved
	if m.Ban {
		bye = protocol.ByeBanned
	}
	for _, other := range list {
		s.recordOn(ActionRemoved, other, string(bye))
		if m.Ban {
			s.ban(now, other.identity.person())
		}
		if other.identity.stream() { // it would come back
			s.keys = slices.DeleteFunc(s.keys, func(k streamKey) bool { return k.number == other.key })
		}
		if s.seats[other.id] != nil {
			s.leave(now, other, protocol.LeftRemoved, bye)
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
			s.leave(now, p, protocol.LeftRemoved, protocol.ByeBanned)
		}
	}
}

// roleRequest is SetRole. The permission "roles" is the host's alone, and the host holds all there is to grant.
func (s *state) roleRequest(now time.Time, p *seat, m *protocol.SetRole) error {
	other := s.seats[m.Participant]
	if other == nil || other.role == noRole {
		return ErrNoSuchParticipant
	}
	if other == p || !covers(p.role, m.Role) || other.identity.stream() { // a stream's key says what it may do
		return ErrNotPermitted
	}
	s.setRole(now, other, m.Role)
	if m.Role == protocol.RoleHost {
		s.handedOver = true
		s.setRole(now, p, protocol.RoleCohost)
	}
	return nil
}

// setRole changes a role and all that follows from it. What the new role may not publish is switched off for good:
// getting the permission back must not open a microphone that its owner believes closed.
func (s *state) setRole(now time.Time, p *seat, role protocol.Role) {
	if p.role == role {
		return
	}
	couldAdmit, wasHost := p.may(protocol.MayAdmit), p.role == protocol.RoleHost
	s.recordOn(ActionRole, p, string(role))
	p.role = role
	s.declare(now, p, p.live())
	s.tell(p, &protocol.Permissions{Role: role, Permissions: permissionsOf(role)})
	s.changed(now, p.id, changed)
	if p.may(protocol.MayAdmit) != couldAdmit {
		s.lobbyChanged(now)
	}
	if role == protocol.RoleHost {
		s.hosts++
	}
	if wasHost {
		s.hostGone(now)
	}
}

func (s *state) spotlightRequest(p *seat, m *protocol.Spotlight) error {
	if other := s.seats[m.Participant]; m.Participant != 0 && (other == nil || other.role == noRole) {
		return ErrNoSuchParticipant
	}
	s.setSpotlight(m.Participant, p.id)
	return nil
}

func (s *state) setSpotlight(id, by media.ParticipantID) {
	if s.spotlight != id {
		s.spotlight, s.restage = id, true
		s.tellAll(&protocol.SpotlightEvent{Participant: id, By: by})
	}
}

// askUnmute asks participants to switch sources on.
func (s *state) askUnmute(p *seat, m *protocol.AskUnmute) error {
	list, err := s.named(m.Participants, false)
	if err != nil {
		return err
	}
	for _, other := range list {
		s.tell(other, &protocol.AskUnmuteEvent{By: p.id, Sources: m.Sources})
	}
	return nil
}

func (s *state) setPolicy(m *protocol.SetPolicy) error {
	if s.confidential && m.Lobby != nil && !*m.Lobby {
		return ErrConfidential
	}
	if m.Locked != nil && s.locked != *m.Locked {
		s.locked = *m.Locked
		s.recordOn(lockAction(s.locked), nil, "")
	}
	if m.Lobby != nil {
		s.lobby = *m.Lobby
	}
	s.tellAll(&protocol.PolicyEvent{Locked: s.locked, Lobby: s.lobby})
	return nil
}

func lockAction(locked bool) Action {
	if locked {
		return ActionLocked
	}
	return ActionUnlocked
}
