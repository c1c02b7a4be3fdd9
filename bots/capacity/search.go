// Package capacity finds the largest load that holds: first in steps that double, then by halving the gap. Each step is
// a run of bots, which others make. Pure.
//
// Start reading at Search; result.go says what came of it.
package capacity

import (
	"fmt"
	"slices"
)

// Verdict is what a run at some load showed.
type Verdict string

// The verdicts. Unclear: the run was invalid, so it shows neither that the server holds the load nor that it does not.
const (
	Held    Verdict = "held"
	Broke   Verdict = "broke"
	Unclear Verdict = "unclear"
)

// The bounds of a search: maxRuns ends one that does not come to an end, as on a machine that is busy now and then.
const (
	maxRuns    = 200
	maxRepeats = 20
)

// Config says how to search.
type Config struct {
	// Start is the first load, Max the largest that is tried.
	Start, Max int
	// Resolution is the gap that is small enough, as a part of the load; a gap of 1 always is.
	Resolution float64
	// Repeat is how many runs the load must hold in all.
	Repeat int
	// Retries is how often a load is tried again when the run was invalid.
	Retries int
}

// Check says what is wrong with a configuration.
func (c *Config) Check() error {
	switch {
	case c.Start < 1 || c.Max < c.Start:
		return fmt.Errorf("capacity: the first load must be between 1 and the largest, which is %d", c.Max)
	case c.Resolution < 0 || c.Resolution > 1:
		return fmt.Errorf("capacity: the resolution must be between 0 and 1")
	case c.Repeat < 1 || c.Repeat > maxRepeats:
		return fmt.Errorf("capacity: repeat must be between 1 and %d", maxRepeats)
	case c.Retries < 0 || c.Retries > maxRepeats:
		return fmt.Errorf("capacity: retries must be between 0 and %d", maxRepeats)
	}
	return nil
}

// Search decides which load to run next. It supposes that a server which holds a load holds all smaller ones.
type Search struct {
	cfg  Config
	runs int
	// held are the loads that held so far and have not broken since, in ascending order, with how often they held.
	held []level
	// limit is the smallest load that broke or stayed unclear; 0: none did.
	limit   int
	because Verdict
	tries   int // invalid runs at the load that is being tried
	ended   bool
}

type level struct{ load, times int }

// New begins a search; cfg must have passed Check.
func New(cfg Config) *Search { return &Search{cfg: cfg} }

// Next returns the load of the next run; done is true when there is nothing left to find.
func (s *Search) Next() (load int, done bool) {
	if s.ended || s.runs >= maxRuns {
		return 0, true
	}
	low := s.top()
	switch {
	case low == 0 && s.limit == 0:
		return s.cfg.Start, false
	case s.limit == 0 && low < s.cfg.Max:
		return min(2*low, s.cfg.Max), false
	case s.limit > 0 && s.limit-low > s.gap(low):
		return low + (s.limit-low)/2, false
	case low > 0 && s.held[len(s.held)-1].times < s.cfg.Repeat:
		return low, false
	}
	return 0, true
}

// top is the largest load that held, 0 if none did.
func (s *Search) top() int {
	if len(s.held) == 0 {
		return 0
	}
	return s.held[len(s.held)-1].load
}

// gap is the distance between what held and what did not that needs no more runs.
func (s *Search) gap(low int) int { return max(1, int(s.cfg.Resolution*float64(low))) }

// Add takes the verdict of a run at the load that Next returned.
func (s *Search) Add(load int, v Verdict) {
	s.runs++
	switch v {
	case Held:
		s.tries = 0
		if i := slices.IndexFunc(s.held, func(l level) bool { return l.load == load }); i >= 0 {
			s.held[i].times++
			return
		}
		s.held = append(s.held, level{load, 1})
	case Broke:
		s.bound(load, v)
	case Unclear:
		if s.tries++; s.tries > s.cfg.Retries {
			s.bound(load, v)
		}
	}
}

// bound takes note that a load does not hold, or cannot be shown to. What held before at this load does not count.
func (s *Search) bound(load int, v Verdict) {
	s.tries, s.limit, s.because = 0, load, v
	s.held = slices.DeleteFunc(s.held, func(l level) bool { return l.load >= load })
}

// Found returns the largest load that held each time that it was run, 0 if none did, and how often.
func (s *Search) Found() (load, times int) {
	if len(s.held) == 0 {
		return 0, 0
	}
	last := s.held[len(s.held)-1]
	return last.load, last.times
}

// Limit returns the load that ended the search, and whether it broke or stayed unclear; 0 if the largest load held.
func (s *Search) Limit() (load int, because Verdict) { return s.limit, s.because }

// Stop ends the search with what is known.
func (s *Search) Stop() { s.ended = true }

// Finished says whether the search came to its end.
func (s *Search) Finished() bool { return !s.ended && s.runs < maxRuns }
