package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"conclave/bots/report"
)

// hits are the marks found in data, in any spelling they could have got on the way.
func (s *canaryServer) hits(data []byte, more ...string) (found []string) {
	low := bytes.ToLower(data)
	for _, m := range append(append([]string{canary, canaryV4, canaryV6}, s.secrets...), more...) {
		m = strings.ToLower(m)
		for _, spelling := range []string{
			m, hex.EncodeToString([]byte(m)), strings.ToLower(strings.Trim(base64.StdEncoding.EncodeToString([]byte(m)), "=")),
			strings.ToLower(url.QueryEscape(m)), strings.ReplaceAll(m, "-", ""),
		} {
			if at := bytes.Index(low, []byte(spelling)); at >= 0 {
				found = append(found, fmt.Sprintf("%q in …%q…", m, data[max(0, at-60):min(len(data), at+60)]))
			}
		}
	}
	return found
}

// fetch gets something from the admin listener, unpacked.
func (s *canaryServer) fetch(path string) []byte {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || len(data) == 0 {
		s.t.Fatalf("%s: %s, %d bytes, %v", path, resp.Status, len(data), err)
	}
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		if data, err = io.ReadAll(z); err != nil {
			s.t.Fatal(err)
		}
	}
	return data
}

// A whole meeting in which everything a person types, is known by or is reached at is marked: two people behind a
// proxy, lobby, password, chat, real sound, bots, and every mistake a client can make. No mark is in the logs (at the
// most verbose level), the metrics, the profiles, the crash report, or any file; core dumps are off.
func TestPrivacyCanary(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	s := startCanaryServer(t)
	ana, ben := s.person(), s.person()
	ana.signIn(canary + ".ana@" + canary + ".example.org")
	s.from.Store(canaryV6)
	ben.signIn(canary + ".ben@example.org")
	id := s.meet(ana, ben)
	sealed := s.meetSealed(*ana, *ben)
	s.blunder(id)
	for range 2 {
		select {
		case <-s.heard:
		case <-time.After(time.Minute):
			t.Fatal("no sound arrived: the test proves nothing")
		}
	}
	s.bots()

	check := func(where string, data []byte) {
		t.Helper()
		for _, hit := range s.hits(data, id, sealed) {
			t.Errorf("%s: %s", where, hit)
		}
	}
	for _, path := range []string{
		"/metrics", "/livez", "/readyz", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/debug/pprof/goroutine", "/debug/pprof/heap", "/debug/pprof/heap?debug=1",
		"/debug/pprof/allocs", "/debug/pprof/block", "/debug/pprof/mutex", "/debug/pprof/threadcreate", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=1",
	} {
		check(path, s.fetch(path))
	}
	if m := string(s.fetch("/metrics")); !regexp.MustCompile(`(?m)^conclave_meetings [1-9]`).MatchString(m) ||
		!strings.Contains(m, `conclave_auth_events_total{event="mail_refused"} 1`) {
		t.Error("the metrics do not show the meeting: the test proves nothing")
	}
	s.checkProcess(check)

	// The crash report: a running meeting with every goroutine's stack.
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	if log := s.err.String(); !strings.Contains(log, "SIGQUIT") || !strings.Contains(log, `"route":"/api/meetings/{id}"`) {
		t.Fatalf("no crash report or no log: the test proves nothing\n%.2000s", log)
	}
	check("stderr", []byte(s.err.String()))
	check("stdout", []byte(s.out.String()))
	s.checkFiles()
}

// meet has two people meet: the meeting stays open.
func (s *canaryServer) meet(ana, ben *person) (id string) {
	t := s.t
	status, out := ana.do(
		"POST",
		"/api/meetings",
		fmt.Sprintf(`{"e2ee":false,"title":"%s-title","password":"%s-password"}`, canary, canary),
	)
	id, ok := out["meeting"].(string)
	if status != 201 || !ok {
		t.Fatal(status, out)
	}
	ana.do("GET", "/api/meetings/"+id, "")
	join := func(p *person, password string) {
		p.send(
			fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":"%s-name","password":%q}`, id, canary, password),
		)
	}
	ana.dial()
	join(ana, canary+"-password")
	ana.until("welcome")
	ben.dial()
	join(ben, canary+"-wrong")
	ben.until("error")
	join(ben, canary+"-password")
	ben.until("lobby")
	ana.until("waiting")
	ana.send(`{"type":"admit","id":2,"all":true}`)
	ben.until("welcome")
	ana.talk()
	ben.talk()
	ben.send(fmt.Sprintf(`{"type":"chat","id":3,"text":"%s-chat"}`, canary))
	ana.until("chat")
	return id
}

