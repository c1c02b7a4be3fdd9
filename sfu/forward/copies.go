package forward

import "time"

const (
	// copiesFrom is the loss, on the way to a viewer, from which each audio packet is sent once more with the next one;
	// moreCopiesFrom is that from which it is sent twice more. What is lost then is the square, or the cube.
	copiesFrom     = 0.015
	moreCopiesFrom = 0.07
	// copiesUntil is the share of these thresholds below which there is a copy less, after copiesCalm. It is low and the
	// wait long because copies hide the loss: without video, only what loses a packet and its copy is seen.
	copiesUntil = 0.25
	copiesCalm  = 30 * time.Second
	// mostCopies bounds the copies of a packet.
	mostCopies = 2
	// copyAge is how old a packet may be when its copy leaves: older ones have been concealed by then.
	copyAge = 100 * time.Millisecond
)

// copies decides how often the audio packets to one viewer are sent again without being asked for. The zero value
// sends none. Pure; guarded by Egress.mu.
type copies struct {
	level  int       // how often each packet is sent again
	wanted int       // how often it would be if the path carried that
	since  time.Time // since when a copy less would do
}

// update takes in the share of packets that were lost lately, the rate of the audio without copies and the estimate of
// the path, both in bit/s (0: unknown). It returns the estimate from which on the path carries all copies that are
// wanted, 0 if none is: a viewer of audio alone has no other reason to learn what its path carries.
func (c *copies) update(now time.Time, loss float64, audio, estimate int64) (useful int64) {
	switch called := copiesFor(loss); {
	case called >= c.wanted:
		c.wanted, c.since = called, now
	case loss >= copiesUntil*thresholdOf(c.wanted):
		c.since = now
	case now.Sub(c.since) >= copiesCalm:
		c.wanted, c.since = c.wanted-1, now
	}
	c.level = c.wanted
	for estimate > 0 && c.level > 0 && carries(audio, c.level) > estimate {
		c.level--
	}
	if c.wanted == 0 {
		return 0
	}
	return carries(audio, c.wanted)
}

// carries is the estimate of a path that carries audio with so many copies: twice what they take. Loss by a full path
// must not feed itself.
func carries(audio int64, level int) int64 { return 2 * audio * int64(1+level) }

// copiesFor is how many copies a loss calls for.
func copiesFor(loss float64) int {
	switch {
	case loss >= moreCopiesFrom:
		return mostCopies
	case loss >= copiesFrom:
		return 1
	default:
		return 0
	}
}

// thresholdOf is the loss from which there are so many copies.
func thresholdOf(level int) float64 {
	if level > 1 {
		return moreCopiesFrom
	}
	return copiesFrom
}
