package bwe

// usage is what the delay says about the path.
type usage uint8

const (
	normal usage = iota
	under        // a queue is draining
	over         // a queue is growing
)

const (
	// groupSpan: packets sent within 5 ms are one group. They leave the server in one burst, so only the first of them
	// tells how long the queue was that it met; the others queue behind it.
	groupSpan = 5_000 // µs
	// trendWindow and smoothing are those of the trendline filter of Google congestion control: a line through the last 20
	// groups' smoothed delays.
	trendWindow = 20
	smoothing   = 0.9
	// The slope is weighed by how many groups it has seen, up to 60, and by 4, and compared with a threshold in ms that
	// adapts: it follows a noisy path up slowly and a quiet one down quickly (Carlucci et al., Analysis and Design of GCC,
	// 2016).
	maxWeight        = 60
	gain             = 4
	initialThreshold = 12.5
	minThreshold     = 6
	maxThreshold     = 600
	thresholdUp      = 0.0087
	thresholdDown    = 0.039
	// overFor is how long the slope must have been over the threshold, in ms of sending time.
	overFor = 10
	// clockJump: arrival times that step by more than this are another clock.
	clockJump = 3_000_000 // µs
	// baseWindow is how long the smallest delay is held to be that of an empty queue: half of it at least, all of it at
	// most.
	baseWindow = 10_000_000 // µs
	// standWindow is over which the smallest delay counts as that of the queue as it stands: what a single packet is late
	// is jitter.
	standWindow = 120_000 // µs
	// A queue that grows more slowly than the slope shows becomes the base after ten seconds, and is seen no more. So the
	// smallest delay of the last second is also held against that of the last restWindow: clocks drift by milliseconds in
	// that time.
	restWindow   = 40_000_000 // µs
	secondWindow = 1_000_000  // µs
)

type point struct{ x, y float64 } // ms

// delayDetector finds growing queues from how much later each group of packets arrives than it was sent.
type delayDetector struct {
	groupSent    int64 // of the group at hand
	lastArrival  int64
	originSent   int64 // to keep numbers small
	originArrive int64
	any          bool

	points    [trendWindow]point
	n         int // groups seen
	smoothed  float64
	lastDelay float64 // of the latest group
	prevTrend float64
	threshold float64
	since     float64 // ms over the threshold
	overs     int
	usage     usage

	base  lowest // by sending time, of all packets
	stand lowest // by arrival, of the latest

	rest   lowest // by sending time, of long ago
	second lowest // by arrival, of the last second
}

// lowest is the smallest of the values of the last half to whole window.
type lowest struct {
	value, next float64
	at          int64
	any         bool
}

func (l *lowest) add(at int64, v float64, window int64) {
	switch {
	case !l.any || at-l.at > window:
		*l = lowest{v, v, at, true}
	case at-l.at > window/2:
		*l = lowest{min(l.next, v), v, at, true}
	default:
		l.value, l.next = min(l.value, v), min(l.next, v)
	}
}

// add takes in a received packet, in µs of the two clocks.
func (d *delayDetector) add(sent, arrived int64) {
	if !d.any || arrived-d.lastArrival > clockJump || d.lastArrival-arrived > clockJump {
		*d = delayDetector{groupSent: sent, lastArrival: arrived, originSent: sent, originArrive: arrived, any: true,
			threshold: initialThreshold}
		return
	}
	step := sent - d.groupSent
	d.lastArrival = max(d.lastArrival, arrived)
	delay := float64((arrived-d.originArrive)-(sent-d.originSent)) / 1000
	d.base.add(sent, delay, baseWindow)
	d.stand.add(arrived, delay, standWindow)
	d.rest.add(sent, delay, restWindow)
	d.second.add(arrived, delay, secondWindow)
	if step < groupSpan { // of the same group, or late from an older one
		return
	}
	d.groupSent = sent
	if d.n == 0 {
		d.smoothed = delay
	}
	d.smoothed = smoothing*d.smoothed + (1-smoothing)*delay
	d.points[d.n%trendWindow] = point{float64(arrived-d.originArrive) / 1000, d.smoothed}
	d.n++
	if d.n >= trendWindow {
		d.detect(d.slope(), float64(step)/1000, delay)
	}
	d.lastDelay = delay
}

// queue is how much longer than on an empty path packets are under way, in ms.
func (d *delayDetector) queue() float64 { return max(0, d.stand.value-d.base.value) }

// standing is how long a queue has stood for a second, in ms, whatever the base has become.
func (d *delayDetector) standing() float64 { return d.second.value - d.rest.value }

// recall makes the smallest delay of long ago the base again, so that queue tells of a queue that stands.
func (d *delayDetector) recall() { d.base = lowest{d.rest.value, d.rest.value, d.rest.at, true} }

// accept takes the delay as it is for that of an empty path: what stands is not ours.
func (d *delayDetector) accept() {
	d.base = lowest{d.stand.value, d.stand.value, d.stand.at, true}
	d.rest, d.second = d.base, d.base
}

// rested forgets the queue: nothing was sent for so long that it has drained.
func (d *delayDetector) rested() { d.stand.value, d.stand.next = d.base.value, d.base.value }

// slope is that of the least-squares line through the points: ms of queue a ms.
func (d *delayDetector) slope() float64 {
	var sx, sy float64
	for _, p := range d.points {
		sx += p.x
		sy += p.y
	}
	mx, my := sx/trendWindow, sy/trendWindow
	var num, den float64
	for _, p := range d.points {
		num += (p.x - mx) * (p.y - my)
		den += (p.x - mx) * (p.x - mx)
	}
	if den == 0 {
		return d.prevTrend
	}
	return num / den
}

func (d *delayDetector) detect(slope, step, delay float64) {
	trend := slope * float64(min(d.n, maxWeight)) * gain
	switch {
	case trend > d.threshold:
		d.since += step
		d.overs++
		// Behind a key frame the delay jumps and then falls, while the slope still looks back at the jump. That is one large
		// frame, not a path that carries too much.
		if d.since > overFor && d.overs > 1 && slope >= d.prevTrend && delay >= d.lastDelay {
			d.since, d.overs = 0, 0
			d.usage = over
		}
	case trend < -d.threshold:
		d.since, d.overs = 0, 0
		d.usage = under
	default:
		d.since, d.overs = 0, 0
		d.usage = normal
	}
	d.prevTrend = slope
	d.adapt(trend, step)
}

func (d *delayDetector) adapt(trend, step float64) {
	size := max(trend, -trend)
	if size > d.threshold+15 { // a spike is no reason to become deaf
		return
	}
	k := thresholdUp
	if size < d.threshold {
		k = thresholdDown
	}
	d.threshold += k * (size - d.threshold) * min(step, 100)
	d.threshold = min(max(d.threshold, minThreshold), maxThreshold)
}
