package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/bots"
	"conclave/bots/client"
	"conclave/bots/report"
)

// startServer serves on loopback with free ports until the test ends and returns its URL and bot token.
func startServer(t *testing.T) (url, token string) {
	t.Helper()
	cfg := parseConfig(t, "--listen", "127.0.0.1:0", "--admin-listen", "", "--stop-timeout", "0s")
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
		botsTarget: botsTarget{URL: url, Token: token, Feedback: true, JoinTimeout: 20 * time.Second},
		botsForms:  botsForms{JSON: file},
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
			URL: url, Token: token, JoinTimeout: 20 * time.Second, Threshold: []string{"loss<=0"},
		},
		botsForms: botsForms{JSON: "-"},
		Count:     4, Publishers: "1", View: "all", Height: 180, SlotsAudio: 1, SlotsVideo: 1,
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

// runReported runs the command, and returns its report, its exit code and its output.
func runReported(t *testing.T, args []string) (r *report.Report, code int, out string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	var o, e bytes.Buffer
	code = run(append(args, "--json", file), nil, console{&o, &e})
	r, err := readReport(file)
	if err != nil {
		t.Fatalf("exit code %d: %v: %s%s", code, err, e.String(), o.String())
	}
	return r, code, o.String()
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

// 0 passed, 1 failed, 2 invalid, 3 not begun: whatever the machine's state, the verdict is the exit code.
func TestEachVerdictIsAnExitCode(t *testing.T) {
	for verdict, want := range map[report.Verdict]int{report.Passed: 0, report.Failed: 1, report.Invalid: 2, "": 3} {
		target := botsTarget{Quiet: true}
		err := target.run(console{io.Discard, io.Discard}, &bots.Config{}, &botsForms{},
			func(context.Context, bots.Config) (*report.Report, error) {
				if verdict == "" {
					return nil, errors.New("unreachable")
				}
				return &report.Report{Verdict: verdict}, nil
			})
		code := 0
		if coder := interface{ ExitCode() int }(nil); errors.As(err, &coder) {
			code = coder.ExitCode()
		}
		if code != want || (err == nil) != (want == 0) {
			t.Errorf("%q: exit code %d, %v", verdict, code, err)
		}
	}
}

// A run that is interrupted says so, and has the exit code of a run that says nothing about the server.
func TestAnInterruptedRunIsInvalid(t *testing.T) {
	url, token := startServer(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "bots", "--url", url, "--token", token, "-n", "2", "-d", "10m",
		"--settle", "100ms", "--no-default-limits")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	var out bytes.Buffer
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		if strings.Contains(lines.Text(), "2/2 in") {
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(out.String(), "invalid") {
		t.Errorf("%v\n%s", err, out.String())
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
		"no such directory":   {"bots", "--url", url, "--token", token, "--html", "no-such-dir/x.html"},
		"no scheme":           {"bots", "--url", "127.0.0.1:8080", "--token", token},
		"another server":      {"bots", "--url", url, "--token", token, "--meeting", "https://a.example/m/k7qm-2f9x-w3dj-8hrt"},
		"no such token file":  {"bots", "--url", url, "--token-file", "no-such-file"},
		"nonsense publishers": {"bots", "--url", url, "--token", token, "--publishers", "many"},
		"no such codec":       {"bots", "--url", url, "--token", token, "--codec", "h264"},
		"no such transport":   {"bots", "--url", url, "--token", token, "--transport", "quic"},
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
	file := filepath.Join(dir, "scenario.yaml")
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
		"bots", "run", file, "--url", url, "--token", token, "--csv", table, "--junit", suite, "-q", "--no-default-limits",
	}
	r, code, out := runReported(t, args)
	if len(r.Failures) > 0 || r.Meetings != 2 || r.Joins != (report.Joins{Wanted: 6, Joined: 6}) ||
		r.Scenario != "Two meetings" {
		t.Errorf("exit code %d: %d meetings, %+v: %s", code, r.Meetings, r.Joins, out)
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
				runExample(t, file, url, token)
			})
		}
	})
}

// inSmall is how much smaller an example is run, if not by the usual factor.
var inSmall = map[string]string{
	"soak.yaml": "0.0005", "conversation.yaml": "0.08", "lobby.yaml": "0.1", "attacked.yaml": "0.1",
}

// expectedFailure says whether an example may break its thresholds in small: on a bad network it may.
func expectedFailure(example, failure string) bool {
	return example == "flaky.yaml" &&
		(strings.HasPrefix(failure, "threshold ") || strings.HasSuffix(failure, "did not arrive"))
}

// shows is what an example must have shown, however busy the machine is.
var shows = map[string]func(*testing.T, *report.Report){
	"lobby.yaml": showsAdmission, "codecs.yaml": showsCodecs, "attacked.yaml": showsAttacks,
	"conversation.yaml": showsConversation, "udp-blocked.yaml": showsTransports, "thousand.yaml": showsSamples,
}

