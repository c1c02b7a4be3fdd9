package main

import (
	"sync"
	"time"
)

// What a new participant is expected to take until it is measured: at least a picture of 720 lines with a few small
// ones, for the time until their media flows and shows in the rate.
const (
	shareAtLeast = 1_000_000 // bits a second
	shareFor     = 5         // seconds
)

// ceiling keeps what the machine sends below a limit by refusing joins. The rate is measured once a second, and new
// participants receive nothing yet. So each of them counts with the average of the others for five seconds: no burst of
// joins passes the limit before it shows. Safe for concurrent use.
type ceiling struct {
	limit   uint64        // bits a second
	rate    func() uint64 // measured
	present func() int    // participants
	now     func() time.Time

	mu     sync.Mutex
	latest int64            // second of the latest question
	came   [shareFor]uint64 // joins, by second
}

// reserve takes capacity for one participant; ok is false if there is none. release gives it back.
func (c *ceiling) reserve() (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	second := c.now().Unix()
	c.forget(second)
	rate, share := c.rate(), uint64(shareAtLeast)
	if n := c.present(); n > 0 {
		share = max(share, rate/uint64(n))
	}
	expected := rate + share
	for _, n := range c.came {
		expected += n * share
	}
	if expected > c.limit {
		return nil, false
	}
	c.came[second%shareFor]++
	return func() { c.release(second) }, true
}

func (c *ceiling) release(second int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest-second < shareFor {
		c.came[second%shareFor]--
	}
}

// forget drops joins so old that the rate includes them.
func (c *ceiling) forget(second int64) {
	if second-c.latest >= shareFor {
		c.came = [shareFor]uint64{}
	}
	for s := c.latest + 1; s <= second && s-c.latest < shareFor; s++ {
		c.came[s%shareFor] = 0
	}
	c.latest = max(c.latest, second)
}
