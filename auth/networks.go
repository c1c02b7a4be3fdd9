package auth

import "time"

// tiers is how many sizes of network a client is counted in.
const tiers = 3

// A network may have so many times the events of the narrowest, by tier. A /56 or a /24 may be several customers, a /48 many.
func tierFactor(tier int) int { return 1 << tier }

// hardFactor is how far beyond the soft limit a network is refused.
const hardFactor = 5

// networkLimits counts events by network, in every tier. Within the soft limit a request is free, beyond it a proof of work is
// asked for, and beyond hardFactor times that it is refused: only its own networks pay for what a client does. Pure; not
// safe for concurrent use.
type networkLimits struct {
	soft    int
	limiter [tiers]*Limiter[network] // at most MaxKeys networks each
}

func newNetworkLimits(soft int, window time.Duration, maxKeys int) *networkLimits {
	l := &networkLimits{soft: soft}
	for tier := range l.limiter {
		limit := soft * tierFactor(tier) * hardFactor
		l.limiter[tier] = NewLimiter[network](LimiterConfig{Limit: limit, Window: window, MaxKeys: maxKeys})
	}
	return l
}

// check says what an event of client would meet: retryAfter is positive beyond a hard limit, and beyond says whether a soft
// one is passed.
func (l *networkLimits) check(now time.Time, client ClientIP) (beyond bool, retryAfter time.Duration) {
	for tier, n := range client.networks() {
		if n == (network{}) {
			continue
		}
		retryAfter = max(retryAfter, wait(l.limiter[tier].Check(now, n)))
		count, _ := l.limiter[tier].state(now, n)
		beyond = beyond || count >= l.soft*tierFactor(tier)
	}
	return beyond, retryAfter
}

// take counts an event.
func (l *networkLimits) take(now time.Time, client ClientIP) {
	for tier, n := range client.networks() {
		if n != (network{}) {
			l.limiter[tier].Take(now, n)
		}
	}
}

// widest is how many events the largest network that client is in has in the window.
func (l *networkLimits) widest(now time.Time, client ClientIP) int {
	count, _ := l.limiter[tiers-1].state(now, client.networks()[tiers-1])
	return count
}
