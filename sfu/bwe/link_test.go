package bwe

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"conclave/sfu/rtcpview"
)

// link is a bottleneck in virtual time: a queue in front of a rate, then delay, loss and jitter. Several flows may
// share it.
type link struct {
	rate   int64         // bit/s
	queue  time.Duration // how long the queue may get; beyond, the tail is dropped
	delay  time.Duration // one way
	loss   float64
	bucket int           // bytes that pass at any speed when the path has rested
	frame  int           // bytes that the link adds to a packet: Ethernet's, of which the estimate knows nothing
	jitter time.Duration // on average; arrivals keep their order
	rng    *rand.Rand
	now    time.Time
	free   time.Time // when the bottleneck has sent all it holds
	flows  []*flow
}

// flow is a sender with an estimator, and the receiver that sends it feedback.
type flow struct {
	t     *testing.T
	l     *link
	e     *Estimator
	app   func(now time.Time, estimate int64) int64 // what is to be sent now, bit/s
	media func(now time.Time)                       // instead of app: sends by itself
	burst int                                       // every so many frames one is six times as large, 0: none

	started   time.Time
	paused    bool
	mute      bool          // no feedback
	far       time.Duration // delay beyond the link's, one way
	skew      time.Duration
	inFlight  []arriving
	recorder  *twcc.Recorder
	pending   bool
	backlog   []message
	nextFb    time.Time
	nextMedia time.Time
	frames    int
	lastAt    time.Time
	maxQueue  time.Duration
	bytes     int64
	probed    int64
	samples   []int64
}

type arriving struct {
	seq  uint16
	at   time.Time
	size int
}

type message struct {
	body []byte
	at   time.Time
}

var epoch = time.Unix(1_700_000_000, 0)

func newLink(rate int64, delay time.Duration) *link {
	return &link{rate: rate, queue: time.Second, delay: delay, rng: rand.New(rand.NewPCG(1, 2)), now: epoch, free: epoch}
}

func (l *link) flow(t *testing.T, app func(now time.Time, estimate int64) int64) *flow {
	f := &flow{t: t, l: l, e: New(l.now), app: app, started: l.now, recorder: twcc.NewRecorder(1), nextMedia: l.now}
	l.flows = append(l.flows, f)
	return f
}

// steady wants so much, elastically: it sends all that the estimate allows of it.
func steady(bps int64) func(time.Time, int64) int64 {
	return func(_ time.Time, estimate int64) int64 { return min(bps, estimate) }
}

// layered sends the highest of the given rates that fits.
func layered(rates ...int64) func(time.Time, int64) int64 {
	return func(_ time.Time, estimate int64) int64 {
		best := rates[0]
		for _, r := range rates {
			if r <= estimate {
				best = r
			}
		}
		return best
	}
}

// run lets the time go on by d, in steps of a millisecond.
func (l *link) run(d time.Duration) {
	for end := l.now.Add(d); l.now.Before(end); l.now = l.now.Add(time.Millisecond) {
		for _, f := range l.flows {
			f.step(l.now)
		}
	}
}

func (f *flow) step(now time.Time) {
	const packet = 1150
	if f.media != nil {
		f.media(now)
		f.nextMedia = now.Add(time.Hour)
	}
	for !f.paused && !now.Before(f.nextMedia) {
		f.nextMedia = f.nextMedia.Add(time.Second / 30)
		estimate, known := f.e.Estimate(now)
		if !known {
			estimate = Max
		}
		if drain, on := f.e.Drain(now); on {
			estimate = drain
		}
		size := int(f.app(now, estimate) / 8 / 30)
		if f.burst != 0 {
			scale := float64(f.burst) / float64(f.burst+5) // the rate stays the same
			size = int(float64(size) * scale)
			if f.frames++; f.frames%f.burst == 0 {
				size *= 6
			}
		}
		for ; size > 0; size -= packet {
			f.send(now, max(min(size, packet), 60))
		}
	}
	if f.paused {
		f.nextMedia = now
	}
	if now.Sub(epoch).Milliseconds()%5 == 0 && !f.paused {
		for n, _ := f.e.Probe(now); n > 0; n -= packet {
			f.send(now, packet)
			f.probed += packet
		}
	}
	f.receive(now)
	if now.Sub(epoch)%(100*time.Millisecond) == 0 {
		estimate, _ := f.e.Estimate(now)
		f.samples = append(f.samples, estimate)
	}
}

// send gives a packet to the link. It says when it arrives, if it does.
func (f *flow) send(now time.Time, size int) (at time.Time, ok bool) {
	l := f.l
	seq := f.e.Sent(now, size)
	if full := now.Add(-time.Duration(int64(l.bucket) * 8 * int64(time.Second) / max(l.rate, 1))); l.free.Before(full) {
		l.free = full
	}
	if l.free.Sub(now) > l.queue || l.rate == 0 {
		return at, false
	}
	l.free = l.free.Add(time.Duration(int64(size+l.frame) * 8 * int64(time.Second) / l.rate))
	f.maxQueue = max(f.maxQueue, l.free.Sub(now))
	if l.rng.Float64() < l.loss {
		return at, false
	}
	at = later(l.free, now).Add(l.delay + f.far)
	if l.jitter > 0 {
		at = at.Add(time.Duration(l.rng.ExpFloat64() * float64(l.jitter)))
	}
	at = later(at, f.lastAt)
	f.lastAt = at
	f.inFlight = append(f.inFlight, arriving{seq, at, size})
	return at, true
}

// occupy has the link carry bytes that no estimator knows of.
func (l *link) occupy(bytes int) {
	l.free = later(l.free, l.now).Add(time.Duration(int64(bytes) * 8 * int64(time.Second) / l.rate))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (f *flow) receive(now time.Time) {
	for len(f.inFlight) > 0 && !f.inFlight[0].at.After(now) {
		p := f.inFlight[0]
		f.inFlight = f.inFlight[1:]
		f.recorder.Record(1, p.seq, p.at.Add(f.skew).UnixMicro())
		f.bytes += int64(p.size)
		f.pending = true
	}
	if !now.Before(f.nextFb) && f.pending {
		f.nextFb, f.pending = now.Add(50*time.Millisecond), false
		for _, p := range f.recorder.BuildFeedbackPacket() {
			raw, err := rtcp.Marshal([]rtcp.Packet{p})
			if err != nil {
				f.t.Fatal(err)
			}
			v, _, err := rtcpview.Next(raw)
			if err != nil {
				f.t.Fatal(err)
			}
			if !f.mute {
				f.backlog = append(f.backlog, message{v.Body, now.Add(f.l.delay + f.far)})
			}
		}
	}
	for len(f.backlog) > 0 && !f.backlog[0].at.After(now) {
		if err := f.e.Feedback(now, f.backlog[0].body); err != nil {
			f.t.Fatalf("Feedback: %v", err)
		}
		f.backlog = f.backlog[1:]
	}
}

// mean is the mean estimate of the last d.
func (f *flow) mean(d time.Duration) int64 {
	n := min(int(d/(100*time.Millisecond)), len(f.samples))
	var sum int64
	for _, s := range f.samples[len(f.samples)-n:] {
		sum += s
	}
	return sum / int64(n)
}

// within fails unless got is between from and to percent of want.
func within(t *testing.T, what string, got, want int64, from, to int64) {
	t.Helper()
	if got < want*from/100 || got > want*to/100 {
		t.Errorf("%s: %.2f Mbit/s, want %d to %d %% of %.2f", what, float64(got)/1e6, from, to, float64(want)/1e6)
	}
}
