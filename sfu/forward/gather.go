package forward

import (
	"time"

	"conclave/sfu/batch"
)

// To send a message costs many times what sealing a packet does, and most packets of a large meeting are alone in
// theirs: the voices that are heard speak at different moments of each 20 ms. Where the machine has much to do, a
// worker forwards what has come in 20 ms together. Then a listener's voices go in one message.

const (
	// gatherFor is how long what comes first waits. Another packet has to come after that, or a tick.
	gatherFor = 18 * time.Millisecond
	// levelBytes is by how much a packet of sound may become longer, so that those in one message are of one size.
	levelBytes = 64
)

// gathered is what a round holds beyond the batch that it came in.
type gathered struct {
	since time.Time // when the first of it came; zero: there is none
	kept  int       // packets that are copied
	store []byte    // the copies; made when needed, then of storeBytes
}

const storeBytes = batch.MaxReceive * (batch.MaxDatagram + levelBytes)

// Gather has what comes in 20 ms forwarded together, or at once.
func (e *Engine) Gather(on bool) { e.gathers.Store(on) }

// finish forwards the round, or keeps it until there is more of it.
func (w *worker) finish(now time.Time) {
	if w.n > 0 && (w.engine.gathers.Load() || !w.since.IsZero()) {
		if w.since.IsZero() {
			w.since = now
		}
		w.keep()
		if now.Sub(w.since) < gatherFor {
			w.send() // answers to RTCP
			return
		}
	}
	w.flush(now)
}

// keep copies what has come since: the buffers that it lies in are those of the next batch.
func (r *round) keep() {
	if r.store == nil {
		r.store = make([]byte, 0, storeBytes)
	}
	for ; r.kept < r.n; r.kept++ {
		p := &r.packets[r.kept]
		at := len(r.store)
		r.store = append(r.store, p.payload...)
		end := len(r.store)
		r.store = r.store[:end+levelBytes]
		p.payload = r.store[at:end:len(r.store)]
	}
}

func (r *round) emptied() { r.since, r.kept, r.store = time.Time{}, 0, r.store[:0] }

// level gives packets padding (RFC 3550 §5.1) so that more of them are of one size: of the packets in a message, only
// the last may be shorter, and none longer than the first.
func (r *round) level() {
	longest := 0
	for i := r.kept - 1; i >= 0; i-- {
		if p := &r.packets[i]; !p.layer.track.Source.Video() {
			longest = max(longest, len(p.payload))
		}
	}
	for i := r.n - 1; i >= 0; i-- {
		switch p := &r.packets[i]; {
		case len(p.payload) == 0:
		case p.layer.track.Source.Video():
			r.levelWithNext(i)
		case i < r.kept && longest-len(p.payload) <= levelBytes:
			p.pad(longest - len(p.payload))
		}
	}
}

// levelWithNext pads a packet that is one byte shorter than the next of its layer: browsers split a frame so that its
// later packets are a byte longer.
func (r *round) levelWithNext(i int) {
	p := &r.packets[i]
	for j := i + 1; j < r.n; j++ {
		next := &r.packets[j]
		if next.layer == p.layer {
			if len(next.payload)+int(next.padded) == len(p.payload)+1 {
				p.pad(1) // where its tag was
			}
			return
		}
	}
}

// pad writes n bytes of padding behind the payload, the last of which says how many.
func (p *packet) pad(n int) {
	size := len(p.payload)
	if n == 0 || size+n > cap(p.payload) {
		return
	}
	p.padded = byte(n)
	clear(p.payload[size : size+n])
	p.payload[:size+n][size+n-1] = byte(n)
}
