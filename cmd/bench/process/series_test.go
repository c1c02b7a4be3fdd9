package process

import (
	"math"
	"testing"
	"time"
)

// steady is a process that uses half a core, two thirds of it in the kernel, looked at every 50 ms, whose ticks lag
// behind.
func steady(from time.Time, n int) (s Series) {
	for i := range n {
		at := time.Duration(i) * 50 * time.Millisecond
		ticks := (at / 2).Truncate(3 * clockTick)
		s = append(s, Reading{At: from.Add(at), Total: at / 2, user: ticks / 3, system: ticks * 2 / 3, RSS: int64(i)})
	}
	return s
}

func TestUsageIsOfTheWindowAlone(t *testing.T) {
	start := time.Unix(1000, 0)
	s := steady(start, 201) // 10 s
	u := s.Between(start.Add(1013*time.Millisecond), start.Add(7027*time.Millisecond))
	if want := 3007 * time.Millisecond; (u.Total - want).Abs() > time.Microsecond {
		t.Errorf("total = %v, want %v: it must be in proportion between two readings", u.Total, want)
	}
	if part := float64(u.User) / float64(u.Total); math.Abs(part-1.0/3) > 0.01 {
		t.Errorf("user part = %v, want a third", part)
	}
	if u.User+u.System != u.Total {
		t.Errorf("user %v and system %v are not the total %v", u.User, u.System, u.Total)
	}
}

func TestReadingsBeyondTheEndsAreTheNearest(t *testing.T) {
	start := time.Unix(1000, 0)
	s := steady(start, 3)
	if got := s.At(start.Add(-time.Second)); got != s[0] {
		t.Errorf("before the beginning: %+v", got)
	}
	if got := s.At(start.Add(time.Hour)); got != s[2] {
		t.Errorf("after the end: %+v", got)
	}
	if got := s.At(s[1].At); got != s[1] {
		t.Errorf("at a reading: %+v", got)
	}
	if got := (Series(nil)).Between(start, start.Add(time.Second)); got != (usage{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := s.Between(start, start.Add(time.Millisecond)); got.System != got.Total {
		t.Errorf("without ticks the total must not be lost: %+v", got)
	}
}
