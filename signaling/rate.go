package signaling

import "time"

// The signal rate of the protocol document.
const (
	rateRefill   = 100 * time.Millisecond // one request each: 10 a second
	rateBurst    = 40
	rateGiveUpAt = 200 // requests over the limit after which the socket is closed
)

// bucket is a token bucket (RFC 2697's idea, counted in requests). It is pure; the zero value is full.
type bucket struct {
	spent time.Duration // how much of burst × refill is used up
	last  time.Time
	over  int // requests refused since the bucket was last full
}

// take counts a request. ok is false if it is over the limit, giveUp is true when there were too many of those.
func (b *bucket) take(now time.Time) (ok, giveUp bool) {
	if !b.last.IsZero() && now.After(b.last) {
		b.spent = max(0, b.spent-now.Sub(b.last))
	}
	if b.last.IsZero() || now.After(b.last) {
		b.last = now
	}
	if b.spent == 0 {
		b.over = 0
	}
	if b.spent+rateRefill > rateBurst*rateRefill {
		b.over++
		return false, b.over >= rateGiveUpAt
	}
	b.spent += rateRefill
	return true, false
}
