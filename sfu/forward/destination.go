package forward

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"conclave/sfu/bwe"
	"conclave/sfu/overload"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
)

// destination is where packets go: a connection's keys and address, what its way carries, and what is held back for it.
// It does not know what writes the packets. mu is held for one destination's share of one receive batch, never across a
// system call; two workers meet at it only when a viewer's publishers are spread over both.
type destination struct {
	*link
	filler filler
	chains []chain // one a worker: what its current batch holds for this destination

	// Held by who calls reach, stamp, emit, release, fill, estimateChanged, carries and draining; the other methods take
	// it.
	mu   sync.Mutex
	hold hold // video held back for a moment
	path path
	way  way

	paced     atomic.Bool  // the pacer looks after it
	estimated atomic.Int64 // what the way carries, in bit/s at IP level; 0: unknown
	expected  [2]int64     // between which estimates the owner need not be told; guarded by mu
	assumed   atomic.Bool  // and that is the owner's word
}

// filler writes packets that carry nothing new, for probes.
type filler interface {
	// fill appends one to dst; ok is false if there is none.
	fill(dst []byte, now time.Time, w *sealer) (_ []byte, ok bool)
}

// path is what the way to one viewer carries. Guarded by destination.mu.
type path struct {
	bwe *bwe.Estimator // made with the first slot whose viewer can say what it receives

	useful int64 // what would be useful to the viewer in all, as the owner says, in bit/s; 0: not said
	copies int64 // what the path must carry for all copies of audio that the loss calls for; 0: none

	reported time.Time // when the viewer last reported what it receives

	stamped   uint16 // transport-wide sequence number of the packet sealed last
	isStamped bool   // and whether it has one
}

func (d *destination) init(l *link, f filler) {
	d.link, d.filler = l, f
	d.chains = make([]chain, len(l.engine.workers))
	for i := range d.chains {
		d.chains[i] = chain{-1, -1}
	}
}

// stamp gives the packet about to be sealed its transport-wide sequence number, if its slot has the extension with that
// id.
func (d *destination) stamp(h *rtpview.Header, extension uint8, payload int, now time.Time) {
	p := &d.path
	p.isStamped = p.bwe != nil && extension != 0
	if !p.isStamped {
		return
	}
	h.TransportID = extension
	h.TransportSeq = p.bwe.Sent(now, rtpview.OutHeaderLen+rtpview.TransportLen+payload+srtp.Overhead+d.way.overhead)
	p.stamped = h.TransportSeq
}

// emit hands the packet at box.arena[at:] on: to the box, or, if it belongs to a burst that the path would have to
// queue, to the pacer. A packet never overtakes one of its kind.
func (d *destination) emit(box *outbox, at int, video bool, now time.Time) {
	if !video {
		box.add(at)
		return
	}
	h, estimate := &d.hold, d.estimated.Load()
	first := h.empty() && h.leaving == 0
	if estimate == 0 && first {
		box.add(at)
		return
	}
	size := len(box.arena) - at
	if first && h.passes(now, size, paceFactor*estimate) {
		box.add(at)
		return
	}
	if h.keep(box.arena[at:], d.path.stamped, d.path.isStamped, now) {
		box.arena = box.arena[:at]
		d.engine.pacer.add(d)
		return
	}
	// More than can be held back: all of it goes now. The packet itself lies in the arena already, before what is
	// released.
	own := append([]byte(nil), box.arena[at:]...) // rare: a burst of over holdBytes
	box.arena = box.arena[:at]
	d.release(box, holdBytes, now)
	at = len(box.arena)
	box.arena = append(box.arena, own...)
	box.add(at)
}

// release sends up to n bytes of what is held, and one packet at least.
func (d *destination) release(box *outbox, n int64, now time.Time) {
	h := &d.hold
	for n > 0 && !h.empty() && box.fits() {
		p := &h.packets[h.next]
		h.next++
		at := len(box.arena)
		box.arena = append(box.arena, h.bytes[p.begin:p.end]...)
		box.add(at)
		if p.stamped && d.path.bwe != nil {
			d.path.bwe.Delayed(p.transport, now)
		}
		n -= int64(p.end - p.begin)
		h.debt += int64(p.end - p.begin)
	}
	if h.empty() {
		h.bytes, h.packets, h.next = h.bytes[:0], h.packets[:0], 0
	}
}

// feedback takes in what the viewer says of the packets sent to it, and begins a probe if one is due.
func (d *destination) feedback(body []byte, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path.bwe == nil {
		return nil
	}
	if err := d.path.bwe.Feedback(now, body); err != nil {
		return err //nolint:wrapcheck // it is counted, not told
	}
	d.estimateChanged(now)
	return nil
}

