package forward

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"conclave/sfu/batch"
	"conclave/sfu/wiretest"
)

// losses loses packets by Gilbert's two states: burst in a row on average, the share loss in all.
type losses struct {
	rng         *rand.Rand
	loss, burst float64
	losing      bool
	dark        func(now time.Duration) bool // nil: never
}

func (l *losses) loses(now time.Duration) bool {
	change := 1 / l.burst
	if !l.losing {
		change = l.loss / (l.burst * (1 - l.loss))
	}
	if l.burst <= 1 {
		return l.rng.Float64() < l.loss || l.dark != nil && l.dark(now)
	}
	if l.rng.Float64() < change {
		l.losing = !l.losing
	}
	return l.losing || l.dark != nil && l.dark(now)
}

// line is the two directions between one of them and the engine.
type line struct{ up, down losses }

// event is what is due at a time of the talk.
type event struct {
	at time.Duration
	n  int // order among equals
	do func(at time.Duration)
}

func (e event) compare(other event) int {
	return cmp.Or(cmp.Compare(e.at, other.at), cmp.Compare(e.n, other.n))
}

// talk is a publisher who talks without a pause, the engine, and a viewer, in virtual time. Between each of them and
// the engine are half a round trip and loss.
type talk struct {
	rig           *rig
	worker        *worker
	alice, bob    *peer
	rtt           time.Duration
	talks, hears  line // the publisher's and the viewer's
	answers, asks bool // the publisher sends again what is asked for; the viewer asks
	fec           bool // the publisher puts a copy of each packet into the next
	copies        bool // the engine may send copies

	begun   time.Time
	events  []event // ascending
	n       int
	sent    map[uint16][]byte        // by the publisher, sealed
	again   map[uint16]time.Duration // when the publisher last repeated it
	arrived map[int]time.Duration    // at the viewer, by the packet's place
	order   map[uint16]int           // the places of the engine's sequence numbers
	first   uint32                   // timestamp of the first that left the engine
	asked   map[uint16]bool
	highest uint16
	any     bool
	bytes   [2]int // that went up and down
	leaving time.Duration
	seen    [2]int // packets expected and received since the last report of the viewer
}

// frame is what one packet of Opus holds; everyone's packets are 20 ms apart.
const frame = 20 * time.Millisecond

func newTalk(t *testing.T, seed uint64, loss, burst float64) *talk {
	t.Helper()
	r := newRig(t)
	c := &talk{rig: r, rtt: 50 * time.Millisecond, answers: true, copies: true, begun: time.Unix(1000, 0),
		sent: map[uint16][]byte{}, again: map[uint16]time.Duration{}, arrived: map[int]time.Duration{},
		order: map[uint16]int{}, asked: map[uint16]bool{}}
	for i, l := range []*losses{&c.talks.up, &c.talks.down, &c.hears.up, &c.hears.down} {
		*l = losses{rng: rand.New(rand.NewPCG(seed, uint64(i))), loss: loss, burst: burst}
	}
	c.alice = r.join(1, options{}).live()
	c.bob = r.join(2, options{}).watch(c.alice)
	c.worker = testWorker(r.engine, c)
	for _, p := range []*peer{c.alice, c.bob} {
		p.c.rtt.Store(int64(c.rtt))
	}
	return c
}

func (c *talk) at(at time.Duration, do func(at time.Duration)) {
	c.n++
	e := event{at, c.n, do}
	i, _ := slices.BinarySearchFunc(c.events, e, event.compare)
	c.events = slices.Insert(c.events, i, e)
}

// every does something again and again.
func (c *talk) every(step, at, end time.Duration, do func(at time.Duration)) {
	if at < end {
		c.at(at, func(at time.Duration) {
			do(at)
			c.every(step, at+step, end, do)
		})
	}
}

// run plays so much talk.
func (c *talk) run(lasts time.Duration) {
	c.every(frame, 0, lasts, func(at time.Duration) { c.speak(uint16(at/frame), at) })
	c.every(20*time.Millisecond, 7*time.Millisecond, lasts, c.tick)
	c.every(time.Second, time.Second, lasts, c.report)
	for len(c.events) > 0 {
		e := c.events[0]
		c.events = c.events[1:]
		e.do(e.at)
	}
}

// speak sends a packet.
func (c *talk) speak(seq uint16, at time.Duration) {
	p := wiretest.Audio(seq, 20)
	p.Payload = make([]byte, 80)
	c.sent[seq] = c.alice.Sealed(p)
	c.publish(seq, at)
}

