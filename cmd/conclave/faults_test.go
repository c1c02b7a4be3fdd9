package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"conclave/bots/report"
)

// The drills of docs/self-hosting.md that no other test is.

// TestAPortInUseIsAnErrorWithASentence: whoever starts a second server, or has a web server, reads which port it is.
func TestAPortInUseIsAnErrorWithASentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, err = runSite(t, "--listen", taken.Addr().String())
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) ||
		!strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
}

// TestAServerShortOfMemoryServesItsMeeting: with a memory limit near what it needs for nothing, the server collects
// garbage more often, and ten people meet as they do otherwise.
func TestAServerShortOfMemoryServesItsMeeting(t *testing.T) {
	listen := freePort(t)
	cmd := doorProcess(t, "serve", "--listen", listen, "--admin-listen", "", "--media-listen", "127.0.0.1",
		"--media-ports", "0", "--stop-timeout", "0s")
	out := &output{}
	cmd.Env = append(cmd.Env, "GOMEMLIMIT=24MiB", "GOGC=off", "GODEBUG=gctrace=1")
	trace := &output{}
	cmd.Stdout, cmd.Stderr = out, trace
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	token := out.wait(t, `--token ([0-9a-f]{64})`)
	load := botsLoadCmd{
		botsTarget: botsTarget{URL: "http://" + listen, Token: token, Feedback: true, JoinTimeout: 20 * time.Second},
		botsForms:  botsForms{JSON: "-"},
		Count:      10, Publishers: "all", View: "all", Height: 180, SlotsAudio: 9, SlotsVideo: 9,
		Profile: "normal", Duration: 3 * time.Second, Settle: 200 * time.Millisecond,
	}
	var said bytes.Buffer
	err := load.Run(console{&said, io.Discard})
	var r report.Report
	if jsonErr := json.Unmarshal(said.Bytes(), &r); jsonErr != nil {
		t.Fatalf("%v; %v", err, jsonErr)
	}
	if r.Total.ArrivedAudio != 90 || r.Total.ArrivedVideo != 90 {
		t.Errorf("%v: %d sounds and %d pictures of 90; %q", err, r.Total.ArrivedAudio, r.Total.ArrivedVideo, r.Failures)
	}
	collections := strings.Count(trace.String(), "gc ")
	t.Log(strconv.Itoa(collections)+" collections; packets lost:", r.Total.LostAfter)
	if collections == 0 {
		t.Error("the limit was never felt: the test proves nothing")
	}
}
