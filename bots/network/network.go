// Package network makes a bad network out of a good one: it decides which datagrams of a bot are lost, and when the
// others arrive. Link is the decision, pure, with time as an argument; Line carries it out.
package network

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// The ways that media may go; none named is UDP.
const (
	UDP     = "udp"
	ICETCP  = "ice_tcp"
	TURNTCP = "turn_tcp"
	TURNTLS = "turn_tls"
)

// Conditions are those of both directions of a bot's way to the server. The zero value changes nothing.
type Conditions struct {
	// Loss is the part of all datagrams that are lost; Burst is how many are lost in a row, on average. Up to 1: each by
	// itself.
	Loss, Burst float64
	// Delay is added to each, and a random part of Jitter. The order stays, but for the part Reorder of them: those are
	// held back so that later ones overtake them.
	Delay, Jitter time.Duration
	Reorder       float64
	// Rate is in kbit/s, 0: no limit. What waits longer than Queue is lost; default 300 ms.
	Rate  int
	Queue time.Duration
	// BlackoutEvery is the time from the end of one blackout to the end of the next, 0: none; nothing arrives for the last
	// BlackoutLength of it.
	BlackoutEvery, BlackoutLength time.Duration
	// UDPBlocked loses every datagram.
	UDPBlocked bool
}

// defaultQueue is what a router of a home holds.
const defaultQueue = 300 * time.Millisecond

// MaxDelay bounds the times of conditions.
const MaxDelay = 10 * time.Second

// MaxRate bounds the width of conditions, in kbit/s: 10 Gbit/s. What is computed from it must not overflow.
const MaxRate = 10_000_000

// Check says whether the conditions make sense.
func (c *Conditions) Check() error {
	switch {
	case c.Loss < 0 || c.Loss > 1 || c.Reorder < 0 || c.Reorder > 1:
		return errors.New("loss and reorder are between 0 and 100 %")
	case c.Burst < 0 || c.Burst > 1000:
		return errors.New("burst is between 0 and 1,000 datagrams")
	case c.Burst > 1 && c.Loss > c.Burst/(c.Burst+1):
		return fmt.Errorf("with a burst of %g, at most %.0f %% can be lost", c.Burst, 100*c.Burst/(c.Burst+1))
	case c.Rate < 0:
		return errors.New("rate is negative")
	case c.Rate > MaxRate:
		return fmt.Errorf("a rate above %d kbit/s is no limit", MaxRate)
	case c.UDPBlocked && *c != (Conditions{UDPBlocked: true}):
		return errors.New("where UDP is blocked, there is nothing else to do to it")
	case c.BlackoutLength > c.BlackoutEvery || c.BlackoutEvery < 0 || c.BlackoutLength < 0:
		return errors.New("a blackout is not longer than the time from one to the next")
	}
	for _, d := range []time.Duration{c.Delay, c.Jitter, c.Queue} {
		if d < 0 || d > MaxDelay {
			return fmt.Errorf("delay, jitter and queue are between 0 and %s", MaxDelay)
		}
	}
	return nil
}

// Link decides about the datagrams of one direction. For one goroutine at a time.
type Link struct {
	c      Conditions
	rng    *rand.Rand
	begun  time.Time
	losing bool      // in a burst
	free   time.Time // when the link has sent all it was given
	last   time.Time // the latest arrival of those that keep the order
	counts Counts
}

// Counts is what a link has done so far.
type Counts struct {
	Passed     uint64 `json:"passed"`
	Bytes      uint64 `json:"bytes"`
	Lost       uint64 `json:"lost"`       // at random, or in a blackout
	Overflowed uint64 `json:"overflowed"` // found the queue full
	HeldBack   uint64 `json:"held_back"`  // so that later ones overtake them; they have passed, too
}

// NewLink makes a link. Equal seeds lose the same datagrams.
func NewLink(c Conditions, seed uint64, now time.Time) *Link {
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	return &Link{c: c, rng: rand.New(rand.NewPCG(seed, seed)), begun: now}
}

// Change gives the link other conditions. What is on its way, and what waits for its turn, stays.
func (l *Link) Change(c Conditions, now time.Time) {
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	l.c, l.begun = c, now
}

// Pass says when a datagram of so many bytes that is sent at now arrives; ok is false if it is lost.
func (l *Link) Pass(now time.Time, size int) (at time.Time, ok bool) {
	if l.c.UDPBlocked || l.lost() || l.dark(now) {
		l.counts.Lost++
		return time.Time{}, false
	}
	at = now
	if l.c.Rate > 0 {
		if l.free.Before(now) {
			l.free = now
		}
		if l.free.Sub(now) > l.c.Queue {
			l.counts.Overflowed++
			return time.Time{}, false
		}
		l.free = l.free.Add(time.Duration(size) * 8 * time.Second / time.Duration(1000*l.c.Rate))
		at = l.free
	}
	l.counts.Passed++
	l.counts.Bytes += uint64(size)
	at = at.Add(l.c.Delay)
	if l.c.Jitter > 0 {
		at = at.Add(time.Duration(l.rng.Int64N(int64(l.c.Jitter))))
	}
	if l.c.Reorder > 0 && l.rng.Float64() < l.c.Reorder {
		l.counts.HeldBack++
		return at.Add(heldBack), true
	}
	if at.Before(l.last) {
		at = l.last
	}
	l.last = at
	return at, true
}

// heldBack is how long a datagram is held back so that later ones overtake it: some packets of video.
const heldBack = 30 * time.Millisecond

// lost decides by two states, in one of which everything is lost (Gilbert's model).
func (l *Link) lost() bool {
	if l.c.Burst <= 1 {
		return l.c.Loss > 0 && l.rng.Float64() < l.c.Loss
	}
	change := 1 / l.c.Burst // out of a burst
	if !l.losing {
		change = l.c.Loss / (l.c.Burst * (1 - l.c.Loss)) // into one, so that the mean is Loss
	}
	if l.rng.Float64() < change {
		l.losing = !l.losing
	}
	return l.losing
}

// dark says whether there is a blackout.
func (l *Link) dark(now time.Time) bool {
	if l.c.BlackoutEvery == 0 {
		return false
	}
	return now.Sub(l.begun)%l.c.BlackoutEvery >= l.c.BlackoutEvery-l.c.BlackoutLength
}
