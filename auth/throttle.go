package auth

import (
	"sync"
	"time"
)

// throttle bounds requests by network, in every tier, to a steady rate with a burst of a minute's worth. It keeps one
// time for each network (GCRA, ITU-T I.371 Annex A), so that a flood from many networks costs little memory. Safe for
// concurrent use.
type throttle struct {
	perMinute, maxKeys int

	mu    sync.Mutex
	busy  map[network]int64 // until when each network's requests fill its rate, in Unix nanoseconds; at most maxKeys
	swept int64
}

func newThrottle(perMinute, maxKeys int) *throttle {
	return &throttle{perMinute: perMinute, maxKeys: maxKeys, busy: map[network]int64{}}
}

// allow counts a request of client at now; if one of its networks is over its rate, nothing is counted and retryAfter
// says when the next would be allowed.
func (t *throttle) allow(now time.Time, client ClientIP) (ok bool, retryAfter time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := now.UnixNano()
	networks := client.networks()
	var until [tiers]int64
	for tier, n := range networks {
		until[tier] = max(t.busy[n], at) + int64(time.Minute)/int64(t.perMinute*tierFactor(tier))
		if n != (network{}) {
			retryAfter = max(retryAfter, time.Duration(until[tier]-at)-time.Minute)
		}
	}
	if retryAfter > 0 {
		return false, retryAfter
	}
	for tier, n := range networks {
		if n == (network{}) {
			continue
		}
		if _, known := t.busy[n]; !known {
			t.makeRoom(at)
		}
		t.busy[n] = until[tier]
	}
	return true, 0
}

// makeRoom leaves room for one more network: once a minute it drops all that are idle; then, if the table is still
// full, the idlest of a sample.
func (t *throttle) makeRoom(at int64) {
	if at-t.swept > int64(time.Minute) {
		t.swept = at
		for n, until := range t.busy {
			if until <= at {
				delete(t.busy, n)
			}
		}
	}
	for len(t.busy) >= t.maxKeys {
		var idlest network
		seen, least := 0, int64(0)
		for n, until := range t.busy {
			if seen == 0 || until < least {
				idlest, least = n, until
			}
			if seen++; seen == evictionSample {
				break
			}
		}
		delete(t.busy, idlest)
	}
}
