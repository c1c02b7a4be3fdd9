package overload

import "time"

// Door lets new participants in as fast as their joins can be afforded. A join takes some 3 ms of processor time; so
// joins get about a seventh of the processors, a twentieth while pictures give way, and a hundredth while all of them
// have. Who comes faster waits for a turn, as long as that is within a moment: what those before bring is seen by then.
// The zero value is ready. One goroutine at a time.
type Door struct {
	turns float64 // free ones; below 0: so many wait
	at    time.Time
}

const (
	// Joins a second and core, by level.
	joinsWhenCalm     = 50
	joinsWithPictures = 20
	joinsWithSound    = 4
	// InLine is how long one waits for a turn, at most: who joins looks at a screen that says so.
	InLine = 3 * time.Second
)

// Admit says whether one more participant may come in, takes its turn, and says after what time that is.
func (d *Door) Admit(now time.Time, level Level, cores float64) (wait time.Duration, ok bool) {
	rate := cores
	switch {
	case level < Pictures:
		rate *= joinsWhenCalm
	case level == Pictures:
		rate *= joinsWithPictures
	case level == Sound:
		rate *= joinsWithSound
	default:
		return 0, false
	}
	most := max(1, rate)
	if d.at.IsZero() {
		d.turns, d.at = most, now
	}
	d.turns = min(most, d.turns+rate*max(0, now.Sub(d.at).Seconds()))
	d.at = now
	if d.turns-1 < -rate*InLine.Seconds() {
		return 0, false
	}
	d.turns--
	return time.Duration(max(0, -d.turns/rate) * float64(time.Second)), true
}

// Return gives the turn back of one who was admitted and did not come in.
func (d *Door) Return() {
	if !d.at.IsZero() {
		d.turns++ // what is too much Admit takes away
	}
}
