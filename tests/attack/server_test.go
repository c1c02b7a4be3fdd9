package attack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. Only a test that fails waits so long.
const patience = 20 * time.Second

// output is what a process prints. Safe for concurrent use.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// server is the process under attack.
type server struct {
	t     *testing.T
	url   string
	token string
	pid   int
	out   *output

	process *os.Process
	exited  chan error // once
}

// startServer starts the binary on an address of the namespace and ends it with the test.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	return guard(launch(t, args...))
}

// startTidyServer starts a server that collects its garbage at once, so that its memory is what it keeps.
func startTidyServer(t *testing.T, args ...string) *server {
	t.Helper()
	return guard(launchIn(t, []string{"GOGC=10"}, args...))
}

// guard ends s with its test, and fails that if s ended by itself or panicked.
func guard(s *server) *server {
	t := s.t
	t.Helper()
	t.Cleanup(func() {
		select {
		case err := <-s.exited:
			t.Errorf("the server ended by itself: %v\n%s", err, s.out)
		default:
			_ = s.process.Kill()
			<-s.exited
		}
		if strings.Contains(s.out.String(), "panic") {
			t.Errorf("the server printed a panic:\n%s", s.out)
		}
	})
	s.ready()
	return s
}

// launch starts the binary; who calls it ends it.
func launch(t *testing.T, args ...string) *server {
	t.Helper()
	return launchIn(t, nil, args...)
}

// launchIn is launch with some variables of the environment.
func launchIn(t *testing.T, variables []string, args ...string) *server {
	t.Helper()
	out := &output{}
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--media-listen", serverIP, "--media-port", "0",
		"--admin-listen", ""}, args...)
	cmd := exec.Command(os.Getenv(binaryVariable), args...)
	cmd.Env = append([]string{"CONCLAVE_CONFIG=" + os.DevNull, "HOME=" + t.TempDir()}, variables...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	return &server{t: t, out: out, process: cmd.Process, pid: cmd.Process.Pid, exited: exited}
}

// ready waits until the server can be reached.
func (s *server) ready() {
	s.t.Helper()
	line := regexp.MustCompile(`conclave bots --url (\S+) --token ([0-9a-f]+)`)
	eventually(s.t, "the server starts", func() bool {
		m := line.FindStringSubmatch(s.out.String())
		if m == nil {
			return false
		}
		s.url, s.token = m[1], m[2]
		return true
	})
}

// createMeeting makes a meeting without a lobby and without end-to-end encryption.
func (s *server) createMeeting() string { return s.create(`{"lobby": false, "e2ee": false}`) }

// create makes a meeting with the given choices.
func (s *server) create(choices string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/api/meetings",
		strings.NewReader(choices))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + s.token}, "Content-Type": {"application/json"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var made struct {
		Meeting string `json:"meeting"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Meeting == "" {
		s.t.Fatalf("creating a meeting: %s, %v", resp.Status, err)
	}
	return made.Meeting
}

// memory is the resident size of the server in bytes.
func (s *server) memory() int64 {
	s.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// eventually polls: what it waits for crosses processes.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestStopGivesMeetingsTimeAndASecondSignalEndsAtOnce stops a server with a meeting in it.
func TestStopGivesMeetingsTimeAndASecondSignalEndsAtOnce(t *testing.T) {
	s := launch(t, "--stop-timeout", "5m")
	t.Cleanup(func() { _ = s.process.Kill() })
	s.ready()
	c := s.seat(t, s.createMeeting())
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the participant is told", func() bool {
		told, _ := c.event(func(m message) bool { return m.text("notice") == "restarting" })
		return told["in_s"] == float64(300)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/meetings", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + s.token}, "Content-Type": {"application/json"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a meeting is created in a server that stops: %s", resp.Status)
	}
	select {
	case err := <-s.exited:
		t.Fatalf("it ended with a meeting in it: %v\n%s", err, s.out)
	default:
	}
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Error("a second signal did not end it")
	}
}
