package compare

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"conclave/bots/report"
)

// group makes runs with a median join of so many ms each.
func group(name, configuration string, joins ...float64) Group {
	g := Group{Name: name}
	for i, ms := range joins {
		r := &report.Report{Verdict: report.Passed, Configuration: configuration, Join: map[string]report.Phase{
			"total": {Count: 1, P50: ms, P99: 2 * ms},
		}}
		g.Runs = append(g.Runs, Run{File: fmt.Sprintf("%s%d.json", name, i), Report: r})
	}
	return g
}

func joinRow(t *testing.T, groups ...Group) Row {
	t.Helper()
	c, err := Groups(groups)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range c.Rows {
		if row.Name == "join.p50" {
			return row
		}
	}
	t.Fatal("no row of joins")
	return Row{}
}

func TestADifferenceCountsBeyondTheSpreadOfRepeatedRuns(t *testing.T) {
	for name, test := range map[string]struct {
		a, b []float64
		want Change
	}{
		"slower, beyond the spread":    {[]float64{100, 102, 104}, []float64{120, 121, 122}, Worse},
		"faster, beyond the spread":    {[]float64{120, 121, 122}, []float64{100, 102, 104}, Better},
		"the runs overlap":             {[]float64{100, 102, 121}, []float64{120, 121, 122}, Within},
		"apart by less than the noise": {[]float64{100, 110, 119}, []float64{120, 121, 139}, Within},
		"one run of each":              {[]float64{100}, []float64{200}, Unknown},
		"one run of the second":        {[]float64{100, 101}, []float64{200}, Unknown},
		"the same":                     {[]float64{100, 100, 100}, []float64{100, 100, 100}, Within},
	} {
		row := joinRow(t, group("a", "x", test.a...), group("b", "x", test.b...))
		if got := row.Cells[1].Change; got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	row := joinRow(t, group("a", "x", 104, 100, 90, 110), group("b", "x", 204))
	if row.Cells[0].Median != 102 || row.Cells[0].Low != 90 || row.Cells[0].High != 110 || row.Cells[1].Ratio != 2 {
		t.Errorf("%+v", row)
	}
}

func TestInvalidRunsAreLeftOutAndNamed(t *testing.T) {
	a := group("a", "x", 100, 101, 1000)
	a.Runs[2].Report.Verdict, a.Runs[2].Report.Invalid = report.Invalid, []string{"the machine was busy"}
	b := group("b", "x", 300)
	b.Runs[0].Report.Verdict = report.Invalid
	c, err := Groups([]Group{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if c.Invalid != 2 || !c.Empty() || c.Worse() || c.Rows[0].Cells[0].High != 101 || c.Rows[0].Cells[1].Runs != 0 {
		t.Errorf("%+v", c)
	}
	if text := strings.Join(c.Notes, "\n"); !strings.Contains(text, "a2.json is left out: the machine was busy") {
		t.Errorf("%s", text)
	}
}

func TestWhatCannotBeComparedIsRefused(t *testing.T) {
	mixed := group("a", "x", 1, 2)
	mixed.Runs[1].Report.Configuration = "y"
	for want, groups := range map[string][]Group{
		"give 2 to":                {group("a", "x", 1)},
		"different configurations": {mixed, group("b", "x", 1)},
		"give 1 to":                {group("a", "x", 1), {Name: "b"}},
	} {
		if _, err := Groups(groups); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestTheTableSaysWhatToKnow(t *testing.T) {
	c, err := Groups([]Group{group("before", "x", 100, 101, 102), group("after", "y", 120, 121, 122)})
	if err != nil || !c.Worse() || c.Empty() {
		t.Fatalf("%v %+v", err, c)
	}
	var text strings.Builder
	if err := c.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"group 1   before: 3 runs", "before and after are runs of different configurations", "120 to 122", "1.198  worse",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if err := c.Write(brokenWriter{}); err == nil {
		t.Error("a table that could not be written was")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }
