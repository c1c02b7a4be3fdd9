package signaling

import "time"

// The rates of the protocol document, as the time that it takes until as much may come again.
const (
	rateRefill  = 100 * time.Millisecond // a request: 10 a second
	rateBurst   = 40 * rateRefill
	bytesRefill = time.Second / (128 << 10) // a byte: 128 KiB a second
	bytesBurst  = (1 << 20) * bytesRefill

	commitsRefill = bytesRefill * 2 / 3 // a byte of a commit: 192 KiB a second
	commitsBurst  = (3 << 20) * commitsRefill

	// A person has a few sockets: 30 requests a second over all of them, burst 120.
	personRefill = rateRefill / 3

	// Before the welcome a person has little to say: 16 KiB a second, over all of their sockets.
	earlyRefill = time.Second / (16 << 10)
	earlyBurst  = (64 << 10) * earlyRefill

	// Of everything that arrives, frames, control messages and what is refused included: 256 KiB a second, burst 8 MiB.
	wireRefill = bytesRefill / 2
	wireBurst  = (8 << 20) * wireRefill

	// giveUpAfter is how much may be refused, in bursts, before the socket is closed: 200 requests, or 5 MiB.
	giveUpAfter = 5
)

// bucket is a token bucket (RFC 2697's idea), counted in the time until it is full again. It is pure; the zero value
// is full.
type bucket struct {
	spent time.Duration
	last  time.Time
	over  time.Duration // what was refused since the bucket was last full
}

// take counts what costs so much, against a burst. ok is false if it is over the limit, giveUp is true when too much
// was refused.
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
		b.over += cost
		return false, b.over >= giveUpAfter*burst
	}
	b.spent += cost
	return true, false
}
