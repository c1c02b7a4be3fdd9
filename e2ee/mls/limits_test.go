package mls

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestLengthsAreShortest: RFC 9420 §2.1.2 allows one form of each length.
func TestLengthsAreShortest(t *testing.T) {
	for _, b := range [][]byte{
		{0x40, 0x3F}, {0x80, 0, 0x3F, 0xFF}, {0xC0, 0, 0, 0, 0, 0, 0, 0}, {0x40}, {0x80, 0, 1}, {},
	} {
		r := reader{b: b}
		if r.length(); !errors.Is(r.err, ErrMalformed) {
			t.Errorf("%x is accepted", b)
		}
	}
	for _, n := range []int{0, 63, 64, 1<<14 - 1, 1 << 14, 1<<30 - 1} {
		var w writer
		w.length(n)
		r := reader{b: w.b}
		if got := r.length(); got != n || r.end() != nil {
			t.Errorf("%d: %d, %v", n, got, r.err)
		}
	}
}

// TestClaimedLengthsCostNothing: what a peer claims is not allocated.
func TestClaimedLengthsCostNothing(t *testing.T) {
	b := []byte{0, 1, 0, 1, 0xBF, 0xFF, 0xFF, 0xFF, 1, 2, 3}
	g := newMember(t, "a").group
	if n := testing.AllocsPerRun(10, func() {
		if _, err := g.Verify(b); !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	}); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

// TestMessagesHaveBounds: longer ones are refused unread.
func TestMessagesHaveBounds(t *testing.T) {
	a := newMember(t, "a")
	g := a.group
	for name, f := range map[string]func(n int) error{
		"commit": func(n int) error {
			_, err := g.Commit(CommitOptions{AuthenticatedData: make([]byte, MaxCommit+n)})
			return err
		},
		"application": func(n int) error { _, err := g.Seal(make([]byte, MaxApplication+n), nil, 0); return err },
		"padding":     func(n int) error { _, err := g.Seal(nil, nil, MaxApplication+n); return err },
		"exporter":    func(n int) error { _, err := g.Export("", nil, 255*hashSize+n); return err },
	} {
		if err := f(1); !errors.Is(err, ErrFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.Export("", nil, -1); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	m := publicMessage{authenticated: authenticated{wire: wirePublic, content: framedContent{
		group: g.ID(), sender: Sender{SenderMember, 0}, authenticated: make([]byte, MaxCommit), kind: ContentProposal,
		proposal: &Proposal{Type: ProposalRemove},
	}}, membership: make([]byte, hashSize)}
	m.sign(g.key, g.encoded)
	m.membership = m.membershipTag(g.secrets.membership, g.encoded)
	if _, err := g.Verify(message(wirePublic, m.write)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a handshake that is too long: %v", err)
	}
}

// TestTreesHaveABound: 1,024 leaves and no more.
func TestTreesHaveABound(t *testing.T) {
	tree := newTree(&LeafNode{})
	for range MaxLeaves - 1 {
		if _, err := tree.add(&LeafNode{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tree.add(&LeafNode{}); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	tree.remove(17)
	if leaf, err := tree.add(&LeafNode{}); leaf != 17 || err != nil {
		t.Error(leaf, err)
	}
}

// TestKeptProposalsHaveABound, for each sender.
func TestKeptProposalsHaveABound(t *testing.T) {
	g := newMember(t, "a").group
	proposed := func(s Sender, n int) *Proposed {
		return &Proposed{Sender: s, Reference: fmt.Appendf(nil, "%v %d", s, n)}
	}
	for _, c := range []struct {
		sender Sender
		most   int
	}{
		{Sender{SenderMember, 3}, MaxKeptSender}, {Sender{SenderExternal, 0}, MaxLeaves},
		{Sender{SenderMember, 4}, MaxKeptSender},
	} {
		for n := range c.most {
			if err := errors.Join(g.keep(proposed(c.sender, n)), g.keep(proposed(c.sender, n))); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.keep(proposed(c.sender, c.most)); !errors.Is(err, ErrFull) {
			t.Errorf("%v: %v", c.sender, err)
		}
	}
}

// TestSkippedKeysHaveABound: those of the newest generations are kept, each for one use.
func TestSkippedKeysHaveABound(t *testing.T) {
	r := ratchet{secret: bytes.Repeat([]byte{1}, hashSize)}
	use := func(generation uint32) error {
		_, used, err := r.find(generation)
		if err == nil {
			used()
		}
		return err
	}
	for _, generation := range []uint32{500, 900} {
		if err := use(generation); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.kept) != MaxSkipped {
		t.Errorf("%d keys", len(r.kept))
	}
	for _, c := range []struct {
		generation uint32
		ok         bool
	}{{900, false}, {899, true}, {899, false}, {900 - MaxSkipped, true}, {900 - MaxSkipped - 1, false}, {499, false}} {
		if err := use(c.generation); (err == nil) != c.ok {
			t.Errorf("%d: %v", c.generation, err)
		}
	}
	if _, _, err := r.find(901 + MaxSkip + 1); !errors.Is(err, ErrGeneration) {
		t.Error(err)
	}
	if _, _, err := r.find(^uint32(0)); !errors.Is(err, ErrGeneration) {
		t.Error(err)
	}
}

// TestAuthorizeSeesEachProposalWithItsSender, and may refuse a commit, which changes nothing.
func TestAuthorizeSeesEachProposalWithItsSender(t *testing.T) {
	h := newHistory(t, 7, 8, func(number int) party { return newGoParty(fmt.Sprintf("authorize %d", number)) })
	joiners := h.joiners(3)
	h.commit(h.in[0], change{adds: h.packages(joiners), path: true}, joiners, nil)
	byServer := ExternalProposal(h.server, 0, h.group, h.epoch, &Proposal{Type: ProposalRemove, Remove: 2}, []byte("2"))
	h.spread(byServer)
	m := must(h.in[0].commit(change{references: true, removes: []uint32{3}, path: true}))(t)
	g := h.in[1].party.(*goParty).group
	in := must(g.Verify(m.commit))(t)
	list := must(g.Proposals(in))(t)
	if len(list) != 2 || list[0].Sender != (Sender{SenderExternal, 0}) || string(list[0].AuthenticatedData) != "2" ||
		list[1].Sender != (Sender{SenderMember, 0}) || list[1].Remove != 3 || in.Leaf == nil {
		t.Errorf("%+v", list)
	}
	var seen []Sender
	_, err := g.Apply(in, Options{Authorize: func(p *Proposed) error {
		seen = append(seen, p.Sender)
		if p.Sender.Type == SenderMember {
			return errors.New("not a host")
		}
		return nil
	}})
	if !errors.Is(err, ErrRefused) || !Public(err) || len(seen) != 2 {
		t.Errorf("%v, %v", err, seen)
	}
	if _, err := g.Apply(in, Options{Authorize: func(*Proposed) error { return nil }}); err != nil {
		t.Error(err)
	}
	own := h.in[0].party.(*goParty).group
	if _, _, err := own.Process(m.commit, Options{}); !errors.Is(err, ErrOwn) {
		t.Error(err)
	}
}

// TestCopathSums counts what a commit by each leaf would encrypt.
func TestCopathSums(t *testing.T) {
	h := newHistory(t, 11, 20, func(number int) party { return newGoParty(fmt.Sprintf("sums %d", number)) })
	for range 30 {
		h.step()
		for _, p := range h.in {
			g := p.party.(*goParty).group
			sums := g.CopathSums()
			m := must(p.commit(change{path: true}))(t)
			if err := p.discard(); err != nil {
				t.Fatal(err)
			}
			n := 0
			parsed := must(parseMessage(m.commit, MaxCommit, wirePublic, readPublicMessage))(t)
			for _, node := range parsed.content.commit.path.nodes {
				n += len(node.secrets)
			}
			if sums[g.Own()] != n || g.LongestCopath() != slices.Max(sums) {
				t.Fatalf("leaf %d: %d, not %d", g.Own(), sums[g.Own()], n)
			}
		}
	}
}

// TestGroupInfoForThoseOutside shows the group, signed by a member, with a key to encrypt to.
func TestGroupInfoForThoseOutside(t *testing.T) {
	a := newMember(t, "a", Extension{0xF0C0, []byte("x")})
	b := must(a.group.GroupInfo())(t)
	v := must(parseGroupInfo(b, nil))(t)
	same(t, "external_pub", v.ExternalPub(), a.group.ExternalPub())
	same(t, "group_id", v.ID(), a.group.ID())
	same(t, "confirmed", v.ConfirmedHash(), a.group.ConfirmedHash())
	if v.Epoch() != 0 || v.Signer() != 0 || v.Size() != 1 || v.Leaf(0) == nil || v.Leaf(1) != nil ||
		len(v.Extensions()) != 1 {
		t.Errorf("%+v", v)
	}
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 1
		if _, err := parseGroupInfo(changed, nil); err == nil {
			t.Errorf("byte %d changed is accepted", i)
		}
	}
	signature := a.group.Sign("test", []byte("content"))
	if err := verifyWithLabel(a.group.Leaf(0).SignatureKey, "Conclave test", []byte("content"), signature); err != nil {
		t.Error(err)
	}
	err := verifyWithLabel(a.group.Leaf(0).SignatureKey, "Conclave other", []byte("content"), signature)
	if !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
}

// TestLeafChangesNeedAPath, and reach the others.
func TestLeafChangesNeedAPath(t *testing.T) {
	a, b := newMember(t, "a"), newGoParty("b")
	m := must(a.commit(change{adds: [][]byte{must(b.keyPackage())(t)}, path: true}))(t)
	must(a.confirm())(t)
	must(b.join(m.welcomes[0]))(t)
	leaf := &LeafChange{a.member.Credential, a.member.Capabilities, []Extension{{0xF0C2, []byte("name")}}}
	_, err := a.group.Commit(CommitOptions{Leaf: leaf, NoPath: true, UsePSKs: [][]byte{testPSK().ID}, Options: Options{
		PSKs: []PSK{testPSK()}}})
	if !errors.Is(err, ErrProposal) {
		t.Error(err)
	}
	c := must(a.group.Commit(CommitOptions{Leaf: leaf}))(t)
	_, next, err := b.group.Process(c.Message, Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "extension", next.Leaf(0).Extensions[0].Data, []byte("name"))
	leaf.Extensions = []Extension{{0xF0FF, nil}}
	if _, err := a.group.Commit(CommitOptions{Leaf: leaf}); !errors.Is(err, ErrTree) {
		t.Errorf("an extension that the leaf does not support: %v", err)
	}
}

// TestAKeyPackageSupportsWhatItUses, before there is a group that could object.
func TestAKeyPackageSupportsWhatItUses(t *testing.T) {
	h := &hostile{t: t}
	k := h.packaged("credential", func(k *KeyPackage) { k.Leaf.Capabilities.Credentials = []uint16{CredentialX509} })
	if _, err := ParseKeyPackage(k.Message()); !errors.Is(err, ErrTree) {
		t.Error(err)
	}
}

// parseGroupInfo reads and checks a GroupInfo, an MLSMessage. tree is the ratchet tree, if the GroupInfo does not hold
// it; else nil.
func parseGroupInfo(b, tree []byte) (*View, error) {
	if wireOf(b) != wireGroupInfo {
		return nil, malformed("wire format")
	}
	return newView(bytes.Clone(b[4:]), tree)
}
