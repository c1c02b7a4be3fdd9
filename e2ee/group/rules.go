package group

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"conclave/e2ee/mls"
)

// What everybody decides alike, from the state of the group and a message alone: no clock, no roster, no word of the
// server (docs/e2ee.md, sections 7 and 8).

// maxAdds is how many a commit may add.
const maxAdds = 64

// ErrRule is wrapped by what makes a commit not count for anybody.
var ErrRule = errors.New("e2ee: the commit does not count")

func broken(what string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRule, fmt.Sprintf(what, args...))
}

// public is what all members know of a state of the group. It is not changed, and shared by the sessions of a process.
type public struct {
	group     []byte
	epoch     uint64
	confirmed []byte
	meeting   *meeting
	others    []mls.Extension // of the GroupContext, but Meeting
	leaves    []Key           // by leaf; zero where there is none
	seats     []*seat         // likewise
	roles     []Role          // likewise
	index     map[Key]uint32
	members   int
	hosts     []uint32 // leaves, ascending
	heirs     []Key    // in the order of succession; they need not have a leaf
	sums      []int    // of copath resolutions, by leaf
	longest   int      // of them
	stale     []bool   // whether a commit by a leaf would make others' cheaper

	ranking sync.Once
	order   []uint32 // leaves by rank
	warmth  sync.Once
	warm    []uint32 // see warming
}

// treeOf is what a public is made of: an mls.Group or mls.View.
type treeOf interface {
	ID() []byte
	Epoch() uint64
	ConfirmedHash() []byte
	Extensions() []mls.Extension
	Leaf(index uint32) *mls.LeafNode
}

// newPublic reads what a state shows. It fails where a leaf or the policy is not of our form, or not signed.
func newPublic(t treeOf, size uint32) (*public, error) {
	p := &public{
		group: t.ID(), epoch: t.Epoch(), confirmed: t.ConfirmedHash(), index: map[Key]uint32{},
		leaves: make([]Key, size), seats: make([]*seat, size),
	}
	var err error
	if p.meeting, p.others, err = splitExtensions(t.Extensions()); err != nil {
		return nil, err
	}
	for i := range size {
		leaf := t.Leaf(i)
		if leaf == nil {
			continue
		}
		if p.seats[i], err = seatOf(leaf); err != nil {
			return nil, fmt.Errorf("leaf %d: %w", i, err)
		}
		p.leaves[i] = Key(leaf.SignatureKey)
		p.index[p.leaves[i]] = i
		p.members++
	}
	p.roles = make([]Role, size)
	for i, key := range p.leaves {
		if p.seats[i] == nil {
			continue
		}
		if p.roles[i] = p.findRole(key); p.roles[i] == RoleHost {
			p.hosts = append(p.hosts, uint32(i))
		}
	}
	p.heirs = p.succeeding()
	return p, nil
}

// vouched checks what a joiner can check of a group that it knows nothing of: that roles come from the creator, and
// that admissions are signed. Whether those who signed might do so was checked by those who were there.
func (p *public) vouched() error {
	if !p.meeting.valid(p.group) {
		return broken("a role that does not come from the creator")
	}
	for i, s := range p.seats {
		if s != nil && s.admission != nil && !s.admission.signed(p.group, p.leaves[i]) {
			return broken("an admission that is not signed")
		}
	}
	return nil
}

// splitExtensions finds the policy among the extensions of a GroupContext, which are three.
func splitExtensions(list []mls.Extension) (m *meeting, others []mls.Extension, err error) {
	for i := range list {
		if list[i].Type == extMeeting {
			if m, err = parseMeeting(list[i].Data); err != nil {
				return nil, nil, err
			}
			continue
		}
		if t := list[i].Type; t != mls.ExtRequiredCapabilities && t != mls.ExtExternalSenders {
			return nil, nil, malformed("GroupContext: an extension that does not belong there")
		}
		others = append(others, list[i])
	}
	if m == nil || len(others) != 2 {
		return nil, nil, malformed("GroupContext: an extension is missing")
	}
	return m, others, nil
}

// role is the role of a key (section 8).
func (p *public) role(key Key) Role {
	if i, here := p.index[key]; here {
		return p.roles[i]
	}
	return p.findRole(key)
}

func (p *public) findRole(key Key) Role {
	m := p.meeting
	if m.isCreator(key) {
		return RoleHost
	}
	if g := m.entry(key); g != nil {
		return g.role
	}
	if i, here := p.index[key]; here {
		if a := p.seats[i].admission; a != nil && a.role == RoleHost && m.isCreator(a.issuer) && a.signed(p.group, key) {
			return RoleHost // a room's owner, on a device
		}
	}
	return RoleParticipant
}

