package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// median returns the middle of the values, the mean of the two in the middle if they are even in number, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread is the median with the smallest and the largest value.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	return spread{median(values), slices.Min(values), slices.Max(values)}
}

// pluck takes one number out of each of a list.
func pluck[T any](list []T, number func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, x := range list {
		out[i] = number(x)
	}
	return out
}

// reading is a process's CPU time at some moment. Total is exact; User and System are counted in ticks and used for their ratio.
type reading struct {
	at                  time.Time
	total, user, system time.Duration
	rss                 int64 // bytes
}

// series is a list of readings, oldest first.
type series []reading

// at returns the state at a moment, in proportion between the readings around it, or the nearest reading.
func (s series) at(t time.Time) reading {
	i, found := slices.BinarySearchFunc(s, t, func(r reading, t time.Time) int { return cmp.Compare(r.at.UnixNano(), t.UnixNano()) })
	switch {
	case len(s) == 0:
		return reading{at: t}
	case found || i == 0:
		return s[i]
	case i == len(s):
		return s[i-1]
	}
	a, b := s[i-1], s[i]
	part := float64(t.Sub(a.at)) / float64(b.at.Sub(a.at))
	between := func(x, y time.Duration) time.Duration { return x + time.Duration(part*float64(y-x)) }
	return reading{at: t, total: between(a.total, b.total), user: between(a.user, b.user), system: between(a.system, b.system), rss: b.rss}
}

// usage is CPU time over a window.
type usage struct{ total, user, system time.Duration }

// between returns the CPU time used from one moment to another, the total shared out in the ratio of the ticks.
func (s series) between(from, to time.Time) usage {
	a, b := s.at(from), s.at(to)
	u := usage{total: b.total - a.total}
	user, system := b.user-a.user, b.system-a.system
	if ticks := user + system; ticks > 0 {
		u.user = time.Duration(float64(u.total) * float64(user) / float64(ticks))
	}
	u.system = u.total - u.user
	return u
}

// perPacket is a duration over a number of packets, in microseconds.
func perPacket(d time.Duration, packets uint64) float64 {
	if packets == 0 {
		return 0
	}
	return float64(d) / float64(packets) / 1e3
}

// markdown formats a table: the first row is the header; a column is right-aligned if its cells begin with a digit.
func markdown(rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)), 3)
		}
	}
	right := make([]bool, len(width))
	for i := range right {
		right[i] = len(rows) > 1 && rows[1][i] != "" && strings.ContainsRune("0123456789–", []rune(rows[1][i])[0])
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			fill := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if right[i] {
				fmt.Fprintf(&b, "| %s%s ", fill, cell)
			} else {
				fmt.Fprintf(&b, "| %s%s ", cell, fill)
			}
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, w := range width {
			tail := "-"
			if right[i] {
				tail = ":"
			}
			b.WriteString("|" + strings.Repeat("-", w+1) + tail)
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// thousands writes a number with commas.
func thousands(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
