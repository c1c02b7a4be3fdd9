package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"conclave/auth"
	"conclave/config"
	"conclave/meeting"
)

// parseServe reads a command line without the environment of the test.
func parseServe(args []string) (*settings, error) {
	var grammar cli
	parser, err := newParser(
		&grammar,
		config.NewSources(optionList(), nil, os.DevNull),
		console{io.Discard, io.Discard},
		func(int) {},
	)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(args); err != nil {
		return nil, err
	}
	return &grammar.Serve.Config, nil
}

// output is what a running server prints. Safe for concurrent use.
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

// wait waits for a match and returns its first group.
func (o *output) wait(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for range 6000 { // a minute: only a test that fails waits so long
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m[1]
		}
		time.Sleep(10 * time.Millisecond) // a real process has no virtual time
	}
	t.Fatalf("never printed %s:\n%s", pattern, o)
	return ""
}

// runServer runs a whole server on loopback and returns its URL, and stop, which drains it.
func runServer(t *testing.T, args ...string) (url string, out, log *output, stop func() error) {
	t.Helper()
	cfg := parseConfig(
		t,
		append([]string{"--listen", "127.0.0.1:0", "--admin-listen", "", "--media-listen", "127.0.0.1",
			"--stop-timeout", "0s"}, args...)...)
	ctx, cancel := context.WithCancel(context.Background())
	out, log = &output{}, &output{}
	c := console{out, log}
	done, started := make(chan error, 1), make(chan *server, 1)
	go func() { done <- serve(ctx, cfg, c, "", func(s *server) { started <- s }) }()
	select {
	case s := <-started:
		url = s.deployment.URL.String()
	case err := <-done:
		t.Fatalf("did not start: %v", err)
	}
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return url, out, log, stop
}

// TestStrangerSignsInOnLoopbackWithTheCodeFromTheConsole is the first minute of a person who tries Conclave.
func TestStrangerSignsInOnLoopbackWithTheCodeFromTheConsole(t *testing.T) {
	url, out, log, stop := runServer(t)
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar, Timeout: 5 * time.Second}
	post := func(path, body string) *http.Response {
		resp, err := c.Post(url+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	if resp := post("/api/auth/code", `{"email": "canary@example.org"}`); resp.StatusCode != 202 {
		t.Fatal(resp.Status)
	}
	code := out.wait(t, `(?m)^sign-in code for canary@example\.org: (\d{6})\b`)
	if resp := post("/api/auth/verify", fmt.Sprintf(`{"code": %q}`, code)); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	resp := post("/api/meetings", `{}`)
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 201 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if token := out.wait(t, `conclave bots --url `+regexp.QuoteMeta(url)+` --token ([0-9a-f]{64})\b`); len(token) != 64 {
		t.Error(token)
	}
	c.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Errorf("draining: %v", err)
	}
	if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), code) {
		t.Errorf("the log holds user data:\n%s", log)
	}
}

func TestBotTokenOfTheOperatorIsUsedAndNotPrinted(t *testing.T) {
	token := "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"
	url, out, _, _ := runServer(t, "--bot-tokens", token)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/auth/session", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	_ = resp.Body.Close()
	if strings.Contains(out.String(), token) {
		t.Error("printed")
	}
}

func TestPublicServerWithoutMailDoesNotStart(t *testing.T) {
	for _, args := range [][]string{
		{"--domain", "meet.example.org"}, {"--listen", "0.0.0.0:0", "--tls-cert", "c", "--tls-key", "k", "--url", "https://x.example"},
	} {
		err := serve(t.Context(), parseConfig(t, args...), console{io.Discard, io.Discard}, "", nil)
		if err == nil || !strings.Contains(err.Error(), "set smtp") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestConsoleNeverPrintsCodesOfAPublicServer(t *testing.T) {
	if _, err := newMailer(&config.Config{}, &config.Deployment{Loopback: false}, io.Discard); err == nil {
		t.Error("a console mailer for a public server")
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	h := newHTTPServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }),
	)
	if h.ReadHeaderTimeout > 5*time.Second || h.ReadTimeout > 15*time.Second ||
		h.WriteTimeout > 30*time.Second || h.IdleTimeout > time.Minute ||
		min(h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout) == 0 ||
		h.MaxHeaderBytes != 16<<10 {
		t.Errorf("limits: %+v", h)
	}
	// The same server with its clock a hundred times faster.
	h.ReadHeaderTimeout, h.ReadTimeout, h.IdleTimeout = 50*time.Millisecond, 150*time.Millisecond, 100*time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = h.Serve(l) }()
	defer func() { _ = h.Close() }()
	for name, beginning := range map[string]string{
		"never_speaks": "", "half_a_header": "GET / HTTP/1.1\r\nHost: x\r\nX-", "half_a_body": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab",
		"keeps_alive_forever":        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"half_a_websocket_handshake": "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhl",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = conn.Write([]byte(beginning))
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open")
			}
		})
	}
}

