// Package compare says how runs of bots differ: the median of each figure in each group of repeated runs, the ratio to
// the first group, and whether the difference is more than repeated runs differ among themselves. Pure.
package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"conclave/bots/report"
)

// MaxGroups bounds the groups of one comparison, MaxRuns the runs of a group.
const (
	MaxGroups = 16
	MaxRuns   = 100
)

// Run is one report, and the file that it came from.
type Run struct {
	File   string
	Report *report.Report
}

// Group is several runs of one configuration.
type Group struct {
	Name string
	Runs []Run
}

// Change says how a figure differs from that of the first group.
type Change string

// The changes. Unknown: one run says nothing about how much runs differ. Within: no more than runs differ anyway.
const (
	Unknown Change = "one run"
	Within  Change = "within"
	Better  Change = "better"
	Worse   Change = "worse"
	Other   Change = "differs" // of a figure that is neither good nor bad
)

// Row is one figure in all groups. Cells of groups that did not measure it have no runs.
type Row struct {
	Name, Unit string
	Cells      []Cell
}

// Cell is one figure in one group.
type Cell struct {
	Median, Low, High float64
	Runs              int
	// Ratio to the first group's median; NaN when that is 0 or was not measured.
	Ratio  float64
	Change Change
}

// Comparison is how groups of runs differ.
type Comparison struct {
	Groups []Group
	Rows   []Row
	// Notes say what to know before one believes the figures.
	Notes []string
	// Invalid counts runs that say nothing about the server; they are left out.
	Invalid int
}

// Groups compares groups with the first one. An error says why they cannot be compared.
func Groups(groups []Group) (*Comparison, error) {
	if len(groups) < 2 || len(groups) > MaxGroups {
		return nil, fmt.Errorf("bots: compare: give 2 to %d groups of reports", MaxGroups)
	}
	c := &Comparison{}
	for _, g := range groups {
		if err := g.check(); err != nil {
			return nil, err
		}
		valid := Group{Name: g.Name}
		for _, run := range g.Runs {
			if run.Report.Verdict == report.Invalid {
				c.Invalid++
				c.note("%s is left out: %s", run.File, strings.Join(run.Report.Invalid, "; "))
				continue
			}
			valid.Runs = append(valid.Runs, run)
		}
		if n := len(valid.Runs); n > 0 && n < 3 {
			c.note("%s: %d runs; give 3 or more to see how much runs differ", g.Name, n)
		}
		c.Groups = append(c.Groups, valid)
	}
	for _, g := range c.Groups[1:] {
		if a, b := c.Groups[0], g; len(a.Runs) > 0 && len(b.Runs) > 0 &&
			a.Runs[0].Report.Configuration != b.Runs[0].Report.Configuration {
			c.note("%s and %s are runs of different configurations", a.Name, b.Name)
		}
	}
	for _, f := range figures() {
		if row, ok := f.row(c.Groups); ok {
			c.Rows = append(c.Rows, row)
		}
	}
	return c, nil
}

// check says whether a group is one: all its runs have one configuration.
func (g *Group) check() error {
	if len(g.Runs) == 0 || len(g.Runs) > MaxRuns {
		return fmt.Errorf("bots: compare: %s: give 1 to %d reports", g.Name, MaxRuns)
	}
	for _, run := range g.Runs[1:] {
		if run.Report.Configuration != g.Runs[0].Report.Configuration {
			return fmt.Errorf("bots: compare: %s: %s and %s are of different configurations: a group holds repeated runs of one",
				g.Name, g.Runs[0].File, run.File)
		}
	}
	return nil
}

func (c *Comparison) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// row works a figure out; ok is false when no group measured it.
func (f *figure) row(groups []Group) (row Row, ok bool) {
	row = Row{Name: f.name, Unit: f.unit}
	for _, g := range groups {
		cell := Cell{Ratio: math.NaN()}
		var values []float64
		for _, run := range g.Runs {
			if v, measured := f.value(run.Report); measured {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			ok = true
			slices.Sort(values)
			cell.Runs, cell.Low, cell.High = len(values), values[0], values[len(values)-1]
			cell.Median = (values[(len(values)-1)/2] + values[len(values)/2]) / 2
		}
		row.Cells = append(row.Cells, cell)
	}
	first := &row.Cells[0]
	for i := range row.Cells[1:] {
		cell := &row.Cells[i+1]
		if cell.Runs == 0 || first.Runs == 0 {
			continue
		}
		if first.Median != 0 {
			cell.Ratio = cell.Median / first.Median
		}
		cell.Change = f.change(first, cell)
	}
	return row, ok
}

// change judges a difference. It counts when no run of one group lies among those of the other, and the medians are
// further apart than the runs of either group are: equal servers show that for 3 + 3 runs in fewer than 1 of 10
// comparisons of one figure.
func (f *figure) change(a, b *Cell) Change {
	spread := max(a.High-a.Low, b.High-b.Low)
	apart := a.High < b.Low || b.High < a.Low
	switch {
	case a.Runs < 2 || b.Runs < 2:
		return Unknown
	case !apart || math.Abs(a.Median-b.Median) <= spread:
		return Within
	case f.good == 0:
		return Other
	case (b.Median > a.Median) == (f.good > 0):
		return Better
	}
	return Worse
}

// Worse says whether a figure of any group is worse than the first group's, beyond the spread.
func (c *Comparison) Worse() bool {
	return slices.ContainsFunc(c.Rows, func(r Row) bool {
		return slices.ContainsFunc(r.Cells, func(x Cell) bool { return x.Change == Worse })
	})
}

// Empty says whether a group has no valid run.
func (c *Comparison) Empty() bool {
	return slices.ContainsFunc(c.Groups, func(g Group) bool { return len(g.Runs) == 0 })
}

// Write writes the comparison for a person: a block for each figure, a line for each group.
func (c *Comparison) Write(w io.Writer) error {
	var b strings.Builder
	for i, g := range c.Groups {
		fmt.Fprintf(&b, "group %-2d  %s: %d runs\n", i+1, g.Name, len(g.Runs))
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "note      %s\n", n)
	}
	fmt.Fprintf(&b, "\n%-28s %5s %12s %25s %8s  %s\n", "figure", "group", "median", "lowest to highest", "ratio", "change")
	for i := range c.Rows {
		row := &c.Rows[i]
		name := strings.TrimSpace(row.Name + " " + row.Unit)
		for j := range row.Cells {
			fmt.Fprintf(&b, "%-28s %5d %s\n", name, j+1, row.Cells[j].text())
			name = ""
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("bots: compare: %w", err)
	}
	return nil
}

func (x *Cell) text() string {
	if x.Runs == 0 {
		return fmt.Sprintf("%12s", "-")
	}
	spread := short(x.Low) + " to " + short(x.High)
	ratio := ""
	if !math.IsNaN(x.Ratio) {
		ratio = fmt.Sprintf("%.3f", x.Ratio)
	}
	return strings.TrimRight(fmt.Sprintf("%12s %25s %8s  %s", short(x.Median), spread, ratio, x.Change), " ")
}

func short(v float64) string { return fmt.Sprintf("%.5g", v) }
