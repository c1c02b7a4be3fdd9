// Package audiorank decides whose audio is worth forwarding, from the levels clients put into RTP headers (RFC 6464).
// It keeps one order of all open microphones; the first N of it are forwarded. The order changes only when a
// participant is clearly louder than one before them, so that a cough does not reshuffle a meeting.
//
// Pure: time is an argument. One goroutine at a time.
package audiorank

import (
	"cmp"
	"slices"
	"time"
)

const (
	// A level of -127 dBov is silence; speech is above about -50.
	silence       = 127
	speakingAbove = silence - 50
	// margin is by how many dB one must be louder than another to overtake: hysteresis.
	margin = 6
	// holdSpeaking is how long one counts as speaking after the last loud packet: shorter than a pause for breath would
	// make the speaker list flicker.
	holdSpeaking = 400 * time.Millisecond
	// attack is the weight of a new packet when the level rises: three packets of 20 ms bring a new voice to 87 % of its
	// level (attack within 60 ms). When it falls, a packet's weight is the share of fadeOver since the packet before it,
	// so that a voice fades within a second also where Opus DTX sends only every 400 ms.
	attack   = 0.5
	fadeOver = 600 * time.Millisecond
)

// Level smooths one microphone's levels. The zero value is silence.
type Level struct {
	loudness  float32 // 127 - level, smoothed
	lastSpoke time.Time
	lastHeard time.Time
}

// Observe takes one packet's level in -dBov: 0 is loudest, 127 silence (RFC 6464 §3).
func (l *Level) Observe(level uint8, now time.Time) {
	x := float32(silence - min(level, silence))
	w := float32(attack)
	if x < l.loudness {
		w = float32(min(max(now.Sub(l.lastHeard), 0), fadeOver)) / float32(fadeOver)
	}
	l.loudness += (x - l.loudness) * w
	l.lastHeard = now
	if x > speakingAbove && l.loudness > speakingAbove-margin { // loud, and not for a single packet
		l.lastSpoke = now
	}
}

// at is the loudness now: a microphone that sends nothing (DTX) is silent.
func (l *Level) at(now time.Time) float32 {
	if now.Sub(l.lastHeard) > holdSpeaking {
		return 0
	}
	return l.loudness
}

// Speaking says whether the microphone carries speech.
func (l *Level) Speaking(now time.Time) bool { return now.Sub(l.lastSpoke) <= holdSpeaking }

// Ranker keeps the order. K names a microphone. The zero value is ready. What it holds is bounded by the microphones of
// the latest Update.
type Ranker[K cmp.Ordered] struct {
	order    []K
	loudness []float32 // by position in order, during Update
	known    map[K]struct{}
}

// Update brings the order up to date and returns it, loudest first; the slice is valid until the next call. open is
// every open microphone with its level. Afterwards none is behind another more than 6 dB quieter; those that need
// not move for that do not.
func (r *Ranker[K]) Update(open map[K]*Level, now time.Time) []K {
	r.follow(open)
	r.loudness = r.loudness[:0]
	var quietest float32 = silence
	for i, k := range r.order { // insertion sort: nearly sorted already
		x := open[k].at(now)
		r.loudness = append(r.loudness, x)
		if x > quietest+margin {
			at := slices.IndexFunc(r.loudness, func(ahead float32) bool { return x > ahead+margin })
			copy(r.order[at+1:i+1], r.order[at:i])
			copy(r.loudness[at+1:], r.loudness[at:i])
			r.order[at], r.loudness[at] = k, x
		}
		quietest = min(quietest, x)
	}
	return r.order
}

// follow takes those out of the order who are not open any more and puts those behind it who are new.
func (r *Ranker[K]) follow(open map[K]*Level) {
	if r.known == nil {
		r.known = map[K]struct{}{}
	}
	r.order = slices.DeleteFunc(r.order, func(k K) bool {
		if open[k] != nil {
			return false
		}
		delete(r.known, k)
		return true
	})
	old := len(r.order)
	if len(open) == old {
		return
	}
	for k, level := range open {
		if _, have := r.known[k]; !have && level != nil {
			r.order = append(r.order, k)
			r.known[k] = struct{}{}
		}
	}
	slices.Sort(r.order[old:])
}