func TestBigHeadersAreRefused(t *testing.T) {
	url, _, _, _ := runServer(t)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/", nil)
	req.Header.Set("X-Big", strings.Repeat("a", 64<<10))
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Error(resp.Status)
		}
	}
}

// certificate writes a self-signed pair and returns its DER.
func certificate(t *testing.T, certFile, keyFile string) []byte {
	t.Helper()
	return selfSigned(t, certFile, keyFile, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"localhost"},
	})
}

// selfSigned writes a pair made of template and returns its DER.
func selfSigned(t *testing.T, certFile, keyFile string, template *x509.Certificate) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return der
}

func TestRenewedCertificateIsServedWithoutRestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first := certificate(t, certFile, keyFile)
	files, err := newCertificateFiles(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want []byte) {
		t.Helper()
		files.checked = time.Time{} // the next look is due
		got, err := files.get(nil)
		if err != nil || !bytes.Equal(got.Certificate[0], want) {
			t.Errorf("%s: another certificate, %v", what, err)
		}
	}
	expect("at start", first)
	if err := os.WriteFile(certFile, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("while it is written", first)
	second := certificate(t, certFile, keyFile)
	future := time.Now().Add(time.Minute)
	_ = os.Chtimes(certFile, future, future)
	expect("when it is there", second)
}

func TestServesHTTPSFromFiles(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, certFile, keyFile)
	url, _, log, _ := runServer(t, "--tls-cert", certFile, "--tls-key", keyFile)
	c := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	} //nolint:gosec // self-signed
	resp, err := c.Get(url + "/api/config")
	if err != nil || !strings.HasPrefix(url, "https://") {
		t.Fatal(url, err)
	}
	_ = resp.Body.Close()
	expectHeaders(t, "https", resp.Header, true)
	if resp, err := http.Get(url + "/"); err == nil {
		_ = resp.Body.Close()
		t.Error("an untrusted certificate was taken")
	}
	c.CloseIdleConnections()
	if strings.Contains(log.String(), "127.0.0.1:") {
		t.Errorf("a handshake error logs the client's address: %s", log)
	}
}

func TestMediaIsServedOnRealInterfacesAndOnLoopbackInDevelopment(t *testing.T) {
	for name, virtual := range map[string]bool{
		"eth0": false, "enp3s0": false, "wlan0": false, "dummy0": false, "docker0": true, "br-1a2b": true, "veth12": true, "virbr0": true, "br0": false,
	} {
		if virtualInterface(name) != virtual {
			t.Errorf("%s virtual: %v", name, !virtual)
		}
	}
	addrs, err := mediaAddresses(&config.Config{}, true, 8080)
	if err != nil || addrs[0] != netip.MustParseAddrPort("127.0.0.1:8080") || len(addrs) > maxMediaAddresses {
		t.Errorf("%v %v", addrs, err)
	}
	for _, a := range addrs {
		if a.Addr().IsUnspecified() || a.Addr().IsLinkLocalUnicast() {
			t.Errorf("address %v", a)
		}
	}
	named := &config.Config{MediaListen: []netip.Addr{netip.MustParseAddr("203.0.113.7")}}
	if addrs, _ := mediaAddresses(named, true, 1); len(addrs) != 1 || addrs[0].Addr() != named.MediaListen[0] {
		t.Errorf("named: %v", addrs)
	}
}

