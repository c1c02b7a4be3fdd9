package mls

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// history is a group of parties in which random things happen. After each, all agree, and whoever left does not.
type history struct {
	t       *testing.T
	rand    *rand.Rand
	fresh   func(number int) party // makes the member of a number
	server  ed25519.PrivateKey     // external sender 0
	group   []byte
	epoch   uint64
	in      []*participant // in the group
	out     []*participant // who were, and may return
	made    int
	most    int
	lastOps []string
}

type participant struct {
	party
	number int
	leaf   uint32
}

func newHistory(t *testing.T, seed uint64, most int, fresh func(number int) party) *history {
	t.Helper()
	h := &history{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), fresh: fresh, most: most, group: fmt.Appendf(nil, "group %d", seed),
		server: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)),
	}
	first := h.newcomer()
	s, err := first.create(h.group, h.extensions(0))
	h.ok(err)
	first.leaf = s.Leaf
	h.in = []*participant{first}
	return h
}

// extensions is a GroupContext with an external sender, requirements, and data that changes.
func (h *history) extensions(n byte) []Extension {
	required := RequiredCapabilities{Extensions: testExtensions()}
	sender := ExternalSender{publicKey(h.server), Credential{Type: CredentialBasic, Identity: []byte("server")}}
	return []Extension{required.Extension(), ExternalSenders([]ExternalSender{sender}), {0xF0C1, []byte{n}}}
}

func (h *history) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("after %q: %v", h.lastOps, err)
	}
}

func (h *history) newcomer() *participant {
	h.made++
	return &participant{party: h.fresh(h.made), number: h.made}
}

func (h *history) any() *participant { return h.in[h.rand.IntN(len(h.in))] }

// someone is a participant in the group, other than one.
func (h *history) someone(than *participant) *participant {
	for {
		if p := h.any(); p != than {
			return p
		}
	}
}

// joiners are up to n people, new or back again.
func (h *history) joiners(n int) (list []*participant) {
	for range n {
		if len(h.out) > 0 && h.rand.IntN(3) == 0 {
			i := h.rand.IntN(len(h.out))
			list = append(list, h.out[i])
			h.out = slices.Delete(h.out, i, i+1)
		} else {
			list = append(list, h.newcomer())
		}
	}
	return list
}

func (h *history) packages(list []*participant) (packages [][]byte) {
	for _, p := range list {
		b, err := p.keyPackage()
		h.ok(err)
		packages = append(packages, b)
	}
	return packages
}

// commit makes a commit and has everybody follow it.
func (h *history) commit(by *participant, c change, joiners, leavers []*participant) {
	h.t.Helper()
	m, err := by.commit(c)
	h.ok(err)
	if len(m.welcomes) != len(joiners) {
		h.t.Fatalf("%d Welcomes for %d joiners", len(m.welcomes), len(joiners))
	}
	h.follow(by, m, joiners, leavers)
}

func (h *history) follow(by *participant, m made, joiners, leavers []*participant) {
	h.t.Helper()
	want, err := by.confirm()
	h.ok(err)
	h.epoch++
	stay := []*participant{by}
	for _, p := range h.in {
		if p == by {
			continue
		}
		s, removed, err := p.process(m.commit)
		h.ok(err)
		if removed != slices.Contains(leavers, p) {
			h.t.Fatalf("after %q: removed %v", h.lastOps, removed)
		}
		if removed {
			continue
		}
		h.agree(p, s, want)
		stay = append(stay, p)
	}
	for i, p := range joiners {
		s, err := p.join(m.welcomes[i])
		h.ok(err)
		h.agree(p, s, want)
	}
	for _, p := range leavers {
		if !slices.Contains(joiners, p) { // who returned at once is no leaver
			h.ok(p.forget())
			h.out = append(h.out, p)
		}
	}
	h.in = slices.Concat(stay, joiners)
	by.leaf = want.Leaf
	if want.Epoch != h.epoch || want.Members != len(h.in) {
		h.t.Fatalf("after %q: epoch %d of %d, members %d of %d", h.lastOps, want.Epoch, h.epoch, want.Members, len(h.in))
	}
}

func (h *history) agree(p *participant, got, want state) {
	h.t.Helper()
	if !got.agrees(want) {
		h.t.Fatalf("after %q: member %d has %x at %d, not %x at %d", h.lastOps, p.number,
			got.Authenticator, got.Epoch, want.Authenticator, want.Epoch)
	}
	p.leaf = got.Leaf
}

