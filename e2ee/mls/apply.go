package mls

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// Options say what a member knows and allows when it processes or makes a commit.
type Options struct {
	// PSKs are the external PSKs that the member knows.
	PSKs []PSK
	// Authorize decides about each proposal of a commit, by who proposed it: an error refuses the commit. It is asked
	// before anything is applied, in the order of the commit. Nil allows everything. It must depend on the state and on
	// the message only, or members disagree.
	Authorize func(p *Proposed) error
}

// Proposed is a proposal with who proposed it: the committer, if it stands in the commit itself.
type Proposed struct {
	*Proposal
	Sender            Sender
	Reference         []byte // ProposalRef; nil if the proposal stands in the commit
	AuthenticatedData []byte // of the proposal's message; nil likewise
}

// Incoming is a handshake message whose framing, signature and membership tag are right. Nothing was applied yet.
type Incoming struct {
	Hash              [sha256.Size]byte // of the MLSMessage
	Type              ContentType       // ContentProposal or ContentCommit
	Sender            Sender
	AuthenticatedData []byte
	Proposal          *Proposed // of ContentProposal
	Leaf              *LeafNode // the committer's new leaf, if the commit has a path

	message *authenticated
}

// Verify reads a handshake message and checks what needs no more than the state: group, epoch, sender, signature and
// membership tag.
func (g *Group) Verify(b []byte) (*Incoming, error) {
	if g.closed {
		return nil, ErrClosed
	}
	return Once(g.config.Shared, sharedVerify, func() (*Incoming, error) { return g.verify(b) }, g.encoded, g.interim, b)
}

func (g *Group) verify(b []byte) (*Incoming, error) {
	in := &Incoming{Hash: sha256.Sum256(b)}
	var err error
	if in.message, err = g.authenticate(b); err != nil {
		return nil, err
	}
	c := &in.message.content
	in.Type, in.Sender, in.AuthenticatedData = c.kind, c.sender, c.authenticated
	switch c.kind {
	case ContentProposal:
		in.Proposal = &Proposed{c.proposal, c.sender, in.message.ref(), c.authenticated}
	case ContentCommit:
		if c.commit.path != nil {
			in.Leaf = c.commit.path.leaf
		}
	default:
		return nil, because(ErrFraming, "application data in a PublicMessage")
	}
	return in, nil
}

func (g *Group) authenticate(b []byte) (*authenticated, error) {
	if g.config.wider && wireOf(b) == wirePrivate {
		m, err := parseMessage(bytes.Clone(b), MaxCommit, wirePrivate, readPrivateMessage)
		if err != nil {
			return nil, err
		}
		if m.kind == ContentApplication {
			return nil, because(ErrFraming, "application data where a handshake should be")
		}
		return g.openPrivate(m)
	}
	m, err := parseMessage(bytes.Clone(b), MaxCommit, wirePublic, readPublicMessage)
	if err != nil {
		return nil, err
	}
	c := &m.content
	if err := g.addressed(c.group, c.epoch); err != nil {
		return nil, err
	}
	if c.sender.Type == SenderMember && !sameMAC(m.membership, m.membershipTag(g.secrets.membership, g.encoded)) {
		return nil, ErrMembershipTag
	}
	key, err := g.signatureKey(c)
	if err != nil {
		return nil, err
	}
	return &m.authenticated, m.verify(key, g.encoded)
}

// signatureKey finds the key of a sender, and checks that such a sender may send such content (§6.1).
func (g *Group) signatureKey(c *framedContent) ([]byte, error) {
	s := c.sender
	switch {
	case s.Type == SenderMember:
		if leaf := g.tree.leaf(s.Index); leaf != nil {
			return leaf.SignatureKey, nil
		}
	case s.Type == SenderExternal && c.kind == ContentProposal:
		senders, err := externalSendersOf(g.context.extensions)
		if err != nil {
			return nil, err
		}
		if int(s.Index) < len(senders) {
			return senders[s.Index].SignatureKey, nil
		}
	case s.Type == SenderNewMemberProposal || s.Type == SenderNewMemberCommit:
		return nil, because(ErrUnsupported, "a sender that is not a member yet")
	}
	return nil, because(ErrFraming, "a sender that may not send this")
}

// Proposals lists what a commit would do, in its order.
func (g *Group) Proposals(in *Incoming) ([]*Proposed, error) {
	if in.Type != ContentCommit {
		return nil, because(ErrFraming, "not a commit")
	}
	return g.resolve(in.message.content.commit.proposals, in.Sender)
}

func (g *Group) resolve(list []proposalOrRef, committer Sender) ([]*Proposed, error) {
	proposed := make([]*Proposed, 0, len(list))
	for _, p := range list {
		if p.proposal != nil {
			proposed = append(proposed, &Proposed{Proposal: p.proposal, Sender: committer})
			continue
		}
		i := slices.IndexFunc(g.kept, func(k *Proposed) bool { return bytes.Equal(k.Reference, p.ref) })
		if i < 0 {
			return nil, ErrUnknownProposal
		}
		proposed = append(proposed, g.kept[i])
	}
	return proposed, nil
}

// Kept are the proposals of this epoch that a commit may refer to, in the order of their coming.
func (g *Group) Kept() []*Proposed { return slices.Clone(g.kept) }

// keep keeps a proposal for commits that refer to it.
func (g *Group) keep(p *Proposed) error {
	n, most := 0, MaxKeptSender
	if p.Sender.Type == SenderExternal {
		most = MaxLeaves
	}
	for _, k := range g.kept {
		if bytes.Equal(k.Reference, p.Reference) {
			return nil
		}
		if k.Sender == p.Sender {
			n++
		}
	}
	if n >= most || len(g.kept) >= MaxKept {
		return because(ErrFull, "proposals of this epoch")
	}
	g.kept = append(g.kept, p)
	return nil
}

// Process verifies and applies a handshake message. See Verify and Apply.
func (g *Group) Process(b []byte, o Options) (*Incoming, *Group, error) {
	in, err := g.Verify(b)
	if err != nil {
		return nil, nil, err
	}
	next, err := g.Apply(in, o)
	return in, next, err
}

// Apply applies what Verify returned, for the same state. A commit gives the state of the next epoch; this one stays as
// it is and can be used on. A proposal is kept in this state, which is returned.
func (g *Group) Apply(in *Incoming, o Options) (*Group, error) {
	if g.closed {
		return nil, ErrClosed
	}
	if in.Type == ContentProposal {
		if err := g.keep(in.Proposal); err != nil {
			return nil, err
		}
		return g, nil
	}
	if in.Sender == (Sender{SenderMember, g.own}) {
		return nil, ErrOwn
	}
	c := in.message.content.commit
	proposed, err := g.resolve(c.proposals, in.Sender)
	if err != nil {
		return nil, err
	}
	d, err := Once(g.config.Shared, sharedDraft, func() (*draft, error) {
		return g.outcome(in.Sender, proposed, c.path, o.Authorize)
	}, g.encoded, g.interim, in.Hash[:])
	if err != nil {
		return nil, err
	}
	return g.receive(d, in.message, o.PSKs)
}

// outcome is what a commit makes of the public state. Its tree has all its hashes: nothing changes it any more.
func (g *Group) outcome(
	committer Sender, list []*Proposed, path *updatePath, authorize func(*Proposed) error,
) (*draft, error) {
	d, err := g.draft(committer, list, authorize)
	if err != nil {
		return nil, err
	}
	if err := d.usePath(g, path); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	d.tree.rootHash()
	return d, nil
}

// receive goes from a draft to the next state: what only secrets show.
func (g *Group) receive(d *draft, m *authenticated, known []PSK) (*Group, error) {
	if d.tree.leaf(g.own) == nil || slices.Contains(d.added, g.own) {
		return nil, ErrRemoved // also if another has the place now
	}
	psk, err := findPSKs(d.psks, known, g.context.group, g.resumptions)
	if err != nil {
		return nil, err
	}
	defer clear(psk)
	next := g.next(d)
	commitSecret := zeros()
	if d.path != nil {
		at, keys, err := d.tree.openPath(next.private, g.own, d.path, d.steps, d.added, encoded(next.context.write))
		if err != nil {
			next.Close()
			return nil, err
		}
		commitSecret = keys.commit
		next.take(d.steps[at:], keys.private)
		defer keys.close()
	}
	next.context.confirmed = confirmedHash(g.interim, m)
	joiner := joinerSecret(g.secrets.init, commitSecret, encoded(next.context.write))
	defer clear(joiner)
	next.enter(intermediate(joiner, psk))
	if !sameMAC(m.tag, mac(next.secrets.confirmation, next.context.confirmed)) {
		next.Close()
		return nil, ErrConfirmation
	}
	next.tag = bytes.Clone(m.tag)
	next.interim = interimHash(next.context.confirmed, next.tag)
	return next, nil
}

// next is the state after a draft, without its secrets: its context has the old confirmed_transcript_hash, as paths are
// sealed for (§12.4.1).
func (g *Group) next(d *draft) *Group {
	next := &Group{
		config: g.config, tree: d.tree, own: g.own, key: g.key, private: map[uint32][]byte{},
		context: groupContext{
			group: g.context.group, epoch: g.context.epoch + 1, treeHash: d.tree.rootHash(),
			confirmed: g.context.confirmed, extensions: d.extensions,
		},
		resumptions: g.resumptions,
	}
	for x, private := range g.private {
		if int(x) < len(d.tree.nodes) && sameKey(d.tree.nodes[x], g.tree.nodes[x]) {
			next.private[x] = bytes.Clone(private)
		}
	}
	return next
}

// sameKey says whether a node of the next tree still has the key that it had in the last.
func sameKey(next, last node) bool {
	return !next.blank() && !last.blank() && bytes.Equal(next.key(), last.key())
}

// take puts private keys in place of old ones.
func (g *Group) take(steps []step, private [][]byte) {
	for i, s := range steps {
		clear(g.private[s.node])
		g.private[s.node] = private[i]
	}
}