// succeeding are the heirs in order: co-hosts, then those listed.
func (p *public) succeeding() (list []Key) {
	for i := range p.meeting.roles {
		if g := &p.meeting.roles[i]; g.role == RoleCoHost {
			list = append(list, g.key)
		}
	}
	for i := range p.meeting.heirs {
		if key := p.meeting.heirs[i].key; p.succession(key) != nil && p.meeting.entry(key) == nil {
			list = append(list, key)
		}
	}
	return list
}

// heirLeaves are the leaves of heirs, in their order.
func (p *public) heirLeaves() (list []uint32) {
	for _, key := range p.heirs {
		if i, here := p.index[key]; here {
			list = append(list, i)
		}
	}
	return list
}

// admits says whether an admission counts now for a key.
func (p *public) admits(a *admission, subject Key) bool {
	switch p.role(a.issuer) {
	case RoleHost:
	case RoleCoHost:
		if a.role > RoleParticipant {
			return false
		}
	default:
		return false
	}
	return a.signed(p.group, subject)
}

// change is what a commit does, as far as the rules need it.
type change struct {
	committer uint32
	added     map[Key]bool
	removed   map[Key]bool
}

// check says whether a commit counts, as far as the proposals and the committer's leaf go. in was verified, and list is
// what it commits.
func (p *public) check(root *Root, in *mls.Incoming, list []*mls.Proposed) error {
	if in.Sender.Type != mls.SenderMember || int(in.Sender.Index) >= len(p.leaves) {
		return broken("the sender is no member")
	}
	c := &change{committer: in.Sender.Index, added: map[Key]bool{}, removed: map[Key]bool{}}
	if err := p.gather(c, list); err != nil {
		return err
	}
	for _, one := range list {
		if err := p.checkProposal(root, c, one); err != nil {
			return err
		}
	}
	if in.Leaf != nil {
		return p.checkPathLeaf(c.committer, in.Leaf)
	}
	return nil
}

// gather notes who is added and removed, and checks that one who adds names the secret of the link.
func (p *public) gather(c *change, list []*mls.Proposed) error {
	adds, psks := 0, 0
	for _, one := range list {
		switch one.Type {
		case mls.ProposalAdd:
			adds++
			c.added[Key(one.Add.Leaf.SignatureKey)] = true
		case mls.ProposalRemove:
			if int(one.Remove) >= len(p.leaves) || p.seats[one.Remove] == nil {
				return broken("leaf %d is not there", one.Remove)
			}
			c.removed[p.leaves[one.Remove]] = true
		case mls.ProposalPreSharedKey:
			psks++
		}
	}
	if adds > maxAdds {
		return broken("%d are added", adds)
	}
	if psks > 1 || adds > 0 && psks == 0 {
		return broken("it adds without the secret of the link, or with more than that")
	}
	return nil
}

func (p *public) checkProposal(root *Root, c *change, one *mls.Proposed) error {
	member := one.Sender.Type == mls.SenderMember
	if member && (int(one.Sender.Index) >= len(p.leaves) || p.seats[one.Sender.Index] == nil) {
		return broken("a proposal of one who is no member")
	}
	switch {
	case one.Type == mls.ProposalAdd && member:
		return p.checkAdd(root, c, one.Add)
	case one.Type == mls.ProposalRemove:
		return p.checkRemove(c, one)
	case one.Type == mls.ProposalGroupContextExtensions && member:
		return p.checkPolicy(p.leaves[one.Sender.Index], one.Extensions)
	case one.Type == mls.ProposalPreSharedKey && member && one.Sender.Index == c.committer:
		if !bytes.Equal(one.PSK.ID, pskID(p.meeting.version)) {
			return broken("another secret than that of the link")
		}
		return nil
	}
	return broken("a proposal of type %d by sender type %d", one.Type, one.Sender.Type)
}

func (p *public) checkAdd(root *Root, c *change, k *mls.KeyPackage) error {
	key := Key(k.Leaf.SignatureKey)
	s, err := seatOf(k.Leaf)
	switch {
	case err != nil:
		return broken("%v", err)
	case !root.proved(k):
		return broken("a key package without the link")
	case p.meeting.isRevoked(key):
		return broken("a key that was removed for good")
	}
	return p.checkEntry(c.removed[key], key, s)
}

// checkEntry says whether a key may come in. returns: its old leaf goes in the same commit.
func (p *public) checkEntry(returns bool, key Key, s *seat) error {
	if !p.meeting.lobby || returns || p.role(key) >= RoleCoHost {
		return nil
	}
	if s.admission == nil || !p.admits(s.admission, key) {
		return broken("no host has admitted this key")
	}
	return nil
}

func (p *public) checkRemove(c *change, one *mls.Proposed) error {
	target := p.leaves[one.Remove]
	if one.Sender.Type == mls.SenderExternal {
		if !bytes.Equal(one.AuthenticatedData, target[:]) {
			return broken("the server removes another than it names")
		}
		return nil
	}
	if one.Sender.Type != mls.SenderMember {
		return broken("a removal by a stranger")
	}
	sender := p.leaves[one.Sender.Index]
	role := p.role(sender)
	switch {
	case sender == target, role == RoleHost, role == RoleCoHost && p.role(target) < RoleCoHost, c.added[target]:
		return nil
	}
	return broken("a removal by one who may not")
}