// step does one random thing.
func (h *history) step() {
	h.t.Helper()
	by := h.any()
	room := h.most - len(h.in)
	kinds := []string{"path", "path", "message", "extensions"}
	if room > 0 {
		kinds = append(kinds, "add", "add", "add without path", "add without path", "propose add")
	}
	if len(h.in) > 1 {
		kinds = append(kinds, "return", "race")
	}
	if len(h.in) > 2 {
		kinds = append(kinds, "remove", "propose remove", "server removes")
	}
	kind := kinds[h.rand.IntN(len(kinds))]
	h.lastOps = append(h.lastOps, kind)
	if len(h.lastOps) > 5 {
		h.lastOps = h.lastOps[1:]
	}
	c := change{path: true, psk: h.rand.IntN(2) == 0, data: []byte(kind)}
	switch kind {
	case "path":
		h.commit(by, c, nil, nil)
	case "extensions":
		c.extensions = h.extensions(byte(h.rand.Uint32()))
		h.commit(by, c, nil, nil)
	case "message":
		h.message(by)
	case "add", "add without path":
		joiners := h.joiners(1 + h.rand.IntN(min(room, 6)))
		c.adds, c.path = h.packages(joiners), kind == "add"
		h.commit(by, c, joiners, nil)
	case "remove":
		leaver := h.someone(by)
		c.removes = []uint32{leaver.leaf}
		h.commit(by, c, nil, []*participant{leaver})
	case "return": // a member comes back under the same signature key, in one commit
		p := h.someone(by)
		c.removes, c.adds = []uint32{p.leaf}, h.packages([]*participant{p})
		h.commit(by, c, []*participant{p}, []*participant{p})
	default:
		h.several(kind, by, c)
	}
}

// several does what takes more than one member before the commit.
func (h *history) several(kind string, by *participant, c change) {
	h.t.Helper()
	switch kind {
	case "race": // the commit of another comes first
		loser := h.someone(by)
		_, err := loser.commit(change{path: true})
		h.ok(err)
		m, err := by.commit(c)
		h.ok(err)
		if h.rand.IntN(2) == 0 {
			h.ok(loser.discard())
		}
		h.follow(by, m, nil, nil)
	case "propose add":
		joiners := h.joiners(1)
		b, err := h.any().propose(h.packages(joiners)[0], 0)
		h.ok(err)
		h.spread(b)
		c.references, c.path = true, h.rand.IntN(2) == 0
		h.commit(by, c, joiners, nil)
	case "propose remove":
		leaver := h.someone(by)
		b, err := h.any().propose(nil, leaver.leaf)
		h.ok(err)
		h.spread(b)
		c.references = true
		h.commit(by, c, nil, []*participant{leaver})
	case "server removes":
		leaver := h.someone(by)
		remove := &Proposal{Type: ProposalRemove, Remove: leaver.leaf}
		h.spread(ExternalProposal(h.server, 0, h.group, h.epoch, remove, []byte{1}))
		c.references = true
		h.commit(by, c, nil, []*participant{leaver})
	}
}

// spread shows a proposal to everybody, its author too: that changes nothing.
func (h *history) spread(proposal []byte) {
	h.t.Helper()
	for _, p := range h.in {
		_, _, err := p.process(proposal)
		h.ok(err)
	}
}

// message has a member say something, which all others read once, and all export the same.
func (h *history) message(by *participant) {
	h.t.Helper()
	var sealed [][]byte
	for i := range 3 {
		b, err := by.seal([]byte{byte(i)}, []byte("with"))
		h.ok(err)
		sealed = append(sealed, b)
	}
	h.rand.Shuffle(len(sealed), func(i, j int) { sealed[i], sealed[j] = sealed[j], sealed[i] })
	want, err := by.export("label", []byte("context"), 40)
	h.ok(err)
	for _, p := range h.in {
		got, err := p.export("label", []byte("context"), 40)
		h.ok(err)
		same(h.t, "exported", got, want)
		if p == by {
			continue
		}
		for i, b := range sealed {
			a, err := p.open(b)
			h.ok(err)
			if a.Sender != by.leaf || string(a.AuthenticatedData) != "with" || len(a.Data) != 1 {
				h.t.Fatalf("%d: opened %+v", i, a)
			}
			if _, err := p.open(b); err == nil {
				h.t.Fatal("opened twice")
			}
		}
	}
}

func operations(t *testing.T) int {
	if testing.Short() {
		return 40
	}
	return 200
}

