// Package figures holds what all measurements print with: medians and spreads, tables, numbers. Pure, but for the
// console.
package figures

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Median returns the middle of the values, the mean of the two in the middle if they are even in number, 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Spread is the median with the smallest and the largest value.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// SpreadOf returns the spread of the values, zero of none.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	return Spread{Median(values), slices.Min(values), slices.Max(values)}
}

// Pluck takes one number out of each of a list.
func Pluck[T any](list []T, number func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, x := range list {
		out[i] = number(x)
	}
	return out
}

// PerPacket is a duration over a number of packets, in microseconds.
func PerPacket(d time.Duration, packets uint64) float64 {
	if packets == 0 {
		return 0
	}
	return float64(d) / float64(packets) / 1e3
}

// Markdown formats a table: the first row is the header; a column is right-aligned if its cells begin with a digit.
func Markdown(rows [][]string) string {
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

// Thousands writes a number with commas.
func Thousands(n float64) string {
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

// Number formats x with so many digits behind the point.
func Number(x float64, digits int) string { return fmt.Sprintf("%.*f", digits, x) }

// OrDash formats a figure, zero as one that is not there.
func OrDash(x float64) string {
	if x == 0 {
		return "–"
	}
	return Number(x, 2)
}

// Ratio formats a over b, a dash if either is not there.
func Ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// WriteJSON writes value into file as indented JSON; an empty name writes nothing.
func WriteJSON(file string, value any) error { // any: what encoding/json takes
	if file == "" {
		return nil
	}
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil { //nolint:gosec // figures, no secrets
		return fmt.Errorf("--json: %w", err)
	}
	return nil
}

// Percentile returns the p-th of a hundred, by nearest rank; 0 of none.
func Percentile(values []float64, p int) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, (len(sorted)*p+99)/100-1)]
}

// Part is n of so many, as a fraction; 0 of none.
func Part(n, of uint64) float64 { return float64(n) / float64(max(1, of)) }