func TestDiagnosesOfMailAreInPlainWords(t *testing.T) {
	s := &config.SMTP{Host: "mx.example.org"}
	for step, want := range map[auth.MailStep]string{
		auth.StepResolve: "could not be resolved", auth.StepConnect: "does not accept connections", auth.StepTimeout: "firewall",
		auth.StepTLS: "encrypted", auth.StepAuth: "password", auth.StepGreet: "not as a mail server", auth.StepSend: "smtp_from",
	} {
		if got := diagnose(s, &auth.MailError{Step: step}); !strings.Contains(got, want) || !strings.Contains(got, s.Host) {
			t.Errorf("%s: %s", step, got)
		}
	}
}

// mailbox is an SMTP backend that keeps what arrives.
type mailbox struct{ got chan string }

func (m mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }
func (mailbox) Mail(string, *smtp.MailOptions) error          { return nil }
func (mailbox) Rcpt(string, *smtp.RcptOptions) error          { return nil }
func (mailbox) Reset()                                        {}
func (mailbox) Logout() error                                 { return nil }
func (m mailbox) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	m.got <- string(b)
	return err
}

func TestCommands(t *testing.T) {
	box := mailbox{make(chan string, 1)}
	srv := smtp.NewServer(box)
	srv.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	defer func() { _ = l.Close() }()
	env := []string{"CONCLAVE_CONFIG=" + os.DevNull}
	mail := []string{"--smtp", "smtp+plain://" + l.Addr().String(), "--smtp-from", "conclave@example.org"}
	dead := []string{"--smtp", "smtp+plain://127.0.0.1:1", "--smtp-from", "conclave@example.org"}
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"version":          {[]string{"version"}, 0, "conclave "},
		"help":             {[]string{"--help"}, 0, "Usage: conclave"},
		"print":            {[]string{"config", "print", "--smtp-password", "canary"}, 0, "smtp_password: [redacted] # flag"},
		"check_good":       {[]string{"check-config"}, 0, "The configuration is good"},
		"check_bad":        {[]string{"check-config", "--domain", "meet.example.org"}, 1, "set smtp"},
		"check_token":      {[]string{"check-config", "--bot-tokens", strings.Repeat("a", 64)}, 1, "openssl rand -hex 32"},
		"unknown_flag":     {[]string{"--domian", "x"}, 2, "--domain"},
		"health_no_server": {[]string{"health", "--admin-listen", "127.0.0.1:1"}, 1, "is the server running?"},
		"smtp_none":        {[]string{"smtp", "test", "--to", "ana@example.org"}, 1, "set smtp"},
		"smtp_bad_address": {append([]string{"smtp", "test", "--to", "ana"}, mail...), 1, "--to"},
		"smtp_works":       {append([]string{"smtp", "test", "--to", "ana@example.org"}, mail...), 0, "accepted the message"},
		"smtp_dead":        {append([]string{"smtp", "test", "--to", "ana@example.org"}, dead...), 1, "does not accept connections"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			code := run(tt.args, env, console{&out, &out})
			if code != tt.code || !strings.Contains(out.String(), tt.want) || strings.Contains(out.String(), "canary") {
				t.Errorf("exit %d, want %d with %q:\n%s", code, tt.code, tt.want, out.String())
			}
		})
	}
	if m := <-box.got; !strings.Contains(m, "000000") {
		t.Errorf("test message: %s", m)
	}
}

func TestHealthAsksTheRunningServer(t *testing.T) {
	url, _, _, _ := runServer(t)
	var out bytes.Buffer
	code := run(
		[]string{"health", "--admin-listen", "", "--listen", strings.TrimPrefix(url, "http://")},
		[]string{"CONCLAVE_CONFIG=" + os.DevNull},
		console{&out, &out},
	)
	if code != 0 || !strings.Contains(out.String(), `"status":"ready"`) {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

func TestAnInterruptGivesMeetingsNoTime(t *testing.T) {
	cfg := parseConfig(t, "--listen", "127.0.0.1:0", "--admin-listen", "", "--media-listen", "127.0.0.1",
		"--stop-timeout", "5m")
	ctx, interrupt := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, cfg, console{io.Discard, io.Discard}, "", func(s *server) {
			creator := meeting.Identity{Session: meeting.SessionKeyOf("a"), Address: meeting.NewAddress("ana@example.org")}
			if _, _, err := s.media.registry.Create(ctx, meeting.Creation{Creator: creator}); err != nil {
				t.Error(err)
			}
			interrupt(errInterrupted)
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("meetings have had time")
	}
}
