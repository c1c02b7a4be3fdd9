package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// door is a child process that serves sign-in behind a proxy on loopback, so that each request names its own client
// address.
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

// code waits for the newest mail to an address, the n-th at least.
func (d *door) code(address string, n int) string {
	d.Helper()
	for range 1500 {
		d.mu.Lock()
		codes := d.mail[address]
		d.mu.Unlock()
		if len(codes) >= n {
			return codes[len(codes)-1]
		}
		time.Sleep(20 * time.Millisecond) // a real process has no virtual time
	}
	d.Fatalf("mail %d never came", n)
	return ""
}

// mails is how many mails have arrived, to all.
func (d *door) mails() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, codes := range d.mail {
		n += len(codes)
	}
	return n
}

func (v *visitor) verify(code string) answer {
	v.Helper()
	return v.do("POST", "/api/auth/verify", fmt.Sprintf(`{"code": %q}`, code))
}

// prove solves the puzzle of an answer: docs/protocol.md, "Proof of work".
func prove(a answer) string {
	puzzle, _ := a.body["puzzle"].(string)
	parts, _ := a.body["parts"].(float64)
	zeros, _ := a.body["bits"].(float64)
	proof := puzzle
	for part := range int(parts) {
		for n := 0; ; n++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s.%d.%d", puzzle, part, n))
			if bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:])) >= int(zeros) {
				proof += "." + strconv.Itoa(n)
				break
			}
		}
	}
	return proof
}

// TestInventedGuessesShutNobodyOut: 600 verifies with invented challenges switched sign-in off for all.
func TestInventedGuessesShutNobodyOut(t *testing.T) {
	d := openDoor(t, "--auth-requests-per-minute", "100000")
	ana := d.visitor("198.51.100.1")
	if a := ana.ask("ana@example.org"); a.status != 202 {
		t.Fatal(a)
	}
	code := d.code("ana@example.org", 1)
	eve := d.visitor("203.0.113.9")
	for i := range 600 {
		cookie := fmt.Sprintf("__Host-conclave-challenge=%064x", i)
		a := eve.do("POST", "/api/auth/verify", `{"code": "000000"}`, "Cookie", cookie)
		if a.status != 400 || a.body["error"] != "code_expired" {
			t.Fatalf("invented guess %d: %v", i, a)
		}
	}
	if a := ana.verify(code); a.status != 200 {
		t.Errorf("a right code after 600 invented guesses: %v", a)
	}
	ben := d.visitor("198.51.100.2")
	if a := ben.ask("ben@example.org"); a.status != 202 || a.body["digits"] != 6.0 {
		t.Errorf("asking after 600 invented guesses: %v", a)
	}
	if a := ben.verify(d.code("ben@example.org", 1)); a.status != 200 {
		t.Errorf("signing in after 600 invented guesses: %v", a)
	}
}

// TestGuessingMakesCodesLongerAndRefusesNone: 550 wrong codes at live challenges, from a hundred networks.
func TestGuessingMakesCodesLongerAndRefusesNone(t *testing.T) {
	d := openDoor(t, "--auth-requests-per-minute", "100000", "--codes-per-minute", "100000")
	ana := d.visitor("198.51.100.1")
	if a := ana.ask("ana@example.org"); a.status != 202 || a.body["digits"] != 6.0 {
		t.Fatal(a)
	}
	code := d.code("ana@example.org", 1)
	for i := range 110 {
		eve := d.visitor(fmt.Sprintf("203.0.%d.9", i))
		if a := eve.ask(fmt.Sprintf("eve%d@example.net", i)); a.status != 202 {
			t.Fatal(a)
		}
		for range 5 {
			eve.verify("123456")
		}
	}
	ben := d.visitor("198.51.100.2")
	if a := ben.ask("ben@example.org"); a.status != 202 || a.body["digits"] != 8.0 {
		t.Errorf("asking during an attack: %v", a)
	}
	if a := ana.verify(code); a.status != 200 {
		t.Errorf("a right code during an attack: %v", a)
	}
	if code := d.code("ben@example.org", 1); len(code) != 8 {
		t.Errorf("the code has %d digits", len(code))
	} else if a := ben.verify(code); a.status != 200 {
		t.Errorf("signing in during an attack: %v", a)
	}
}

