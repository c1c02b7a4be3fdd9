package overload

import "time"

// Door lets new participants in as fast as their joins can be afforded. A join takes some 3 ms of processor time; so
// while pictures give way, joins get about a twentieth of the processors, and a hundredth while all of them have. The
// zero value is ready. One goroutine at a time.
type Door struct {
	tokens float64
	at     time.Time
}

// Joins a second and core, by level.
const (
	joinsWithPictures = 20
	joinsWithSound    = 4
)

// Admit says whether one more participant may come in, and takes its turn.
func (d *Door) Admit(now time.Time, level Level, cores float64) bool {
	rate := cores
	switch {
	case level < Pictures:
		*d = Door{}
		return true
	case level == Pictures:
		rate *= joinsWithPictures
	case level == Sound:
		rate *= joinsWithSound
	default:
		return false
	}
	most := max(1, rate)
	if d.at.IsZero() {
		d.tokens, d.at = most, now
	}
	d.tokens = min(most, d.tokens+rate*max(0, now.Sub(d.at).Seconds()))
	d.at = now
	if d.tokens < 1 {
		return false
	}
	d.tokens--
	return true
}

// Return gives the turn back of one who was admitted and did not come in.
func (d *Door) Return() {
	if !d.at.IsZero() {
		d.tokens++ // what is too much Admit takes away
	}
}
