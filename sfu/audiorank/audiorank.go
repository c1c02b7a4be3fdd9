// Package audiorank decides whose audio is worth forwarding, from the levels clients put into RTP headers (RFC 6464).
// It keeps one order of all open microphones; the first N of it are forwarded. The order changes only when a
// participant is clearly louder than one before them, so that a cough does not reshuffle a meeting.
//
// Pure: time is an argument. One goroutine at a time.
package audiorank

import "time"

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