// checkPolicy says whether a sender may make the extensions of the GroupContext these.
func (p *public) checkPolicy(sender Key, list []mls.Extension) error {
	next, others, err := splitExtensions(list)
	if err != nil {
		return broken("%v", err)
	}
	if !sameExtensions(others, p.others) || next.creator != p.meeting.creator {
		return broken("a change of what never changes")
	}
	switch role := p.role(sender); {
	case role == RoleHost:
		return p.checkHostPolicy(sender, next)
	case role == RoleCoHost && p.coHostMay(next):
		return nil
	case p.succeeds(sender, next):
		return nil
	}
	return broken("a change of policy by one who may not")
}

// checkHostPolicy: what a host changes in roles and heirs it signs, with its own key or the creator's.
func (p *public) checkHostPolicy(sender Key, next *meeting) error {
	for i := range next.roles {
		g := &next.roles[i]
		if known(p.meeting.entry(g.key), g) {
			continue
		}
		if g.issuer != sender && !next.isCreator(g.issuer) {
			return broken("a role that another signed")
		}
		if g.signed != g.role {
			return broken("a role that was not given, as if an heir had succeeded")
		}
	}
	for i := range next.heirs {
		if g := &next.heirs[i]; !known(p.meeting.heir(g.key), g) && g.issuer != sender && !next.isCreator(g.issuer) {
			return broken("an heir that another signed")
		}
	}
	if !next.valid(p.group) {
		return broken("a role that does not come from the creator")
	}
	return nil
}

func known(last, next *grant) bool { return last != nil && *last == *next }

// coHostMay: lobby and revoked, and no host or co-host into revoked.
func (p *public) coHostMay(next *meeting) bool {
	for _, key := range next.revoked {
		if !p.meeting.isRevoked(key) && p.role(key) >= RoleCoHost {
			return false
		}
	}
	same := p.meeting.clone()
	same.lobby, same.revoked = next.lobby, next.revoked
	return bytes.Equal(same.encode(), next.encode())
}

// succeeds: an heir becomes host where no host is left, by what a host once signed, and changes nothing else.
func (p *public) succeeds(sender Key, next *meeting) bool {
	if len(p.hosts) > 0 {
		return false
	}
	want := p.succession(sender)
	return want != nil && bytes.Equal(want.encode(), next.encode())
}

// succession is the policy after an heir has become host; nil for one who is no heir.
func (p *public) succession(key Key) *meeting {
	g := p.meeting.entry(key)
	if g != nil && g.role != RoleCoHost || g == nil && p.meeting.heir(key) == nil {
		return nil
	}
	if g == nil {
		g = p.meeting.heir(key)
	}
	host := *g
	host.role = RoleHost
	next := p.meeting.clone()
	next.set(key, &host)
	return next
}

func sameExtensions(a, b []mls.Extension) bool {
	return slices.EqualFunc(a, b, func(x, y mls.Extension) bool {
		return x.Type == y.Type && bytes.Equal(x.Data, y.Data)
	})
}

// checkPathLeaf: who commits with a path may change the name, and take an admission or leave it out. Nothing else.
func (p *public) checkPathLeaf(index uint32, leaf *mls.LeafNode) error {
	last := p.seats[index]
	s, err := seatOf(leaf)
	if err != nil || last == nil {
		return broken("the leaf of the path: %v", err)
	}
	if s.bot != last.bot || !bytes.Equal(leaf.SignatureKey, p.leaves[index][:]) {
		return broken("the leaf of the path is another's")
	}
	a := s.admission
	if a == nil || last.admission != nil && *a == *last.admission || a.signed(p.group, p.leaves[index]) {
		return nil
	}
	return broken("the leaf of the path has an admission that is not signed")
}

// ranked are the leaves by rank: who is first commits first.
func (p *public) ranked() []uint32 {
	p.ranking.Do(func() {
		type place struct {
			leaf uint32
			cost int
			lot  [sha256.Size]byte
		}
		places := make([]place, 0, p.members)
		for i := range p.leaves {
			if p.seats[i] == nil {
				continue
			}
			lot := sha256.New()
			lot.Write(p.confirmed)
			lot.Write(binary.BigEndian.AppendUint32(nil, uint32(i)))
			cost := max(1, bits.Len(uint(p.sums[i])))
			places = append(places, place{uint32(i), cost, [sha256.Size]byte(lot.Sum(nil))})
		}
		slices.SortFunc(places, func(a, b place) int {
			if a.cost != b.cost {
				return a.cost - b.cost
			}
			return bytes.Compare(a.lot[:], b.lot[:])
		})
		for i := range places {
			p.order = append(p.order, places[i].leaf)
		}
	})
	return p.order
}