// TestTagsAreOneMailboxOverTheWire: 120 tags of one address, each from a network of its own, got 120 mails.
func TestTagsAreOneMailboxOverTheWire(t *testing.T) {
	d := openDoor(t, "--codes-per-minute", "100000", "--code-resend-after", "0s")
	taken := 0
	for i := range 120 {
		if a := d.visitor(fmt.Sprintf("203.0.%d.9", i)).ask(fmt.Sprintf("Victim+%d@example.org", i)); a.status == 202 {
			taken++
		}
	}
	d.visitor("198.51.100.1").ask("last@example.org")
	d.code("last@example.org", 1)
	if taken != 5 || d.mails() > 6 {
		t.Errorf("%d of 120 were taken, %d mails to the mailbox", taken, d.mails()-1)
	}
}

// TestSixNetworksKeepNoNewcomerOut: six networks ask for all they freely can. Then a person comes from a network that
// has asked for nothing.
func TestSixNetworksKeepNoNewcomerOut(t *testing.T) {
	d := openDoor(t)
	for i := range 6 * 60 {
		d.visitor(fmt.Sprintf("203.0.%d.9", i%6)).ask(fmt.Sprintf("eve%d@example.net", i))
	}
	begun := time.Now()
	newcomer := d.visitor("198.51.100.1")
	if a := newcomer.ask("ana@example.org"); a.status != 202 {
		t.Fatalf("a newcomer during the flood: %v", a)
	}
	code := d.code("ana@example.org", 1)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the newcomer's mail took %v", took)
	} else {
		t.Logf("the newcomer's mail took %v", took)
	}
	if a := newcomer.verify(code); a.status != 200 {
		t.Error(a)
	}
}

// TestAStrangerInACrowdProvesWork: a hundred networks fill the strangers' line. A newcomer is asked for a proof, and
// gets in with it; a person whose network is known is asked for nothing.
func TestAStrangerInACrowdProvesWork(t *testing.T) {
	d := openDoor(t, "--codes-per-minute", "30")
	known := d.visitor("198.51.100.7")
	known.ask("ben@example.org")
	if a := known.verify(d.code("ben@example.org", 1)); a.status != 200 {
		t.Fatal(a)
	}
	for i := range 100 {
		d.visitor(fmt.Sprintf("203.0.%d.9", i)).ask(fmt.Sprintf("eve%d@example.net", i))
	}
	newcomer := d.visitor("198.51.101.1")
	a := newcomer.ask("ana@example.org")
	if a.status != 429 || a.body["error"] != "proof_needed" {
		t.Fatalf("a newcomer in a crowd: %v", a)
	}
	proof := prove(a)
	body := `{"email": "ana@example.org"}`
	if a := newcomer.do("POST", "/api/auth/code", body, "Conclave-Proof", proof); a.status != 202 {
		t.Errorf("with the proof: %v", a)
	}
	a = newcomer.do("POST", "/api/auth/code", `{"email": "more@example.org"}`, "Conclave-Proof", proof)
	if a.body["error"] != "proof_needed" {
		t.Errorf("with the same proof again: %v", a)
	}
	neighbour := d.visitor("198.51.100.7")
	begun := time.Now()
	if a := neighbour.ask("carl@example.org"); a.status != 202 {
		t.Errorf("from a known network: %v", a)
	}
	if a := neighbour.verify(d.code("carl@example.org", 1)); a.status != 200 {
		t.Error(a)
	}
	if took := time.Since(begun); took > 20*time.Second { // a mail every two seconds, by turns
		t.Errorf("the known waited %v", took)
	}
}

// TestAnOfficeIsBackInTwoMinutes: fifty people behind one address sign in at once after a restart, when no one is
// known.
func TestAnOfficeIsBackInTwoMinutes(t *testing.T) {
	d := openDoor(t)
	begun := time.Now()
	var office sync.WaitGroup
	for i := range 50 {
		v, address := d.visitor("198.51.100.1"), fmt.Sprintf("p%d@example.org", i)
		office.Go(func() {
			for range 3 { // what the page asks for when it opens, and once more after a reload
				v.do("GET", "/api/auth/session", "")
			}
			if a := v.ask(address); a.status != 202 {
				t.Errorf("%d: asking: %v", i, a)
				return
			}
			if a := v.verify(d.code(address, 1)); a.status != 200 {
				t.Errorf("%d: signing in: %v", i, a)
			}
		})
	}
	office.Wait()
	if took := time.Since(begun); took > 2*time.Minute {
		t.Errorf("it took %v", took)
	} else {
		t.Logf("it took %v", took)
	}
}
