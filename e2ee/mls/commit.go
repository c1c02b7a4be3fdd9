package mls

import (
	"bytes"
	"crypto/sha256"
)

// CommitOptions say what a commit does.
type CommitOptions struct {
	Options
	// ByReference commits all kept proposals of the epoch that this list names by their references, in its order.
	ByReference [][]byte
	// Extensions, if it is not nil, are all extensions that the GroupContext is to have.
	Extensions []Extension
	// Removes are leaves.
	Removes []uint32
	// Adds are those to come in.
	Adds []*KeyPackage
	// UsePSKs are IDs of Options.PSKs to mix in, each with a new nonce.
	UsePSKs [][]byte
	// NoPath leaves the path out. Only commits that add, and name PSKs, can do without; others fail.
	NoPath bool
	// Leaf changes the member's own leaf, if it is not nil. It needs a path.
	Leaf *LeafChange
	// AuthenticatedData goes with the commit, in clear.
	AuthenticatedData []byte
}

// LeafChange is what a member's leaf is to have from now on.
type LeafChange struct {
	Credential   Credential
	Capabilities Capabilities
	Extensions   []Extension
}

// Commit is a commit that was made, and what comes of it if it is accepted.
type Commit struct {
	Message []byte            // MLSMessage
	Hash    [sha256.Size]byte // of Message
	Next    *Group            // the state after it; Close it if the commit is not accepted
	Welcome *Welcome          // nil if the commit adds none
}

// Commit makes a commit (RFC 9420 §12.4.1). The state does not change: the caller goes on with Commit.Next once the
// commit is accepted.
func (g *Group) Commit(o CommitOptions) (*Commit, error) {
	if g.closed {
		return nil, ErrClosed
	}
	list, proposed, err := g.gather(&o)
	if err != nil {
		return nil, err
	}
	sender := Sender{SenderMember, g.own}
	d, err := g.draft(sender, proposed, o.Authorize)
	if err != nil {
		return nil, err
	}
	if o.NoPath && (d.pathNeeded || o.Leaf != nil) {
		return nil, because(ErrProposal, "this commit needs a path")
	}
	psk, err := findPSKs(d.psks, o.PSKs, g.context.group, g.resumptions)
	if err != nil {
		return nil, err
	}
	defer clear(psk)
	a := &authenticated{wire: wirePublic, content: framedContent{
		group: g.context.group, epoch: g.context.epoch, sender: sender, authenticated: o.AuthenticatedData,
		kind: ContentCommit, commit: &commit{proposals: list},
	}}
	keys := &pathKeys{commit: zeros()}
	private := []byte(nil)
	if !o.NoPath {
		if private, keys, err = g.newPath(d, &o); err != nil {
			return nil, err
		}
	}
	defer keys.close()
	if err := d.check(); err != nil {
		return nil, err
	}
	next := g.next(d)
	if d.path != nil {
		d.path.nodes, err = d.tree.sealPath(g.config.random(), d.steps, keys, d.added, encoded(next.context.write))
		if err != nil {
			next.Close()
			return nil, err
		}
		a.content.commit.path = d.path
		next.private[nodeOf(g.own)] = private
		next.take(d.steps, keys.private)
	}
	a.sign(g.key, g.encoded)
	return g.finish(a, d, next, keys, psk)
}

// gather makes the list of proposals: references first, then extensions, removes, adds, PSKs.
func (g *Group) gather(o *CommitOptions) ([]proposalOrRef, []*Proposed, error) {
	var list []proposalOrRef
	for _, ref := range o.ByReference {
		list = append(list, proposalOrRef{ref: ref})
	}
	value := func(p *Proposal) { list = append(list, proposalOrRef{proposal: p}) }
	if o.Extensions != nil {
		value(&Proposal{Type: ProposalGroupContextExtensions, Extensions: o.Extensions})
	}
	for _, leaf := range o.Removes {
		value(&Proposal{Type: ProposalRemove, Remove: leaf})
	}
	for _, k := range o.Adds {
		value(&Proposal{Type: ProposalAdd, Add: k})
	}
	for _, id := range o.UsePSKs {
		nonce, err := random(g.config.random(), hashSize)
		if err != nil {
			return nil, nil, err
		}
		value(&Proposal{Type: ProposalPreSharedKey, PSK: PSKID{External: true, ID: id, Nonce: nonce}})
	}
	proposed, err := g.resolve(list, Sender{SenderMember, g.own})
	return list, proposed, err
}

