package bwe

const (
	// lossTolerated is how much loss above what the path loses anyway is put up with: a tenth, which radio links lose
	// without being full and retransmission mends, and as much again as chance adds to it in lossPackets.
	lossTolerated = 0.16
	// A loss rate is taken over at least so many packets and µs.
	lossPackets = 100
	lossSpan    = 500_000
)

// lossControl bounds the rate where a path has no queue that would show as delay (a policer, a shallow buffer). It asks
// whether sending less helps: if the loss stays when the rate has fallen, it is the path's own, and no reason to send
// less.
type lossControl struct {
	lostNow, seen int
	began         int64

	last  float64 // of the last complete span
	shown float64 // smoothed, for statistics
	floor float64 // what the path loses whatever is sent

	overs     int // spans in a row with too much of it: one may be chance
	trying    bool
	trialRate int64   // what was sent when the rate was taken down
	trialLoss float64 // and lost
	before    int64   // and the estimate
}

// verdict is what a span of loss asks for.
type verdict uint8

const (
	keep    verdict = iota
	reduce          // to what arrives
	restore         // the reduction did not help
)

// count takes in a status for the first time.
func (l *lossControl) count(lost bool) {
	l.seen++
	if lost {
		l.lostNow++
	}
}

// found takes back a loss: the packet was only late.
func (l *lossControl) found() { l.lostNow = max(0, l.lostNow-1) }

// rested forgets the latest spans: nothing was sent for long.
func (l *lossControl) rested() { l.last, l.lostNow, l.seen, l.overs = l.floor, 0, 0, 0 }

// update ends a span when it is long enough. sent is the rate at which packets are being sent, estimate what holds now.
func (l *lossControl) update(now, sent, estimate int64) (v verdict, to int64) {
	if l.began == 0 {
		l.began = now
	}
	if l.seen < lossPackets || now-l.began < lossSpan {
		return keep, 0
	}
	l.last = float64(l.lostNow) / float64(l.seen)
	l.shown += (l.last - l.shown) / 2
	l.lostNow, l.seen, l.began = 0, 0, now
	l.floor = min(l.floor, l.last)
	if l.last <= l.floor+lossTolerated {
		l.trying, l.overs = false, 0
		return keep, 0
	}
	if l.overs++; l.overs < 2 {
		return keep, 0
	}
	if l.trying && 10*sent < 9*l.trialRate {
		l.trying = false
		if l.last > 0.7*l.trialLoss {
			l.floor = l.last
			return restore, l.before
		}
	}
	if !l.trying {
		l.trying, l.trialRate, l.trialLoss, l.before = true, sent, l.last, estimate
	}
	return reduce, 0
}
