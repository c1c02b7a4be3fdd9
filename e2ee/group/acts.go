package group

import (
	"slices"
	"time"

	"conclave/e2ee/mls"
)

// What a person does to the group, and what a host's or heir's client does for it.

// maxActs bounds the acts that wait for a commit.
const maxActs = 64

// Times of succession.
const (
	successionDelay = 60 * time.Second // without any host's leaf
	successionTurn  = 15 * time.Second // for each place in the order
)

type actKind uint8

const (
	actRole actKind = iota
	actRemove
	actLobby
	actRename
	actHeirs
	actSucceed
	actFresh // a path: another epoch, nothing else
)

// act is one thing to do by the next commit.
type act struct {
	kind actKind
	key  Key
	role Role
	on   bool
	name []byte // sealed
}

// do queues an act.
func (s *Session) do(now time.Time, a act) error {
	if s.phase != inside || !s.sure {
		return ErrNotReady
	}
	if len(s.duty.acts) >= maxActs {
		return ErrBusy
	}
	s.duty.acts = append(s.duty.acts, a)
	s.settle(now)
	return nil
}

// ownRole is the role of this session's member.
func (s *Session) ownRole() Role {
	if s.phase != inside {
		return RoleViewer
	}
	return s.cur.public.role(s.self)
}

// Admit signs an admission for a person in the lobby, by their announce, up to a role. It travels in the protocol's
// admit.
func (s *Session) Admit(announce []byte, role Role) ([]byte, error) {
	key, _, ok := parseAnnounce(announce)
	own := s.ownRole()
	switch {
	case s.phase != inside || !s.sure:
		return nil, ErrNotReady
	case !ok:
		return nil, malformed("announce")
	case own != RoleHost && (own != RoleCoHost || role > RoleParticipant), role > RoleHost:
		return nil, ErrNotAllowed
	case s.cur.public.meeting.isRevoked(key):
		return nil, ErrNotAllowed
	}
	return newAdmission(s.cfg.Identity, s.cur.public.group, key, role).encode(), nil
}

// LobbyName opens the name in an announce; "" if it does not open.
func (s *Session) LobbyName(announce []byte) string {
	key, name, ok := parseAnnounce(announce)
	if !ok {
		return ""
	}
	return s.root.openName(key, name)
}

// SetRole gives a member another role. Only hosts may.
func (s *Session) SetRole(now time.Time, of Key, role Role) error {
	if s.ownRole() != RoleHost || role > RoleHost || s.phase == inside && s.cur.public.meeting.isCreator(of) {
		return ErrNotAllowed
	}
	return s.do(now, act{kind: actRole, key: of, role: role})
}

// Remove removes a member for good; lock also switches the lobby on.
func (s *Session) Remove(now time.Time, who Key, lock bool) error {
	own := s.ownRole()
	if s.phase != inside {
		return ErrNotReady
	}
	if _, here := s.cur.public.index[who]; !here {
		return ErrNotHere
	}
	if who == s.self || own != RoleHost && (own != RoleCoHost || s.cur.public.role(who) >= RoleCoHost) {
		return ErrNotAllowed
	}
	s.lose(now, who, true)
	return s.do(now, act{kind: actRemove, key: who, on: lock})
}

// SetLobby switches the lobby on or off.
func (s *Session) SetLobby(now time.Time, on bool) error {
	if s.ownRole() < RoleCoHost {
		return ErrNotAllowed
	}
	return s.do(now, act{kind: actLobby, on: on})
}

// Rename changes one's own name.
func (s *Session) Rename(now time.Time, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	sealed, err := s.root.sealName(s.random, s.self, name)
	if err != nil {
		return err
	}
	s.name = sealed
	return s.do(now, act{kind: actRename, name: sealed})
}

// Leave says goodbye: nothing is sent after it.
func (s *Session) Leave(now time.Time) {
	if s.phase == inside {
		own := &mls.Proposal{Type: mls.ProposalRemove, Remove: s.cur.group.Own()}
		if b, _, err := s.cur.group.Propose(own, nil); err == nil {
			s.send(&Propose{Data: b})
		}
		s.dropStates()
	}
	s.phase = finished
	s.settle(now)
}

// planActs puts the acts into a commit, as far as the role still allows them.
func (s *Session) planActs(p *plan, now time.Time, remove func(uint32)) {
	pub := s.cur.public
	next := pub.meeting.clone()
	acts := append(slices.Clone(s.duty.acts), s.dutyActs(now)...)
	if due := s.leftDue(); !due.IsZero() && !now.Before(due) {
		acts = append(acts, act{kind: actFresh})
	}
	p.acts = len(s.duty.acts)
	role := pub.role(s.self)
	for i := range acts {
		a := &acts[i]
		switch {
		case a.kind == actRename:
			m := s.member()
			p.options.Leaf = &mls.LeafChange{Credential: m.Credential, Capabilities: m.Capabilities, Extensions: m.Extensions}
		case a.kind == actFresh:
			p.fresh = true
		case a.kind == actSucceed:
			if after := pub.succession(s.self); after != nil && len(pub.hosts) == 0 {
				next = after
			}
		case a.kind == actRole && role == RoleHost:
			s.changeRole(next, a.key, a.role)
		case a.kind == actHeirs && role == RoleHost:
			next.heirs = s.listHeirs()
		case a.kind == actLobby && role >= RoleCoHost:
			next.lobby = a.on
		case a.kind == actRemove && (role == RoleHost || role == RoleCoHost && pub.role(a.key) < RoleCoHost):
			s.changeRemoved(next, a, role)
			if leaf, here := pub.index[a.key]; here {
				remove(leaf)
			}
		}
	}
	if data := next.encode(); string(data) != string(pub.meeting.encode()) {
		p.options.Extensions = withMeeting(s.cur.group.Extensions(), data)
	}
}

