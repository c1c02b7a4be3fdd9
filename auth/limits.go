package auth

import "time"

// Limits are the limits on sign-in. A zero field means the default (DefaultLimits).
type Limits struct {
	// Codes sent to one address in an hour.
	CodesPerAddressHour int `name:"codes-per-address-hour" group:"Limits" min:"1"`
	// Codes sent to one address in a day.
	CodesPerAddressDay int `name:"codes-per-address-day" group:"Limits" min:"1"`
	// Waits after the first, second, … code of an hour; the last repeats.
	CodeResendAfter []time.Duration `name:"code-resend-after" group:"Limits"`
	// Codes that one client IP (IPv6: /64) may ask for in an hour. Raise it for offices behind one address.
	CodesPerClientHour int `name:"codes-per-client-hour" group:"Limits" min:"1"`
	// Guest sessions for one client IP (IPv6: /64) in an hour, if `guests` is set.
	GuestsPerClientHour int `name:"guests-per-client-hour" group:"Limits" min:"1"`
	// Codes that the whole server sends in a minute.
	CodesPerMinute int `name:"codes-per-minute" group:"Limits" min:"1"`
	// Wrong codes in ten minutes, from all clients together. Beyond it no code is checked until the ten minutes have
	// passed. With 500, guessing from any number of networks succeeds with a chance of 1 in 2,000.
	FailedVerifies int `name:"failed-verifies" group:"Limits" min:"1"`
	// Requests of one client IP to the sign-in routes in a minute.
	AuthRequestsPerMinute int `name:"auth-requests-per-minute" group:"Limits" min:"1"`

	// MaxKeys bounds how many addresses and how many client IPs are remembered.
	MaxKeys int `kong:"-"`
}

// DefaultLimits are the limits that apply where an operator sets no others.
func DefaultLimits() Limits {
	return Limits{
		CodesPerAddressHour: 5, CodesPerAddressDay: 10,
		CodeResendAfter:    []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute},
		CodesPerClientHour: 20, GuestsPerClientHour: 30, CodesPerMinute: 120, FailedVerifies: 500,
		AuthRequestsPerMinute: 60, MaxKeys: 100_000,
	}
}

// breakerWindow is the window of Limits.FailedVerifies.
const breakerWindow = 10 * time.Minute

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	setDefault(&l.CodesPerAddressHour, d.CodesPerAddressHour)
	setDefault(&l.CodesPerAddressDay, d.CodesPerAddressDay)
	setDefault(&l.CodesPerClientHour, d.CodesPerClientHour)
	setDefault(&l.GuestsPerClientHour, d.GuestsPerClientHour)
	setDefault(&l.CodesPerMinute, d.CodesPerMinute)
	setDefault(&l.FailedVerifies, d.FailedVerifies)
	setDefault(&l.AuthRequestsPerMinute, d.AuthRequestsPerMinute)
	setDefault(&l.MaxKeys, d.MaxKeys)
	if len(l.CodeResendAfter) == 0 {
		l.CodeResendAfter = d.CodeResendAfter
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
		resend:   l.CodeResendAfter,
		hour:     NewLimiter[Email](LimiterConfig{Limit: l.CodesPerAddressHour, Window: time.Hour, MaxKeys: l.MaxKeys}),
		day:      NewLimiter[Email](LimiterConfig{Limit: l.CodesPerAddressDay, Window: 24 * time.Hour, MaxKeys: l.MaxKeys}),
		client:   NewLimiter[ClientIP](LimiterConfig{Limit: l.CodesPerClientHour, Window: time.Hour, MaxKeys: l.MaxKeys}),
		global:   NewLimiter[struct{}](LimiterConfig{Limit: l.CodesPerMinute, Window: time.Minute, MaxKeys: 1}),
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
