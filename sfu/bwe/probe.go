package bwe

const (
	// probeSpan is the least a probe lasts: a shorter one would fall between the frames of others on the path.
	probeSpan = 80_000 // µs
	// probeExcess is how much a probe sends beyond what the estimate would have carried meanwhile: a shaper with a token
	// bucket lets the depth of the bucket, some packets, through at any speed. probeMost is how long it lasts at most, for
	// the same on a slow path.
	probeExcess = 8_000   // bytes
	probeMost   = 500_000 // µs
	// maxProbeBytes bounds a probe: 80 ms of 25 Mbit/s.
	maxProbeBytes = 256 << 10
	// A probe goes to twice the estimate until the path has once been found full, and then to 1.3 times.
	probeNew   = 2.0
	probeAgain = 1.3
	// probePatience is how long the feedback of a probe is awaited.
	probePatience = 1_000_000 // µs
	// probeReached: a probe has succeeded if this share of its rate arrived. Of one that filled the path, the estimate may
	// be this much; it is raised to less (beta), because what arrived was taken from others on the path.
	probeReached = 0.95
	fullProbe    = 0.95
	// otherPath is how many percent of the path's known rate a probe that fell short must have found to be believed.
	otherPath = 125
	// A failed probe is repeated after 2 s, then after longer, up to 5 s: a path that has become wider is to be used
	// within 15 s.
	firstBackoff = 2_000_000
	maxBackoff   = 5_000_000
	// afterDrop is how long the path is left alone once the estimate was taken down.
	afterDrop = 3_000_000
	// probeFull ends a probe early: it has found the path's end, in ms. What it leaves is looked at when its feedback is
	// complete, unless it is longer than probeQueue. On a slow path it is slowProbeFull.
	probeFull     = 90
	slowProbeFull = 40
	probeQueue    = 120
	// filledQueue is what a probe leaves behind that has filled the path, in ms.
	filledQueue = 25
	// afterProbe is how long the queue that a probe has left may take to drain.
	afterProbe = 300_000
)

// probe is a short burst above the estimate that finds out whether the path carries more. Media sent meanwhile counts
// into it.
type probe struct {
	cluster uint8 // 0: none has been
	rate    int64 // bit/s
	goal    int   // bytes
	sending bool
	waiting bool // for feedback
	until   int64

	began, lastSent    int64
	sentBytes          int
	lastBurst          int
	sentPackets        int
	firstArrival       int64
	lastArrival        int64
	gotBytes, gotFirst int
	gotPackets         int
	lastSeq            uint16
	covered            bool // feedback has reached lastSeq
}

func (p *probe) begin(now, rate, estimate int64) {
	cluster := p.cluster + 1
	if cluster == 0 {
		cluster = 1
	}
	least, most := rate*probeSpan/8_000_000, rate*probeMost/8_000_000
	goal := min(max(least, min(probeExcess*rate/max(rate-estimate, 1), most)), maxProbeBytes)
	*p = probe{cluster: cluster, rate: rate, goal: int(goal), sending: true, began: now}
}

// due is how many bytes the probe wants sent by now beside what it has had.
func (p *probe) due(now int64) int {
	if !p.sending {
		return 0
	}
	// The first burst is as large as those of the 5 ms steps in which the adapter comes by.
	return min(int(p.rate*(now-p.began+groupSpan)/8_000_000), p.goal) - p.sentBytes
}

func (p *probe) sent(now int64, size int, seq uint16) {
	if now != p.lastSent {
		p.lastBurst = 0
	}
	p.lastSent = now
	p.lastBurst += size
	p.sentBytes += size
	p.sentPackets++
	p.lastSeq = seq
	if p.sentBytes >= p.goal || now-p.began > probePatience {
		p.end(now)
	}
}

func (p *probe) end(now int64) {
	p.sending, p.waiting, p.until = false, p.sentPackets > 0, now+probePatience
}

func (p *probe) received(e *sentPacket, arrival int64) {
	if e.cluster != p.cluster || e.cluster == 0 {
		return
	}
	if p.gotPackets == 0 || arrival < p.firstArrival {
		p.firstArrival, p.gotFirst = arrival, int(e.size)
	}
	if p.gotPackets == 0 || arrival > p.lastArrival {
		p.lastArrival = arrival
	}
	p.gotBytes += int(e.size)
	p.gotPackets++
}

// result is the rate the probe has shown the path to carry, once all its feedback is there; ok is false while it is
// not, or when it has shown nothing. left is at what rate it was sent: ours to keep, and late now and then. loss is
// what the path loses anyway: loss alone is not congestion.
func (p *probe) result(now int64, loss float64) (rate, left int64, done, ok bool) {
	if !p.waiting || !p.covered && now < p.until {
		return 0, 0, false, false
	}
	p.waiting = false
	span := p.lastArrival - p.firstArrival
	sentSpan := p.lastSent - p.began
	if p.gotPackets < 5 || 5*p.gotPackets < 3*p.sentPackets || span <= 0 || sentSpan <= 0 {
		return 0, 0, true, false
	}
	arrived := int64(float64(p.gotBytes-p.gotFirst) * 8_000_000 / float64(span) / (1 - min(loss, 0.5)))
	left = int64(p.sentBytes-p.lastBurst) * 8_000_000 / sentSpan
	return min(arrived, left, p.rate), min(left, p.rate), true, true
}