// newPath makes new keys for the own leaf and the nodes above it, and puts them into the draft's tree. The path secrets
// are not sealed yet: that takes the hash of the tree.
func (g *Group) newPath(d *draft, o *CommitOptions) (private []byte, keys *pathKeys, err error) {
	last := g.tree.leaf(g.own)
	leaf := &LeafNode{
		SignatureKey: last.SignatureKey, Credential: last.Credential, Capabilities: last.Capabilities,
		Extensions: last.Extensions, Source: SourceCommit,
	}
	if o.Leaf != nil {
		leaf.Credential, leaf.Capabilities, leaf.Extensions = o.Leaf.Credential, o.Leaf.Capabilities, o.Leaf.Extensions
	}
	if private, leaf.EncryptionKey, err = newKeyPair(g.config.random()); err != nil {
		return nil, nil, err
	}
	secret, err := random(g.config.random(), hashSize)
	if err != nil {
		return nil, nil, err
	}
	d.steps = d.tree.filteredPath(g.own)
	keys = newPathKeys(secret, len(d.steps))
	leaf.ParentHash = d.tree.merge(g.own, d.steps, keys.public)
	leaf.sign(g.key, g.context.group, g.own)
	if err := leaf.consistent(); err != nil {
		return nil, nil, err
	}
	d.tree.set(nodeOf(g.own), node{leaf: leaf})
	d.path = &updatePath{leaf: leaf}
	return private, keys, nil
}

// finish derives the next epoch from signed content, and makes the message and the Welcome.
func (g *Group) finish(a *authenticated, d *draft, next *Group, keys *pathKeys, psk []byte) (*Commit, error) {
	next.context.confirmed = confirmedHash(g.interim, a)
	joiner := joinerSecret(g.secrets.init, keys.commit, encoded(next.context.write))
	defer clear(joiner)
	middle := intermediate(joiner, psk)
	sealed := bytes.Clone(middle)
	defer clear(sealed)
	next.enter(middle)
	next.tag = mac(next.secrets.confirmation, next.context.confirmed)
	next.interim = interimHash(next.context.confirmed, next.tag)
	a.tag = next.tag
	c := &Commit{Message: newPublicMessage(a, g.secrets.membership, g.encoded), Next: next}
	if len(c.Message) > MaxCommit {
		next.Close()
		return nil, because(ErrFull, "a commit of %d bytes", len(c.Message))
	}
	c.Hash = sha256.Sum256(c.Message)
	if len(d.added) > 0 {
		var err error
		if c.Welcome, err = next.welcome(d, keys, joiner, sealed); err != nil {
			next.Close()
			return nil, err
		}
	}
	return c, nil
}

// Propose makes a proposal, and keeps it for commits by reference. Type says which of Add, Remove, PreSharedKey and
// GroupContextExtensions it is.
func (g *Group) Propose(p *Proposal, authenticatedData []byte) ([]byte, *Proposed, error) {
	if g.closed {
		return nil, nil, ErrClosed
	}
	a := &authenticated{wire: wirePublic, content: framedContent{
		group: g.context.group, epoch: g.context.epoch, sender: Sender{SenderMember, g.own},
		authenticated: authenticatedData, kind: ContentProposal, proposal: p,
	}}
	made := &Proposed{Proposal: p, Sender: a.content.sender, AuthenticatedData: authenticatedData}
	if err := g.checkProposal(made, Sender{}); err != nil {
		return nil, nil, err
	}
	a.sign(g.key, g.encoded)
	made.Reference = a.ref()
	return newPublicMessage(a, g.secrets.membership, g.encoded), made, g.keep(made)
}
