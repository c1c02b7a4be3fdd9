package mls

import (
	"bytes"
	"slices"
)

// validate checks a tree that came from others, as a joiner must (RFC 9420 §12.4.3.1): every leaf, the unmerged leaves,
// the keys and the parent hashes.
func (t *tree) validate(group []byte, extensions []Extension) error {
	if err := t.checkUnmerged(); err != nil {
		return err
	}
	if err := t.checkParentKeys(); err != nil {
		return err
	}
	if err := t.checkUnique(); err != nil {
		return err
	}
	if err := t.checkParentHashes(); err != nil {
		return err
	}
	for i := range t.leaves() {
		if leaf := t.leaf(i); leaf != nil {
			if err := leaf.verify(group, i); err != nil {
				return because(err, "leaf %d", i)
			}
		}
	}
	return t.checkSupport(extensions)
}

// checkUnmerged checks that unmerged leaves exist, are under the node, in order, and unmerged in all nodes between.
func (t *tree) checkUnmerged() error {
	for x := uint32(1); int(x) < len(t.nodes); x += 2 {
		p := t.nodes[x].parent
		if p == nil {
			continue
		}
		for i, leaf := range p.unmerged {
			if i > 0 && leaf <= p.unmerged[i-1] {
				return because(ErrTree, "unmerged leaves not in order")
			}
			if t.leaf(leaf) == nil || !covers(x, leaf) {
				return because(ErrTree, "an unmerged leaf that is not there")
			}
			if !t.unmergedBelow(x, leaf) {
				return because(ErrTree, "a leaf is merged below where it is unmerged")
			}
		}
	}
	return nil
}

// unmergedBelow says whether a leaf is unmerged in all nodes between it and x that are not blank.
func (t *tree) unmergedBelow(x, leaf uint32) bool {
	for y := parentOf(nodeOf(leaf)); y != x; y = parentOf(y) {
		if p := t.nodes[y].parent; p != nil {
			if _, found := slices.BinarySearch(p.unmerged, leaf); !found {
				return false
			}
		}
	}
	return true
}

// checkUnique checks that no encryption key and no signature key is in the tree twice.
func (t *tree) checkUnique() error {
	encryption := make(map[string]struct{}, len(t.nodes))
	signature := make(map[string]struct{}, len(t.nodes)/2)
	nodes, members := 0, 0
	for _, n := range t.nodes {
		if n.blank() {
			continue
		}
		nodes++
		encryption[string(n.key())] = struct{}{}
		if n.leaf != nil {
			members++
			signature[string(n.leaf.SignatureKey)] = struct{}{}
		}
	}
	if len(encryption) != nodes {
		return because(ErrTree, "an encryption key twice")
	}
	if len(signature) != members {
		return because(ErrTree, "a signature key twice")
	}
	return nil
}

// checkParentKeys checks that the keys of parents are usable. Those of leaves are checked with the leaf.
func (t *tree) checkParentKeys() error {
	for _, n := range t.nodes {
		if n.parent != nil {
			if err := checkX25519(n.parent.key); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkParentHashes checks that each node above the leaves was set by a member below it (§7.9.2).
func (t *tree) checkParentHashes() error {
	for x := uint32(1); int(x) < len(t.nodes); x += 2 {
		if t.nodes[x].parent != nil && !t.linked(x, leftOf(x), rightOf(x)) && !t.linked(x, rightOf(x), leftOf(x)) {
			return because(ErrParentHash, "node %d", x)
		}
	}
	return nil
}

// linked says whether a node in the resolution of x's child has x's parent hash, and all else in that resolution is
// unmerged in x.
func (t *tree) linked(x, child, copath uint32) bool {
	p := t.nodes[x].parent
	from, to := leavesUnder(child)
	unmerged := between(p.unmerged, from, to)
	resolution := t.resolution(child)
	if len(resolution) != len(unmerged)+1 {
		return false
	}
	// The one node that is not an unmerged leaf of x.
	var link uint32
	found := 0
	for _, y := range resolution {
		_, known := slices.BinarySearch(unmerged, y/2)
		if level(y) > 0 || !known {
			link = y
			found++
		}
	}
	if found != 1 {
		return false
	}
	return bytes.Equal(t.recorded(link), t.parentHash(p, copath))
}

// recorded is the parent hash that a node records; nil if it cannot have one.
func (t *tree) recorded(x uint32) []byte {
	n := t.nodes[x]
	switch {
	case n.parent != nil:
		return n.parent.parentHash
	case n.leaf != nil && n.leaf.Source == SourceCommit:
		return n.leaf.ParentHash
	}
	return nil
}

// checkSupport checks that all leaves support what the group requires, the types of its extensions, and each other's
// credentials (§7.3).
func (t *tree) checkSupport(extensions []Extension) error {
	required, err := requiredOf(extensions)
	if err != nil {
		return err
	}
	for _, e := range extensions {
		required.Extensions = append(required.Extensions, e.Type)
	}
	for i := range t.leaves() {
		if leaf := t.leaf(i); leaf != nil && !slices.Contains(required.Credentials, leaf.Credential.Type) {
			required.Credentials = append(required.Credentials, leaf.Credential.Type)
		}
	}
	for i := range t.leaves() {
		if leaf := t.leaf(i); leaf != nil {
			if what := leaf.Capabilities.lacks(&required); what != "" {
				return because(ErrTree, "leaf %d does not support %s that the group uses", i, what)
			}
		}
	}
	return nil
}
