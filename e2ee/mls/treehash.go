package mls

import (
	"bytes"
	"slices"
)

// hash is the tree hash of the subtree under a node (RFC 9420 §7.8).
func (t *tree) hash(x uint32) []byte {
	if h := t.hashes[x]; h != nil {
		return h[:]
	}
	var left, right []byte
	if level(x) > 0 {
		left, right = t.hash(leftOf(x)), t.hash(rightOf(x))
	}
	h := [hashSize]byte(hashInput(x, t.nodes[x], left, right))
	t.hashes[x] = &h
	return h[:]
}

func (t *tree) rootHash() []byte { return bytes.Clone(t.hash(t.root())) }

// hashInput hashes TreeHashInput.
func hashInput(x uint32, n node, left, right []byte) []byte {
	w := writer{b: make([]byte, 0, 512)}
	if level(x) == 0 {
		w.u8(nodeLeaf)
		w.u32(x / 2)
		w.optional(n.leaf != nil)
		if n.leaf != nil {
			n.leaf.write(&w)
		}
		return sum(w.b)
	}
	w.u8(nodeParent)
	w.optional(n.parent != nil)
	if n.parent != nil {
		n.parent.write(&w)
	}
	w.vec(left)
	w.vec(right)
	return sum(w.b)
}

// hashWithout is the tree hash of a subtree as if some leaves, ascending, had not been added: the original tree hash of
// §7.9.
func (t *tree) hashWithout(x uint32, leaves []uint32) []byte {
	from, to := leavesUnder(x)
	leaves = between(leaves, from, to)
	if len(leaves) == 0 {
		return t.hash(x)
	}
	if level(x) == 0 {
		return hashInput(x, node{}, nil, nil)
	}
	n := t.nodes[x]
	if p := n.parent; p != nil {
		kept := slices.DeleteFunc(slices.Clone(p.unmerged), func(leaf uint32) bool {
			_, found := slices.BinarySearch(leaves, leaf)
			return found
		})
		n.parent = &parentNode{p.key, p.parentHash, kept}
	}
	return hashInput(x, n, t.hashWithout(leftOf(x), leaves), t.hashWithout(rightOf(x), leaves))
}

// between are those of ascending leaves that are in [from, to).
func between(leaves []uint32, from, to uint32) []uint32 {
	a, _ := slices.BinarySearch(leaves, from)
	b, _ := slices.BinarySearch(leaves, to)
	return leaves[a:b]
}

// parentHash is the parent hash of a node with respect to a copath child (§7.9): what the node below records.
func (t *tree) parentHash(p *parentNode, copath uint32) []byte {
	return sum(encoded(func(w *writer) {
		w.vec(p.key)
		w.vec(p.parentHash)
		w.vec(t.hashWithout(copath, p.unmerged))
	}))
}
