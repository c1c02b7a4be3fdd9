package group

import (
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"testing"

	"conclave/e2ee/mls"
)

// lab is a group without sessions, to see which commits count in it.
type lab struct {
	t       *testing.T
	random  *rand.ChaCha8
	root    *Root
	id      []byte
	server  ed25519.PrivateKey
	people  map[string]*Identity
	groups  map[string]*mls.Group
	members []string
}

func (l *lab) person(name string) *Identity {
	if l.people[name] == nil {
		id, err := NewIdentity(l.random)
		if err != nil {
			l.t.Fatal(err)
		}
		l.people[name] = id
	}
	return l.people[name]
}

func (l *lab) key(name string) Key { return l.person(name).Key() }

// newLab makes a group of the names; the first is the creator. edit may change the policy.
func newLab(t *testing.T, edit func(l *lab, m *meeting), names ...string) *lab {
	t.Helper()
	l := &lab{
		t: t, random: rand.NewChaCha8([32]byte{3}), people: map[string]*Identity{}, groups: map[string]*mls.Group{},
		members: names,
	}
	link := must[Link](t)(NewLink(l.random, l.person("ann").Public(), true))
	l.root = must[*Root](t)(link.Root("k7qm-2f9x-w3dj-8hrt", ""))
	l.id = make([]byte, 16)
	_, l.server, _ = ed25519.GenerateKey(l.random)
	m := &meeting{creator: link.Creator, lobby: true, version: 1}
	if edit != nil {
		edit(l, m)
	}
	g := must[*mls.Group](t)(mls.Create(l.config(), l.member(names[0], l.seat(nil)), l.id, l.extensions(m)))
	o := mls.CommitOptions{Options: l.options(), UsePSKs: [][]byte{pskID(1)}}
	joiners := make([]*mls.Joiner, len(names))
	for i, name := range names[1:] {
		joiners[i+1] = l.joiner(name, nil, true)
		o.Adds = append(o.Adds, joiners[i+1].KeyPackage)
	}
	c := must[*mls.Commit](t)(g.Commit(o))
	l.groups[names[0]] = c.Next
	for i, name := range names[1:] {
		l.groups[name] = must[*mls.Group](t)(mls.Join(joiners[i+1], c.Welcome.For(i), nil, l.root.psks()))
	}
	return l
}

func (l *lab) config() mls.Config { return mls.Config{Random: l.random} }

func (l *lab) options() mls.Options { return mls.Options{PSKs: l.root.psks()} }

func (l *lab) seat(a *admission) *seat {
	return &seat{name: make([]byte, nonceSize+nameShort+tagSize), admission: a}
}

func (l *lab) member(name string, s *seat) mls.Member {
	id := l.person(name)
	return mls.Member{
		Key: id.key, Credential: mls.Credential{Type: mls.CredentialBasic, Identity: id.Public()},
		Capabilities: mls.DefaultCapabilities(extMeeting, extSeat, extProof),
		Extensions:   []mls.Extension{{Type: extSeat, Data: s.encode()}},
	}
}

func (l *lab) joiner(name string, a *admission, proof bool) *mls.Joiner {
	return must[*mls.Joiner](l.t)(mls.NewJoiner(l.config(), l.member(name, l.seat(a)), nil, func(k *mls.KeyPackage) {
		b := l.root.joinProof(k.Leaf.SignatureKey, k.InitKey)
		if !proof {
			b[3] ^= 1
		}
		k.Extensions = []mls.Extension{{Type: extProof, Data: b}}
	}))
}

func (l *lab) extensions(m *meeting) []mls.Extension {
	required := mls.RequiredCapabilities{
		Extensions: []uint16{extMeeting, extSeat, extProof}, Credentials: []uint16{mls.CredentialBasic},
	}
	key := []byte(l.server[ed25519.SeedSize:])
	senders := mls.ExternalSenders([]mls.ExternalSender{{
		SignatureKey: key, Credential: mls.Credential{Type: mls.CredentialBasic, Identity: key},
	}})
	return []mls.Extension{{Type: extMeeting, Data: m.encode()}, required.Extension(), senders}
}

