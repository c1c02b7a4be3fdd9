package receive

import "conclave/bots/payload"

// concealLog says how much of a voice a browser would have to make up: what comes too late, or never, to be played. It
// plays packets as Chromium's jitter buffer does (NetEq's DelayManager): behind the fastest packet of the last 2 s by a
// delay that covers most of what was late. A lost packet that the next one repairs (RFC 6716 §4.2.5) counts as played.
// A silence in which nothing is sent leaves no gap in the numbers, so it counts as nothing. Times are in ns. Pure.
type concealLog struct {
	started bool
	next    int64 // extended number of the packet that is to be played next
	due     int64 // its RTP timestamp, extended, as ns
	step    int64 // ns that one packet plays
	shift   int64 // by which it plays later than the delay asks for, since a packet was late
	newest  timeline
	highest int64
	heard   map[int64]heardPacket // by extended number; at most concealWindow

	fastest fastest
	spread  delayHistogram
	late    delayHistogram // of packets that others overtook, retransmissions above all
	worst   int64          // relative delay since worstAt
	worstAt int64

	Played    int64 // ns
	Concealed int64 // ns
}

type heardPacket struct {
	at, media int64
	repairs   bool // it carries the packet before it once more
}

const (
	// concealWindow bounds the packets that wait for their turn: 10 s of them.
	concealWindow = 512
	// maxStep bounds what one packet plays: the longest packet of Opus (RFC 6716 §2.1.4).
	maxStep = int64(120e6)
	// The constants of NetEq: how often the slowest of an interval is taken down, what part of them the delay covers, and
	// how fast it forgets.
	resample       = int64(500e6)
	covered        = 0.95
	forgetSpread   = 0.983
	forgetLate     = 0.9993
	firstDelay     = int64(80e6)
	msPerLossPoint = 20 // a delay of 20 ms is as bad as 1 % of loss
	// catchUp: a voice that plays too late is played faster by one part in so many.
	catchUp = 10
)

// packet takes note of a packet that is new. ts is its RTP timestamp. overtaken says that later ones came before it,
// repairs that it carries the one before it once more.
func (c *concealLog) packet(ext int64, ts uint32, at int64, overtaken, repairs bool) {
	if !c.started {
		c.started, c.next, c.step, c.highest = true, ext, 20e6, ext-1
		c.newest.ts, c.worstAt = ts, at
		c.heard = map[int64]heardPacket{}
		c.learn(0, at, false)
	}
	media := c.newest.at(ts, payload.AudioClock)
	if ext > c.highest {
		if d := media - c.newest.ns; ext == c.highest+1 && d > 0 && d <= maxStep {
			c.step = d
		}
		c.newest, c.highest = timeline{ts, media}, ext
	}
	if ext < c.next { // too late: its time was concealed
		c.learn(media, at, true)
		return
	}
	if len(c.heard) >= concealWindow {
		c.restart()
		c.packet(ext, ts, at, false, repairs)
		return
	}
	c.heard[ext] = heardPacket{at, media, repairs}
	if c.play(at); c.started {
		c.learn(media, at, overtaken)
	}
}

// restart forgets whom the stream carried, and keeps the counts.
func (c *concealLog) restart() { *c = concealLog{Played: c.Played, Concealed: c.Concealed} }

// reset forgets the counts.
func (c *concealLog) reset() { c.Played, c.Concealed = 0, 0 }

// play decides about the packets whose time has come.
func (c *concealLog) play(now int64) {
	for c.next <= c.highest {
		h, here := c.heard[c.next]
		if here {
			c.due = h.media
		}
		deadline := c.due + c.delay() + c.shift
		if now < deadline {
			return
		}
		c.shift = max(0, c.shift-c.step/catchUp)
		after := c.heard[c.next+1]
		switch late := h.at - deadline; {
		case here && late > fastestFor: // a leap of the timestamps
			c.restart()
			return
		case here && late > 0: // the first to come after a gap: concealed until then, and what follows plays later
			c.Concealed += late
			c.Played += c.step
			c.shift += late
		case here, after.repairs && after.at <= deadline:
			c.Played += c.step
		default:
			c.Concealed += c.step
		}
		delete(c.heard, c.next)
		c.next++
		c.due += c.step
	}
}

