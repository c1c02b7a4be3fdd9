package signaling

import "time"

// The rates of the protocol document, as the time that it takes until as much may come again.
const (
	rateRefill   = 100 * time.Millisecond // a request: 10 a second
	rateBurst    = 40 * rateRefill
	bytesRefill  = time.Second / (128 << 10) // a byte: 128 KiB a second
	bytesBurst   = (1 << 20) * bytesRefill
	rateGiveUpAt = 200 // messages over a limit after which the socket is closed
)

// bucket is a token bucket (RFC 2697's idea), counted in the time until it is full again. It is pure; the zero value is full.
type bucket struct {
	spent time.Duration
	last  time.Time
	over  int // messages refused since the bucket was last full
}

// take counts a message that costs so much, against a burst. ok is false if it is over the limit, giveUp is true when there were
// too many of those.
func (b *bucket) take(now time.Time, cost, burst time.Duration) (ok, giveUp bool) {
	if !b.last.IsZero() && now.After(b.last) {
		b.spent = max(0, b.spent-now.Sub(b.last))
	}
	if b.last.IsZero() || now.After(b.last) {
		b.last = now
	}
	if b.spent == 0 {
		b.over = 0
	}
	if b.spent+cost > burst {
		b.over++
		return false, b.over >= rateGiveUpAt
	}
	b.spent += cost
	return true, false
}
