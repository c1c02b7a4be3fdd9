package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"conclave/bots/measure"
	"conclave/bots/report"
)

// Two agents run a scenario together: each bot receives those of the other agent as well, and the report has all. The
// clock of one is an hour ahead, and no delay shows it.
func TestAgentsRunAScenarioTogether(t *testing.T) {
	url, token := startServer(t)
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "secret")
	const text = `
name: Together
meetings: [{roles: [{role: publisher, count: 3}, {role: listener, count: 2}]}]
stages: [{join: all, over: 500ms}, {hold: 4s}]
settle: 200ms
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freePort(t)
	var running sync.WaitGroup
	agents, codes := make([]bytes.Buffer, 2), make([]int, 2)
	for i := range agents {
		running.Go(func() {
			for { // the conductor makes the secret when it begins
				if raw, err := os.ReadFile(secret); err == nil && len(raw) > 64 || t.Context().Err() != nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			codes[i] = run([]string{
				"bots", "agent", "--connect", address, "--secret-file", secret, "--target", url,
				"--clock-ahead", (time.Duration(i) * time.Hour).String(),
			}, nil, console{&agents[i], &agents[i]})
		})
	}
	r, code, out := runReported(t, []string{
		"bots", "run", file, "--url", url, "--token", token, "--agents", "2", "--listen", address, "--secret-file", secret,
		"--no-default-limits",
	})
	running.Wait()
	// Three publishers receive one another, and two listeners all three. Bots are dealt out in turn, so that each receives
	// one of the other agent's.
	if len(r.Failures) > 0 || r.Joins != (report.Joins{Wanted: 5, Joined: 5}) || len(r.Agents) != 2 ||
		r.Total.ExpectedAudio != 12 || r.Total.ArrivedAudio != 12 || r.Total.ArrivedVideo != 12 || len(r.Bots) != 5 {
		t.Errorf("exit code %d: %+v: %s", code, r.Total.Traffic, out)
	}
	if r.Total.AudioDelay.Count == 0 || r.Total.Opened.Frames == 0 || len(r.Series.Samples) < 3 {
		t.Errorf("%+v, %d samples", r.Total.AudioDelay, len(r.Series.Samples))
	}
	hour := float64(time.Hour / time.Millisecond)
	if a, b := r.Agents[0].ClockOffsetMS, r.Agents[1].ClockOffsetMS; math.Abs(math.Abs(a-b)-hour) > 1000 {
		t.Errorf("clocks an hour apart are measured as %.0f and %.0f ms ahead", a, b)
	}
	for _, b := range r.Bots {
		for _, d := range []measure.Quantiles{b.AudioDelay, b.VideoDelay} {
			if d.Count < 20 || d.Max > 10_000 {
				t.Errorf("bot %d: delays %+v", b.Bot, d)
			}
		}
	}
	for i := range agents {
		if codes[i] != 0 || !strings.Contains(agents[i].String(), "of 2 of 5 bots") {
			t.Errorf("agent %d: exit code %d: %s", i+1, codes[i], agents[i].String())
		}
	}
	if _, err := os.Stat(secret); !os.IsNotExist(err) {
		t.Errorf("the secret is still there: %v", err)
	}
}

func TestAgentsNeedAllOptions(t *testing.T) {
	url, token := startServer(t)
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	conductor := []string{"bots", "run", "../../bots/scenario/examples/webinar.yaml", "--url", url, "--token", token}
	agent := []string{"bots", "agent", "--target", url, "--connect", "127.0.0.1:1"}
	for name, args := range map[string][]string{
		"no address":         append(conductor, "--agents", "2", "--secret-file", filepath.Join(dir, "x")),
		"no secret":          append(conductor, "--agents", "2", "--listen", "127.0.0.1:0"),
		"no agents":          append(conductor, "--listen", "127.0.0.1:0", "--secret-file", filepath.Join(dir, "x")),
		"too many":           append(conductor, "--agents", "65", "--listen", "127.0.0.1:0", "--secret-file", there),
		"an old secret":      append(conductor, "--agents", "1", "--listen", "127.0.0.1:0", "--secret-file", there),
		"nonsense as secret": append(agent, "--secret-file", there),
		"no file":            append(agent, "--secret-file", filepath.Join(dir, "none")),
	} {
		var out, errs bytes.Buffer
		if code := run(args, nil, console{&out, &errs}); code != notStarted || errs.Len() == 0 {
			t.Errorf("%s: exit code %d: %s", name, code, errs.String())
		}
	}
	if raw, err := os.ReadFile(there); err != nil || string(raw) != "nonsense" {
		t.Errorf("a file that was there is not any more: %v %q", err, raw)
	}
}
