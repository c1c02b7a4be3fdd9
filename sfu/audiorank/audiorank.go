// Package audiorank decides whose audio is worth forwarding, from the levels clients put into RTP headers (RFC 6464). It
// keeps one order of all open microphones; the first N of it are forwarded. The order changes only when somebody is clearly louder
// than the one before them, so that a cough does not reshuffle a meeting.
//
// Pure: time is an argument. One goroutine at a time.
package audiorank

import "time"

const (
	// A level of -127 dBov is silence; speech is above about -50.
	silence       = 127
	speakingAbove = silence - 50
	// margin is by how many dB one must be louder than the one before to overtake: hysteresis.
	margin = 6
	// holdSpeaking is how long one counts as speaking after the last loud packet: shorter than a pause for breath would
	// make the speaker list flicker.
	holdSpeaking = 400 * time.Millisecond
	// attack and release are the weights of a new packet when the level rises and falls. Three packets of 20 ms bring
	// a new voice to 87 % of its level (attack within 60 ms); a voice fades over about a second.
	attack, release = 0.5, 0.03
)

// Level smooths one microphone's levels. The zero value is silence.
type Level struct {
	loudness  float32 // 127 - level, smoothed
	lastLoud  time.Time
	lastHeard time.Time
}

// Observe takes one packet's level in -dBov: 0 is loudest, 127 silence (RFC 6464 §3).
func (l *Level) Observe(level uint8, now time.Time) {
	x := float32(silence - min(level, silence))
	w := float32(release)
	if x > l.loudness {
		w = attack
	}
	l.loudness += (x - l.loudness) * w
	l.lastHeard = now
	if x > speakingAbove {
		l.lastLoud = now
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
func (l *Level) Speaking(now time.Time) bool {
	return l.loudness > speakingAbove-margin && now.Sub(l.lastLoud) <= holdSpeaking
}

// Ranker keeps the order. K names a microphone.
type Ranker[K comparable] struct {
	order []K
}

// Update brings the order up to date and returns it, loudest first; the slice is valid until the next call. open is every
// open microphone with its level, at most one entry each.
func (r *Ranker[K]) Update(open map[K]*Level, now time.Time) []K {
	kept := r.order[:0]
	seen := make(map[K]bool, len(open))
	for _, k := range r.order {
		if open[k] != nil {
			kept = append(kept, k)
			seen[k] = true
		}
	}
	for k := range open {
		if !seen[k] {
			kept = append(kept, k)
		}
	}
	r.order = kept
	for i := 1; i < len(kept); i++ { // insertion sort with hysteresis: nearly sorted already
		for j := i; j > 0 && open[kept[j]].at(now) > open[kept[j-1]].at(now)+margin; j-- {
			kept[j], kept[j-1] = kept[j-1], kept[j]
		}
	}
	return kept
}
