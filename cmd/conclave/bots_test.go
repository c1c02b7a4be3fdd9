package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/bots/client"
	"conclave/bots/report"
)

// startServer serves on loopback with free ports until the test ends and returns its URL and bot token.
func startServer(t *testing.T) (url, token string) {
	t.Helper()
	cfg := parseConfig(t, "--listen", "127.0.0.1:0", "--admin-listen", "")
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan *server, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, cfg, console{io.Discard, io.Discard}, "", func(s *server) { started <- s })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case s := <-started:
		return strings.TrimSuffix(s.deployment.URL.String(), "/"), s.botToken
	case err := <-done:
		done <- nil
		t.Fatal(err)
		return "", ""
	}
}

func TestBotsMeetOnTheServer(t *testing.T) {
	url, token := startServer(t)
	file := filepath.Join(t.TempDir(), "report.json")
	cmd := botsLoadCmd{
		botsTarget: botsTarget{URL: url, Token: token, Feedback: true, JoinTimeout: 20 * time.Second, JSON: file},
		Count:      5, Publishers: "all", View: "all", Height: 180, SlotsAudio: 4, SlotsVideo: 4,
		Profile: "normal", Duration: 3 * time.Second, Settle: 200 * time.Millisecond,
	}
	var out bytes.Buffer
	err := cmd.Run(console{&out, io.Discard})
	raw, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatalf("%v; %v", err, readErr)
	}
	var r report.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) > 0 || r.Total.LostAfter > 0 || r.Total.ArrivedAudio != 20 || r.Total.ArrivedVideo != 20 {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err == nil && !strings.Contains(out.String(), "verdict  passed") {
		t.Errorf("no verdict:\n%s", out.String())
	}
	for _, b := range r.Bots {
		if len(b.RequestErrors) > 0 {
			t.Errorf("bot %d: refused requests: %v", b.Bot, b.RequestErrors)
		}
	}
}

func TestAListenerSeesAPublisherInTheBenchProfile(t *testing.T) {
	url, token := startServer(t)
	cmd := botsLoadCmd{
		botsTarget: botsTarget{
			URL: url, Token: token, JoinTimeout: 20 * time.Second, JSON: "-", Threshold: []string{"loss<=0"},
		},
		Count: 4, Publishers: "1", View: "all", Height: 180, SlotsAudio: 1, SlotsVideo: 1,
		Profile: "bench", Duration: 2 * time.Second, Settle: 200 * time.Millisecond,
	}
	var r report.Report
	var err error
	for range 3 { // again if the bots say that the machine was too busy for them
		var out bytes.Buffer
		err = cmd.Run(console{&out, io.Discard})
		r = report.Report{}
		if jsonErr := json.Unmarshal(out.Bytes(), &r); jsonErr != nil {
			t.Fatalf("%v; %v", err, jsonErr)
		}
		if len(r.Invalid) == 0 {
			break
		}
	}
	judged := len(r.Invalid) == 0 // otherwise the figures prove nothing
	if r.Total.ArrivedVideo != 3 || judged && (len(r.Failures) > 0 || r.Window.PacketsPerS < 3*165) {
		t.Errorf("%v: %q, %d streams, %.0f packets/s", err, r.Failures, r.Total.ArrivedVideo, r.Window.PacketsPerS)
	}
}

