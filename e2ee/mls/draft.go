package mls

import "bytes"

// draft is what a commit makes of the tree and the GroupContext: all that everybody can see of it.
type draft struct {
	tree       *tree
	extensions []Extension
	committer  uint32
	added      []uint32 // leaves, in the order of the Add proposals
	adds       []*KeyPackage
	psks       []PSKID
	pathNeeded bool

	path  *updatePath
	steps []step
}

// draft checks the proposals of a commit (RFC 9420 §12.2) and applies them (§12.3). The path comes after it.
func (g *Group) draft(committer Sender, list []*Proposed, authorize func(*Proposed) error) (*draft, error) {
	d := &draft{
		tree: g.tree.clone(), extensions: g.context.extensions, committer: committer.Index,
	}
	if err := g.checkList(d, committer, list); err != nil {
		return nil, err
	}
	if authorize != nil {
		for _, p := range list {
			if err := authorize(p); err != nil {
				return nil, because(ErrRefused, "%v", err)
			}
		}
	}
	if err := d.apply(list); err != nil {
		return nil, err
	}
	return d, nil
}

// checkList checks each proposal and the list as a whole.
func (g *Group) checkList(d *draft, committer Sender, list []*Proposed) error {
	if len(list) > MaxProposals {
		return because(ErrProposal, "more than %d", MaxProposals)
	}
	counts := map[uint16]int{}
	changed := map[uint32]bool{} // leaves that are removed or updated
	psks := map[string]bool{}
	d.pathNeeded = len(list) == 0
	for _, p := range list {
		if err := g.checkProposal(p, committer); err != nil {
			return err
		}
		counts[p.Type]++
		switch p.Type {
		case ProposalRemove, ProposalUpdate:
			leaf := p.Remove
			if p.Type == ProposalUpdate {
				leaf = p.Sender.Index
			}
			if changed[leaf] {
				return because(ErrProposal, "leaf %d changed twice", leaf)
			}
			changed[leaf] = true
		case ProposalPreSharedKey:
			id := string(encoded(p.PSK.write))
			if psks[id] {
				return because(ErrProposal, "a PSK twice")
			}
			psks[id] = true
		}
		if p.Type != ProposalAdd && p.Type != ProposalPreSharedKey {
			d.pathNeeded = true
		}
	}
	if counts[ProposalGroupContextExtensions] > 1 {
		return because(ErrProposal, "two changes of the GroupContext's extensions")
	}
	if len(psks) > maxPSKs {
		return because(ErrProposal, "more than %d PSKs", maxPSKs)
	}
	return nil
}

// checkProposal checks one proposal (§12.1), and that its sender may send its type.
func (g *Group) checkProposal(p *Proposed, committer Sender) error {
	if err := g.supported(p); err != nil {
		return err
	}
	switch p.Type {
	case ProposalAdd:
		return p.Add.verify()
	case ProposalUpdate:
		if p.Sender == committer || p.Sender.Type != SenderMember {
			return because(ErrProposal, "an Update by the committer, or from outside")
		}
		return g.checkUpdate(p.Update, p.Sender.Index)
	case ProposalRemove:
		if g.tree.leaf(p.Remove) == nil {
			return because(ErrProposal, "leaf %d is not there to remove", p.Remove)
		}
		if committer == (Sender{SenderMember, p.Remove}) {
			return because(ErrProposal, "the committer removes itself")
		}
	case ProposalPreSharedKey:
		if len(p.PSK.Nonce) != hashSize {
			return because(ErrProposal, "length of a PSK's nonce")
		}
	case ProposalGroupContextExtensions:
		return checkContextExtensions(p.Extensions)
	}
	return nil
}

// supported refuses what is outside the subset.
func (g *Group) supported(p *Proposed) error {
	switch {
	case p.Type == ProposalReInit, p.Type == ProposalExternalInit, p.Sender.Type == SenderNewMemberProposal:
	case p.Type == ProposalUpdate && !g.config.wider:
	case p.Type == ProposalPreSharedKey && !p.PSK.External && (!g.config.wider || p.PSK.usage != usageApplication):
	default:
		return nil
	}
	return because(ErrUnsupported, "proposal type %d", p.Type)
}

func (g *Group) checkUpdate(leaf *LeafNode, index uint32) error {
	last := g.tree.leaf(index)
	if last == nil || leaf.Source != SourceUpdate {
		return because(ErrProposal, "an Update with a leaf of another source")
	}
	if bytes.Equal(leaf.EncryptionKey, last.EncryptionKey) {
		return because(ErrProposal, "an Update without a new key")
	}
	return leaf.verify(g.context.group, index)
}

// checkContextExtensions checks that the known extensions of a GroupContext can be read.
func checkContextExtensions(list []Extension) error {
	if _, err := requiredOf(list); err != nil {
		return err
	}
	senders, err := externalSendersOf(list)
	if err != nil {
		return err
	}
	for i := range senders {
		if err := CheckEd25519(senders[i].SignatureKey); err != nil {
			return err
		}
	}
	return nil
}

// apply applies the proposals in the order of §12.3: extensions, updates, removes, adds, the rest.
func (d *draft) apply(list []*Proposed) error {
	for _, p := range list {
		switch p.Type {
		case ProposalGroupContextExtensions:
			d.extensions = p.Extensions
		case ProposalUpdate:
			d.tree.update(p.Sender.Index, p.Update)
		case ProposalPreSharedKey:
			d.psks = append(d.psks, p.PSK)
		}
	}
	for _, p := range list {
		if p.Type == ProposalRemove {
			d.tree.remove(p.Remove)
		}
	}
	for _, p := range list {
		if p.Type == ProposalAdd {
			leaf, err := d.tree.add(p.Add.Leaf)
			if err != nil {
				return err
			}
			d.added, d.adds = append(d.added, leaf), append(d.adds, p.Add)
		}
	}
	d.tree.truncate()
	return nil
}

// usePath checks a received path and puts it into the tree (§12.4.2). It may be nil.
func (d *draft) usePath(g *Group, path *updatePath) error {
	if path == nil {
		if d.pathNeeded {
			return because(ErrProposal, "a commit that needs a path has none")
		}
		return nil
	}
	if err := g.checkPathLeaf(d.committer, path.leaf); err != nil {
		return err
	}
	if path.leaf.Source != SourceCommit {
		return because(ErrTree, "the leaf of a path has another source")
	}
	if err := path.leaf.verify(g.context.group, d.committer); err != nil {
		return err
	}
	d.path, d.steps = path, d.tree.filteredPath(d.committer)
	if err := d.tree.checkPath(path, d.steps, d.added); err != nil {
		return err
	}
	keys := make([][]byte, len(path.nodes))
	for i := range path.nodes {
		keys[i] = path.nodes[i].key
	}
	if !bytes.Equal(d.tree.merge(d.committer, d.steps, keys), path.leaf.ParentHash) {
		return because(ErrParentHash, "of the path")
	}
	d.tree.set(nodeOf(d.committer), node{leaf: path.leaf})
	return nil
}

// checkPathLeaf holds a member's new leaf to its last one: a member keeps its signature key.
func (g *Group) checkPathLeaf(committer uint32, leaf *LeafNode) error {
	if !bytes.Equal(g.tree.leaf(committer).SignatureKey, leaf.SignatureKey) {
		return because(ErrUnsupported, "a path with another signature key")
	}
	return nil
}

// check checks the tree as a whole, after the path.
func (d *draft) check() error {
	if err := d.tree.checkUnique(); err != nil {
		return err
	}
	return d.tree.checkSupport(d.extensions)
}
