package sfu

import (
	"sync"

	"conclave/sfu/forward"
)

// What of a connection control is to look at.
const (
	slotsChanged    = 1 << iota // Egress.Tidy has work
	estimateChanged             // what the way to the viewer carries is not what was expected
)

// attention gathers what the packet path has to say to control, until the next tick. Its lock is a leaf, held for a
// moment only.
type attention struct {
	mu          sync.Mutex
	connections []*connection    // each once: bounded by the connections of the room
	heard       []*forward.Track // each once: bounded by the room's microphones
	reports     []*connection    // of the latest take, for the next
	levels      []*forward.Track
}

func (a *attention) look(c *connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.connections = append(a.connections, c)
}

func (a *attention) hear(t *forward.Track) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = append(a.heard, t)
}

// take empties it. The lists are valid until the next call.
func (a *attention) take() (connections []*connection, heard []*forward.Track) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.reports) // they must keep nothing alive
	clear(a.levels)
	connections, heard = a.connections, a.heard
	a.connections, a.heard = a.reports[:0], a.levels[:0]
	a.reports, a.levels = connections, heard
	return connections, heard
}

// attend has control look at c.
func (c *connection) attend(what uint32) {
	if c.news.Or(what) == 0 {
		c.peer.room.attention.look(c)
	}
}

// Changed implements forward.Owner.
func (c *connection) Changed() { c.attend(slotsChanged) }

// EstimateChanged implements forward.Owner.
func (c *connection) EstimateChanged() { c.attend(estimateChanged) }

// LevelChanged implements forward.Owner.
func (c *connection) LevelChanged(t *forward.Track) { c.peer.room.attention.hear(t) }
