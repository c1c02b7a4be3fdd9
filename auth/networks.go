package auth

import (
	"sync"
	"time"
)

// tiers is how many sizes of network a client is counted in.
const tiers = 3

// A network may have so many times the events of the narrowest, by tier. A /56 or a /24 may be several customers, a
// /48 many.
func tierFactor(tier int) int { return 1 << tier }

// networkKey is what a NetworkLimiter counts by.
type networkKey[K comparable] struct {
	network network
	key     K
}

// NetworkLimiter is a Limiter per network and key, which counts a client in each network that it is in: an IPv4
// address and its /24, an IPv6 /64, /56 and /48. Wider networks have a higher limit: twice for a /56, four times for
// a /48 or a /24. Only its own networks pay for what a client does. Safe for concurrent use.
type NetworkLimiter[K comparable] struct {
	mu      sync.Mutex                     // makes Allow one step
	limiter [tiers]*Limiter[networkKey[K]] // at most MaxKeys each
}

// NewNetworkLimiter makes a NetworkLimiter; cfg.Limit is that of the narrowest network.
func NewNetworkLimiter[K comparable](cfg LimiterConfig) *NetworkLimiter[K] {
	l := &NetworkLimiter[K]{}
	for tier := range l.limiter {
		wider := cfg
		wider.Limit *= tierFactor(tier)
		l.limiter[tier] = NewLimiter[networkKey[K]](wider)
	}
	return l
}

// Allow counts an event of client if it is within the limit of each of its networks. If it is not, nothing is counted
// and retryAfter says when the next would be allowed.
func (l *NetworkLimiter[K]) Allow(now time.Time, client ClientIP, key K) (ok bool, retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ok, retryAfter = l.Check(now, client, key); ok {
		l.Take(now, client, key)
	}
	return ok, retryAfter
}

// Check says whether an event of client would be within the limit of each of its networks, without counting it. If not,
// retryAfter says when the next would be.
func (l *NetworkLimiter[K]) Check(now time.Time, client ClientIP, key K) (ok bool, retryAfter time.Duration) {
	for tier, n := range client.networks() {
		if n != (network{}) {
			retryAfter = max(retryAfter, wait(l.limiter[tier].Check(now, networkKey[K]{n, key})))
		}
	}
	return retryAfter == 0, retryAfter
}

// Take counts an event whether or not it is within the limits.
func (l *NetworkLimiter[K]) Take(now time.Time, client ClientIP, key K) {
	for tier, n := range client.networks() {
		if n != (network{}) {
			l.limiter[tier].Take(now, networkKey[K]{n, key})
		}
	}
}

// count returns how many events each network of client has in the window.
func (l *NetworkLimiter[K]) count(now time.Time, client ClientIP, key K) (counts [tiers]int) {
	for tier, n := range client.networks() {
		if n != (network{}) {
			counts[tier] = l.limiter[tier].Count(now, networkKey[K]{n, key})
		}
	}
	return counts
}

// hardFactor is how far beyond the soft limit a network is refused.
const hardFactor = 5

// networkLimits count requests by network. Within the soft limit a request is free, beyond it a proof of work is
// asked for, and beyond hardFactor times that it is refused.
type networkLimits struct {
	soft int
	all  *NetworkLimiter[struct{}]
}

func newNetworkLimits(soft int, window time.Duration, maxKeys int) *networkLimits {
	return &networkLimits{soft, NewNetworkLimiter[struct{}](LimiterConfig{soft * hardFactor, window, maxKeys})}
}

// check says what a request of client would meet: retryAfter is positive beyond a hard limit, and beyond says whether
// a soft one is passed.
func (l *networkLimits) check(now time.Time, client ClientIP) (beyond bool, retryAfter time.Duration) {
	for tier, n := range l.all.count(now, client, struct{}{}) {
		beyond = beyond || n >= l.soft*tierFactor(tier)
	}
	return beyond, wait(l.all.Check(now, client, struct{}{}))
}

// take counts a request.
func (l *networkLimits) take(now time.Time, client ClientIP) { l.all.Take(now, client, struct{}{}) }

// widest is how many requests the largest network that client is in has in the window.
func (l *networkLimits) widest(now time.Time, client ClientIP) int {
	return l.all.count(now, client, struct{}{})[tiers-1]
}

// NetworkCounter bounds how many of something each network has at once, in the tiers of a NetworkLimiter. It is not
// safe for concurrent use.
type NetworkCounter struct {
	most   int
	counts map[network]int // at most three entries for each that is there
}

// NewNetworkCounter makes a NetworkCounter; most is that of the narrowest network.
func NewNetworkCounter(most int) *NetworkCounter { return &NetworkCounter{most, make(map[network]int)} }

// Enter counts one more of client. It counts nothing and is false if one of its networks has as many as it may.
func (c *NetworkCounter) Enter(client ClientIP) bool {
	for tier, n := range client.networks() {
		if n != (network{}) && c.counts[n] >= c.most*tierFactor(tier) {
			return false
		}
	}
	for _, n := range client.networks() {
		if n != (network{}) {
			c.counts[n]++
		}
	}
	return true
}

// Leave takes back an Enter that was true.
func (c *NetworkCounter) Leave(client ClientIP) {
	for _, n := range client.networks() {
		if n == (network{}) {
			continue
		}
		if c.counts[n]--; c.counts[n] <= 0 {
			delete(c.counts, n)
		}
	}
}
