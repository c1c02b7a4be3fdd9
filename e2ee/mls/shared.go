package mls

import (
	"crypto/sha256"
	"sync"
)

// maxShared is how many results a Shared keeps: the newest.
const maxShared = 256

// Shared lets members of one group in one process work out once what they would all work out alike from public data:
// whether a message is authentic, what a commit makes of the tree, and whether a joiner's tree is right. They then hold
// one copy of each tree. Results are found by hashes of all that they depend on. Safe for concurrent use.
type Shared struct {
	mu    sync.Mutex
	slots map[[sha256.Size]byte]*sharedSlot // at most maxShared
	order [][sha256.Size]byte               // oldest first
}

type sharedSlot struct {
	once  sync.Once
	value any
	err   error
}

// What is shared.
const (
	sharedVerify = "verify"
	sharedSigned = "signed"
	sharedDraft  = "draft"
	sharedView   = "view"
)

// sharedKey hashes what a result depends on.
func sharedKey(what string, parts ...[]byte) [sha256.Size]byte {
	return sha256.Sum256(encoded(func(w *writer) {
		w.vec([]byte(what))
		for _, p := range parts {
			w.vec(p)
		}
	}))
}

// slot finds or makes the place of a result.
func (s *Shared) slot(key [sha256.Size]byte) *sharedSlot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.slots[key]; found != nil {
		return found
	}
	if s.slots == nil {
		s.slots = map[[sha256.Size]byte]*sharedSlot{}
	}
	if len(s.order) >= maxShared {
		delete(s.slots, s.order[0])
		s.order = s.order[1:]
	}
	made := &sharedSlot{}
	s.slots[key], s.order = made, append(s.order, key)
	return made
}

// Once works something out that depends on the parts and on nothing else, or takes what another worked out. With no
// Shared it works it out. What it returns is not to be changed.
func Once[T any](s *Shared, what string, work func() (T, error), parts ...[]byte) (T, error) {
	if s == nil {
		return work()
	}
	slot := s.slot(sharedKey(what, parts...))
	slot.once.Do(func() { slot.value, slot.err = work() })
	value, _ := slot.value.(T)
	return value, slot.err
}

// StalePaths says of each leaf whether a commit with a path by it would fill a blank node above it, or merge a leaf.
func (g *Group) StalePaths() []bool {
	stale := make([]bool, g.tree.leaves())
	for i := range stale {
		if g.tree.leaf(uint32(i)) == nil {
			continue
		}
		for _, s := range g.tree.filteredPath(uint32(i)) {
			p := g.tree.nodes[s.node].parent
			stale[i] = stale[i] || p == nil || len(p.unmerged) > 0
		}
	}
	return stale
}

// ContextHash is a hash of the whole GroupContext: of all that members agree on in this epoch.
func (g *Group) ContextHash() [sha256.Size]byte { return sha256.Sum256(g.encoded) }

// Size is the number of leaves of the tree, blank ones included.
func (g *Group) Size() uint32 { return g.tree.leaves() }

// Clone copies a joiner: Join uses one up.
func (j *Joiner) Clone() *Joiner {
	c := *j
	c.init, c.private = append([]byte(nil), j.init...), append([]byte(nil), j.private...)
	return &c
}