func (c *talk) publish(seq uint16, at time.Duration) {
	c.bytes[0] += len(c.sent[seq])
	if c.talks.up.loses(at) {
		return
	}
	data := append([]byte(nil), c.sent[seq]...)
	c.at(at+c.rtt/2, func(at time.Duration) {
		c.leaving = at
		c.worker.feed(c.alice, c.begun.Add(at), data)
	})
}

// Send takes what the engine sends to the viewer.
func (c *talk) Send(messages []batch.Message) (int, error) {
	for _, m := range messages {
		for data := m.Data; len(data) > 0; data = data[min(m.Segment, len(data)):] {
			c.deliver(append([]byte(nil), data[:min(m.Segment, len(data))]...))
		}
	}
	return len(messages), nil
}

// MaxSegments is part of batch.Sender.
func (*talk) MaxSegments() int { return 1 }

func (c *talk) deliver(data []byte) {
	var p rtp.Packet
	if p.Unmarshal(data) != nil || p.PayloadType != 111 {
		return
	}
	if len(c.order) == 0 {
		c.first = p.Timestamp - uint32(960*(int(c.leaving-c.rtt/2)/int(frame)))
	}
	c.order[p.SequenceNumber] = int(p.Timestamp-c.first) / 960
	c.bytes[1] += len(data)
	if c.hears.down.loses(c.leaving) {
		return
	}
	c.at(c.leaving+c.rtt/2, func(at time.Duration) { c.hear(p.SequenceNumber, at) })
}

// hear takes a packet in at the viewer, who asks for what is missing before it, once more with each packet.
func (c *talk) hear(seq uint16, at time.Duration) {
	place := c.order[seq]
	if _, twice := c.arrived[place]; twice {
		return
	}
	c.arrived[place] = at
	c.seen[1]++
	if !c.any {
		c.any, c.highest = true, seq
	}
	delete(c.asked, seq)
	for ; int16(seq-c.highest) > 0; c.highest++ {
		c.seen[0]++
		if c.highest+1 != seq {
			c.asked[c.highest+1] = true
		}
	}
	if !c.asks {
		return
	}
	for missing := c.highest - 15; missing != c.highest; missing++ {
		if !c.asked[missing] || c.hears.up.loses(at) {
			continue
		}
		c.at(at+c.rtt/2, func(at time.Duration) {
			c.leaving = at
			c.bob.answer(c.worker, c.begun.Add(at), missing)
			c.worker.flush(c.begun.Add(at))
		})
	}
}

// tick has the engine ask the publisher for what is missing.
func (c *talk) tick(at time.Duration) {
	due, _ := c.alice.c.in.missing(c.alice.mic.layers[0], c.begun.Add(at))
	if len(due) == 0 || !c.answers || c.talks.down.loses(at) {
		return
	}
	c.at(at+c.rtt/2, func(at time.Duration) {
		for _, seq := range due {
			if last, twice := c.again[uint16(seq)]; twice && at-last < c.rtt {
				continue
			}
			c.again[uint16(seq)] = at
			c.publish(uint16(seq), at)
		}
	})
}

// report is what is done once a second: the viewer reports its loss, and the budgets are filled.
func (c *talk) report(at time.Duration) {
	if expected, received := c.seen[0], c.seen[1]; expected > received && !c.hears.up.loses(at) {
		c.bob.c.out.audio.reportedLoss(uint8((expected - received) << 8 / expected))
	}
	c.seen = [2]int{}
	c.alice.c.in.refill()
	c.bob.c.out.reviseCopies(c.begun.Add(at))
	if !c.copies {
		c.bob.c.out.audio.copies = copies{}
	}
}

// concealed is the share of packets that were not there, in any form, when a jitter buffer of that length played them,
// and how many gaps they make, of the talk but its first seconds.
func (c *talk) concealed(buffer time.Duration) (share float64, gaps int) {
	const begin = 250
	all, missing, before := len(c.sent), 0, false
	for place := begin; place < all-50; place++ {
		played := time.Duration(place)*frame + c.rtt + buffer
		at, ok := c.arrived[place]
		there := ok && at <= played
		if next, ok := c.arrived[place+1]; c.fec && !there {
			there = ok && next <= played
		}
		if !there {
			missing++
			if !before {
				gaps++
			}
		}
		before = !there
	}
	return float64(missing) / float64(all-50-begin), gaps
}

