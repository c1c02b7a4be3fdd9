package mls

import "slices"

// parentNode is a node of the tree that is not a leaf (RFC 9420 §7.1). One in a tree is never changed.
type parentNode struct {
	key        []byte // X25519
	parentHash []byte
	unmerged   []uint32 // leaves, ascending
}

// node is blank if it has neither.
type node struct {
	leaf   *LeafNode
	parent *parentNode
}

func (n node) blank() bool { return n.leaf == nil && n.parent == nil }

func (n node) key() []byte {
	if n.leaf != nil {
		return n.leaf.EncryptionKey
	}
	return n.parent.key
}

// tree is a ratchet tree (RFC 9420 §4.1, §7): a full binary tree whose number of leaves is a power of two. Copies share
// nodes and hashes, which are replaced and never changed.
type tree struct {
	nodes  []node
	hashes []*[hashSize]byte // of the subtree under each node; nil: to be computed
}

func newTree(leaf *LeafNode) *tree {
	return &tree{nodes: []node{{leaf: leaf}}, hashes: make([]*[hashSize]byte, 1)}
}

func (t *tree) clone() *tree {
	return &tree{nodes: slices.Clone(t.nodes), hashes: slices.Clone(t.hashes)}
}

func (t *tree) leaves() uint32 { return uint32(len(t.nodes)+1) / 2 }

func (t *tree) root() uint32 { return rootOf(t.leaves()) }

// leaf is the leaf of an index; nil if it is blank or outside.
func (t *tree) leaf(index uint32) *LeafNode {
	if index >= t.leaves() {
		return nil
	}
	return t.nodes[nodeOf(index)].leaf
}

// set replaces a node.
func (t *tree) set(x uint32, n node) {
	t.nodes[x] = n
	t.touch(x)
}

// touch forgets the hashes that a node is part of.
func (t *tree) touch(x uint32) {
	root := t.root()
	for t.hashes[x] = nil; x != root; {
		x = parentOf(x)
		t.hashes[x] = nil
	}
}

// directPath are the nodes above a leaf, up to the root.
func (t *tree) directPath(leaf uint32) []uint32 {
	var path []uint32
	for x, root := nodeOf(leaf), t.root(); x != root; {
		x = parentOf(x)
		path = append(path, x)
	}
	return path
}

// resolution is §4.1.1.
func (t *tree) resolution(x uint32) []uint32 { return t.appendResolution(nil, x) }

func (t *tree) appendResolution(list []uint32, x uint32) []uint32 {
	n := t.nodes[x]
	switch {
	case n.leaf != nil:
		return append(list, x)
	case n.parent != nil:
		list = append(list, x)
		for _, leaf := range n.parent.unmerged {
			list = append(list, nodeOf(leaf))
		}
		return list
	case level(x) == 0:
		return list
	}
	return t.appendResolution(t.appendResolution(list, leftOf(x)), rightOf(x))
}

// empty says whether the resolution of a node is.
func (t *tree) empty(x uint32) bool {
	if !t.nodes[x].blank() {
		return false
	}
	return level(x) == 0 || t.empty(leftOf(x)) && t.empty(rightOf(x))
}

// step is one node of a filtered direct path, and its child that is not on the path.
type step struct{ node, copath uint32 }

// filteredPath is §4.1.2: without the nodes whose copath child has an empty resolution.
func (t *tree) filteredPath(leaf uint32) []step {
	var path []step
	for x, root := nodeOf(leaf), t.root(); x != root; x = parentOf(x) {
		if s := siblingOf(x); !t.empty(s) {
			path = append(path, step{parentOf(x), s})
		}
	}
	return path
}

// blankPath blanks the nodes above a leaf.
func (t *tree) blankPath(leaf uint32) {
	for _, x := range t.directPath(leaf) {
		t.nodes[x] = node{}
	}
	t.touch(nodeOf(leaf))
}

