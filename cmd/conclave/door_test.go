package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// door is a child process that serves sign-in behind a proxy on loopback, so that each request names its own client address.
type door struct {
	*testing.T
	url, admin string
	out, log   *output

	mu   sync.Mutex
	mail map[string][]string // codes by address, oldest first
}

// openDoor starts the server and waits until it answers. Its mail arrives in d.mail.
func openDoor(t *testing.T, args ...string) *door {
	t.Helper()
	d := &door{T: t, admin: freePort(t), out: &output{}, log: &output{}, mail: map[string][]string{}}
	postOffice := smtp.NewServer(doorMail{d, new(string)})
	postOffice.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = postOffice.Serve(l) }()
	t.Cleanup(func() { _ = postOffice.Close() })
	listen := freePort(t)
	cmd := doorProcess(t, append([]string{
		"serve", "--listen", listen, "--behind-proxy", "--url", "https://127.0.0.1", "--admin-listen", d.admin, "--media-listen", "127.0.0.1",
		"--media-port", "0", "--smtp", "smtp+plain://" + l.Addr().String(), "--smtp-from", "conclave@example.org",
	}, args...)...)
	cmd.Stdout, cmd.Stderr = d.out, d.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	d.out.wait(t, `(?m)^(media) `)
	d.url = "http://" + listen
	return d
}

// doorProcess is the binary with a command line, not started yet.
func doorProcess(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = []string{childEnv + "=1", "CONCLAVE_CONFIG=" + os.DevNull, "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	return cmd
}

// doorMail keeps the codes that arrive.
type doorMail struct {
	d  *door
	to *string
}

func (m doorMail) NewSession(*smtp.Conn) (smtp.Session, error) {
	return doorMail{m.d, new(string)}, nil
}
func (doorMail) Mail(string, *smtp.MailOptions) error        { return nil }
func (m doorMail) Rcpt(to string, _ *smtp.RcptOptions) error { *m.to = to; return nil }
func (doorMail) Reset()                                      {}
func (doorMail) Logout() error                               { return nil }
func (m doorMail) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	code := regexp.MustCompile(`(?m)^ {4}(\d{6,8})\r?$`).FindSubmatch(text)
	if code == nil {
		return &smtp.SMTPError{Code: 554, Message: "no code"}
	}
	m.d.mu.Lock()
	m.d.mail[*m.to] = append(m.d.mail[*m.to], string(code[1]))
	m.d.mu.Unlock()
	return err
}

// visitor is a browser at a network address.
type visitor struct {
	*door
	from string
	http http.Client
}

func (d *door) visitor(from string) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.Fatal(err)
	}
	return &visitor{door: d, from: from, http: http.Client{Jar: plainJar{jar}, Timeout: 20 * time.Second}}
}

// plainJar keeps Secure cookies over http: what stands between is the proxy that these tests do without.
type plainJar struct{ *cookiejar.Jar }

func (j plainJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	https := *u
	https.Scheme = "https"
	j.Jar.SetCookies(&https, cookies)
}

func (j plainJar) Cookies(u *url.URL) []*http.Cookie {
	https := *u
	https.Scheme = "https"
	return j.Jar.Cookies(&https)
}

// answer is a status with its body.
type answer struct {
	status int
	body   map[string]any
}

func (a answer) String() string { return fmt.Sprint(a.status, " ", a.body) }

func (v *visitor) do(method, path, body string, header ...string) answer {
	v.Helper()
	req, err := http.NewRequestWithContext(v.Context(), method, v.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		v.Fatal(err)
	}
	req.Host = "127.0.0.1"
	req.Header.Set("X-Forwarded-For", v.from)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode}
	_ = json.NewDecoder(resp.Body).Decode(&a.body)
	return a
}

func (v *visitor) ask(address string) answer {
	v.Helper()
	return v.do("POST", "/api/auth/code", fmt.Sprintf(`{"email": %q}`, address))
}

func TestAGuessableBotTokenDoesNotStart(t *testing.T) {
	cmd := doorProcess(t, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--media-listen", "127.0.0.1",
		"--bot-tokens", strings.Repeat("a", 64))
	done := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	out, err := cmd.CombinedOutput()
	if done.Stop(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it started: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "bot_tokens: ") || !strings.Contains(string(out), "openssl rand -hex 32") ||
		strings.Contains(string(out), "aaaa") {
		t.Errorf("the error does not help, or repeats the token:\n%s", out)
	}
}

// TestReadinessOverTheWire: what a stranger sees of a server whose mail fails, and what its operator sees.
func TestReadinessOverTheWire(t *testing.T) {
	d := openDoor(t, "--smtp", "smtp+plain://127.0.0.1:1")
	v := d.visitor("203.0.113.1")
	if a := v.ask("ana@example.org"); a.status != 202 {
		t.Fatal(a)
	}
	operator := *v
	operator.door = &door{T: t, url: "http://" + d.admin}
	for range 500 {
		if a := operator.do("GET", "/readyz", ""); a.body["mail"] == "failing" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if a := operator.do("GET", "/readyz", ""); a.body["mail"] != "failing" || a.body["status"] != "degraded" {
		t.Errorf("the operator sees %v", a)
	}
	if a := v.do("GET", "/readyz", ""); fmt.Sprint(a) != "200 map[status:ready]" {
		t.Errorf("a stranger sees %v", a)
	}
}
