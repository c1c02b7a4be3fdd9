package allocation

import "time"

// Hysteresis: what keeps the picture from changing with every wobble of the estimate.

const (
	changePercent = 15              // smaller changes of the estimate are ignored
	overFor       = time.Second     // unless what is sent has not fitted for so long
	risesAfter    = 2 * time.Second // for so long a higher estimate must have lasted
	creepsAfter   = 5 * time.Second // and one that is higher by less
	bucketLength  = 250 * time.Millisecond
	buckets       = int(longHold / bucketLength)
)

// budget follows the estimate, slowly upwards.
type budget struct {
	current   int64 // 0: none known
	overSince time.Time
	first     bool           // the estimate has become known just now
	fallen    bool           // the estimate has gone down once: the beginning is over
	lows      [buckets]int64 // the lowest estimates of the last quarter seconds, a ring
	bucket    int64          // number of the latest of lows
	last      int64          // estimate
}

func (b *budget) value() int64 {
	if b.current == 0 {
		return Unlimited
	}
	return b.current
}

// update takes in an estimate. sent is what was allocated last, beside what is taken off first.
func (b *budget) update(now time.Time, estimate, sent, first int64) {
	if estimate <= 0 || estimate == Unlimited { // unknown: what was known last still holds
		return
	}
	estimate = min(estimate, maxRate)
	b.note(now, estimate)
	if b.first = b.current == 0; b.first {
		b.current = estimate
		return
	}
	change := b.current / 100 * changePercent
	over := sent > 0 && sent+first > estimate
	if !over {
		b.overSince = time.Time{}
	} else if b.overSince.IsZero() {
		b.overSince = now
	}
	switch {
	case estimate < b.current-change, over && now.Sub(b.overSince) >= overFor && estimate < b.current:
		b.current, b.fallen, b.overSince = estimate, true, time.Time{}
	case !b.fallen && estimate > b.current+change:
		b.current = estimate
	default:
		if low := b.lowest(risesAfter); b.fallen && low > b.current+change {
			b.current = low
		}
		if low := b.lowest(creepsAfter); b.fallen && low > b.current {
			b.current = low
		}
	}
}

// next is when update may come to another result although the estimate stays as it is; zero: never. sent and first are
// as in update.
func (b *budget) next(now time.Time, estimate, sent, first int64, patience time.Duration) time.Time {
	if estimate <= 0 || estimate == Unlimited || b.current == 0 {
		return time.Time{}
	}
	var at time.Time
	switch over := sent > 0 && sent+first > min(estimate, maxRate); {
	case over == b.overSince.IsZero():
		return now
	case over && estimate < b.current:
		at = b.overSince.Add(overFor)
	}
	if b.fallen && (b.last > b.current || b.lowest(patience) < b.last) { // old estimates are forgotten one by one
		at = sooner(at, time.Unix(0, (now.UnixNano()/int64(bucketLength)+1)*int64(bucketLength)))
	}
	return at
}

// sooner is the earlier of two times of which the zero value is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// begin makes it a beginning again: the latest estimate counts, and rises count at once.
func (b *budget) begin() { b.current, b.fallen = b.last, false }

// note takes an estimate into the history.
func (b *budget) note(now time.Time, estimate int64) {
	n := now.UnixNano() / int64(bucketLength)
	if b.last == 0 {
		b.last, b.bucket = estimate, n-1
		for i := range b.lows {
			b.lows[i] = estimate
		}
	}
	for skipped := min(n-b.bucket, int64(buckets)); skipped > 0; skipped-- { // the last estimate held until now
		b.lows[uint64(n-skipped+1)%uint64(buckets)] = b.last
	}
	b.bucket = max(b.bucket, n)
	b.last = estimate
	at := uint64(b.bucket) % uint64(buckets)
	b.lows[at] = min(b.lows[at], estimate)
}

// lowest is the lowest estimate of the last d, at most longHold. Before the first fall it is the budget.
func (b *budget) lowest(d time.Duration) int64 {
	if !b.fallen {
		return b.value()
	}
	low := b.last
	for i := range min(int64(d/bucketLength), int64(buckets)) {
		low = min(low, b.lows[uint64(b.bucket-i)%uint64(buckets)])
	}
	return low
}

const (
	firstHold  = 10 * time.Second // no climbing after a loss
	longHold   = 80 * time.Second // at most, after losses that followed a climb
	mistake    = 15 * time.Second // a loss so soon after a climb shows that it was one
	forgivenIn = 60 * time.Second // of free climbing without a loss
)

// hold says when climbing is forbidden.
type hold struct {
	wait    time.Duration
	until   time.Time
	climbed time.Time // the latest climb that no loss has followed
	level   int64     // the budget at the latest loss, 0: none on this link
}

// patience is for how long the estimate must have been good enough for a climb: half as long as climbing is forbidden
// after a loss.
func (h *hold) patience() time.Duration { return max(h.wait, firstHold) / 2 }

func (h *hold) active(now time.Time) bool { return now.Before(h.until) }

// fresh says whether the latest loss is so near that what was withheld does not come back either: else it would take
// the place of what has just been lost, in turns.
func (h *hold) fresh(now time.Time) bool { return now.Before(h.until.Add(-h.wait / 2)) }

// next is when what is forbidden changes; zero: it does not.
func (h *hold) next(now time.Time) time.Time {
	switch {
	case h.fresh(now):
		return h.until.Add(-h.wait / 2)
	case h.active(now):
		return h.until
	}
	return time.Time{}
}

// wider is by how much the lowest estimate of the last while exceeds the budget of the latest loss if it is not the
// same link any more.
const wider = 3

// otherLink says whether low, the lowest estimate of the last while, shows that the connection is not the one on which
// the latest loss was. Then climbing is free; should it have been a mistake, the next wait is longer.
func (h *hold) otherLink(now time.Time, low int64) bool {
	if h.level == 0 || low/wider < h.level {
		return false
	}
	h.wait, h.until, h.level = firstHold, now, 0
	return true
}

func (h *hold) observe(now time.Time, budget int64, lost, climbed bool) {
	if lost {
		switch {
		case h.wait == 0 || now.Sub(h.until) >= forgivenIn:
			h.wait = firstHold
		case !h.climbed.IsZero() && now.Sub(h.climbed) < mistake:
			h.wait = min(2*h.wait, longHold)
		}
		h.until, h.climbed = now.Add(h.wait), time.Time{}
		h.level = budget
	} else if climbed {
		h.climbed = now
	}
}
