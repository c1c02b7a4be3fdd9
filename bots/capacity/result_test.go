package capacity

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"conclave/bots/report"
)

// ran is the report of a run with so many bots.
func ran(verdict report.Verdict, people int) *report.Report {
	r := &report.Report{Verdict: verdict, Count: people, Machine: &report.Machine{Busy: 0.8}}
	r.Window = report.Window{Seconds: 10, PacketsPerS: 1000, MbitPerS: 8, ServerCPUSeconds: 5, ServerRSSMiB: 60}
	if verdict == report.Failed {
		r.Failures = []string{"threshold delay.audio.p99<100ms: it is 140 ms"}
	}
	if verdict == report.Invalid {
		r.Invalid = []string{"the bots' machine was 99 % busy"}
		r.Failures = []string{"a bot did not join"}
	}
	return r
}

// found searches a server that holds so many, and makes invalid runs above another number.
func found(t *testing.T, holds, valid int) *Result {
	t.Helper()
	s := New(Config{Start: 10, Max: 80, Repeat: 3})
	r := &Result{Schema: Schema, Scenario: "Webinar", Vary: "people", Objectives: []string{"delay.audio.p99<100ms"}}
	for {
		load, done := s.Next()
		if done {
			r.Conclude(s)
			return r
		}
		verdict := report.Passed
		if load > valid {
			verdict = report.Invalid
		} else if load > holds {
			verdict = report.Failed
		}
		run := RunOf(load, ran(verdict, load+1))
		r.Runs = append(r.Runs, run)
		s.Add(load, run.Verdict)
	}
}

func TestTheResultSaysWhatWasMetFirst(t *testing.T) {
	for name, test := range map[string]struct {
		holds, valid, code, load int
		says                     []string
	}{
		"the server": {33, 1000, 0, 33, []string{
			"33 people held in 3 of 3 runs: 34 people", "one core carries 68 people, 2000 packets/s, 16.0 Mbit/s",
			"the server, at 34", "delay.audio.p99<100ms: it is 140 ms",
		}},
		"the machine": {70, 50, 2, 50, []string{"the bots' machine, at 51", "the server may hold more", "99 % busy"}},
		"nothing":     {1000, 1000, 0, 80, []string{"none was met"}},
		"all":         {0, 1000, 1, 0, []string{"no load held", "the server, at 1"}},
	} {
		r := found(t, test.holds, test.valid)
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if r.ExitCode() != test.code || r.Load != test.load {
			t.Errorf("%s: exit code %d, load %d", name, r.ExitCode(), r.Load)
		}
		for _, want := range test.says {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, text.String())
			}
		}
	}
}

func TestASearchThatWasEndedSaysSo(t *testing.T) {
	s := New(Config{Start: 10, Max: 80, Repeat: 1})
	run := RunOf(10, ran(report.Passed, 11))
	s.Add(10, run.Verdict)
	s.Stop()
	r := &Result{Runs: []Run{run}}
	r.Conclude(s)
	if r.Unfinished == "" || r.ExitCode() != 2 || r.Load != 10 {
		t.Errorf("%+v", r)
	}
	var text strings.Builder
	if err := r.WriteJSON(&text); err != nil || !json.Valid([]byte(text.String())) {
		t.Errorf("%v %s", err, text.String())
	}
	if err := errors.Join(r.WriteJSON(brokenWriter{})); err == nil || r.WriteText(brokenWriter{}) == nil {
		t.Error("a result that could not be written was")
	}
	if line := (&Run{Load: 5, Verdict: Broke, Reasons: []string{"late"}}).Line(); !strings.Contains(line, "late") {
		t.Errorf("%s", line)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }
