package audit

import (
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of a Merkle tree (RFC 6962 §2.1): the roots of the complete subtrees that make it up, largest
// first. It is all that is needed to append to the tree and to know its root. At most 63 hashes.
type edge struct {
	size   int64
	hashes []tlog.Hash
}

// append adds a leaf. Each trailing one bit of the old size is a subtree that the new leaf completes.
func (e *edge) append(leaf tlog.Hash) {
	for n := e.size; n&1 == 1; n >>= 1 {
		last := len(e.hashes) - 1
		leaf = tlog.NodeHash(e.hashes[last], leaf)
		e.hashes = e.hashes[:last]
	}
	e.hashes = append(e.hashes, leaf)
	e.size++
}

// root is the hash of the whole tree.
func (e *edge) root() tlog.Hash {
	last := len(e.hashes) - 1
	if last < 0 {
		root, _ := tlog.TreeHash(0, nil) // the hash of nothing; no hash is read
		return root
	}
	root := e.hashes[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(e.hashes[i], root)
	}
	return root
}

// valid says whether the hashes can be the edge of a tree of its size: one for each bit that is set.
func (e *edge) valid() bool {
	return e.size >= 0 && bits.OnesCount64(uint64(e.size)) == len(e.hashes)
}
