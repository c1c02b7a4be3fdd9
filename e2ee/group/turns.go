package group

import (
	"bytes"
	"sync"
	"time"
)

// turnFor is how long the others of a process leave a commit to the one that makes it.
const turnFor = 5 * time.Second

// Turns keeps sessions of one group in one process from making the same commit. On machines of their own, clients hear
// of another's commit before their turn comes. Hundreds in one process get late together, when they need it least, and
// each would make its own. Safe for concurrent use; a nil Turns lets all go on. The zero value is ready.
type Turns struct {
	mu    sync.Mutex
	group []byte
	epoch uint64
	until time.Time
}

// take gives a session the commit of an epoch: then again is zero. Else it says when to ask again.
func (t *Turns) take(now time.Time, group []byte, epoch uint64) (again time.Time) {
	if t == nil {
		return again
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if bytes.Equal(group, t.group) {
		switch {
		case epoch < t.epoch:
			return now.Add(turnFor) // what leads to the newer one is on its way
		case epoch == t.epoch && now.Before(t.until):
			return t.until
		}
	}
	t.group, t.epoch, t.until = bytes.Clone(group), epoch, now.Add(turnFor)
	return again
}
