package meeting

import (
	"cmp"
	"maps"
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
		list = s.publishersBut(p, m.Sources)
	}
	muted, told := media.Sources(m.Sources...), make(map[media.SourceSet][]*seat)
	for _, other := range list {
		if stopped := other.declared & muted; stopped != 0 {
			s.recordOn(ActionMuted, other, sourceNames(stopped))
			s.declare(now, other, other.declared&^muted)
			told[stopped] = append(told[stopped], other)
		}
	}
	for stopped, those := range told {
		s.tellSome(those, &protocol.Muted{By: p.id, Sources: stopped.List()})
	}
	return nil
}

// publishersBut lists who has any of some sources on, without one, by number.
func (s *state) publishersBut(but *seat, sources []media.Source) []*seat {
	some := make(set)
	for _, source := range sources {
		maps.Copy(some, s.index.publishers[source])
	}
	delete(some, but.id)
	s.looked += len(some)
	return slices.SortedFunc(maps.Values(some), func(a, b *seat) int { return cmp.Compare(a.id, b.id) })
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
	for _, p := range s.index.persons[who] {
		s.looked++
		s.leave(now, p, protocol.LeftRemoved, protocol.ByeBanned)
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
	s.leads(p)
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
	e := &protocol.AskUnmuteEvent{By: p.id, Sources: m.Sources}
	s.tellSome(list, e)
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