// add puts a leaf in the leftmost blank place (§7.7, §12.1.1) and returns where that is.
func (t *tree) add(leaf *LeafNode) (uint32, error) {
	index := uint32(0)
	for index < t.leaves() && t.leaf(index) != nil {
		index++
	}
	if index == t.leaves() {
		if index == MaxLeaves {
			return 0, because(ErrFull, "%d leaves", MaxLeaves)
		}
		t.nodes = append(t.nodes, make([]node, len(t.nodes)+1)...)
		t.hashes = append(t.hashes, make([]*[hashSize]byte, len(t.hashes)+1)...)
	}
	t.set(nodeOf(index), node{leaf: leaf})
	for _, x := range t.directPath(index) {
		if p := t.nodes[x].parent; p != nil {
			at, _ := slices.BinarySearch(p.unmerged, index)
			unmerged := slices.Insert(slices.Clone(p.unmerged), at, index)
			t.nodes[x].parent = &parentNode{p.key, p.parentHash, unmerged}
		}
	}
	return index, nil
}

// update replaces a leaf and blanks its path (§12.1.2).
func (t *tree) update(index uint32, leaf *LeafNode) {
	t.nodes[nodeOf(index)] = node{leaf: leaf}
	t.blankPath(index)
}

// remove blanks a leaf and its path (§12.1.3). The tree is not made smaller yet: see truncate.
func (t *tree) remove(index uint32) {
	t.nodes[nodeOf(index)] = node{}
	t.blankPath(index)
}

// truncate halves the tree while its right half is blank (§7.7).
func (t *tree) truncate() {
	for len(t.nodes) > 1 && t.empty(rightOf(t.root())) {
		half := len(t.nodes) / 2
		clear(t.nodes[half:])
		t.nodes, t.hashes = t.nodes[:half:half], t.hashes[:half:half]
	}
}

// members counts the leaves that are not blank.
func (t *tree) members() int {
	n := 0
	for i := 0; i < len(t.nodes); i += 2 {
		if t.nodes[i].leaf != nil {
			n++
		}
	}
	return n
}

// write encodes the tree as the ratchet_tree extension has it (§12.4.3.3).
func (t *tree) write(w *writer) {
	last := len(t.nodes)
	for last > 0 && t.nodes[last-1].blank() {
		last--
	}
	w.nested(func(w *writer) {
		for _, n := range t.nodes[:last] {
			n.write(w)
		}
	})
}

func (n node) write(w *writer) {
	w.optional(!n.blank())
	switch {
	case n.leaf != nil:
		w.u8(nodeLeaf)
		n.leaf.write(w)
	case n.parent != nil:
		w.u8(nodeParent)
		n.parent.write(w)
	}
}

// Node types (§7.8).
const (
	nodeLeaf   = 1
	nodeParent = 2
)

func (p *parentNode) write(w *writer) {
	w.vec(p.key)
	w.vec(p.parentHash)
	w.length(4 * len(p.unmerged))
	for _, leaf := range p.unmerged {
		w.u32(leaf)
	}
}

func readParentNode(r *reader) *parentNode {
	p := &parentNode{key: r.vec(), parentHash: r.vec()}
	p.unmerged = readList(r, MaxLeaves, "unmerged leaves", (*reader).u32)
	return p
}

func readNode(r *reader) (n node) {
	if !r.optional() {
		return n
	}
	switch r.u8() {
	case nodeLeaf:
		n.leaf = readLeafNode(r)
	case nodeParent:
		n.parent = readParentNode(r)
	default:
		r.fail("type of a node")
	}
	return n
}

// readTree reads a ratchet tree: leaves where leaves belong, no blank node at the end.
func readTree(r *reader) *tree {
	nodes := readList(r, maxNodes, "nodes", readNode)
	if r.err != nil {
		return nil
	}
	if len(nodes) == 0 || nodes[len(nodes)-1].blank() {
		r.fail("a tree that ends with a blank node")
		return nil
	}
	for i, n := range nodes {
		if i%2 == 0 && n.parent != nil || i%2 == 1 && n.leaf != nil {
			r.fail("a node of the wrong type")
			return nil
		}
	}
	size := 2*fullSize(uint32(len(nodes)+2)/2) - 1
	t := &tree{nodes: make([]node, size), hashes: make([]*[hashSize]byte, size)}
	copy(t.nodes, nodes)
	return t
}
