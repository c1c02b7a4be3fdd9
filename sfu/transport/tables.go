package transport

import (
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/sfu/stream"
)

// tables say whose a datagram is: by its source address, and before that is proven, by the user name fragment of its
// check. A transport has at most maxPaths addresses and two fragments in them.
type tables struct {
	mu     sync.RWMutex
	addrs  map[netip.AddrPort]*Transport
	ufrags map[string]*Transport // by our user name fragments
	// numbers are what the transaction ids of our checks name transports by.
	numbers map[uint32]*Transport
	// generation counts addresses that are another transport's or no transport's now, so that workers know when their
	// copies of addrs are out of date.
	generation atomic.Uint64
	streams    *stream.Hub // may be nil
}

func newTables(streams *stream.Hub) tables {
	return tables{streams: streams, addrs: map[netip.AddrPort]*Transport{}, ufrags: map[string]*Transport{},
		numbers: map[uint32]*Transport{}}
}

// Lookup finds the transport that datagrams from addr belong to; nil if there is none.
func (n *Network) Lookup(addr netip.AddrPort) *Transport {
	n.tables.mu.RLock()
	defer n.tables.mu.RUnlock()
	return n.tables.addrs[addr]
}

// Generation changes whenever an answer of Lookup may no longer hold.
func (n *Network) Generation() uint64 { return n.tables.generation.Load() }

// Knows says whether an ICE user name fragment is of one of our transports.
func (n *Network) Knows(ufrag []byte) bool { return n.tables.byUfrag(ufrag) != nil }

func (tb *tables) byUfrag(ufrag []byte) *Transport {
	tb.mu.RLock()
	defer tb.mu.RUnlock()
	return tb.ufrags[string(ufrag)]
}

// announce notes new credentials of t, and forgets those over the limit. It takes t's ICE state, locked.
func (tb *tables) announce(t *Transport, ice *iceState, c *credentials) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	ice.credentials = append(ice.credentials, c)
	if len(ice.credentials) > maxCredentials {
		delete(tb.ufrags, ice.credentials[0].ufrag)
		ice.credentials = slices.Delete(ice.credentials, 0, 1)
	}
	if !t.closed.Load() {
		tb.ufrags[c.ufrag] = t
	}
}

// enrol gives t a number of its own.
func (tb *tables) enrol(t *Transport) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for t.number = mathrand.Uint32(); tb.numbers[t.number] != nil; {
		t.number = mathrand.Uint32()
	}
	tb.numbers[t.number] = t
}

func (tb *tables) byNumber(n uint32) *Transport {
	tb.mu.RLock()
	defer tb.mu.RUnlock()
	return tb.numbers[n]
}

// retire drops the credentials before those with the given index, which have been used. It takes the ICE state locked.
func (tb *tables) retire(ice *iceState, used int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, old := range ice.credentials[:used] {
		delete(tb.ufrags, old.ufrag)
	}
	ice.credentials = slices.Delete(ice.credentials, 0, used)
}

// claim makes a path of t's, which t's peer has proven, so that datagrams from it find t. It returns nil if another
// transport is there whose peer has answered lately: a live path is never taken. It takes t's ICE state locked.
func (tb *tables) claim(t *Transport, ice *iceState, p Path, now time.Time) *path {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if other := tb.addrs[p.From]; other != nil && other != t && !other.Disconnected(now) {
		return nil
	}
	return tb.give(t, ice, p)
}

// adopt makes a path t's, whatever else is there; nil if t is closed. It takes t's ICE state locked.
func (tb *tables) adopt(t *Transport, ice *iceState, p Path) *path {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.give(t, ice, p)
}

// give does what claim and adopt say. It takes the tables and t's ICE state locked.
func (tb *tables) give(t *Transport, ice *iceState, p Path) *path {
	if t.closed.Load() {
		return nil
	}
	added, out, evicted := ice.paths.prove(p, t.remote.Load())
	if evicted {
		tb.release(t, ice, out)
	}
	if other := tb.addrs[p.From]; other != t {
		if other != nil {
			tb.generation.Add(1) // workers may have a copy that says it is the other's
		}
		tb.addrs[p.From] = t
	}
	return added
}

// forget forgets paths that are not t's any more. It takes t's ICE state locked.
func (tb *tables) forget(t *Transport, ice *iceState, gone []Path) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, p := range gone {
		tb.release(t, ice, p)
	}
}

// release forgets that datagrams from a path are t's, unless the same address of the peer's is proven to another of
// ours. It takes the tables and t's ICE state locked.
func (tb *tables) release(t *Transport, ice *iceState, gone Path) {
	for i := range ice.paths.proven {
		if ice.paths.proven[i].From == gone.From {
			return
		}
	}
	if tb.addrs[gone.From] == t {
		delete(tb.addrs, gone.From)
		tb.generation.Add(1)
		if tb.streams != nil {
			tb.streams.Revoke(gone.From)
		}
	}
}

// unbind takes a closed transport out.
func (tb *tables) unbind(t *Transport) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	delete(tb.numbers, t.number)
	for _, c := range t.ice.credentials {
		delete(tb.ufrags, c.ufrag)
	}
	proven := t.ice.paths.proven
	t.ice.paths = paths{}
	for i := range proven {
		tb.release(t, &t.ice, proven[i].Path)
	}
	tb.generation.Add(1)
}
