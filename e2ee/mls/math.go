package mls

import "math/bits"

// Indices in the array that holds a full binary tree (RFC 9420, Appendix C): leaves are even, a node's level is the
// number of trailing ones.

func level(x uint32) int { return bits.TrailingZeros32(^x) }

func nodeOf(leaf uint32) uint32 { return 2 * leaf }

// rootOf is the root of a tree of so many leaves, a power of two.
func rootOf(leaves uint32) uint32 { return leaves - 1 }

func leftOf(x uint32) uint32 { return x ^ 1<<(level(x)-1) }

func rightOf(x uint32) uint32 { return x ^ 3<<(level(x)-1) }

// parentOf is the parent of a node that is not the root.
func parentOf(x uint32) uint32 {
	k := level(x)
	return (x | 1<<k) &^ (1 << (k + 1))
}

func siblingOf(x uint32) uint32 {
	p := parentOf(x)
	if x < p {
		return rightOf(p)
	}
	return leftOf(p)
}

// leavesUnder are the first leaf under a node and the first after it.
func leavesUnder(x uint32) (from, to uint32) {
	half := uint32(1)<<level(x) - 1
	return (x - half) / 2, (x+half)/2 + 1
}

// covers says whether a leaf is under a node.
func covers(x, leaf uint32) bool {
	from, to := leavesUnder(x)
	return from <= leaf && leaf < to
}

// fullSize is the smallest power of two that holds so many leaves.
func fullSize(leaves uint32) uint32 {
	if leaves <= 1 {
		return 1
	}
	return 1 << bits.Len32(leaves-1)
}
