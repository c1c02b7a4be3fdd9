package signaling

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"conclave/auth"
	"conclave/meeting"
)

// What a challenge is good for: once, so long, and so many of them at once. Of one session only the latest count.
const (
	challengeLife        = 2 * time.Minute
	challengesPerSession = 4
	maxChallengers       = 10_000
)

// challenges are what the server has owners of rooms sign. Safe for concurrent use.
type challenges struct {
	mu        sync.Mutex
	bySession map[auth.SessionID][]issued // at most maxChallengers, of challengesPerSession each
}

type issued struct {
	challenge meeting.Challenge
	until     time.Time
}

// issue makes a challenge for a session. ok is false if there are too many.
func (c *challenges) issue(now time.Time, who auth.SessionID) (out meeting.Challenge, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bySession) >= maxChallengers && c.bySession[who] == nil {
		c.sweep(now)
	}
	if len(c.bySession) >= maxChallengers && c.bySession[who] == nil {
		return out, false
	}
	_, _ = rand.Read(out[:]) // never fails: it ends the process instead
	open := slices.Concat(c.bySession[who], []issued{{out, now.Add(challengeLife)}})
	c.bySession[who] = open[max(0, len(open)-challengesPerSession):]
	return out, true
}

// take uses up a challenge. It is false unless this session has it, still.
func (c *challenges) take(now time.Time, who auth.SessionID, challenge meeting.Challenge) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := c.bySession[who]
	i := slices.IndexFunc(open, func(o issued) bool { return o.challenge == challenge })
	if i < 0 {
		return false
	}
	fresh := now.Before(open[i].until)
	if open = slices.Delete(open, i, i+1); len(open) == 0 {
		delete(c.bySession, who)
	} else {
		c.bySession[who] = open
	}
	return fresh
}

// sweep forgets sessions whose challenges are all over. The lock is held.
func (c *challenges) sweep(now time.Time) {
	for who, open := range c.bySession {
		if !now.Before(open[len(open)-1].until) {
			delete(c.bySession, who)
		}
	}
}