func runExample(t *testing.T, file, url, token string) {
	t.Helper()
	name, scale := filepath.Base(file), "0.04"
	if s, ok := inSmall[name]; ok {
		scale = s
	}
	r, code, out := runReported(t, []string{"bots", "run", file, "--url", url, "--token", token, "--scale", scale, "-q"})
	for _, f := range r.Failures { // a run that calls itself invalid proves nothing of media
		if len(r.Invalid) == 0 && !expectedFailure(name, f) {
			t.Errorf("exit code %d: %s\n%s", code, f, out)
		}
	}
	arrived, all := r.Total.ArrivedAudio+r.Total.ArrivedVideo, r.Total.ExpectedAudio+r.Total.ExpectedVideo
	if len(r.Invalid) == 0 && 2*arrived < all {
		t.Errorf("%d of %d streams arrived", arrived, all)
	}
	missing := max(r.Joins.Wanted, r.Count-len(ofRole(r, "guesser"))) - r.Joins.Joined
	if missing > 0 && (len(r.Invalid) == 0 || 10*missing > r.Count) || r.Total.ReceivedPackets == 0 {
		t.Errorf("%+v of %d, %d packets", r.Joins, r.Count, r.Total.ReceivedPackets)
	}
	if check := shows[name]; check != nil {
		check(t, r)
	}
}

func ofRole(r *report.Report, role string) (list []*report.Bot) {
	for i := range r.Bots {
		if r.Bots[i].Role == role {
			list = append(list, &r.Bots[i])
		}
	}
	return list
}

// Every guest waited and was let in by the host, the first of them two seconds after it knocked; the host did not wait.
func showsAdmission(t *testing.T, r *report.Report) {
	longest := 0.0
	for _, b := range r.Bots {
		longest = max(longest, b.JoinMS["lobby"])
		if b.Lobby != (b.Role == "guest") || b.Error != "" {
			t.Errorf("%s: waited: %v; %s", b.Role, b.Lobby, b.Error)
		}
	}
	if guests := len(ofRole(r, "guest")); guests < 4 || longest < 1900 || r.Total.Opened.Frames == 0 {
		t.Errorf("%d guests waited for up to %.0f ms, %d frames were opened", guests, longest, r.Total.Opened.Frames)
	}
}

// Listeners with a sample measured delays of sound and pictures, opened what they read, and asked for nothing.
func showsSamples(t *testing.T, r *report.Report) {
	n := 0
	for _, b := range ofRole(r, "listener") {
		if b.Sample == 0 {
			continue
		}
		n++
		if b.SampledPackets == 0 || b.ReceivedPackets != 32*b.SampledPackets || b.Opened.Frames == 0 ||
			b.Opened.Frames > b.SampledPackets || b.NACKsSent+b.PLIsSent+b.Frames+b.Freezes > 0 {
			t.Errorf("bot %d: %+v", b.Bot, b.Traffic)
		}
	}
	if n < 30 || n != r.Sampled || r.Total.AudioDelay.Count == 0 || r.Total.VideoDelay.Count == 0 {
		t.Errorf("%d of %d with a sample: %+v", n, r.Sampled, r.Total)
	}
}

// The listeners received a picture of each publisher, whatever it is encoded in, and key frames of it.
func showsCodecs(t *testing.T, r *report.Report) {
	for _, b := range ofRole(r, "listener") {
		keys := 0
		for _, s := range b.Received {
			if s.Video && s.KeyFrames > 0 && s.Frames > 0 {
				keys++
			}
		}
		if keys != 3 {
			t.Errorf("the listener in meeting %d shows %d of 3 pictures: %+v", b.Meeting, keys, b.Received)
		}
	}
	if r.Total.Opened.Frames == 0 || r.Total.Opened.Failed > 0 || r.Total.Opened.NoKey > 0 {
		t.Errorf("%+v", r.Total.Opened)
	}
}

// Guesses were refused, floods were limited, and the others noticed nothing.
func showsAttacks(t *testing.T, r *report.Report) {
	for _, b := range ofRole(r, "guesser") {
		if b.RequestErrors["wrong_password"] == 0 || b.Participant != 0 || b.Error != "" {
			t.Errorf("a guesser: %v, participant %d: %s", b.RequestErrors, b.Participant, b.Error)
		}
	}
	limited := 0
	for _, b := range ofRole(r, "flooder") {
		limited += b.RequestErrors["rate_limited"]
	}
	if limited == 0 {
		t.Error("no request of a flood was refused")
	}
	for _, b := range ofRole(r, "publisher") {
		if len(b.RequestErrors) > 0 || b.ArrivedAudio == 0 || b.ArrivedVideo == 0 {
			t.Errorf("a publisher: %v, audio %d, video %d", b.RequestErrors, b.ArrivedAudio, b.ArrivedVideo)
		}
	}
}