func (l *lab) grant(by, to string, role Role) *grant {
	g := newGrant(l.person(by), l.id, l.key(to), role)
	return &g
}

func (l *lab) admission(by, to string, role Role) *admission {
	return newAdmission(l.person(by), l.id, l.key(to), role)
}

func (l *lab) public(name string) *public { return must[*public](l.t)(l.root.publicOf(l.groups[name])) }

func (l *lab) leaf(name string) uint32 { return l.public(l.members[0]).index[l.key(name)] }

// policy is the present policy, changed.
func (l *lab) policy(edit func(m *meeting)) []mls.Extension {
	m := l.public(l.members[0]).meeting.clone()
	edit(m)
	return l.extensions(m)
}

// add is a commit that adds one.
func (l *lab) add(name string, a *admission) mls.CommitOptions {
	return mls.CommitOptions{
		Options: l.options(), Adds: []*mls.KeyPackage{l.joiner(name, a, true).KeyPackage}, UsePSKs: [][]byte{pskID(1)},
	}
}

// judge says what another member thinks of a commit.
func (l *lab) judge(by string, o mls.CommitOptions) error {
	l.t.Helper()
	c := must[*mls.Commit](l.t)(l.groups[by].Commit(o))
	viewer := l.members[0]
	if viewer == by {
		viewer = l.members[1]
	}
	g := l.groups[viewer]
	in := must[*mls.Incoming](l.t)(g.Verify(c.Message))
	return l.public(viewer).check(l.root, in, must[[]*mls.Proposed](l.t)(g.Proposals(in)))
}

// propose has all keep a proposal, and returns its reference.
func (l *lab) propose(message []byte) []byte {
	var ref []byte
	for _, name := range l.members {
		in, _, err := l.groups[name].Process(message, mls.Options{})
		if err != nil && !errors.Is(err, mls.ErrFull) {
			l.t.Fatal(err)
		}
		ref = in.Proposal.Reference
	}
	return ref
}

func (l *lab) wants(by, what string, counts bool, o mls.CommitOptions) {
	l.t.Helper()
	if err := l.judge(by, o); (err == nil) != counts {
		l.t.Errorf("%s: %s: %v", by, what, err)
	} else if err != nil && !errors.Is(err, ErrRule) {
		l.t.Errorf("%s: %s: another error: %v", by, what, err)
	}
}

// withRoles is a group of the creator ann, the host hal, the co-host coe, the viewer vic, and the participant pat.
func withRoles(t *testing.T, edit func(l *lab, m *meeting)) *lab {
	return newLab(t, func(l *lab, m *meeting) {
		m.set(l.key("hal"), l.grant("ann", "hal", RoleHost))
		m.set(l.key("coe"), l.grant("hal", "coe", RoleCoHost))
		m.set(l.key("vic"), l.grant("ann", "vic", RoleViewer))
		if edit != nil {
			edit(l, m)
		}
	}, "ann", "hal", "coe", "vic", "pat", "pam")
}

func TestWhoMayRemove(t *testing.T) {
	l := withRoles(t, nil)
	for by, may := range map[string]map[string]bool{
		"ann": {"hal": true, "coe": true, "pat": true}, "hal": {"ann": true, "coe": true, "pat": true},
		"coe": {"ann": false, "hal": false, "vic": true, "pat": true}, "pat": {"ann": false, "coe": false, "pam": false},
		"vic": {"pat": false},
	} {
		for who, counts := range may {
			l.wants(by, "removes "+who, counts, mls.CommitOptions{Removes: []uint32{l.leaf(who)}})
		}
	}
	o := l.add("pam", nil)
	o.Removes = []uint32{l.leaf("pam")}
	l.wants("pat", "brings pam back", true, o)
	o.Removes = []uint32{l.leaf("coe")}
	if _, err := l.groups["pat"].Commit(o); err == nil {
		t.Error("pam has two leaves")
	}
}

