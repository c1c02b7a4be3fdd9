// Package speech says who speaks when in a conversation, by the model of ITU-T P.59: talk spurts, pauses, double talk
// and mutual silence. Pure: equal seeds make equal conversations, at any place and time.
package speech

import (
	"math/rand/v2"
	"sync"
	"time"
)

// The states' mean durations and the transitions of ITU-T P.59, §3.
const (
	singleTalk    = 854 * time.Millisecond
	doubleTalk    = 226 * time.Millisecond
	mutualSilence = 456 * time.Millisecond
	// interrupts is how probable it is that single talk turns into double talk; otherwise it ends in silence.
	interrupts = 0.4
)

// scene is how long a piece of conversation is: each begins anew, in silence.
const scene = time.Minute

// talk is a time in which the same people speak.
type talk struct {
	until    time.Duration // since the scene began
	speakers [2]int        // -1: none
}

// Conversation is one among several people. P.59 describes two; of more, anyone may break a silence or interrupt, each
// as probably as the others. Safe for concurrent use.
type Conversation struct {
	seed   uint64
	people int

	mu     sync.Mutex
	number int64  // of the scene in talks
	talks  []talk // some 100: a scene's length over the states' durations
}

// New makes a conversation of so many people, at least one.
func New(seed uint64, people int) *Conversation {
	return &Conversation{seed: seed, people: max(1, people)}
}

// Speaks says whether a person speaks at a time since 1970: all who ask with equal seeds and clocks agree.
func (c *Conversation) Speaks(person int, at time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := int64(at / scene); c.talks == nil || n != c.number {
		c.number, c.talks = n, c.play(uint64(n))
	}
	now := at % scene
	lo, hi := 0, len(c.talks)-1
	for lo < hi {
		if mid := (lo + hi) / 2; c.talks[mid].until <= now {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return c.talks[lo].speakers[0] == person || c.talks[lo].speakers[1] == person
}

// play makes the talks of a scene.
func (c *Conversation) play(number uint64) (list []talk) {
	rng := rand.New(rand.NewPCG(c.seed, number))
	now, speakers := time.Duration(0), [2]int{-1, -1}
	for now < scene {
		mean := mutualSilence
		switch {
		case speakers[1] >= 0:
			mean = doubleTalk
		case speakers[0] >= 0:
			mean = singleTalk
		}
		now += time.Duration(rng.ExpFloat64() * float64(mean))
		list = append(list, talk{now, speakers})
		speakers = c.next(rng, speakers)
	}
	return list
}

// next draws who speaks after those.
func (c *Conversation) next(rng *rand.Rand, now [2]int) [2]int {
	switch {
	case now[1] >= 0: // double talk: one of both goes on
		return [2]int{now[rng.IntN(2)], -1}
	case now[0] < 0: // silence: anyone begins
		return [2]int{rng.IntN(c.people), -1}
	case c.people > 1 && rng.Float64() < interrupts:
		other := rng.IntN(c.people - 1)
		if other >= now[0] {
			other++
		}
		return [2]int{now[0], other}
	default:
		return [2]int{-1, -1}
	}
}