// withMeeting are the extensions with another policy.
func withMeeting(list []mls.Extension, data []byte) []mls.Extension {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Type == extMeeting {
			list[i].Data = data
		}
	}
	return list
}

// issuer signs roles: the own key, or the room's for its owner.
func (s *Session) issuer(m *meeting) *Identity {
	if s.cfg.Room != nil && m.isCreator(s.cfg.Room.Key()) {
		return s.cfg.Room
	}
	return s.cfg.Identity
}

// changeRole gives a key a role. What it signed is signed anew if it is host no longer.
func (s *Session) changeRole(m *meeting, key Key, role Role) {
	group := s.cur.public.group
	by := s.issuer(m)
	owner := false // a room's owner is host without an entry: only an entry takes that back
	if i, here := s.cur.public.index[key]; here {
		a := s.cur.public.seats[i].admission
		owner = a != nil && a.role == RoleHost && m.isCreator(a.issuer)
	}
	switch {
	case m.isCreator(key), m.entry(key) == nil && len(m.roles) >= maxRoles && role != RoleParticipant:
		return
	case role == RoleParticipant && !owner:
		m.set(key, nil)
	default:
		g := newGrant(by, group, key, role)
		m.set(key, &g)
	}
	m.heirs = slices.DeleteFunc(m.heirs, func(g grant) bool { return g.key == key })
	if role == RoleHost {
		return
	}
	for i := range m.roles {
		if g := &m.roles[i]; g.issuer == key {
			*g = newGrant(by, group, g.key, g.role)
		}
	}
	for i := range m.heirs {
		if g := &m.heirs[i]; g.issuer == key {
			*g = newGrant(by, group, g.key, roleHeir)
		}
	}
}

// changeRemoved revokes a key. Where the list is full the meeting must be locked.
func (s *Session) changeRemoved(m *meeting, a *act, role Role) {
	if role == RoleHost && (m.entry(a.key) != nil || m.heir(a.key) != nil) {
		s.changeRole(m, a.key, RoleParticipant)
		m.set(a.key, nil)
	}
	full := len(m.revoked) >= maxRevoked
	if !m.isRevoked(a.key) && !full {
		m.revoked = append(m.revoked, a.key)
	}
	if a.on || full {
		m.lobby = true
	}
}

// policyDue is when this client has something to do for the policy on its own.
func (s *Session) policyDue() time.Time {
	if len(s.dutyActs(s.now)) > 0 {
		return s.now
	}
	pub := s.cur.public
	if len(pub.hosts) == 0 {
		if i := slices.Index(pub.heirs, s.self); i >= 0 {
			return s.watch.hostless.Add(successionDelay + time.Duration(i)*successionTurn)
		}
		return time.Time{}
	}
	if s.duty.heirsAt.IsZero() {
		return time.Time{}
	}
	return s.duty.heirsAt.Add(heirsDelay)
}

// dutyActs are what is due of it.
func (s *Session) dutyActs(now time.Time) []act {
	pub := s.cur.public
	if len(pub.hosts) == 0 {
		i := slices.Index(pub.heirs, s.self)
		if i < 0 || now.Before(s.watch.hostless.Add(successionDelay+time.Duration(i)*successionTurn)) {
			return nil
		}
		return []act{{kind: actSucceed}}
	}
	if s.place(pub.hosts, nil) != 0 || !s.wantHeirs() {
		s.duty.heirsAt = time.Time{}
		return nil
	}
	if s.duty.heirsAt.IsZero() {
		s.duty.heirsAt = now
	}
	if now.Before(s.duty.heirsAt.Add(heirsDelay)) {
		return nil
	}
	return []act{{kind: actHeirs}}
}

// wantHeirs says whether there are too few heirs, and members who could be.
func (s *Session) wantHeirs() bool {
	pub := s.cur.public
	return len(pub.heirLeaves()) < maxHeirs && len(s.heirCandidates()) > 0
}

// heirCandidates are members that could be heirs and are not: people who are connected, longest there first.
func (s *Session) heirCandidates() (list []Key) {
	pub := s.cur.public
	for i, key := range pub.leaves {
		if len(list) == maxHeirs {
			break
		}
		if pub.seats[i] == nil || pub.seats[i].bot || pub.roles[i] != RoleParticipant || pub.meeting.entry(key) != nil {
			continue
		}
		if s.eligible(uint32(i), nil) && pub.meeting.heir(key) == nil {
			list = append(list, key)
		}
	}
	return list
}

// listHeirs are the heirs that are still there, and as many others as there is room for.
func (s *Session) listHeirs() (list []grant) {
	pub := s.cur.public
	coHosts := 0
	for _, key := range pub.heirs {
		if _, here := pub.index[key]; here && pub.meeting.heir(key) == nil {
			coHosts++
		}
	}
	for i := range pub.meeting.heirs {
		g := pub.meeting.heirs[i]
		if _, here := pub.index[g.key]; here && pub.role(g.key) == RoleParticipant {
			list = append(list, g)
		}
	}
	for _, key := range s.heirCandidates() {
		if len(list)+coHosts < maxHeirs {
			list = append(list, newGrant(s.issuer(pub.meeting), pub.group, key, roleHeir))
		}
	}
	return list
}
