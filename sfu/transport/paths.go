package transport

import (
	"net/netip"
	"slices"
	"time"

	"conclave/sfu/transport/stun"
)

const (
	// consentEvery is how often the peer is asked anew whether it is where we send to (RFC 7675 §5.1). We ask when it
	// checks, which browsers do every 2 to 6 s.
	consentEvery = 2 * time.Second
	// consentLasts is how long an answer of the peer's holds.
	consentLasts = 30 * time.Second
	// maxPaths bounds the addresses one peer may be at at a time: its networks, by IPv4 and IPv6. The oldest goes first,
	// but never the one that is sent to.
	maxPaths = 16
	// maxWaiting bounds the checks of one peer that wait until ours is answered: one an address, the newest of them.
	maxWaiting = 8
	// maxSeen bounds the transaction ids of the peer that are remembered: about 8 s of a browser's checks on two paths.
	maxSeen = 16
)

// paths are the addresses a peer has proven to be at, and what it takes to prove another. No clock, no lock.
type paths struct {
	proven  []path    // at most maxPaths, oldest first
	waiting []waiting // at most maxWaiting, oldest first
	seen    [maxSeen]seen
	next    int // of seen
}

// path is an address that has answered a check of ours.
type path struct {
	Path
	asked     time.Time // when we last asked
	answered  int64     // which of our checks was answered last, by the asker's time
	consented time.Time // when that was
	nominated bool      // the peer wants to be sent to here: with the next answer it is
	offered   bool      // the peer has nominated it since its latest credentials, if not as the last
}

// waiting is a check from an address that is not proven. It is answered once the peer has answered ours.
type waiting struct {
	from      Path
	id        stun.ID
	key       *stun.Key
	nominated bool
}

// seen is a check that was taken.
type seen struct {
	id   stun.ID
	from Path
}

// find returns the proven path, nil if it is none.
func (p *paths) find(at Path) *path {
	for i := range p.proven {
		if p.proven[i].Path == at {
			return &p.proven[i]
		}
	}
	return nil
}

// take notes a check by its transaction id. again says that it came before from the same address, elsewhere that it
// came from another: a recorded check.
func (p *paths) take(id stun.ID, from Path) (again, elsewhere bool) {
	for i := range p.seen {
		if p.seen[i].id == id {
			return p.seen[i].from == from, p.seen[i].from != from
		}
	}
	p.seen[p.next] = seen{id, from}
	p.next = (p.next + 1) % maxSeen
	return false, false
}

// wait keeps a check until its path is proven.
func (p *paths) wait(w waiting) {
	old, was := p.waitingFrom(w.from)
	w.nominated = w.nominated || was && old.nominated
	if len(p.waiting) == maxWaiting {
		p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	}
	p.waiting = append(p.waiting, w)
}

// waitingFrom takes out the check that waits for a path to be proven.
func (p *paths) waitingFrom(from Path) (w waiting, ok bool) {
	for i := range p.waiting {
		if p.waiting[i].from == from {
			w = p.waiting[i]
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return w, true
		}
	}
	return waiting{}, false
}

// prove adds a path. If there are too many, it takes out the oldest but that which is sent to, and returns it.
func (p *paths) prove(at Path, current *Remote) (added *path, out Path, evicted bool) {
	if len(p.proven) == maxPaths {
		oldest := 0
		if current.is(p.proven[0].Path) {
			oldest = 1
		}
		out, evicted = p.proven[oldest].Path, true
		p.proven = append(p.proven[:oldest], p.proven[oldest+1:]...)
	}
	p.proven = append(p.proven, path{Path: at})
	return &p.proven[len(p.proven)-1], out, evicted
}

// nominate notes where the peer wants to be sent to: nowhere else any more.
func (p *paths) nominate(chosen *path) {
	for i := range p.proven {
		p.proven[i].nominated = false
	}
	chosen.nominated, chosen.offered = true, true
}

// restart notes that the peer has new credentials: what it nominated with the old ones counts no more.
func (p *paths) restart() {
	for i := range p.proven {
		p.proven[i].offered = false
	}
}

// expire takes out the paths whose consent has run out.
func (p *paths) expire(now time.Time) (out []Path) {
	kept := p.proven[:0]
	for _, have := range p.proven {
		if now.Sub(have.consented) > consentLasts {
			out = append(out, have.Path)
			continue
		}
		kept = append(kept, have)
	}
	p.proven = kept
	return out
}

// remove takes out the path from an address of the peer's.
func (p *paths) remove(from netip.AddrPort) (gone Path, ok bool) {
	i := slices.IndexFunc(p.proven, func(have path) bool { return have.From == from })
	if i < 0 {
		return Path{}, false
	}
	gone = p.proven[i].Path
	p.proven = slices.Delete(p.proven, i, i+1)
	return gone, true
}

// freshest is the path whose consent is newest, nil if there is none.
func (p *paths) freshest() (best *path) {
	for i := range p.proven {
		if best == nil || p.proven[i].consented.After(best.consented) {
			best = &p.proven[i]
		}
	}
	return best
}