// TestHistories has groups of 2 to 64 go through 200 operations each. After each, every member has the same epoch
// authenticator, and the whole tree is valid to a joiner.
func TestHistories(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, a minute: the race detector has nothing to find")
	}
	for seed, most := range []int{2, 5, 17, 64} {
		t.Run(fmt.Sprintf("up to %d", most), func(t *testing.T) {
			h := newHistory(t, uint64(seed), most, func(number int) party {
				return newGoParty(fmt.Sprintf("%d/%d", seed, number))
			})
			for range operations(t) {
				h.step()
				h.inspect()
			}
		})
	}
}

// inspect looks into the state of one member.
func (h *history) inspect() {
	h.t.Helper()
	p, ok := h.any().party.(*goParty)
	if !ok {
		return
	}
	g := p.group
	copied := must(parse(encoded(g.tree.write), MaxWelcome, readTree))(h.t)
	if len(copied.nodes) != len(g.tree.nodes) {
		h.t.Fatalf("after %q: a tree of %d nodes that is larger than it must be", h.lastOps, len(g.tree.nodes))
	}
	same(h.t, "hash of the tree, computed anew", copied.rootHash(), g.TreeHash())
	h.ok(copied.validate(h.group, g.Extensions()))
	for x, private := range g.private {
		if g.tree.nodes[x].blank() || !bytes.Equal(publicOf(private), g.tree.nodes[x].key()) {
			h.t.Fatalf("after %q: a private key of node %d that is not its", h.lastOps, x)
		}
	}
	for _, x := range g.tree.directPath(g.own) {
		if n := g.tree.nodes[x].parent; n != nil {
			_, unmerged := slices.BinarySearch(n.unmerged, g.own)
			if (g.private[x] == nil) != unmerged {
				h.t.Fatalf("after %q: node %d: unmerged %v, and the key is another matter", h.lastOps, x, unmerged)
			}
		}
	}
}

// The states before a commit, and those of members who left, have nothing to do with what follows.
func TestStatesStayApart(t *testing.T) {
	a, b := newMember(t, "a"), newGoParty("b")
	must(a.commit(change{adds: [][]byte{must(b.keyPackage())(t)}, path: true}))(t)
	before := a.group
	authenticator := before.Authenticator()
	if _, err := a.commit(change{path: true}); err != nil {
		t.Fatal(err)
	}
	same(t, "authenticator after two commits that were not confirmed", before.Authenticator(), authenticator)
	if before.Epoch() != 0 || before.Members() != 1 {
		t.Error("a commit changed the state that made it")
	}
	a.pending.Next.Close()
	m := must(a.commit(change{adds: [][]byte{must(b.keyPackage())(t)}, path: true}))(t)
	must(a.confirm())(t)
	must(b.join(m.welcomes[0]))(t)
	same(t, "authenticators", a.group.Authenticator(), b.group.Authenticator())

	wrong := bytes.Clone(must(b.commit(change{path: true}))(t).commit)
	wrong[len(wrong)-1] ^= 1
	if _, _, err := a.group.Process(wrong, Options{}); !errors.Is(err, ErrMembershipTag) {
		t.Errorf("%v", err)
	}
	if _, _, err := a.process(b.pending.Message); err != nil {
		t.Error("the state cannot be used after a failure:", err)
	}
}

// TestClosedStatesDoNothing: what is overwritten cannot be used by mistake.
func TestClosedStatesDoNothing(t *testing.T) {
	a := newMember(t, "a")
	g := a.group
	sealed := must(g.Seal([]byte("x"), nil, 0))(t)
	g.Close()
	g.Close()
	for i, f := range []func() error{
		func() error { _, err := g.Seal(nil, nil, 0); return err },
		func() error { _, err := g.Open(sealed); return err },
		func() error { _, err := g.Export("", nil, 1); return err },
		func() error { _, err := g.Commit(CommitOptions{}); return err },
		func() error { _, _, err := g.Propose(&Proposal{Type: ProposalRemove}, nil); return err },
		func() error { _, err := g.Verify(sealed); return err },
		func() error { _, err := g.GroupInfo(); return err },
		func() error { _, err := g.OpenOwn(nil, nil, nil, nil, nil); return err },
		func() error { _, err := g.OpenExternal(nil, nil, nil, nil, nil); return err },
	} {
		if err := f(); !errors.Is(err, ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
	for name, secret := range map[string][]byte{
		"init": g.secrets.init, "exporter": g.secrets.exporter, "private": g.private[0],
	} {
		if !bytes.Equal(secret, make([]byte, len(secret))) {
			t.Errorf("%s is not overwritten", name)
		}
	}
}
