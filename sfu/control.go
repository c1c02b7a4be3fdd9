package sfu

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"conclave/sfu/forward"
	"conclave/sfu/sdp"
)

// egressRate measures what is sent to viewers.
type egressRate struct {
	rate atomic.Uint64 // bits a second

	// of the last measurement; control's alone
	at    time.Time
	bytes uint64
}

// measure takes the rate since it was last called. total is how many bytes have been sent so far.
func (e *egressRate) measure(total uint64, now time.Time) {
	if elapsed := now.Sub(e.at); elapsed > 0 && !e.at.IsZero() {
		e.rate.Store(uint64(float64(total-e.bytes) * 8 / elapsed.Seconds()))
	}
	e.at, e.bytes = now, total
}

// sentBytes is all that has been sent to viewers so far, whichever sender sent it.
func sentBytes(senders []forward.Sender) (total uint64) {
	for _, s := range senders {
		total += s.SentBytes.Load()
	}
	return total
}

// EgressBitrate is what was sent to viewers over the last second or so, repeats and probes included, in bits a second,
// without IP and UDP headers.
func (s *Server) EgressBitrate() uint64 { return s.egress.rate.Load() }

func (s *Server) listRooms() []*Room {
	s.roomMu.Lock()
	defer s.roomMu.Unlock()
	return slices.Collect(maps.Keys(s.rooms))
}

// tick does what is due in one room: within its time, what matters most first. What does not need the room's lock comes
// after.
func (r *Room) tick(now time.Time, n int) {
	r.mu.Lock()
	turn := r.turn()
	connections, heard := r.attention.take()
	r.rankSpeakers(heard, now)
	r.rehear(now)
	r.reconcileDirty(&turn, now)
	r.heed(connections, now)
	r.follow(now, n)
	r.look(now, n)
	r.reconcileDirty(&turn, now)
	if n%feedbackEvery == 0 {
		r.tellPublishers(now)
	}
	if n%pulseEvery == 0 {
		r.tellQuality(n%reportEvery == 0)
	}
	r.retired.Clear()
	r.mu.Unlock()
	r.chores.run(now)
}

// tellPublishers tells each publisher which encodings are wanted, on change. It looks at tracks of which a
// viewer wants something else than before, and at those that wait to be told to stop.
func (r *state) tellPublishers(now time.Time) {
	waiting := r.demands[:0]
	for _, t := range r.demands {
		r.work.Demands++
		t.demand.queued = false
		if r.tracks[t.key()] != t {
			continue
		}
		if layers, changed := t.demand.update(now); changed {
			var names []string
			for i, l := range t.Layers() {
				if layers&(1<<i) != 0 {
					names = append(names, cmp.Or(l.RID, sdp.RIDs[maxLayers-1]))
				}
			}
			t.Want(names)
		}
		if t.demand.waits() {
			t.demand.queued = true
			waiting = append(waiting, t)
		}
	}
	clear(r.demands[len(waiting):])
	r.demands = waiting
}

// demanded has tellPublishers look at t.
func (r *state) demanded(t *track) {
	if !t.demand.queued && t.Source.Video() {
		t.demand.queued = true
		r.demands = append(r.demands, t)
	}
}
