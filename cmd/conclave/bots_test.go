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
	cmd := botsCmd{
		URL: url, Token: token, Count: 5, Publishers: "all", View: "all", Height: 180, SlotsAudio: 4, SlotsVideo: 4,
		Profile: "normal", Feedback: true, Duration: 3 * time.Second, Settle: 200 * time.Millisecond,
		JoinTimeout: 20 * time.Second, JSON: file,
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
	cmd := botsCmd{
		URL: url, Token: token, Count: 4, Publishers: "1", View: "all", Height: 180, SlotsAudio: 1, SlotsVideo: 1,
		Profile: "bench", Duration: 2 * time.Second, Settle: 200 * time.Millisecond, JoinTimeout: 20 * time.Second,
		JSON: "-", Threshold: []string{"loss<=0"},
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
	if len(r.Failures) > 0 || r.Total.ArrivedVideo != 3 || r.Window.PacketsPerS < 3*165 {
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
	cmd := botsCmd{URL: url, Token: strings.Repeat("ab", 32), Count: 1, Publishers: "all", View: "all", Profile: "normal"}
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
		!strings.Contains(errs.String(), "give its whole link") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}
