package reach

import (
	"net/netip"
	"sync"
)

const (
	// maxPending bounds the connections that are not authenticated yet; perNetwork those of one network. A client
	// authenticates itself within two round trips, so that an office of 200 that comes back at once stays below it.
	maxPending = 4096
	perNetwork = 512
	// gateSample is how many networks a full gate looks at to find the one that has most.
	gateSample = 64
)

// gate bounds the connections that are not authenticated yet. A network that has too many loses its oldest, and so
// does, at the bound of all, the one that has most: a flood closes its own connections and keeps no one out. Safe for
// concurrent use.
type gate struct {
	max, perNetwork int

	mu       sync.Mutex
	pending  int                        // at most max
	networks map[netip.Prefix]*waitList // at most one a connection
}

// waitList is the connections of one network, oldest first: a ring through head.
type waitList struct {
	head place
	n    int
}

// place is one connection's place in the gate.
type place struct {
	network    netip.Prefix
	end        func() // closes the connection; it must not wait
	prev, next *place // nil once it has left
}

func newGate(total, each int) *gate {
	return &gate{max: total, perNetwork: each, networks: make(map[netip.Prefix]*waitList)}
}

// network is the block of addresses that pays for what a client does: a /24 or a /48, of which one party may have
// all.
func network(a netip.Addr) netip.Prefix {
	bits := 48
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // the zero Prefix for no address
	return p
}

// enter takes a place. It calls end of another's, which has lost its own.
func (g *gate) enter(from netip.Addr, end func()) *place {
	p := &place{network: network(from), end: end}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.networks[p.network]
	switch {
	case l != nil && l.n >= g.perNetwork:
		g.evict(l)
	case g.pending >= g.max:
		g.evict(g.fullest())
	}
	if l = g.networks[p.network]; l == nil { // evict may have removed it
		l = &waitList{}
		l.head.prev, l.head.next = &l.head, &l.head
		g.networks[p.network] = l
	}
	p.prev, p.next = l.head.prev, &l.head
	p.prev.next, p.next.prev = p, p
	l.n++
	g.pending++
	return p
}

// evict closes the oldest of a network. It takes g locked.
func (g *gate) evict(l *waitList) {
	oldest := l.head.next
	g.remove(oldest)
	oldest.end()
}

// fullest returns, of a sample, the network that has most. It takes g locked.
func (g *gate) fullest() (most *waitList) {
	seen := 0
	for _, l := range g.networks {
		if most == nil || l.n > most.n {
			most = l
		}
		if seen++; seen == gateSample {
			break
		}
	}
	return most
}

// leave gives a place back. ok is false if it was lost before: the connection has been closed.
func (g *gate) leave(p *place) (ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.next == nil {
		return false
	}
	g.remove(p)
	return true
}

// remove takes g locked.
func (g *gate) remove(p *place) {
	p.prev.next, p.next.prev = p.next, p.prev
	p.prev, p.next = nil, nil
	g.pending--
	l := g.networks[p.network]
	if l.n--; l.n == 0 {
		delete(g.networks, p.network)
	}
}

func (g *gate) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pending
}