// remb takes in the estimate of a viewer that has no transport-wide feedback.
func (d *destination) remb(bps int64, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path.bwe != nil {
		d.path.bwe.REMB(now, bps)
		d.estimate(now)
	}
}

// revise follows the time: an estimate falls when feedback stays away, and a probe may have become due.
func (d *destination) revise(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.estimateChanged(now)
	if d.path.bwe != nil && d.path.bwe.Silent(now) {
		d.owner.EstimateChanged()
	}
	d.hold.rest()
}

// estimateChanged publishes the estimate for the allocator, and has a probe sent that has become due.
func (d *destination) estimateChanged(now time.Time) {
	d.estimate(now)
	if d.path.bwe == nil {
		return
	}
	if _, on := d.draining(now); on {
		d.owner.EstimateChanged()
	}
	if d.way.stream || d.engine.shed() > overload.Calm {
		return
	}
	if _, active := d.path.bwe.Probe(now); active {
		d.engine.pacer.add(d)
	}
}

// reportsHold is how long a viewer's receiver report shows that packets arrive: browsers send one a second at least.
const reportsHold = 5 * time.Second

// estimate publishes the estimate for the allocator. A viewer that gives none, but reports what it receives, is sent
// everything. One that says nothing at all is held to the first, cautious estimate: it may not be where its packets go.
func (d *destination) estimate(now time.Time) {
	bps, known := int64(0), false
	if d.path.bwe != nil {
		bps, known = d.path.bwe.Estimate(now)
	}
	switch {
	case known:
		d.estimated.Store(bps)
	case d.assumed.Load():
	case now.Sub(d.path.reported) < reportsHold:
		d.estimated.Store(bwe.Max)
	default:
		d.estimated.Store(bwe.Initial)
	}
	d.compare()
}

// compare tells the owner of an estimate that was not expected.
func (d *destination) compare() {
	if bps := limitOf(d.estimated.Load()); bps < d.expected[0] || bps > d.expected[1] {
		d.owner.EstimateChanged()
	}
}

// limitOf is an estimate of which 0 says that nothing limits it.
func limitOf(bps int64) int64 {
	if bps == 0 {
		return math.MaxInt64
	}
	return bps
}

// Expect has the owner told of estimates below lowest or above highest only, in bit/s; an unknown one is above all. At
// first it is told of each.
func (d *destination) Expect(lowest, highest int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expected = [2]int64{lowest, highest}
	d.compare() // it may have changed meanwhile
}

// reported notes that the viewer has reported what it receives of one of its slots.
func (d *destination) reported(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.path.reported = now
}

// Assume takes it that the way to the viewer carries so much, in bit/s at IP level, until it gives an estimate. 0 is no
// limit.
func (d *destination) Assume(bps int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.assumed.Store(true)
	d.estimated.Store(bps)
	d.compare()
}

// Estimate is what the way to the viewer carries, in bit/s at IP level; 0: unknown.
func (d *destination) Estimate() int64 { return d.estimated.Load() }

// Drain is what may be sent while a queue on the way to the viewer is left to drain, in bit/s; 0 when none is.
func (d *destination) Drain(now time.Time) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	bps, on := d.draining(now)
	if !on {
		return 0
	}
	return max(1, bps)
}

// Silent says whether a viewer that gave feedback has stopped: the way may be gone.
func (d *destination) Silent(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.path.bwe != nil && d.path.bwe.Silent(now)
}

// draining says whether a queue on the way is left to drain, and what may be sent meanwhile.
func (d *destination) draining(now time.Time) (bps int64, on bool) {
	if d.path.bwe == nil {
		return 0, false
	}
	return d.path.bwe.Drain(now)
}

// Useful says how much would be useful to the viewer in all, in bit/s at IP level: probes look no further.
func (d *destination) Useful(bps int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wantedOfPath(&d.path.useful, max(bps, 1))
}

// wantedOfPath sets one of the two reasons to learn what the path carries.
func (d *destination) wantedOfPath(reason *int64, bps int64) {
	*reason = bps
	if wanted := d.path.wanted(); wanted > 0 && d.path.bwe != nil {
		d.path.bwe.Wanted(wanted)
	}
}

// wanted is up to which rate it is of use to know what the path carries, 0: not said.
func (p *path) wanted() int64 { return max(p.useful, p.copies) }

// Path describes the way as it was lately; zero where nothing is known.
func (d *destination) Path() bwe.Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path.bwe == nil {
		return bwe.Stats{}
	}
	return d.path.bwe.Stats()
}
