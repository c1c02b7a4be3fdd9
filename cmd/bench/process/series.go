package process

import (
	"cmp"
	"slices"
	"time"
)

// Reading is a process's CPU time at some moment. Total is exact; User and System are counted in ticks and used for
// their ratio.
type Reading struct {
	At                  time.Time
	Total, user, system time.Duration
	RSS                 int64 // bytes
}

// Series is a list of readings, oldest first.
type Series []Reading

// At returns the state at a moment, in proportion between the readings around it, or the nearest reading.
func (s Series) At(t time.Time) Reading {
	i, found := slices.BinarySearchFunc(s, t, func(r Reading, t time.Time) int {
		return cmp.Compare(r.At.UnixNano(),
			t.UnixNano())
	})
	switch {
	case len(s) == 0:
		return Reading{At: t}
	case found || i == 0:
		return s[i]
	case i == len(s):
		return s[i-1]
	}
	a, b := s[i-1], s[i]
	part := float64(t.Sub(a.At)) / float64(b.At.Sub(a.At))
	between := func(x, y time.Duration) time.Duration { return x + time.Duration(part*float64(y-x)) }
	return Reading{At: t, Total: between(a.Total, b.Total), user: between(a.user, b.user),
		system: between(a.system, b.system), RSS: b.RSS}
}

// usage is CPU time over a window.
type usage struct{ Total, User, System time.Duration }

// Between returns the CPU time used from one moment to another, the total shared out in the ratio of the ticks.
func (s Series) Between(from, to time.Time) usage {
	a, b := s.At(from), s.At(to)
	u := usage{Total: b.Total - a.Total}
	user, system := b.user-a.user, b.system-a.system
	if ticks := user + system; ticks > 0 {
		u.User = time.Duration(float64(u.Total) * float64(user) / float64(ticks))
	}
	u.System = u.Total - u.User
	return u
}