// People who take turns send less sound than those who speak all the time, and not all the same.
func showsConversation(t *testing.T, r *report.Report) {
	sound, pictures := uint64(0), uint64(0)
	for _, b := range ofRole(r, "publisher") {
		for _, s := range b.Sent {
			if s.Source == "mic" {
				sound += s.Packets
			} else if s.RID == "q" {
				pictures += s.Packets
			}
		}
	}
	// In small they are two, who speak 43 % of the time each; all the time it would be 5 packets of sound for 3 of
	// pictures.
	if sound == 0 || 10*sound > 11*pictures {
		t.Errorf("%d packets of sound beside %d of pictures", sound, pictures)
	}
}

// Each bot received sound and pictures, by whichever way.
func showsTransports(t *testing.T, r *report.Report) {
	for _, b := range r.Bots {
		if b.ArrivedAudio == 0 || b.ArrivedVideo == 0 || b.Role == "publisher" && b.SentPackets == 0 {
			t.Errorf("bot %d, %s: audio %d, video %d, sent %d: %s", b.Bot, b.Role, b.ArrivedAudio, b.ArrivedVideo, b.SentPackets,
				b.Error)
		}
	}
}

// A bad network is told from a bad server: what is lost and late is what the network loses and delays.
func TestABadNetworkIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector takes the time in which packets are to arrive")
	}
	url, token := startServer(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "scenario.yaml")
	const text = `
networks: {bad: {loss: 10%, delay: 60ms}}
meetings:
  - {e2ee: false, roles: [{role: publisher, count: 2}, {role: listener, count: 3, network: bad}]}
stages: [{join: all}, {hold: 6s}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"bots", "run", file, "--url", url, "--token", token, "-q", "--no-default-limits"}
	var out string
	var r *report.Report
	for range 3 { // again if the bots say that the machine was too busy for them
		if r, _, out = runReported(t, args); len(r.Invalid) == 0 {
			break
		}
	}
	for _, b := range r.Bots {
		if len(r.Invalid) > 0 { // its losses and delays are the machine's as well
			if b.ArrivedAudio == 0 && b.ArrivedVideo == 0 {
				t.Errorf("bot %d received nothing: %s", b.Bot, out)
			}
			continue
		}
		if b.Role == "publisher" {
			if loss := float64(b.LostBefore) / float64(max(1, b.Expected)); loss > 0.001 {
				t.Errorf("bot %d, on a good network, lost %.2f %%", b.Bot, 100*loss)
			}
			continue
		}
		// The network's loss is seen in the pictures: sound is sent more than once where packets are lost.
		var lost, expected uint64
		for _, s := range b.Received {
			if !s.Video {
				continue
			}
			lost, expected = lost+s.LostBefore, expected+s.Expected
			if s.Packets > 100 && (s.LostBefore == 0 || s.LostAfter > s.LostBefore/4) {
				t.Errorf("bot %d lost %d packets of a picture, and %d after retransmission", b.Bot, s.LostBefore, s.LostAfter)
			}
		}
		if loss := float64(lost) / float64(max(1, expected)); loss < 0.05 || loss > 0.15 {
			t.Errorf("bot %d lost %.1f %% of %d packets of pictures", b.Bot, 100*loss, expected)
		}
		if b.AudioDelay.Count == 0 || b.AudioDelay.P50 < 60 || b.ArrivedVideo != 2 {
			t.Errorf("bot %d: %+v, %d pictures: %s", b.Bot, b.AudioDelay, b.ArrivedVideo, out)
		}
	}
}

// Where only TLS passes, media goes by TURN through the server's own port. The bots are a process of their own: the
// system's roots, which their certificate is verified with, are read once in each.
func TestMediaGoesByTURNOverTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, reported := filepath.Join(dir, "c"), filepath.Join(dir, "k"), filepath.Join(dir, "report.json")
	certificate(t, certFile, keyFile)
	token := strings.Repeat("5e3b1d7f9c0a4862", 2) + "e8d4b6f0a2c7139571b9f3d5c8e60a24"
	url, _, _, _ := runServer(t, "--tls-cert", certFile, "--tls-key", keyFile, "--url", "https://localhost:1",
		"--bot-tokens", token)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "bots", "--url", url, "--token", token, "-n", "2", "-d", "2s",
		"--settle", "200ms", "--transport", "turn_tls", "--json", reported, "-q", "--no-default-limits")
	cmd.Env = append(os.Environ(), childEnv+"=1", "SSL_CERT_FILE="+certFile)
	out, err := cmd.CombinedOutput()
	r, readErr := readReport(reported)
	if readErr != nil {
		t.Fatalf("%v: %v: %s", err, readErr, out)
	}
	if r.Joins.Joined != 2 || r.Total.ArrivedAudio != 2 || r.Total.ArrivedVideo != 2 {
		t.Errorf("%v: %+v, %d and %d streams: %s", err, r.Joins, r.Total.ArrivedAudio, r.Total.ArrivedVideo, out)
	}
}
