package figures

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNumbersThatAreNotThereAreDashes(t *testing.T) {
	for want, got := range map[string]string{
		"3.14": Number(math.Pi, 2), "3": Number(math.Pi, 0), "0.500": Number(0.5, 3),
		"2.50": OrDash(2.5), "0.33": Ratio(1, 3),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, dash := range []string{OrDash(0), Ratio(0, 3), Ratio(3, 0)} {
		if dash != "–" {
			t.Errorf("%q is no dash", dash)
		}
	}
	if Part(1, 4) != 0.25 || Part(0, 0) != 0 || Part(3, 0) != 3 {
		t.Errorf("parts %v %v %v", Part(1, 4), Part(0, 0), Part(3, 0))
	}
}

func TestPluckKeepsTheOrder(t *testing.T) {
	got := Pluck([]string{"a", "bbb", ""}, func(s string) float64 { return float64(len(s)) })
	if len(got) != 3 || got[0] != 1 || got[1] != 3 || got[2] != 0 {
		t.Errorf("%v", got)
	}
}

func TestATableIsAlignedByItsCells(t *testing.T) {
	got := Markdown([][]string{{"name", "µs"}, {"a", "12.50"}, {"longer", "–"}})
	want := "| name   |    µs |\n|--------|------:|\n| a      | 12.50 |\n| longer |     – |\n"
	if got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
	if Markdown(nil) != "" {
		t.Error("a table of nothing")
	}
	if got := Markdown([][]string{{"only", "a header"}}); strings.Count(got, "\n") != 2 {
		t.Errorf("%q", got)
	}
}

func TestJSONIsWrittenWhereItIsWanted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	if err := WriteJSON(file, map[string]int{"n": 7}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil || string(raw) != "{\n  \"n\": 7\n}\n" {
		t.Errorf("%q %v", raw, err)
	}
	if err := WriteJSON("", 1); err != nil {
		t.Errorf("without a file: %v", err)
	}
	if err := WriteJSON(filepath.Join(file, "below"), 1); err == nil {
		t.Error("wrote below a file")
	}
	if err := WriteJSON(file, func() {}); err == nil {
		t.Error("wrote a function")
	}
}

func TestTheConsoleKeepsTablesAndProgressApart(t *testing.T) {
	var out, errs bytes.Buffer
	c := Console{Out: &out, Err: &errs}
	c.Progress("%d of %d", 1, 2)
	c.Table("| a |\n")
	if out.String() != "| a |\n" || errs.String() != "1 of 2\n" {
		t.Errorf("%q, %q", out.String(), errs.String())
	}
}
