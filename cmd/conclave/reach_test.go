package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"conclave/protocol"
	"conclave/sfu/wiretest"
)

// runSite runs a server with more of its parts than runServer shows.
func runSite(t *testing.T, args ...string) (*server, error) {
	t.Helper()
	cfg := parseConfig(t, append([]string{"--admin-listen", "", "--media-listen", "127.0.0.1"}, args...)...)
	started, done := make(chan *server, 1), make(chan error, 1)
	go func() {
		done <- serve(t.Context(), cfg, console{&output{}, &output{}}, "", func(s *server) { started <- s })
	}()
	select {
	case s := <-started:
		t.Cleanup(func() { <-done }) // its ports are free for the next; t.Context() has ended
		return s, nil
	case err := <-done:
		return nil, err
	}
}

// TestTURNOverUDPIsNotListed: Chromium takes what comes from a listed TURN server's UDP address for TURN, so with it no
// browser of that kind would reach our candidates over UDP.
func TestTURNOverUDPIsNotListed(t *testing.T) {
	s, err := runSite(t, "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	urls := s.media.reach.urls
	if len(urls) == 0 || slices.ContainsFunc(urls, func(u string) bool { return strings.Contains(u, "=udp") }) {
		t.Errorf("listed: %v", urls)
	}
}

// TestAProxyKeepsItsPort: with the configuration that docs/configuration.md shows, the server takes no TCP port that
// the proxy in front of it has, or will have once it starts.
func TestAProxyKeepsItsPort(t *testing.T) {
	_, public, _ := net.SplitHostPort(freePort(t))
	s, err := runSite(t, "--behind-proxy", "--listen", freePort(t), "--url", "https://meet.example.org:"+public,
		"--media-port", public, "--private-port", "0", "--smtp", "smtp+plain://localhost:25",
		"--smtp-from", "a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:"+public)
	if err != nil {
		t.Fatalf("the proxy cannot start: %v", err)
	}
	_ = proxy.Close()
	if r := &s.media.reach; len(r.tcp) != 0 || len(r.urls) != 0 {
		t.Errorf("ways that lead to the proxy are offered: %v %v", r.tcp, r.urls)
	}
}

// TestAMediaPortInUseIsAnErrorWithASentence, not a panic.
func TestAMediaPortInUseIsAnErrorWithASentence(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.LocalAddr().String())
	_, err = runSite(t, "--listen", "127.0.0.1:0", "--media-port", port)
	if err == nil || !strings.Contains(err.Error(), "media: ") {
		t.Errorf("got %v", err)
	}
}

// pathCheck asks a running server for the ways to its media port.
func pathCheck(t *testing.T, s *server) (check protocol.PathCheck, status int) {
	t.Helper()
	resp, err := http.Post(s.deployment.URL.String()+"/api/check", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&check); err != nil && resp.StatusCode == http.StatusOK {
		t.Fatal(err)
	}
	return check, resp.StatusCode
}

// TestEachAddressIsServedAndTold: with several addresses, all that POST /api/check names without sign-in answer a check
// with the credentials it gives, over UDP and TCP: the web server's port where it listens, the port of media elsewhere.
// What `advertise` adds comes first, with the port of the first.
func TestEachAddressIsServedAndTold(t *testing.T) {
	s, err := runSite(t, "--listen", "127.0.0.1:0", "--media-listen", "127.0.0.2", "--advertise", "203.0.113.9")
	if err != nil {
		t.Fatal(err)
	}
	check, status := pathCheck(t, s)
	if status != http.StatusOK || check.ExpiresInS != 60 || check.Fingerprint == "" || len(check.ICEServers) != 1 {
		t.Fatalf("%d: %+v", status, check)
	}
	var told []string
	for _, c := range check.Candidates {
		f := strings.Fields(c)
		told = append(told, f[2]+" "+f[4])
		if at := net.JoinHostPort(f[4], f[5]); f[4] != "203.0.113.9" && !answersCheck(t, f[2], at, check) {
			t.Errorf("%s at %s answers nothing", f[2], at)
		}
	}
	want := []string{"udp 203.0.113.9", "udp 127.0.0.1", "udp 127.0.0.2",
		"tcp 203.0.113.9", "tcp 127.0.0.1", "tcp 127.0.0.2"}
	if !slices.Equal(told, want) {
		t.Errorf("told: %v", told)
	}
	if tcp := s.media.sfu.TCPAddresses(); tcp[0].Port() != tcp[1].Port() {
		t.Errorf("the advertised port is another: %v", tcp)
	}
}

// answersCheck says whether an ICE check with the credentials of a path check is answered, over UDP or ICE-TCP.
func answersCheck(t *testing.T, network, at string, check protocol.PathCheck) bool {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), network, at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(check.ICEUfrag+":me"),
		stun.NewShortTermIntegrity(check.ICEPwd), stun.Fingerprint)
	sent, head := m.Raw, 0
	if network == "tcp" { // RFC 4571
		sent, head = append(binary.BigEndian.AppendUint16(nil, uint16(len(m.Raw))), m.Raw...), 2
	}
	_ = conn.SetDeadline(time.Now().Add(wiretest.Patience))
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	n, err := io.ReadAtLeast(conn, b, head+20)
	answer := &stun.Message{Raw: b[head:max(head, n)]}
	return err == nil && answer.Decode() == nil && answer.Type == stun.BindingSuccess &&
		answer.TransactionID == m.TransactionID
}

// TestChecksAreLimited: a client makes 20 a minute, then it is told to wait, over HTTP.
func TestChecksAreLimited(t *testing.T) {
	s, err := runSite(t, "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began, given := time.Now(), 0
	for {
		_, status := pathCheck(t, s)
		if status == http.StatusTooManyRequests {
			break
		}
		if status != http.StatusOK || given > 1000 {
			t.Fatalf("status %d after %d checks", status, given)
		}
		given++
	}
	if most := 20 + int(time.Since(began)/(3*time.Second)); given < 20 || given > most {
		t.Errorf("%d checks in %v", given, time.Since(began))
	}
}

// TestRelaysAreListedByWhatReachesThem: by name over TLS first, where the server has a certificate; by the address
// advertised where a proxy has the name.
func TestRelaysAreListedByWhatReachesThem(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key)
	secure := []string{"--tls-cert", cert, "--tls-key", key, "--listen", "127.0.0.1:0"}
	_, port, _ := net.SplitHostPort(freePort(t))
	proxied := []string{"--behind-proxy", "--listen", "127.0.0.1:0", "--url", "https://meet.example.org",
		"--media-port", port, "--smtp", "smtp+plain://localhost:25", "--smtp-from", "a@example.org"}
	for name, tt := range map[string]struct {
		args []string
		want []string // # is the web server's port
	}{
		"plain, on loopback": {[]string{"--listen", "127.0.0.1:0"}, []string{"turn:127.0.0.1:#?transport=tcp"}},
		"by name, with a certificate": {append(secure, "--url", "https://localhost:1"),
			[]string{"turns:localhost:#?transport=tcp", "turn:localhost:#?transport=tcp"}},
		"by address: no client takes the certificate": {append(secure, "--url", "https://[::1]:1"),
			[]string{"turn:[::1]:#?transport=tcp"}},
		"behind a proxy": {proxied, []string{"turn:127.0.0.1:" + port + "?transport=tcp"}},
		"behind a proxy and NAT": {append(proxied, "--advertise", "203.0.113.9"),
			[]string{"turn:203.0.113.9:" + port + "?transport=tcp"}},
		"turned off": {[]string{"--listen", "127.0.0.1:0", "--turn=false"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := runSite(t, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Clone(s.media.reach.urls)
			for i := range got {
				got[i] = strings.Replace(got[i], ":"+s.deployment.URL.Port()+"?", ":#?", 1)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("listed: %v", got)
			}
		})
	}
}

// TestADrainingServerTakesNoConnection, neither HTTP nor streams, while a request that has begun is answered.
func TestADrainingServerTakesNoConnection(t *testing.T) {
	cfg := parseConfig(t, "--admin-listen", "", "--listen", "127.0.0.1:0", "--media-listen", "127.0.0.1,127.0.0.2")
	ctx, stop := context.WithCancel(t.Context())
	started, done := make(chan *server, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, cfg, console{&output{}, &output{}}, "", func(s *server) { started <- s })
	}()
	s := <-started
	addrs := slices.Clone(s.media.reach.tcp)
	conn, err := net.Dial("tcp", s.deployment.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST /api/check HTTP/1.1\r\nHost: "+s.deployment.URL.Host+
		"\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // its handler reads the body
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = in.ReadString('\n')
	stop()
	if len(addrs) != 2 {
		t.Fatalf("served on %v", addrs)
	}
	for _, at := range addrs {
		wiretest.Eventually(t, at.String()+" takes no connection", func() bool {
			c, err := net.Dial("tcp", at.String())
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
	}
	_, _ = io.WriteString(conn, "{}")
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the request that had begun: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	_ = conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