// meetSealed has the same two meet in an end-to-end encrypted meeting. What the server cannot read is marked too: it
// names people to those who can. The mark is base64url as it is.
func (s *canaryServer) meetSealed(ana, ben person) (id string) {
	status, out := ana.do("POST", "/api/meetings", `{"e2ee":true}`)
	id, ok := out["meeting"].(string)
	if status != 201 || !ok {
		s.t.Fatal(status, out)
	}
	for i, p := range []*person{&ana, &ben} {
		p.dial()
		p.send(
			fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":"","announce":"%sannounc%d%s"}`, id, canary, i,
				strings.Repeat("A", 44)),
		)
		p.until(map[*person]string{&ana: "welcome", &ben: "lobby"}[p])
	}
	ana.send(fmt.Sprintf(`{"type":"admit","id":2,"admissions":[{"participant":2,"admit":"%sadmitted"}]}`, canary))
	ben.until("welcome")
	ben.send(fmt.Sprintf(`{"type":"broadcast","id":3,"kind":"chat","data":"%ssaid"}`, canary))
	ana.until("broadcast")
	ben.send(fmt.Sprintf(`{"type":"relay","id":2,"to":[{"participant":1,"data":"%ssealed00"}]}`, canary))
	ana.until("relays")
	ben.send(fmt.Sprintf(`{"type":"relay","id":4,"to":[{"participant":1,"data":"%s="}]}`, canary))
	ben.until("error")
	ana.send(`{"type":"role","id":3,"participant":2,"role":"cohost"}`)
	ben.until("permissions")
	return id
}

// blunder makes the mistakes that are likeliest to be logged.
func (s *canaryServer) blunder(id string) {
	t := s.t
	eve := s.person()
	eve.do("GET", "/m/"+id+"?q="+canary, "")
	eve.do("GET", "/api/"+canary, "")
	eve.do(canary, "/api/config", "")
	eve.do("POST", "/api/auth/code", fmt.Sprintf(`{"email":"not an address %s"}`, canary))
	eve.do("POST", "/api/auth/code", `{"`+canary+`":1}`)
	eve.do("POST", "/api/auth/verify", `{"code":"`+canary+`"}`)
	eve.do(
		"POST",
		"/api/auth/code",
		fmt.Sprintf(`{"email":"refused.%s@example.org"}`, canary),
	) // the mail server quotes it
	if status, out := eve.do("POST", "/api/auth/guest", `{}`); status != 200 {
		t.Fatal(status, out)
	}
	for _, m := range []string{
		`{"` + canary + `":`, `{"type":"` + canary + `","id":1}`, `{"type":"offer","id":1,"sdp":"` + canary + `","tracks":[]}`,
		`{"type":"join","id":1,"version":1,"meeting":"` + id + `","name":"` + canary + `","password":"` + canary + `"}`,
		`{"type":"join","id":1,"version":1,"meeting":"` + canary + `","name":"` + canary + `"}`,
	} {
		eve.dial()
		eve.send(m)
		eve.until("error")
		_ = eve.conn.CloseNow()
	}
	bad := s.person()
	bad.header.Set("Origin", "https://"+canary+".example")
	_, resp, err := websocket.Dial(t.Context(), s.proxy+"/ws", &websocket.DialOptions{HTTPHeader: bad.headers()})
	if err == nil {
		t.Fatal("a strange origin was let in")
	}
	_ = resp
}

func (s *canaryServer) bots() {
	cmd := botsLoadCmd{
		botsTarget: botsTarget{URL: s.proxy, Token: s.token, BotName: canary, Feedback: true, JoinTimeout: 20 * time.Second},
		Count:      3, Publishers: "all", View: "all", Height: 180, SlotsAudio: 2, SlotsVideo: 2,
		Profile: "normal", Duration: time.Second, Settle: 100 * time.Millisecond,
	}
	var out bytes.Buffer
	var verdict verdictError
	err := cmd.Run(console{&out, io.Discard})
	if busy := errors.As(err, &verdict) && verdict.verdict == report.Invalid; err != nil &&
		!busy { // they were there all the same
		s.t.Errorf("bots: %v\n%s", err, out.String())
	}
	s.secrets = append(s.secrets, s.token)
}

// checkProcess looks at what the kernel knows of the running server.
func (s *canaryServer) checkProcess(check func(string, []byte)) {
	t, proc := s.t, fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	limits, err := os.ReadFile(proc + "limits")
	if err != nil || !regexp.MustCompile(`(?m)^Max core file size\s+0\s+0\s`).Match(limits) {
		t.Errorf("core dumps are on: %v\n%s", err, limits)
	}
	// A process that is not dumpable belongs to root there (proc(5)).
	if info, err := os.Stat(proc + "mem"); err != nil {
		t.Error(err)
	} else if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 {
		t.Error("another process of the same user may read the memory")
	}
	fds, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Logf("only root may look at the files of a process that is not dumpable: %v", err)
		return
	}
	for _, fd := range fds {
		target, err := os.Readlink(proc + "fd/" + fd.Name())
		if err != nil || strings.HasPrefix(target, "socket:") || strings.HasPrefix(target, "pipe:") ||
			strings.HasPrefix(target, "anon_inode:") ||
			strings.HasPrefix(target, "/dev/") {
			continue
		}
		info, err := os.Stat(target)
		if err != nil || !info.Mode().IsRegular() {
			t.Errorf("open: %s (%v)", target, err)
			continue
		}
		data, err := os.ReadFile(target)
		if err != nil {
			t.Error(err)
		}
		check(target, data)
	}
}

// checkFiles asserts that nothing was written where the server could write by itself.
func (s *canaryServer) checkFiles() {
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			s.t.Errorf("it wrote %s", path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}