// delay is how long after its RTP timestamp a packet is played.
func (c *concealLog) delay() int64 {
	target := firstDelay
	if q, ok := c.spread.quantile(covered); ok {
		target = q
	}
	return c.fastest.transit() + max(target, c.late.cheapest(target))
}

// learn takes note of how late a packet was.
func (c *concealLog) learn(media, at int64, overtaken bool) {
	relative := c.fastest.late(at, at-media)
	if overtaken {
		c.late.add(relative, forgetLate)
		return
	}
	c.late.add(0, forgetLate)
	c.worst = max(c.worst, relative)
	if at-c.worstAt >= resample {
		c.spread.add(c.worst, forgetSpread)
		c.worst, c.worstAt = 0, at
	}
}

// timeline turns RTP timestamps into ns that do not wrap: ts is at ns.
type timeline struct {
	ts uint32
	ns int64
}

// at returns the time of another timestamp, of a clock with so many ticks a second.
func (t timeline) at(ts uint32, rate int64) int64 { return t.ns + int64(int32(ts-t.ts))*1e9/rate }

// delayHistogram counts delays in steps of 20 ms, up to 2 s, and forgets old ones slowly.
type delayHistogram struct {
	buckets []float64 // nil until the first
	n       int
}

const (
	delayStep    = int64(20e6)
	delayBuckets = 100
)

func (h *delayHistogram) add(ns int64, forget float64) {
	if h.buckets == nil {
		h.buckets = make([]float64, delayBuckets)
	}
	h.n++
	forget = min(forget, 1-2/float64(h.n+1)) // the first ones count in full
	for i := range h.buckets {
		h.buckets[i] *= forget
	}
	h.buckets[min(delayBuckets-1, ns/delayStep)] += 1 - forget
}

// quantile is the delay that covers the given part.
func (h *delayHistogram) quantile(part float64) (ns int64, ok bool) {
	rest := 1 - part
	for i := len(h.buckets) - 1; i >= 0; i-- {
		if rest -= h.buckets[i]; rest < 0 {
			return int64(i+1) * delayStep, true
		}
	}
	return 0, false
}

// cheapest is the delay at which waiting longer than base costs more than the packets that it saves.
func (h *delayHistogram) cheapest(base int64) int64 {
	best, cost, missed := base, 0.0, 0.0
	for _, b := range h.buckets {
		missed += b
	}
	for i, b := range h.buckets {
		missed -= b
		delay := int64(i+1) * delayStep
		c := float64(max(0, delay-base))/1e6 + 100*msPerLossPoint*missed
		if i == 0 || c < cost {
			best, cost = delay, c
		}
	}
	return best
}

// fastest remembers the shortest transit times of the last fastestFor, the shortest first, each shorter than all later
// ones. A transit time is that of arrival less that of the media, both in ns, so it counts from anywhere.
type fastest []struct{ at, ns int64 }

// fastestFor is how far back the fastest may be: NetEq's.
const fastestFor = int64(2e9)

// late takes note of a transit time at a time, and says how much more than the shortest it is.
func (f *fastest) late(at, ns int64) int64 {
	list := *f
	for len(list) > 0 && at-list[0].at > fastestFor {
		list = list[1:]
	}
	for len(list) > 0 && list[len(list)-1].ns >= ns {
		list = list[:len(list)-1]
	}
	list = append(list, struct{ at, ns int64 }{at, ns})
	*f = list
	return ns - list[0].ns
}

// transit is the shortest one, 0 if there is none.
func (f *fastest) transit() int64 {
	if len(*f) == 0 {
		return 0
	}
	return (*f)[0].ns
}
