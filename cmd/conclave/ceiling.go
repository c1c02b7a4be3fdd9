package main

import (
	"sync"
	"time"
)

// What somebody new is expected to take until it is measured: at least a picture of 720 lines with a few small ones, for the time
// until their media flows and shows in the rate.
const (
	shareAtLeast = 1_000_000 // bits a second
	shareFor     = 5         // seconds
)

// ceiling keeps what the machine sends below a limit by taking nobody new. The rate is measured once a second, and those who have
// just come receive nothing yet: for five seconds each of them counts with the average of those present, so that no burst of joins
// passes the limit before it shows. Safe for concurrent use.
type ceiling struct {
	limit   uint64        // bits a second
	rate    func() uint64 // measured
	present func() int    // participants
	now     func() time.Time

	mu     sync.Mutex
	latest int64            // second of the latest question
	came   [shareFor]uint64 // by second, those who came in
}

// reserve takes room for somebody; ok is false if there is none. release gives it back.
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

// forget drops those who came so long ago that the rate tells of them.
func (c *ceiling) forget(second int64) {
	if second-c.latest >= shareFor {
		c.came = [shareFor]uint64{}
	}
	for s := c.latest + 1; s <= second && s-c.latest < shareFor; s++ {
		c.came[s%shareFor] = 0
	}
	c.latest = max(c.latest, second)
}