// playout is what jitter buffers of browsers hold where packets come again after a round trip of 50 ms.
const playout = 120 * time.Millisecond

// residual is what is concealed of four minutes of talk, and what was sent as a multiple of that.
func residual(t *testing.T, loss, burst float64, with func(*talk)) (share, up, down float64) {
	t.Helper()
	const seeds, lasts = 4, time.Minute
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			c := newTalk(t, seed, loss, burst)
			with(c)
			c.run(lasts)
			s, _ := c.concealed(playout)
			share += s / seeds
			once := float64(len(c.sent) * len(c.sent[0]) * seeds)
			up, down = up+float64(c.bytes[0])/once, down+float64(c.bytes[1])/once
		})
	}
	return share, up, down
}

// At 5 % each way and a round trip of 50 ms a viewer conceals less than 1 %, whether its browser asks for audio or not.
// Where two packets are lost in a row on average, that takes a viewer who asks.
func TestAHundredthOfSoundIsMissingAtFivePercent(t *testing.T) {
	for _, test := range []struct {
		name        string
		loss, burst float64
		asks        bool
		most        float64
	}{
		{"a viewer who asks", 0.05, 1, true, 0.01},
		{"a viewer who does not", 0.05, 1, false, 0.01},
		{"two in a row, asks", 0.05, 2, true, 0.01},
		{"two in a row, does not", 0.05, 2, false, 0.02},
	} {
		share, up, down := residual(t, test.loss, test.burst, func(c *talk) { c.asks = test.asks })
		t.Logf("%s: %.2f %% concealed, up × %.2f, down × %.2f", test.name, 100*share, up, down)
		if share > test.most {
			t.Errorf("%s: %.2f %% concealed, want %.2f at most", test.name, 100*share, 100*test.most)
		}
	}
}

// The table of docs/audio.md. Each method leaves less than the one before it in its list, and none is for nothing.
func TestWhatEachRepairOfAudioBrings(t *testing.T) {
	methods := []struct {
		name string
		with func(*talk)
	}{
		{"nothing", func(c *talk) { c.answers, c.copies = false, false }},
		{"forward error correction", func(c *talk) { c.answers, c.copies, c.fec = false, false, true }},
		{"NACK to the publisher", func(c *talk) { c.copies = false }},
		{"the same, NACK from the viewer", func(c *talk) { c.copies, c.asks = false, true }},
		{"NACK to the publisher, copies", func(*talk) {}},
		{"the same, NACK from the viewer", func(c *talk) { c.asks = true }},
		{"the same, forward error correction", func(c *talk) { c.asks, c.fec = true, true }},
	}
	for _, burst := range []float64{1, 2, 5} {
		left := make([]float64, len(methods))
		for i, m := range methods {
			share, up, down := residual(t, 0.05, burst, m.with)
			t.Logf("| %v | %s | %.2f %% | %.2f | %.2f |", burst, m.name, 100*share, up, down)
			left[i] = share
		}
		for _, better := range [][2]int{{1, 0}, {2, 0}, {3, 2}, {4, 2}, {5, 4}, {6, 5}} {
			if left[better[0]] >= left[better[1]] {
				t.Errorf("%v in a row: %q leaves no less than %q", burst, methods[better[0]].name, methods[better[1]].name)
			}
		}
	}
}

// A hole of 100 ms on the way to the viewer is heard once: nothing that is done to repair it makes a second one.
func TestABurstOfATenthOfASecondIsHeardOnceAtMost(t *testing.T) {
	for _, asks := range []bool{true, false} {
		for _, up := range []bool{true, false} { // the hole is the publisher's
			c := newTalk(t, 1, 0, 1)
			c.asks = asks
			holes := 0
			dark := func(now time.Duration) bool { return now%(4*time.Second) >= 3900*time.Millisecond }
			if up {
				c.talks.up.dark = dark
			} else {
				c.hears.down.dark = dark
			}
			c.run(60 * time.Second)
			for at := 8 * time.Second; at < 59*time.Second; at += 4 * time.Second {
				holes++
			}
			share, gaps := c.concealed(playout)
			t.Logf("asks %v, up %v: %d holes, %d gaps, %.2f %%", asks, up, holes, gaps, 100*share)
			if gaps > holes {
				t.Errorf("asks %v, up %v: %d holes are heard as %d gaps", asks, up, holes, gaps)
			}
		}
	}
}