func TestProposalsCountByWhoMadeThem(t *testing.T) {
	l := withRoles(t, nil)
	leave := func(by, who string) []byte {
		b, _, err := l.groups[by].Propose(&mls.Proposal{Type: mls.ProposalRemove, Remove: l.leaf(who)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range l.members {
			if name != by {
				if _, _, err := l.groups[name].Process(b, mls.Options{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		kept := l.groups[by].Kept()
		return kept[len(kept)-1].Reference
	}
	l.wants("pat", "commits pam's own leaving", true, mls.CommitOptions{ByReference: [][]byte{leave("pam", "pam")}})
	l.wants("pat", "commits what a host proposed", true, mls.CommitOptions{ByReference: [][]byte{leave("hal", "vic")}})
	l.wants("ann", "commits what pam may not", false, mls.CommitOptions{ByReference: [][]byte{leave("pam", "hal")}})
	key, other := l.key("coe"), l.key("pat")
	removal := func(data Key) []byte {
		p := &mls.Proposal{Type: mls.ProposalRemove, Remove: l.leaf("coe")}
		return l.propose(mls.ExternalProposal(l.server, 0, l.id, 1, p, data[:]))
	}
	l.wants("pat", "commits the server's", true, mls.CommitOptions{ByReference: [][]byte{removal(key)}})
	l.wants("pat", "commits the server's of another key", false, mls.CommitOptions{ByReference: [][]byte{removal(other)}})
	pack := l.joiner("new", l.admission("ann", "new", RoleParticipant), true).KeyPackage
	ref := l.propose(mls.ExternalProposal(l.server, 0, l.id, 1, &mls.Proposal{Type: mls.ProposalAdd, Add: pack}, nil))
	o := mls.CommitOptions{Options: l.options(), ByReference: [][]byte{ref}, UsePSKs: [][]byte{pskID(1)}}
	l.wants("pat", "commits what the server adds", false, o)
	open := l.policy(func(m *meeting) { m.lobby = false })
	policy := &mls.Proposal{Type: mls.ProposalGroupContextExtensions, Extensions: open}
	ref = l.propose(mls.ExternalProposal(l.server, 0, l.id, 1, policy, nil))
	l.wants("pat", "commits the server's policy", false, mls.CommitOptions{ByReference: [][]byte{ref}})
}

func TestWhoIsAdded(t *testing.T) {
	l := withRoles(t, func(l *lab, m *meeting) { m.revoked = []Key{l.key("rex")} })
	l.wants("pat", "one whom a host admitted", true, l.add("new", l.admission("hal", "new", RoleHost)))
	l.wants("pat", "one whom the creator admitted", true, l.add("new", l.admission("ann", "new", RoleParticipant)))
	l.wants("pat", "one whom a co-host admitted", true, l.add("new", l.admission("coe", "new", RoleParticipant)))
	l.wants("pat", "a co-host's co-host", false, l.add("new", l.admission("coe", "new", RoleCoHost)))
	l.wants("ann", "one whom a participant admitted", false, l.add("new", l.admission("pat", "new", RoleParticipant)))
	l.wants("ann", "one who was not admitted", false, l.add("new", nil))
	l.wants("ann", "one with another's admission", false, l.add("new", l.admission("ann", "pat", RoleParticipant)))
	forged := l.admission("ann", "new", RoleViewer)
	forged.role = RoleParticipant
	l.wants("ann", "one with a changed admission", false, l.add("new", forged))
	l.wants("ann", "a revoked key", false, l.add("rex", l.admission("ann", "rex", RoleParticipant)))
	o := l.add("new", l.admission("ann", "new", RoleParticipant))
	o.Adds = []*mls.KeyPackage{l.joiner("new", l.admission("ann", "new", RoleParticipant), false).KeyPackage}
	l.wants("ann", "a key package without the link", false, o)
	o = l.add("new", l.admission("ann", "new", RoleParticipant))
	o.UsePSKs = nil
	l.wants("ann", "without the secret of the link", false, o)
	o = l.add("new", l.admission("ann", "new", RoleParticipant))
	o.UsePSKs = [][]byte{pskID(2)}
	l.wants("ann", "with another secret", false, o)
	o.UsePSKs = [][]byte{pskID(1), pskID(1)}
	l.wants("ann", "with the secret twice", false, o)
	odd := l.member("new", l.seat(l.admission("ann", "new", RoleParticipant)))
	odd.Credential.Identity = l.person("pat").Public()
	l.wants("ann", "one with another's credential", false, l.addMember(odd))
	odd = l.member("new", l.seat(l.admission("ann", "new", RoleParticipant)))
	odd.Extensions = nil
	l.wants("ann", "one without a seat", false, l.addMember(odd))
	open := withRoles(t, func(_ *lab, m *meeting) { m.lobby = false })
	open.wants("pat", "without a lobby anybody", true, open.add("new", nil))
	back := newLab(t, func(l *lab, m *meeting) { m.set(l.key("hal"), l.grant("ann", "hal", RoleHost)) }, "ann", "pat")
	back.wants("pat", "a host who comes back", true, back.add("hal", nil))
}

func (l *lab) addMember(m mls.Member) mls.CommitOptions {
	j := must[*mls.Joiner](l.t)(mls.NewJoiner(l.config(), m, nil, func(k *mls.KeyPackage) {
		proof := l.root.joinProof(k.Leaf.SignatureKey, k.InitKey)
		k.Extensions = []mls.Extension{{Type: extProof, Data: proof}}
	}))
	return mls.CommitOptions{Options: l.options(), Adds: []*mls.KeyPackage{j.KeyPackage}, UsePSKs: [][]byte{pskID(1)}}
}

func TestACommitAddsSixtyFourAtMost(t *testing.T) {
	l := newLab(t, func(_ *lab, m *meeting) { m.lobby = false }, "ann", "pat")
	o := l.add("n0", nil)
	for i := range maxAdds {
		o.Adds = append(o.Adds, l.joiner("n"+string(rune('A'+i)), nil, true).KeyPackage)
	}
	l.wants("pat", "adds 65", false, o)
	o.Adds = o.Adds[1:]
	l.wants("pat", "adds 64", true, o)
}

func TestWhoMayChangeWhat(t *testing.T) {
	l := withRoles(t, func(l *lab, m *meeting) {
		m.heirs = []grant{*l.grant("ann", "pam", roleHeir)}
		m.revoked = []Key{l.key("rex")}
	})
	change := func(by, what string, counts bool, edit func(m *meeting)) {
		t.Helper()
		l.wants(by, what, counts, mls.CommitOptions{Extensions: l.policy(edit)})
	}
	lobby := func(m *meeting) { m.lobby = false }
	role := func(g *grant) func(m *meeting) { return func(m *meeting) { m.set(g.key, g) } }
	revoke := func(name string) func(m *meeting) {
		return func(m *meeting) { m.revoked = append(m.revoked, l.key(name)) }
	}
	for _, by := range []string{"ann", "hal"} {
		change(by, "lobby", true, lobby)
		change(by, "role", true, role(l.grant(by, "pat", RoleHost)))
		change(by, "role signed by the creator", true, role(l.grant("ann", "pat", RoleHost)))
		change(by, "revokes a host", true, revoke("hal"))
		change(by, "heirs", true, func(m *meeting) { m.heirs = append(m.heirs, *l.grant(by, "pat", roleHeir)) })
		change(by, "another creator", false, func(m *meeting) { m.creator[0] ^= 1 })
	}
	change("ann", "role that another signed", false, role(l.grant("hal", "pat", RoleHost)))
	change("ann", "heir that another signed", false, func(m *meeting) {
		m.heirs = append(m.heirs, *l.grant("hal", "pat", roleHeir))
	})
	change("hal", "role that no host signed", false, role(l.grant("pat", "pat", RoleHost)))
	forged := *l.grant("hal", "pat", RoleCoHost)
	forged.role, forged.signed = RoleHost, RoleHost
	change("hal", "role of a wrong signature", false, role(&forged))
	promoted := *l.grant("hal", "pat", roleHeir)
	promoted.role = RoleHost
	change("hal", "role as if an heir had succeeded", false, role(&promoted))
	change("ann", "takes hal out and leaves what hal signed", false, func(m *meeting) { m.set(l.key("hal"), nil) })
	change("ann", "takes hal out and signs that anew", true, func(m *meeting) {
		m.set(l.key("hal"), nil)
		m.set(l.key("coe"), l.grant("ann", "coe", RoleCoHost))
	})
	change("coe", "lobby", true, lobby)
	change("coe", "revokes a participant", true, revoke("pat"))
	change("coe", "revokes a host", false, revoke("hal"))
	change("coe", "revokes a co-host", false, revoke("coe"))
	change("coe", "gives back a key", true, func(m *meeting) { m.revoked = nil })
	change("coe", "role", false, role(l.grant("coe", "pat", RoleCoHost)))
	change("coe", "heirs", false, func(m *meeting) { m.heirs = nil })
	change("coe", "version", false, func(m *meeting) { m.version = 2 })
	change("pat", "lobby", false, lobby)
	change("vic", "revokes", false, revoke("pat"))
	change("pam", "succeeds while there are hosts", false, func(m *meeting) {
		*m = *l.public("ann").succession(l.key("pam"))
	})
	other := l.extensions(l.public("ann").meeting)
	other[2] = mls.ExternalSenders([]mls.ExternalSender{{
		SignatureKey: l.person("hal").Public(), Credential: mls.Credential{Type: mls.CredentialBasic},
	}})
	l.wants("ann", "another server key", false, mls.CommitOptions{Extensions: other})
	l.wants("ann", "without a policy", false, mls.CommitOptions{Extensions: other[1:]})
	plain := newLab(t, nil, "ann", "pat")
	creator := plain.policy(func(m *meeting) { m.creator = FingerprintOf(plain.person("pat").Public()) })
	plain.wants("ann", "gives the meeting away", false, mls.CommitOptions{Extensions: creator})
}

func TestWhoSucceeds(t *testing.T) {
	l := newLab(t, func(l *lab, m *meeting) {
		m.set(l.key("coe"), l.grant("ann", "coe", RoleCoHost))
		m.set(l.key("vic"), l.grant("ann", "vic", RoleViewer))
		m.heirs = []grant{*l.grant("ann", "pam", roleHeir), *l.grant("ann", "vic", roleHeir)}
	}, "pat", "coe", "pam", "vic")
	for by, counts := range map[string]bool{"coe": true, "pam": true, "pat": false, "vic": false} {
		p := l.public("pat")
		next := p.succession(l.key(by))
		if (next != nil) != counts {
			t.Errorf("%s: succession %v", by, next != nil)
		}
		if next == nil {
			next = p.meeting.clone()
			next.set(l.key(by), l.grant(by, by, RoleHost))
		}
		l.wants(by, "succeeds", counts, mls.CommitOptions{Extensions: l.extensions(next)})
		next = next.clone()
		next.lobby = false
		l.wants(by, "succeeds and opens the meeting", false, mls.CommitOptions{Extensions: l.extensions(next)})
	}
	next := l.public("pat").succession(l.key("pam"))
	l.wants("coe", "makes pam host", false, mls.CommitOptions{Extensions: l.extensions(next)})
	if got := l.public("pat").heirs; len(got) != 2 || got[0] != l.key("coe") || got[1] != l.key("pam") {
		t.Errorf("heirs: %v", got)
	}
}

func TestTheLeafOfAPath(t *testing.T) {
	l := withRoles(t, nil)
	change := func(what string, counts bool, edit func(s *seat, m *mls.Member)) {
		t.Helper()
		s := l.seat(nil)
		m := l.member("pat", s)
		edit(s, &m)
		if m.Extensions != nil {
			m.Extensions = []mls.Extension{{Type: extSeat, Data: s.encode()}}
		}
		leaf := &mls.LeafChange{Credential: m.Credential, Capabilities: m.Capabilities, Extensions: m.Extensions}
		l.wants("pat", what, counts, mls.CommitOptions{Leaf: leaf})
	}
	change("another name", true, func(s *seat, _ *mls.Member) { s.name[0] ^= 1 })
	change("becomes a bot", false, func(s *seat, _ *mls.Member) { s.bot = true })
	change("an admission", true, func(s *seat, _ *mls.Member) { s.admission = l.admission("hal", "pat", RoleHost) })
	change("another's admission", false, func(s *seat, _ *mls.Member) {
		s.admission = l.admission("ann", "pam", RoleHost)
	})
	change("no seat", false, func(_ *seat, m *mls.Member) { m.Extensions = nil })
	change("another's credential", false, func(_ *seat, m *mls.Member) {
		m.Credential.Identity = l.person("ann").Public()
	})
}

func TestARoomsOwnerIsHostOnADevice(t *testing.T) {
	l := newLab(t, nil, "pat", "pam") // the creator's key, the room's, has no leaf
	j := l.joiner("own", l.admission("ann", "own", RoleHost), true)
	o := l.add("own", nil)
	o.Adds = []*mls.KeyPackage{j.KeyPackage}
	l.wants("pat", "adds the owner", true, o)
	c := must[*mls.Commit](t)(l.groups["pat"].Commit(o))
	p := must[*public](t)(l.root.publicOf(c.Next))
	if p.role(l.key("own")) != RoleHost || len(p.hosts) != 1 {
		t.Error("the owner is no host")
	}
	if err := p.vouched(); err != nil {
		t.Error(err)
	}
	p.meeting.set(l.key("own"), l.grant("ann", "own", RoleParticipant))
	if p.findRole(l.key("own")) != RoleParticipant {
		t.Error("an entry does not take that back")
	}
	forged := l.admission("pat", "own", RoleHost)
	forged.issuer = l.key("ann")
	p.meeting.roles, p.seats[p.index[l.key("own")]].admission = nil, forged
	if p.findRole(l.key("own")) != RoleParticipant {
		t.Error("host by a forged admission")
	}
	if p.vouched() == nil {
		t.Error("a forged admission is vouched for")
	}
}

func TestPoliciesOfWrongForm(t *testing.T) {
	l := withRoles(t, func(l *lab, m *meeting) { m.heirs = []grant{*l.grant("ann", "pam", roleHeir)} })
	good := l.public("ann").meeting
	if _, err := parseMeeting(good.encode()); err != nil {
		t.Fatal(err)
	}
	for what, edit := range map[string]func(m *meeting){
		"two entries of a key": func(m *meeting) { m.roles = append(m.roles, m.roles[len(m.roles)-1]) },
		"entries not sorted":   func(m *meeting) { m.roles[0], m.roles[1] = m.roles[1], m.roles[0] },
		"a role above host":    func(m *meeting) { m.roles[0].role, m.roles[0].signed = 5, 5 },
		"an heir among roles":  func(m *meeting) { m.roles[0].role, m.roles[0].signed = roleHeir, roleHeir },
		"signed for less":      func(m *meeting) { m.roles[0].role, m.roles[0].signed = RoleHost, RoleParticipant },
		"an heir twice":        func(m *meeting) { m.heirs = append(m.heirs, m.heirs[0]) },
		"a host among heirs":   func(m *meeting) { m.heirs[0].role, m.heirs[0].signed = RoleHost, RoleHost },
		"four heirs": func(m *meeting) {
			m.heirs = []grant{
				*l.grant("ann", "a", roleHeir), *l.grant("ann", "b", roleHeir), *l.grant("ann", "c", roleHeir),
				*l.grant("ann", "d", roleHeir),
			}
		},
		"too many revoked": func(m *meeting) { m.revoked = make([]Key, maxRevoked+1) },
		"too many roles": func(m *meeting) {
			for i := range maxRoles {
				m.set(Key{byte(i), 1}, &grant{key: Key{byte(i), 1}, role: RoleViewer})
			}
		},
	} {
		m := good.clone()
		edit(m)
		if _, err := parseMeeting(m.encode()); err == nil {
			t.Errorf("%s: is read", what)
		}
	}
	b := good.encode()
	for n := range b {
		if _, err := parseMeeting(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are read", n, len(b))
		}
	}
	if _, err := parseMeeting(append(b, 0)); err == nil {
		t.Error("a byte left over is read")
	}
}
