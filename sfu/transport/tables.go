package transport

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"conclave/sfu/batch"
)

// tables say whose a datagram is: by its source address, and before that is proven, by the user name fragment of its
// check. A transport has at most maxPaths addresses and two fragments in them.
type tables struct {
	mu     sync.RWMutex
	addrs  map[netip.AddrPort]*Transport
	ufrags map[string]*Transport // by our user name fragments
	// generation counts addresses that are another transport's or no transport's now, so that workers know when their
	// copies of addrs are out of date.
	generation atomic.Uint64
}

func newTables() tables {
	return tables{addrs: map[netip.AddrPort]*Transport{}, ufrags: map[string]*Transport{}}
}

// Lookup finds the transport that datagrams from addr belong to; nil if there is none.
func (n *Network) Lookup(addr netip.AddrPort) *Transport {
	n.tables.mu.RLock()
	defer n.tables.mu.RUnlock()
	return n.tables.addrs[addr]
}

// Generation changes whenever an answer of Lookup may no longer hold.
func (n *Network) Generation() uint64 { return n.tables.generation.Load() }

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

// bind notes a proven path, so that datagrams from it find t, and has t send over it from now on if it is nominated or the
// first. credential is the index of the credentials that were used: older ones are dropped. It takes t's ICE state, locked.
func (tb *tables) bind(t *Transport, ice *iceState, p Path, nominated bool, credential int) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if t.closed.Load() {
		return
	}
	for _, old := range ice.credentials[:credential] {
		delete(tb.ufrags, old.ufrag)
	}
	ice.credentials = slices.Delete(ice.credentials, 0, credential)
	if !slices.Contains(ice.paths, p) {
		if len(ice.paths) == maxPaths {
			oldest := 0
			if t.remote.Load().To.AddrPort == ice.paths[0].From {
				oldest = 1
			}
			tb.release(t, ice.paths[oldest].From)
			ice.paths = slices.Delete(ice.paths, oldest, oldest+1)
		}
		ice.paths = append(ice.paths, p)
	}
	if other := tb.addrs[p.From]; other != t {
		if other != nil {
			tb.generation.Add(1) // workers may have a copy that says it is the other's
		}
		tb.addrs[p.From] = t
	}
	if nominated || t.remote.Load() == nil {
		t.remote.Store(&Remote{To: batch.NewAddr(p.From), Local: p.Local})
	}
}

// release forgets that addr is t's. It takes the tables locked.
func (tb *tables) release(t *Transport, addr netip.AddrPort) {
	if tb.addrs[addr] == t {
		delete(tb.addrs, addr)
		tb.generation.Add(1)
	}
}

// unbind takes a closed transport out.
func (tb *tables) unbind(t *Transport) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, c := range t.ice.credentials {
		delete(tb.ufrags, c.ufrag)
	}
	for _, p := range t.ice.paths {
		tb.release(t, p.From)
	}
	if r := t.remote.Load(); r != nil {
		tb.release(t, r.To.AddrPort)
	}
	tb.generation.Add(1)
}
