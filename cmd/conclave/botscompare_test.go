package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conclave/bots/report"
)

func TestReportsAreComparedByGroups(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, ms float64, change func(*report.Report)) string {
		r := &report.Report{Schema: report.Schema, Verdict: report.Passed, Configuration: "x", Label: filepath.Dir(name)}
		r.Join = map[string]report.Phase{"total": {Count: 1, P50: ms}}
		if change != nil {
			change(r)
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	var before, after []string
	for i := range 3 {
		before = append(before, write(fmt.Sprintf("before/%d.json", i), float64(100+i), nil))
		after = append(after, write(fmt.Sprintf("after/%d.json", i), float64(200+i), nil))
	}
	old := write("old.json", 1, func(r *report.Report) { r.Schema = "conclave-bots-report/0" })
	other := write("other.json", 1, func(r *report.Report) { r.Configuration = "y" })
	invalid := write("invalid.json", 1, func(r *report.Report) { r.Verdict = report.Invalid })
	a, b := strings.Join(before, ","), filepath.Dir(after[0])
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"slower":                {[]string{a, b}, 1, "worse"},
		"faster":                {[]string{b, a}, 0, "group 1   after: 3 runs"},
		"one run each":          {[]string{before[0], after[0]}, 0, "give 3 or more"},
		"a group that is void":  {[]string{a, invalid}, 2, "is left out"},
		"another schema":        {[]string{a, old}, 3, `its schema is "conclave-bots-report/0"`},
		"two configurations":    {[]string{a + "," + other, b}, 3, "different configurations"},
		"a file that is absent": {[]string{a, "no-such-file"}, 3, "no-such-file"},
		"an empty directory":    {[]string{a, t.TempDir()}, 3, "no report in it"},
		"one group":             {[]string{a}, 3, "give 2 to"},
		"nothing":               {nil, 3, "expected"},
	} {
		var out, errs bytes.Buffer
		code := run(append([]string{"bots", "compare"}, test.args...), nil, console{&out, &errs})
		if code != test.code || !strings.Contains(out.String()+errs.String(), test.says) {
			t.Errorf("%s: exit code %d: %s%s", name, code, out.String(), errs.String())
		}
	}
}

// On a busy machine the runs may be invalid: then the search says so, and does not call that the server's capacity.
func TestTheCapacityIsSearchedFor(t *testing.T) {
	url, token := startServer(t)
	dir := t.TempDir()
	file, result := filepath.Join(dir, "scenario.yaml"), filepath.Join(dir, "result.json")
	const text = `
name: Small
meetings: [{e2ee: false, roles: [{role: speaker}, {role: listener, count: 2, video_slots: 0, view: 0}]}]
stages: [{join: all}, {hold: 60s}]
settle: 100ms
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"bots", "capacity", file, "--url", url, "--token", token, "--objective", "loss<=100%", "--hold", "1s", "--start", "1",
		"--max", "2", "--repeat", "1", "--retries", "0", "--pause", "1ms", "--json", result, "--reports", dir, "-q",
		"--no-default-limits",
	}
	var out, errs bytes.Buffer
	code := run(args, nil, console{&out, &errs})
	if code != 0 && code != 2 || !strings.Contains(out.String(), "objective loss<=100%") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
	if code == 0 && !strings.Contains(out.String(), "2 people held in 1 of 1 runs: 3 people") {
		t.Errorf("%s", out.String())
	}
	raw, err := os.ReadFile(result)
	if err != nil || !strings.Contains(string(raw), `"schema": "conclave-bots-capacity/1"`) {
		t.Errorf("%v: %s", err, raw)
	}
	if pages, err := filepath.Glob(filepath.Join(dir, "run-001-load-1.*")); err != nil || len(pages) != 2 {
		t.Errorf("%v: %q", err, pages)
	}
	for name, change := range map[string][]string{
		"no objective": {}, "nonsense": {"--objective", "fast"}, "nothing to vary": {"--objective", "loss<1", "--vary", "host"},
		"too many": {"--objective", "loss<1", "--max", "100000"}, "no repeat": {"--objective", "loss<1", "--repeat", "0"},
		"unreachable": {"--objective", "loss<1", "--url", "http://127.0.0.1:1"},
	} {
		bad := append([]string{"bots", "capacity", file, "--url", url, "--token", token}, change...)
		if code := run(bad, nil, console{&out, &errs}); code != notStarted {
			t.Errorf("%s: exit code %d", name, code)
		}
	}
	gone := []string{
		"bots", "capacity", "no-such-file", "--url", url, "--token", token, "--objective", "loss<1",
	}
	if code := run(gone, nil, console{&out, &errs}); code != notStarted {
		t.Errorf("exit code %d", code)
	}
}
