package auth

import "time"

// Limits are the limits on sign-in. A zero field means the default (DefaultLimits).
type Limits struct {
	// Codes sent to one mailbox in an hour; `ana+x@` is the mailbox of `ana@`. A browser that has signed in with the
	// mailbox has the same again for itself: strangers cannot use it up.
	CodesPerAddressHour int `name:"codes-per-address-hour" group:"Limits" min:"1"`
	// Codes sent to one mailbox in a day.
	CodesPerAddressDay int `name:"codes-per-address-day" group:"Limits" min:"1"`
	// Waits after the first, second, … code of an hour; the last repeats.
	CodeResendAfter []time.Duration `name:"code-resend-after" group:"Limits"`
	// Codes that one client IP (IPv6: /64) may ask for freely in an hour. A /56 has twice as many, a /48 and an IPv4 /24
	// four times. Beyond it each costs a proof of work, and beyond five times as many the network waits.
	CodesPerClientHour int `name:"codes-per-client-hour" group:"Limits" min:"1"`
	// Guest sessions that one client IP (IPv6: /64) may have freely in an hour, if `guests` is set. Wider networks and
	// proofs of work as for codes.
	GuestsPerClientHour int `name:"guests-per-client-hour" group:"Limits" min:"1"`
	// Mails with codes that the server sends in a minute. More wait, each network's behind its own; a quarter may leave at
	// once.
	CodesPerMinute int `name:"codes-per-minute" group:"Limits" min:"1"`
	// Guesses possible at codes of the usual length in ten minutes, at all codes together. A code that would allow more
	// has eight digits; no right code is refused. With 500, guessing at six digits succeeds with a chance of 1 in 2,000.
	FailedVerifies int `name:"failed-verifies" group:"Limits" min:"1"`
	// Requests of one client IP (IPv6: /64) to the sign-in routes in a minute. A /56 has twice as many, a /48 and an
	// IPv4 /24 four times.
	AuthRequestsPerMinute int `name:"auth-requests-per-minute" group:"Limits" min:"1"`

	// MaxKeys bounds how many mailboxes and how many networks are remembered.
	MaxKeys int `kong:"-"`
}

// DefaultLimits are the limits that apply where an operator sets no others.
func DefaultLimits() Limits {
	return Limits{
		CodesPerAddressHour: 5, CodesPerAddressDay: 10,
		CodeResendAfter:    []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute},
		CodesPerClientHour: 60, GuestsPerClientHour: 60, CodesPerMinute: 120, FailedVerifies: 500,
		AuthRequestsPerMinute: 600, MaxKeys: 100_000,
	}
}

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

// recipient is what the codes to a mailbox are counted by. A known browser's are counted apart from all others'.
type recipient struct {
	mailbox Email
	browser browserID
}

// browsersPerMailbox is how many known browsers' codes a mailbox has in an hour. Each sign-in makes a browser known, so
// that without a bound of them all a few would soon be thousands.
const browsersPerMailbox = 4

// codeLimits decides whether a code may be sent. Pure; not safe for concurrent use: checking all limits and then
// counting in all of them is one step.
type codeLimits struct {
	resend   []time.Duration
	hour     *Limiter[recipient]
	day      *Limiter[recipient]
	owners   *Limiter[Email] // all known browsers of a mailbox together
	networks *networkLimits
	guests   *networkLimits
}

func newCodeLimits(l Limits) *codeLimits {
	return &codeLimits{
		resend:   l.CodeResendAfter,
		hour:     NewLimiter[recipient](LimiterConfig{l.CodesPerAddressHour, time.Hour, l.MaxKeys}),
		day:      NewLimiter[recipient](LimiterConfig{l.CodesPerAddressDay, 24 * time.Hour, l.MaxKeys}),
		owners:   NewLimiter[Email](LimiterConfig{browsersPerMailbox * l.CodesPerAddressHour, time.Hour, l.MaxKeys}),
		networks: newNetworkLimits(l.CodesPerClientHour, time.Hour, l.MaxKeys),
		guests:   newNetworkLimits(l.GuestsPerClientHour, time.Hour, l.MaxKeys),
	}
}

// codeRequest is a request for a code, as far as limits go.
type codeRequest struct {
	client ClientIP
	to     recipient
}

// knownBrowser says whether the request comes from a browser that has signed in with this mailbox.
func (r codeRequest) knownBrowser() bool { return r.to.browser != browserID{} }

// check decides on one request for a code without counting it: retryAfter is positive if it is refused, beyond says
// whether its network has asked for more than is free. A known browser has only its own limits, whatever its network
// does.
func (c *codeLimits) check(now time.Time, r codeRequest) (beyond bool, retryAfter time.Duration) {
	retryAfter = max(c.resendWait(now, r.to), wait(c.hour.Check(now, r.to)), wait(c.day.Check(now, r.to)))
	if r.knownBrowser() {
		return false, max(retryAfter, wait(c.owners.Check(now, r.to.mailbox)))
	}
	beyond, networkWait := c.networks.check(now, r.client)
	return beyond, max(retryAfter, networkWait)
}

// take counts a request that check has let pass. A refused one counts nowhere: a client that is over its own limit
// cannot use up another's.
func (c *codeLimits) take(now time.Time, r codeRequest) {
	c.hour.Take(now, r.to)
	c.day.Take(now, r.to)
	if r.knownBrowser() {
		c.owners.Take(now, r.to.mailbox)
		return
	}
	c.networks.take(now, r.client)
}

// rank is how many codes the request's network, or the known browsers of its mailbox, have had in the last hour.
func (c *codeLimits) rank(now time.Time, r codeRequest) int {
	if r.knownBrowser() {
		return c.owners.Count(now, r.to.mailbox)
	}
	return c.networks.widest(now, r.client)
}

// resendWait is how long until another code may be sent, by the re-send steps alone.
func (c *codeLimits) resendWait(now time.Time, to recipient) time.Duration {
	n, last := c.hour.state(now, to)
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
