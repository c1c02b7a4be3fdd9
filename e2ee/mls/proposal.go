package mls

// Proposal types (RFC 9420 §17.4).
const (
	ProposalAdd                    uint16 = 1
	ProposalUpdate                 uint16 = 2
	ProposalRemove                 uint16 = 3
	ProposalPreSharedKey           uint16 = 4
	ProposalReInit                 uint16 = 5
	ProposalExternalInit           uint16 = 6
	ProposalGroupContextExtensions uint16 = 7
)

// Proposal is one change of a group (RFC 9420 §12.1). What its type does not use is empty.
type Proposal struct {
	Type       uint16
	Add        *KeyPackage // ProposalAdd
	Update     *LeafNode   // ProposalUpdate
	Remove     uint32      // ProposalRemove: a leaf
	PSK        PSKID       // ProposalPreSharedKey
	Extensions []Extension // ProposalGroupContextExtensions: all that the GroupContext will have; of ReInit too

	reinit struct { // ProposalReInit
		group          []byte
		version, suite uint16
	}
	kem []byte // ProposalExternalInit: kem_output
}

func (p *Proposal) write(w *writer) {
	w.u16(p.Type)
	switch p.Type {
	case ProposalAdd:
		p.Add.write(w)
	case ProposalUpdate:
		p.Update.write(w)
	case ProposalRemove:
		w.u32(p.Remove)
	case ProposalPreSharedKey:
		p.PSK.write(w)
	case ProposalReInit:
		w.vec(p.reinit.group)
		w.u16(p.reinit.version)
		w.u16(p.reinit.suite)
		writeExtensions(w, p.Extensions)
	case ProposalExternalInit:
		w.vec(p.kem)
	case ProposalGroupContextExtensions:
		writeExtensions(w, p.Extensions)
	}
}

func readProposal(r *reader) *Proposal {
	p := &Proposal{Type: r.u16()}
	switch p.Type {
	case ProposalAdd:
		p.Add = readKeyPackage(r)
	case ProposalUpdate:
		p.Update = readLeafNode(r)
	case ProposalRemove:
		p.Remove = r.u32()
	case ProposalPreSharedKey:
		p.PSK = readPSKID(r)
	case ProposalReInit:
		p.reinit.group, p.reinit.version, p.reinit.suite = r.vec(), r.u16(), r.u16()
		p.Extensions = readExtensions(r)
	case ProposalExternalInit:
		p.kem = r.hash("kem_output")
	case ProposalGroupContextExtensions:
		p.Extensions = readExtensions(r)
	default:
		r.fail("type of the proposal") // its length is not known either
	}
	return p
}

// proposalOrRef is ProposalOrRef (§12.4): one of the two.
type proposalOrRef struct {
	proposal *Proposal
	ref      []byte
}

const (
	byValue     = 1
	byReference = 2
)

func (p *proposalOrRef) write(w *writer) {
	if p.proposal != nil {
		w.u8(byValue)
		p.proposal.write(w)
		return
	}
	w.u8(byReference)
	w.vec(p.ref)
}

func readProposalOrRef(r *reader) (p proposalOrRef) {
	switch r.u8() {
	case byValue:
		p.proposal = readProposal(r)
	case byReference:
		p.ref = r.hash("reference")
	default:
		r.fail("neither proposal nor reference")
	}
	return p
}

// pathNode is UpdatePathNode (§7.6).
type pathNode struct {
	key     []byte
	secrets []hpkeCiphertext // to the resolution of the copath child
}

// updatePath is UpdatePath.
type updatePath struct {
	leaf  *LeafNode
	nodes []pathNode
}

func (p *updatePath) write(w *writer) {
	p.leaf.write(w)
	w.nested(func(w *writer) {
		for i := range p.nodes {
			w.vec(p.nodes[i].key)
			w.nested(func(w *writer) {
				for j := range p.nodes[i].secrets {
					p.nodes[i].secrets[j].write(w)
				}
			})
		}
	})
}

func readUpdatePath(r *reader) *updatePath {
	return &updatePath{
		leaf: readLeafNode(r),
		nodes: readList(r, maxDepth, "nodes of a path", func(r *reader) pathNode {
			return pathNode{key: r.vec(), secrets: readList(r, MaxLeaves, "path secrets", readHPKECiphertext)}
		}),
	}
}

// commit is Commit (§12.4).
type commit struct {
	proposals []proposalOrRef
	path      *updatePath // may be nil
}

func (c *commit) write(w *writer) {
	w.nested(func(w *writer) {
		for i := range c.proposals {
			c.proposals[i].write(w)
		}
	})
	w.optional(c.path != nil)
	if c.path != nil {
		c.path.write(w)
	}
}

func readCommit(r *reader) *commit {
	c := &commit{proposals: readList(r, MaxProposals, "proposals", readProposalOrRef)}
	if r.optional() {
		c.path = readUpdatePath(r)
	}
	return c
}
