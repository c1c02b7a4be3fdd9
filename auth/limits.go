package auth

import (
	"time"
)

// Limits are the limits on sign-in. The zero value of a field means its default.
type Limits struct {
	// PerAddressHour and PerAddressDay bound the codes sent to one address (default 5 and 10).
	PerAddressHour, PerAddressDay int
	// ResendAfter is how long an address waits after its first, second, … code of the hour; the last repeats
	// (default 30 s, 60 s, 120 s).
	ResendAfter []time.Duration
	// PerClientHour bounds the codes one client IP (IPv6: /64) may ask for (default 20).
	PerClientHour int
	// GuestsPerClientHour bounds the guests one client IP (IPv6: /64) may come as (default 30).
	GuestsPerClientHour int
	// GlobalPerMinute bounds the codes the server sends (default 120).
	GlobalPerMinute int
	// FailedVerifies is the breaker: so many wrong codes in ten minutes, from everybody together, and no code is
	// looked at until the window has moved on (default 500: a chance of 1 in 2,000 for somebody who guesses with
	// unlimited addresses and networks).
	FailedVerifies int
	// RequestsPerMinute bounds the requests of one client IP to the sign-in routes (default 60).
	RequestsPerMinute int
	// MaxKeys bounds how many addresses and clients are remembered, each (default 100,000).
	MaxKeys int
}

// breakerWindow is the window of Limits.FailedVerifies.
const breakerWindow = 10 * time.Minute

func (l Limits) withDefaults() Limits {
	setDefault(&l.PerAddressHour, 5)
	setDefault(&l.PerAddressDay, 10)
	setDefault(&l.PerClientHour, 20)
	setDefault(&l.GuestsPerClientHour, 30)
	setDefault(&l.GlobalPerMinute, 120)
	setDefault(&l.FailedVerifies, 500)
	setDefault(&l.RequestsPerMinute, 60)
	setDefault(&l.MaxKeys, 100_000)
	if len(l.ResendAfter) == 0 {
		l.ResendAfter = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute}
	}
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// codeLimits decides whether a code may be sent. Pure; not safe for concurrent use: checking all limits and then
// counting in all of them is one step.
type codeLimits struct {
	resend   []time.Duration
	hour     *Limiter[Email]
	day      *Limiter[Email]
	client   *Limiter[ClientIP]
	global   *Limiter[struct{}]
	failures *Limiter[struct{}]
	guests   *Limiter[ClientIP]
}

func newCodeLimits(l Limits) *codeLimits {
	return &codeLimits{
		resend:   l.ResendAfter,
		hour:     NewLimiter[Email](LimiterConfig{Limit: l.PerAddressHour, Window: time.Hour, MaxKeys: l.MaxKeys}),
		day:      NewLimiter[Email](LimiterConfig{Limit: l.PerAddressDay, Window: 24 * time.Hour, MaxKeys: l.MaxKeys}),
		client:   NewLimiter[ClientIP](LimiterConfig{Limit: l.PerClientHour, Window: time.Hour, MaxKeys: l.MaxKeys}),
		global:   NewLimiter[struct{}](LimiterConfig{Limit: l.GlobalPerMinute, Window: time.Minute, MaxKeys: 1}),
		guests:   NewLimiter[ClientIP](LimiterConfig{Limit: l.GuestsPerClientHour, Window: time.Hour, MaxKeys: l.MaxKeys}),
		failures: NewLimiter[struct{}](LimiterConfig{Limit: l.FailedVerifies, Window: breakerWindow, MaxKeys: 1}),
	}
}

// allow decides on one request for a code and counts it if it may be sent. A refused request counts nowhere: somebody
// who is refused by his own client limit cannot use up another's address. retryAfter is the longest wait of those that refuse.
func (c *codeLimits) allow(now time.Time, client ClientIP, email Email) (ok bool, retryAfter time.Duration) {
	waits := [...]time.Duration{
		wait(c.client.Check(now, client.LimitKey())),
		c.resendWait(now, email),
		wait(c.hour.Check(now, email)),
		wait(c.day.Check(now, email)),
		wait(c.global.Check(now, struct{}{})),
	}
	for _, w := range waits {
		retryAfter = max(retryAfter, w)
	}
	if retryAfter > 0 {
		return false, retryAfter
	}
	c.client.Take(now, client.LimitKey())
	c.hour.Take(now, email)
	c.day.Take(now, email)
	c.global.Take(now, struct{}{})
	return true, 0
}

// resendWait is how long until another code may be sent to an address, by the re-send steps alone.
func (c *codeLimits) resendWait(now time.Time, email Email) time.Duration {
	n, last := c.hour.state(now, email)
	if n == 0 {
		return 0
	}
	return max(0, last.Add(c.resend[min(n, len(c.resend))-1]).Sub(now))
}

func wait(ok bool, retryAfter time.Duration) time.Duration {
	if ok {
		return 0
	}
	return retryAfter
}
