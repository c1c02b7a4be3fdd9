package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"conclave/protocol"
)

// acmeAddress is the server's in a network of the test's own: an address that is no loopback one.
const (
	acmeAddress = "192.0.2.1"
	acmeName    = "meet.example.test"
)

// TestACertificateIsIssuedServedAndRenewedDuringACall runs against pebble, Let's Encrypt's own test authority, in
// namespaces, because a certificate needs port 443 and a name. Certificates last half a minute, and renewal is
// considered every second.
func TestACertificateIsIssuedServedAndRenewedDuringACall(t *testing.T) {
	if os.Getenv("CONCLAVE_ACME_NAMESPACE") == "" {
		inNamespace(t)
		return
	}
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"+acmeAddress+" "+acmeName+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"ip", "link", "set", "lo", "up"}, {"ip", "addr", "add", acmeAddress + "/24", "dev", "lo"},
		{"mount", "--bind", hosts, "/etc/hosts"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil { //nolint:gosec // ours
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	ca := startPebble(t)
	cfg := parseConfig(t, "--domain", acmeName, "--listen", acmeAddress+":443", "--redirect-listen", "off",
		"--admin-listen", "", "--media-listen", acmeAddress, "--advertise", acmeAddress, "--stop-timeout", "0s",
		"--acme-ca", ca.directory, "--admin", "ops@example.test", "--data-dir", t.TempDir(),
		"--smtp", "smtp+plain://localhost:25", "--smtp-from", "a@example.test", "--bot-tokens", acmeToken)
	cfg.acme = acmeSeams{checkEvery: time.Second, roots: ca.roots}
	ctx, cancel := context.WithCancel(t.Context())
	log := &output{}
	started, done := make(chan *server, 1), make(chan error, 1)
	go func() { done <- serve(ctx, cfg, console{&output{}, log}, "", func(s *server) { started <- s }) }()
	select {
	case <-started:
	case err := <-done:
		t.Fatalf("did not start: %v", err)
	}
	t.Cleanup(func() { cancel(); <-done })

	if state := log.wait(t, "(certificate obtained|certificate not obtained.*)"); state != "certificate obtained" {
		t.Fatal(state)
	}
	issued := ca.issuers(t)
	first := served(t, issued)
	if err := first.VerifyHostname(acmeName); err != nil {
		t.Fatal(err)
	}

	call := joinOverTLS(t, issued)
	began, answered := time.Now(), 0
	for second := first; second.Equal(first); answered++ {
		if time.Since(began) > time.Minute {
			t.Fatal("never renewed:\n", log)
		}
		call.ask(t) // every answer, before, while and after: no break
		time.Sleep(100 * time.Millisecond)
		second = served(t, issued)
	}
	call.ask(t)
	t.Logf("renewed %v before its end, after %v; the call's socket answered %d requests, all of them",
		time.Until(first.NotAfter).Round(time.Second), time.Since(began).Round(time.Second), answered+1)
	if time.Now().After(first.NotAfter) {
		t.Error("the first certificate had ended when the second was served")
	}
}

const acmeToken = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"

// inNamespace runs the test that calls it, in a network namespace of its own.
func inNamespace(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"pebble", "unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			skipUnlessCI(t, tool+" is not installed")
		}
	}
	if os.Getuid() != 0 {
		skipUnlessCI(t, "a network namespace needs root")
	}
	args := []string{"--net", "--mount", os.Args[0], "-test.run", "^" + t.Name() + "$", "-test.v"}
	cmd := exec.Command("unshare", args...) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), "CONCLAVE_ACME_NAMESPACE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// authority is a running pebble.
type authority struct {
	directory  string
	management string
	roots      *x509.CertPool // of pebble's own address
	client     *http.Client
}

func startPebble(t *testing.T) *authority {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a := &authority{directory: "https://localhost:14000/dir", management: "https://localhost:15000",
		roots: x509.NewCertPool()}
	a.roots.AddCert(ownCertificate(t, certFile, keyFile))
	a.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.roots}}}
	t.Cleanup(a.client.CloseIdleConnections)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
		"certificate": certFile, "privateKey": keyFile, "httpPort": 80, "tlsPort": 443,
		"retryAfter": map[string]int{"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": 30}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("pebble", "-config", file) //nolint:gosec // ours
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	said := &output{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said)
		}
	})
	said.wait(t, "(ACME directory available)")
	return a
}

// ownCertificate is pebble's own.
func ownCertificate(t *testing.T, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(selfSigned(t, certFile, keyFile, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issuers is who signs what pebble issues.
func (a *authority) issuers(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	res, err := a.client.Get(a.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	root, err := io.ReadAll(res.Body)
	if err != nil || !pool.AppendCertsFromPEM(root) {
		t.Fatalf("pebble's root: %v", err)
	}
	return pool
}

func acmeTLS(issuers *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: issuers, ServerName: acmeName, MinVersion: tls.VersionTLS12}
}

// served is the certificate of a new connection, which a client that trusts pebble takes.
func served(t *testing.T, issuers *x509.CertPool) *x509.Certificate {
	t.Helper()
	c := acmeTLS(issuers)
	c.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", acmeAddress+":443", c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0]
}

// tlsCall is a participant's WebSocket.
type tlsCall struct {
	conn *websocket.Conn
	last int
}

func joinOverTLS(t *testing.T, issuers *x509.CertPool) *tlsCall {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: acmeTLS(issuers),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, acmeAddress+":443")
		},
	}}
	t.Cleanup(client.CloseIdleConnections)
	auth := http.Header{"Authorization": {"Bearer " + acmeToken}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+acmeName+"/api/meetings",
		strings.NewReader(`{"e2ee": false, "lobby": false}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = auth.Clone()
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	var made protocol.Created
	if err := protocol.DecodeBody(body, &made); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	options := &websocket.DialOptions{HTTPClient: client, HTTPHeader: auth, Subprotocols: []string{protocol.Subprotocol}}
	conn, _, err := websocket.Dial(t.Context(), "wss://"+acmeName+"/ws", options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	call := &tlsCall{conn: conn}
	call.send(t, &protocol.Join{ID: 1, Version: 1, Meeting: made.Meeting, Name: "Ana"}, `"type":"welcome"`)
	return call
}

// ask has a request answered.
func (c *tlsCall) ask(t *testing.T) {
	t.Helper()
	c.last++
	c.send(t, &protocol.Hand{ID: protocol.RequestID(c.last + 1), Raised: c.last%2 == 1}, `"type":"ok"`)
}

func (c *tlsCall) send(t *testing.T, m protocol.ClientMessage, answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	data, err := protocol.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.conn.Write(ctx, websocket.MessageText, data); err != nil {
		t.Fatalf("the call broke: %v", err)
	}
	for want := regexp.MustCompile(answer); ; {
		_, got, err := c.conn.Read(ctx)
		if err != nil {
			t.Fatalf("the call broke: %v", err)
		}
		if want.Match(got) {
			return
		}
	}
}