func TestABrokenThresholdIsTheExitCode(t *testing.T) {
	url, token := startServer(t)
	args := []string{
		"bots", "--url", url, "--token", token, "-n", "2", "-d", "1s", "--settle", "100ms", "-q",
		"--threshold", "join.max<1ms",
	}
	var out, errs bytes.Buffer
	if code := run(args, nil, console{&out, &errs}); code != 1 && code != 2 { // 2 where the machine is busy
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
	if !strings.Contains(out.String(), "threshold join.max<1ms") {
		t.Errorf("the reason is missing:\n%s", out.String())
	}
}

func TestBotsNeedAToken(t *testing.T) {
	url, _ := startServer(t)
	target := botsTarget{URL: url, Token: strings.Repeat("ab", 32)}
	cmd := botsLoadCmd{botsTarget: target, Count: 1, Publishers: "all", View: "all", Profile: "normal"}
	err := cmd.Run(console{io.Discard, io.Discard})
	var refused *client.RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestNumbersOrAll(t *testing.T) {
	for text, want := range map[string]int{"all": -1, "0": 0, "17": 17} {
		if n, err := allOr(text, "--view"); err != nil || n != want {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	for _, bad := range []string{"", "-1", "1x", "many", "1.5"} {
		if _, err := allOr(bad, "--view"); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestARunThatCannotBeginHasAnExitCodeOfItsOwn(t *testing.T) {
	url, token := startServer(t)
	for name, args := range map[string][]string{
		"unknown option":      {"bots", "--url", url, "--token", token, "--nonsense"},
		"no address":          {"bots", "--token", token},
		"refused token":       {"bots", "--url", url, "--token", strings.Repeat("ab", 32)},
		"unreachable server":  {"bots", "--url", "http://127.0.0.1:1", "--token", token},
		"no such meeting":     {"bots", "--url", url, "--token", token, "--meeting", "k7qm-2f9x-w3dj-8hrt"},
		"half a link":         {"bots", "--url", url, "--token", token, "--meeting", "k7qm-2f9x-w3dj-8hrt#k=AAAA"},
		"nonsense threshold":  {"bots", "--url", url, "--token", token, "--threshold", "join.p99"},
		"too many bots":       {"bots", "--url", url, "--token", token, "-n", "100000"},
		"no such token file":  {"bots", "--url", url, "--token-file", "no-such-file"},
		"nonsense publishers": {"bots", "--url", url, "--token", token, "--publishers", "many"},
	} {
		var out, errs bytes.Buffer
		if code := run(args, nil, console{&out, &errs}); code != notStarted || errs.Len() == 0 {
			t.Errorf("%s: exit code %d: %s%s", name, code, out.String(), errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"health", "--nonsense"}, nil, console{&out, &errs}); code != 2 {
		t.Errorf("another command's usage error is %d", code)
	}
}

// A meeting made with the defaults has a waiting room and is encrypted: bots say both before they load the server.
func TestBotsSayWhatAMeetingNeeds(t *testing.T) {
	url, token := startServer(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/meetings", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var made struct {
		Meeting string `json:"meeting"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Meeting == "" {
		t.Fatalf("%d: %v", resp.StatusCode, err)
	}
	var out, errs bytes.Buffer
	args := []string{"bots", "--url", url, "--token", token, "--meeting", made.Meeting}
	if code := run(args, nil, console{&out, &errs}); code != notStarted ||
		!strings.Contains(errs.String(), "give its whole address") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}

// Two meetings with an example of every role but one: what is published in one is not received in the other.
func TestAScenarioRunsInSeveralMeetings(t *testing.T) {
	url, token := startServer(t)
	dir := t.TempDir()
	file, reported := filepath.Join(dir, "scenario.yaml"), filepath.Join(dir, "report.json")
	const text = `
name: Two meetings
meetings:
  - {count: 2, e2ee: false, roles: [{role: publisher}, {role: speaker}, {role: flipper, flip: 500ms}]}
stages: [{join: 67%, over: 200ms}, {join: 2, over: 200ms}, {hold: 5s}]
settle: 200ms
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table, suite := filepath.Join(dir, "bots.csv"), filepath.Join(dir, "bots.xml")
	args := []string{
		"bots", "run", file, "--url", url, "--token", token, "--json", reported, "--csv", table, "--junit", suite, "-q",
		"--no-default-limits",
	}
	var out, errs bytes.Buffer
	code := run(args, nil, console{&out, &errs})
	raw, err := os.ReadFile(reported)
	if err != nil {
		t.Fatalf("exit code %d: %v %s", code, err, errs.String())
	}
	var r report.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) > 0 || r.Meetings != 2 || r.Joins != (report.Joins{Wanted: 6, Joined: 6}) ||
		r.Scenario != "Two meetings" {
		t.Errorf("exit code %d: %d meetings, %+v: %s", code, r.Meetings, r.Joins, out.String())
	}
	for file, want := range map[string]string{table: "audio_delay_p99_ms", suite: `<testsuite name="Two meetings"`} {
		if raw, err := os.ReadFile(file); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %v: %s", file, err, raw)
		}
	}
	for _, b := range r.Bots { // a publisher hears the speaker; the others hear one or two and see one
		wantAudio, wantVideo := 1, 1
		switch b.Role {
		case "publisher":
			wantVideo = 0
		case "flipper":
			wantAudio = 2
		}
		if b.ArrivedAudio != wantAudio || b.ArrivedVideo != wantVideo || b.ExpectedAudio != wantAudio ||
			b.ExpectedVideo != wantVideo {
			t.Errorf("%s in meeting %d: audio %d of %d, video %d of %d", b.Role, b.Meeting, b.ArrivedAudio, b.ExpectedAudio,
				b.ArrivedVideo, b.ExpectedVideo)
		}
	}
}

func TestAScenarioWithAMistakeIsNotRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(file, []byte("name: x\nmeetngs: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"bots", "run", file, "--url", "http://127.0.0.1:1", "--token", strings.Repeat("ab", 32)}
	var out, errs bytes.Buffer
	if code := run(args, nil, console{&out, &errs}); code != notStarted ||
		!strings.Contains(errs.String(), "did you mean meetings?") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	args[2] = "no-such-file"
	if code := run(args, nil, console{&out, &errs}); code != notStarted {
		t.Errorf("exit code %d", code)
	}
	args = append(args, "--scale", "0")
	args[2] = "../../bots/scenario/examples/webinar.yaml"
	if code := run(args, nil, console{&out, &errs}); code != notStarted || !strings.Contains(errs.String(), "--scale") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}

// Each example of a scenario runs as it is, in small. On a busy machine a run may be invalid, and thresholds may not
// be met.
func TestTheExamplesRunInSmall(t *testing.T) {
	url, token := startServer(t)
	files, err := filepath.Glob("../../bots/scenario/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: no examples", err)
	}
	t.Run("all", func(t *testing.T) { // ends before the server does
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				reported, scale := filepath.Join(t.TempDir(), "report.json"), "0.04"
				if filepath.Base(file) == "soak.yaml" {
					scale = "0.0005"
				}
				args := []string{
					"bots", "run", file, "--url", url, "--token", token, "--scale", scale, "--json", reported, "-q",
				}
				var out, errs bytes.Buffer
				code := run(args, nil, console{&out, &errs})
				raw, err := os.ReadFile(reported)
				if err != nil {
					t.Fatalf("exit code %d: %v %s", code, err, errs.String())
				}
				var r report.Report
				if err := json.Unmarshal(raw, &r); err != nil {
					t.Fatal(err)
				}
				// A run that calls itself invalid proves nothing of media. In small, a bad network may break its thresholds.
				bad := filepath.Base(file) == "flaky.yaml"
				for _, f := range r.Failures {
					expected := bad && (strings.HasPrefix(f, "threshold ") || strings.HasSuffix(f, "did not arrive"))
					if len(r.Invalid) == 0 && !expected {
						t.Errorf("exit code %d: %s\n%s", code, f, out.String())
					}
				}
				arrived, all := r.Total.ArrivedAudio+r.Total.ArrivedVideo, r.Total.ExpectedAudio+r.Total.ExpectedVideo
				if len(r.Invalid) == 0 && 2*arrived < all {
					t.Errorf("%d of %d streams arrived", arrived, all)
				}
				if r.Joins.Joined != r.Joins.Wanted || r.Joins.Joined < r.Count || r.Total.ReceivedPackets == 0 {
					t.Errorf("%+v of %d, %d packets", r.Joins, r.Count, r.Total.ReceivedPackets)
				}
			})
		}
	})
}

// A bad network is told from a bad server: what is lost and late is what the network loses and delays.
func TestABadNetworkIsMeasured(t *testing.T) {
	url, token := startServer(t)
	dir := t.TempDir()
	file, reported := filepath.Join(dir, "scenario.yaml"), filepath.Join(dir, "report.json")
	const text = `
networks: {bad: {loss: 10%, delay: 60ms}}
meetings:
  - {e2ee: false, roles: [{role: publisher, count: 2}, {role: listener, count: 3, network: bad}]}
stages: [{join: all}, {hold: 6s}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"bots", "run", file, "--url", url, "--token", token, "--json", reported, "-q", "--no-default-limits"}
	var out, errs bytes.Buffer
	var r report.Report
	for range 3 { // again if the bots say that the machine was too busy for them
		code := run(args, nil, console{&out, &errs})
		raw, err := os.ReadFile(reported)
		if err != nil {
			t.Fatalf("exit code %d: %v %s", code, err, errs.String())
		}
		r = report.Report{}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Invalid) == 0 {
			break
		}
	}
	for _, b := range r.Bots {
		if len(r.Invalid) > 0 { // its losses and delays are the machine's as well
			if b.ArrivedAudio == 0 && b.ArrivedVideo == 0 {
				t.Errorf("bot %d received nothing: %s", b.Bot, out.String())
			}
			continue
		}
		loss := float64(b.LostBefore) / float64(max(1, b.Expected))
		if b.Role == "publisher" {
			if loss > 0.001 {
				t.Errorf("bot %d, on a good network, lost %.2f %%", b.Bot, 100*loss)
			}
			continue
		}
		if loss < 0.05 || loss > 0.15 {
			t.Errorf("bot %d lost %.1f %% of %d packets", b.Bot, 100*loss, b.Expected)
		}
		for _, s := range b.Received {
			if s.Video && s.Packets > 100 && (s.LostBefore == 0 || s.LostAfter > s.LostBefore/4) {
				t.Errorf("bot %d lost %d packets of a picture, and %d after retransmission", b.Bot, s.LostBefore, s.LostAfter)
			}
		}
		if b.AudioDelay.Count == 0 || b.AudioDelay.P50 < 60 || b.ArrivedVideo != 2 {
			t.Errorf("bot %d: %+v, %d pictures: %s", b.Bot, b.AudioDelay, b.ArrivedVideo, out.String())
		}
	}
}
