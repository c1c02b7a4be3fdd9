package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"conclave/auth"
	"conclave/handover"
	"conclave/meeting"
	"conclave/sfu"
	"conclave/sfu/transport/stun"
)

// site is a server of which several versions run, one after the other.
type site struct {
	*testing.T
	dir, listen, admin string
	args, env          []string
	url                string
	pool               *x509.CertPool // of its certificate, if it has one
}

// process is one version of a site.
type process struct {
	*testing.T
	cmd      *exec.Cmd
	out, log *output
	exited   chan struct{}
	code     int // once it has exited
}

func newSite(t *testing.T, args ...string) *site {
	t.Helper()
	s := &site{T: t, dir: filepath.Join(t.TempDir(), "h"), listen: freePort(t), admin: freePort(t), args: args}
	s.url = "http://" + s.listen
	return s
}

// start starts a version, which takes over from the one that runs, if there is one.
func (s *site) start(args ...string) *process {
	s.Helper()
	p := s.launch(args...)
	p.out.wait(s.T, `(?m)^(codes) `)
	return p
}

func (s *site) launch(args ...string) *process {
	s.Helper()
	if !slices.Contains(args, "--media-ports") {
		args = append(args, "--media-ports", "0")
	}
	p := &process{T: s.T, out: &output{}, log: &output{}, exited: make(chan struct{})}
	p.cmd = doorProcess(s.T, append(append([]string{
		"serve", "--listen", s.listen, "--admin-listen", s.admin, "--media-listen", "127.0.0.1",
		"--handover-dir", s.dir, "--stop-timeout", "1s",
	}, s.args...), args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	p.cmd.Env = append(p.cmd.Env, s.env...)
	if err := p.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() { // ends with the process; cmd.Wait would also wait for one that this process has started
		defer close(p.exited)
		if state, err := p.cmd.Process.Wait(); err == nil {
			p.code = state.ExitCode()
		}
	}()
	s.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if s.Failed() {
			s.Logf("a version's output:\n%s%s", p.out, p.log)
		}
	})
	return p
}

// ends waits until the process has ended by itself.
func (p *process) ends() {
	p.Helper()
	select {
	case <-p.exited:
		if p.code != 0 {
			p.Errorf("it ended with %d", p.code)
		}
	case <-time.After(time.Minute):
		p.Fatal("it does not end")
	}
}

func (p *process) runs() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// guest is a person with a browser of their own.
type guest struct {
	*site
	http   http.Client
	bearer string
}

// person signs in; the code is on the console of the version that has sent it.
func (s *site) person(address string, newest *process) *guest {
	s.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	g := &guest{site: s, http: http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12},
	}}}
	s.Cleanup(g.http.CloseIdleConnections)
	g.askCode(address)
	g.verify(address, newest)
	return g
}

func (g *guest) askCode(address string) {
	g.Helper()
	if status, body := g.do("POST", "/api/auth/code", fmt.Sprintf(`{"email": %q}`, address)); status != 202 {
		g.Fatal(status, body)
	}
}

func (g *guest) verify(address string, on *process) {
	g.Helper()
	code := on.out.wait(g.T, `(?m)^sign-in code for `+address+`: (\d{6})\b`)
	if status, body := g.do("POST", "/api/auth/verify", fmt.Sprintf(`{"code": %q}`, code)); status != 200 {
		g.Fatal(status, body)
	}
}

func (g *guest) do(method, path, body string) (status int, answer map[string]any) {
	g.Helper()
	status, answer, err := g.try(method, path, body)
	if err != nil {
		g.Fatal(err)
	}
	return status, answer
}

func (g *guest) try(method, path, body string) (status int, answer map[string]any, err error) {
	req, err := http.NewRequestWithContext(g.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if g.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+g.bearer)
	}
	resp, err := g.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return resp.StatusCode, answer, nil
}

func (g *guest) create() string {
	g.Helper()
	status, body := g.do("POST", "/api/meetings", `{"lobby": false, "e2ee": false}`)
	id, _ := body["meeting"].(string)
	if status != 201 {
		g.Fatal(status, body)
	}
	return id
}

// wire is a WebSocket in a meeting.
type wire struct {
	*guest
	ws   *websocket.Conn
	next int
}

// join joins a meeting, by the WebSocket of whatever version is reached.
func (g *guest) join(meeting string) *wire {
	g.Helper()
	w, said := g.tryJoin(meeting)
	if said["type"] != "welcome" {
		g.Fatal(said)
	}
	return w
}

func (g *guest) tryJoin(meeting string) (*wire, map[string]any) {
	g.Helper()
	u, err := url.Parse(g.url)
	if err != nil {
		g.Fatal(err)
	}
	header := http.Header{}
	for _, c := range g.http.Jar.Cookies(u) {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	ws, _, err := websocket.Dial(g.Context(), g.url+"/ws?meeting="+meeting, &websocket.DialOptions{
		HTTPHeader: header, Subprotocols: []string{"conclave.v1"},
	})
	if err != nil {
		g.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	g.Cleanup(func() { _ = ws.CloseNow() })
	w := &wire{guest: g, ws: ws}
	said := w.ask(fmt.Sprintf(`"type":"join","version":1,"meeting":%q,"name":"A"`, meeting))
	return w, said
}

// ask sends a request and returns its answer.
func (w *wire) ask(fields string) map[string]any {
	w.Helper()
	w.send(fields)
	return w.hear(func(m map[string]any) bool { return m["id"] == float64(w.next) })
}

func (w *wire) send(fields string) {
	w.Helper()
	w.next++
	text := fmt.Appendf(nil, `{"id":%d,%s}`, w.next, fields)
	if err := w.ws.Write(w.Context(), websocket.MessageText, text); err != nil {
		w.Fatal(err)
	}
}

// hear reads until a message is the one.
func (w *wire) hear(wanted func(map[string]any) bool) map[string]any {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	for {
		_, data, err := w.ws.Read(ctx)
		if err != nil {
			w.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			w.Fatal(err)
		}
		if wanted(m) {
			return m
		}
	}
}

// alive says that the WebSocket is answered.
func (w *wire) alive() {
	w.Helper()
	if m := w.ask(`"type":"hand","raised":true`); m["type"] != "ok" {
		w.Error(m)
	}
}

// end ends the meeting for everyone.
func (w *wire) end() {
	w.Helper()
	w.send(`"type":"end"`)
	if reason := w.bye(); reason != "ended" {
		w.Error(reason)
	}
}

func (w *wire) bye() string {
	w.Helper()
	m := w.hear(func(m map[string]any) bool { return m["type"] == "bye" })
	reason, _ := m["reason"].(string)
	return reason
}

// TestANewVersionTakesOverAndNoMeetingEnds: people stay signed in and in their meeting, which they can leave and join
// as ever, and new meetings are the new version's.
func TestANewVersionTakesOverAndNoMeetingEnds(t *testing.T) {
	s := newSite(t)
	first := s.start()
	ana, ben := s.person("ana@example.org", first), s.person("ben@example.org", first)
	old := ana.create()
	before := ana.join(old)
	cas := &guest{site: s, http: http.Client{Jar: must(cookiejar.New(nil)), Timeout: 20 * time.Second}}
	cas.askCode("cas@example.org")

	second := s.start()
	before.alive()
	if status, body := ana.do("GET", "/api/auth/session", ""); status != 200 {
		t.Fatal("signed out:", status, body)
	}
	if status, body := ben.do("GET", "/api/meetings/"+old, ""); status != 200 || body["participants"] != 1.0 {
		t.Fatal("the meeting is not found:", status, body)
	}
	again := ben.join(old)
	again.alive()
	cas.verify("cas@example.org", first) // the code came from the version before
	third := cas.join(old)
	third.alive()
	fresh := ana.create()
	ana.join(fresh).alive()
	if status, _ := ana.do("GET", "/api/meetings/0000-0000-0000-0000", ""); status != 404 {
		t.Error("an unknown meeting:", status)
	}

	s.shows(`conclave_participants{generation="1"} 3`)
	s.shows(`conclave_participants{generation="2"} 1`)

	if status, _ := cas.do("POST", "/api/auth/logout", ""); status != 204 {
		t.Error(status)
	}
	if reason := third.bye(); reason != "signed_out" {
		t.Error(reason)
	}
	if !first.runs() {
		t.Fatal("the first version has ended")
	}
	before.end()
	first.ends()
	ana.join(fresh).alive()
	if err := second.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	second.ends()
}

// shows waits until the metrics have a line: they are counted a moment after what they count.
func (s *site) shows(line string) {
	s.Helper()
	for range 600 {
		if strings.Contains(s.metrics(), line+"\n") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Errorf("the metrics lack %s", line)
}

func (s *site) metrics() string {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), "GET", "http://"+s.admin+"/metrics", nil)
	if err != nil {
		s.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(b)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestANewVersionThatFailsLeavesEverythingAsItIs: it finds no port for its media, so it never says that it is ready.
func TestANewVersionThatFailsLeavesEverythingAsItIs(t *testing.T) {
	s := newSite(t)
	first := s.start()
	ana := s.person("ana@example.org", first)
	meeting := ana.join(ana.create())
	port := strings.TrimPrefix(first.out.wait(t, `are told (127\.0\.0\.1:\d+)/udp`), "127.0.0.1:")
	failing := s.launch("--media-ports", port)
	<-failing.exited
	failing.log.wait(t, `(media_ports: none is free)`) // its last words may come after its end
	if failing.code != 1 {
		t.Errorf("%v: %s", failing.code, failing.log)
	}
	first.log.wait(t, `(the new version did not get ready)`)
	meeting.alive()
	ana.join(ana.create()).alive()

	second := s.start() // and another one takes over as if there had been none
	meeting.alive()
	ana.join(ana.create()).alive()
	if !first.runs() || !second.runs() {
		t.Error("a version has ended")
	}
}

// TestNothingIsLostWhileAVersionTakesOver: requests over kept connections, new connections and HTTP/2 all create
// meetings meanwhile, and none fails.
func TestNothingIsLostWhileAVersionTakesOver(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	parsed, err := x509.ParseCertificate(certificate(t, cert, key))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	s := newSite(t, "--tls-cert", cert, "--tls-key", key, "--meetings-per-address", "100000",
		"--meetings-per-address-hour", "1000000", "--connections-per-client", "100000")
	s.url = "https://localhost:" + strings.TrimPrefix(s.listen, "127.0.0.1:")
	s.pool = pool
	first := s.start()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var created atomic.Int64
	for i, tweak := range []func(*http.Transport){
		func(tr *http.Transport) { tr.ForceAttemptHTTP2 = true },
		func(tr *http.Transport) { tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} },
		func(tr *http.Transport) { tr.DisableKeepAlives = true },
	} {
		ana := s.person(fmt.Sprintf("p%d@example.org", i), first)
		tweak(ana.http.Transport.(*http.Transport))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				status, body, err := ana.try("POST", "/api/meetings", `{"lobby": false, "e2ee": false}`)
				if err != nil || status != 201 {
					t.Errorf("client %d: %d %v %v", i, status, body, err)
					return
				}
				created.Add(1)
			}
		})
	}
	for generation := 2; generation <= 3; generation++ {
		time.Sleep(200 * time.Millisecond)
		p := s.start()
		p.log.wait(t, `(taken over: the version before)`)
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	wg.Wait()
	t.Logf("%d meetings were created", created.Load())
}

// TestThreeVersionsRunAtOnceAndNoMore: each goes on with its meetings, a fourth is refused, and each ends with its
// meetings and those before it.
func TestThreeVersionsRunAtOnceAndNoMore(t *testing.T) {
	s := newSite(t)
	first := s.start()
	ana := s.person("ana@example.org", first)
	var meetings []*wire
	var ids []string
	versions := []*process{first}
	for {
		ids = append(ids, ana.create())
		meetings = append(meetings, ana.join(ids[len(ids)-1]))
		if len(versions) == 3 {
			break
		}
		versions = append(versions, s.start())
	}
	fourth := s.launch()
	<-fourth.exited
	fourth.log.wait(t, `(two versions before this one still have meetings)`)
	for i, id := range ids {
		meetings[i].alive()
		ana.join(id).alive() // through one or two versions
	}
	meetings[1].end() // the second goes on for the first
	ana.join(ids[0]).alive()
	if !versions[1].runs() {
		t.Fatal("the second version has ended before the first")
	}
	meetings[0].end()
	versions[0].ends()
	versions[1].ends()
	ana.join(ids[2]).alive()
	s.start() // there is room again
	ana.join(ids[2]).alive()
}

// TestTheOlderVersionEndsWithTheNewest: nothing would reach it any more.
func TestTheOlderVersionEndsWithTheNewest(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			first := s.start()
			ana := s.person("ana@example.org", first)
			meeting := ana.join(ana.create())
			second := s.start()
			meeting.alive()
			_ = second.cmd.Process.Signal(signal)
			if reason := meeting.bye(); reason != "shutting_down" {
				t.Error(reason)
			}
			first.ends()
			<-second.exited
			third := s.start() // afresh
			if strings.Contains(third.log.String(), "taking over") {
				t.Error("it has taken over from no one")
			}
		})
	}
}

// TestReloadStartsTheInstalledVersion: by the command, which says what came of it; and systemd learns the new process.
func TestReloadStartsTheInstalledVersion(t *testing.T) {
	s := newSite(t)
	socket := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = told.Close() }()
	s.env = []string{"NOTIFY_SOCKET=" + socket, descendantEnv + "=1"}
	main := func() (pid int) {
		b := make([]byte, 200)
		_ = told.SetReadDeadline(time.Now().Add(time.Minute))
		n, err := told.Read(b)
		if _, err2 := fmt.Sscanf(string(b[:n]), "MAINPID=%d\nREADY=1\n", &pid); err != nil || err2 != nil {
			t.Fatal(string(b[:n]), err, err2)
		}
		return pid
	}
	first := s.start()
	if pid := main(); pid != first.cmd.Process.Pid {
		t.Error(pid)
	}
	ana := s.person("ana@example.org", first)
	meeting := ana.join(ana.create())
	reload := doorProcess(t, "reload", "--handover-dir", s.dir)
	if said, err := reload.CombinedOutput(); err != nil || !strings.Contains(string(said), "has taken over from") {
		t.Fatalf("%s %v", said, err)
	}
	pid := main()
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if pid == first.cmd.Process.Pid {
		t.Error("the main process is the old one")
	}
	meeting.alive()
	meeting.end()
	first.ends()
	ana.join(ana.create()).alive()
	_ = syscall.Kill(pid, syscall.SIGINT)
}

// TestReloadWithoutAServerSaysSo.
func TestReloadWithoutAServerSaysSo(t *testing.T) {
	said, err := doorProcess(t, "reload", "--handover-dir", t.TempDir()).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "mode 0700") {
		t.Errorf("%s %v", said, err)
	}
	said, err = doorProcess(t, "reload", "--handover-dir", filepath.Join(t.TempDir(), "none")).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "no server runs") {
		t.Errorf("%s %v", said, err)
	}
}

// TestStreamsOfAnOlderMeetingAreCarriedDown: who joins it where UDP is blocked reaches the newest version's TCP port,
// which has its streams: ICE-TCP, TURN, and TURN out of TLS.
func TestStreamsOfAnOlderMeetingAreCarriedDown(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key)
	token := strings.Repeat("5e3b1d7f9c0a4862", 2) + "e8d4b6f0a2c7139571b9f3d5c8e60a24"
	s := newSite(t, "--tls-cert", cert, "--tls-key", key, "--bot-tokens", token, "--url", "https://localhost:1")
	_, port, _ := net.SplitHostPort(s.listen)
	s.args[len(s.args)-1] = "https://localhost:" + port
	first := s.start()
	s.url = "https://localhost:" + port
	ana := &guest{site: s, http: http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // self-signed
	}}}
	ana.bearer = token
	meeting := ana.create()
	second := s.start()
	for i, transport := range []string{"ice_tcp", "turn_tcp", "turn_tls"} {
		reported := filepath.Join(dir, "report.json")
		bots := doorProcess(t, "bots", "--url", s.url, "--token", token, "--meeting", s.url+"/m/"+meeting, "-n", "2",
			"-d", "1s", "--settle", "200ms", "--transport", transport, "--json", reported, "-q", "--no-default-limits")
		bots.Env = append(bots.Env, "SSL_CERT_FILE="+cert)
		out, err := bots.CombinedOutput()
		r, readErr := readReport(reported)
		if readErr != nil {
			t.Fatalf("%s: %v: %v: %s", transport, err, readErr, out)
		}
		if r.Joins.Joined != 2 || r.Total.ArrivedAudio != 2 || r.Total.ArrivedVideo != 2 {
			t.Errorf("%s: %v: %+v, %+v: %s", transport, err, r.Joins, r.Total, out)
		}
		s.shows(fmt.Sprintf(`conclave_reach_connections_total{generation="2",kind="passed"} %d`, 2*(i+1)))
	}
	if !first.runs() || !second.runs() {
		t.Error("a version has ended")
	}
}

// TestTheClientsAddressIsBelievedOnTheLinkOnly: the header by which a neighbour says it means nothing from the world.
func TestTheClientsAddressIsBelievedOnTheLinkOnly(t *testing.T) {
	w := newWorld(t, public()...)
	svc, err := auth.New(auth.Config{}, auth.Deps{Mailer: noMail{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(svc.Close)
	for _, passed := range []bool{false, true} {
		p := parts{
			cfg: w.cfg, deployment: w.d, auth: svc, health: &health{}, metrics: w.m, log: slog.New(slog.DiscardHandler),
			meetings: func(r chi.Router) {
				r.Get("/api/who", func(w http.ResponseWriter, r *http.Request) {
					client, _ := auth.ClientIPFrom(r.Context())
					_, _ = io.WriteString(w, client.Reveal().String())
				})
			},
		}
		if passed {
			p.passed = func(next http.Handler) http.Handler { return next }
		}
		router, err := newRouter(p)
		if err != nil {
			t.Fatal(err)
		}
		w.r = router
		rec := w.do("GET", "/api/who", "", func(r *http.Request) { r.Header.Set(chainClient, "203.0.113.9") })
		if got, want := rec.Body.String(), map[bool]string{false: "192.0.2.1", true: "203.0.113.9"}[passed]; got != want {
			t.Errorf("from a neighbour: %v: the client is %s, want %s", passed, got, want)
		}
	}
}

// TestARequestIsVouchedForAnew: what the client says in a neighbour's headers is replaced.
func TestARequestIsVouchedForAnew(t *testing.T) {
	svc, err := auth.New(auth.Config{}, auth.Deps{Mailer: noMail{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(svc.Close)
	s := &server{auth: svc}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "192.0.2.1:5"
	r.Header.Set(chainClient, "203.0.113.9")
	r.Header.Set(chainSession, "forged")
	auth.ClientIPMiddleware(nil)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.vouch(r)
		if r.Header.Get(chainClient) != "192.0.2.1" || r.Header.Get(chainSession) != "" {
			t.Errorf("%q %q", r.Header.Get(chainClient), r.Header.Get(chainSession))
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// TestStreamsGoWhereTheyBelong: to the older version only if that has them, and to no one where none is older.
func TestStreamsGoWhereTheyBelong(t *testing.T) {
	s := newSite(t)
	first := s.start()
	ana := s.person("ana@example.org", first)
	meeting := ana.create()
	ana.join(meeting).alive()
	s.start()
	for name, first := range map[string][]byte{
		"ICE-TCP": iceTCP(t, "nobodysfragment0"), "TURN": turnAllocate("1:s:nobody"),
	} {
		c, err := net.Dial("tcp", s.listen)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(first)
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = c.Read(make([]byte, 100))
		_ = c.Close()
		s.shows(`conclave_reach_connections_total{generation="2",kind="passed"} 0`) // once the second version answers
		if strings.Contains(s.metrics(), `conclave_reach_connections_total{generation="1",kind="ice_tcp"} 1`) {
			t.Errorf("%s was passed on", name)
		}
	}
}

// iceTCP is a check for a fragment, framed.
func iceTCP(t *testing.T, fragment string) []byte {
	t.Helper()
	check := stun.AppendCheck(nil, stun.ID{1}, fragment, "from", 1, stun.NewKey("password"))
	return append([]byte{byte(len(check) >> 8), byte(len(check))}, check...)
}

// turnAllocate is an Allocate request with a user name, which nothing proves.
func turnAllocate(username string) []byte {
	for len(username)%4 != 0 {
		username += "x"
	}
	b := []byte{0, 3, 0, byte(4 + len(username)), 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0,
		byte(len(username))}
	return append(b, username...)
}

// room is a room of one's own.
type room struct {
	key   ed25519.PrivateKey
	nonce [16]byte
}

// open opens the room, or finds it open.
func (g *guest) open(r *room) (status int, id string) {
	g.Helper()
	_, asked := g.do("POST", "/api/rooms/challenge", "{}")
	text, _ := asked["challenge"].(string)
	challenge, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(challenge) == 0 {
		g.Fatal(asked)
	}
	message := append([]byte("conclave room/1 open"), byte(len(g.listen)))
	message = append(append(append(message, g.listen...), r.nonce[:]...), challenge...)
	b64 := base64.RawURLEncoding.EncodeToString
	status, body := g.do("POST", "/api/meetings", fmt.Sprintf(
		`{"lobby": false, "e2ee": false, "room": {"key": %q, "nonce": %q, "challenge": %q, "proof": %q}}`,
		b64(r.key.Public().(ed25519.PublicKey)), b64(r.nonce[:]), text, b64(ed25519.Sign(r.key, message))))
	if status == http.StatusConflict { // the challenge was of the version before
		return g.open(r)
	}
	if id, _ = body["meeting"].(string); id == "" {
		g.Fatal(status, body)
	}
	return status, id
}

// TestARoomThatIsOpenAtAnOlderVersionIsNotOpenedAgain: there would be two meetings at one address.
func TestARoomThatIsOpenAtAnOlderVersionIsNotOpenedAgain(t *testing.T) {
	s := newSite(t)
	first := s.start()
	ana := s.person("ana@example.org", first)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := &room{key: key, nonce: [16]byte{1}}
	status, id := ana.open(own)
	if status != 201 {
		t.Fatal(status)
	}
	before := ana.join(id)
	s.start()
	if status, again := ana.open(own); status != 200 || again != id {
		t.Fatalf("opened again: %d %s", status, again)
	}
	s.shows(`conclave_meetings{generation="2"} 0`)
	ana.join(id).alive()
	s.shows(`conclave_participants{generation="1"} 2`)
	before.end()
	first.ends()
	if status, again := ana.open(own); status != 201 || again != id {
		t.Fatalf("opened after its end: %d %s", status, again)
	}
	ana.join(id).alive()
}

// TestAVersionWithoutADoorGoesOn: once the version before has given everything away, no meeting ends because a later
// one cannot take over.
func TestAVersionWithoutADoorGoesOn(t *testing.T) {
	s := newSite(t)
	given := make(chan *handover.Link, 1)
	door, err := handover.Open(handover.Config{
		Dir: s.dir, Build: "v1", Generation: 1, Before: func() int { return 0 },
		Give: func(*handover.Link) [][]byte { // from now on there is no folder for a door
			if err := errors.Join(os.RemoveAll(s.dir), os.WriteFile(s.dir, nil, 0o600)); err != nil {
				t.Error(err)
			}
			return [][]byte{{stateNonces}}
		},
		Took: func(link *handover.Link, _ string) { given <- link }, Failed: func(*handover.Link) { close(given) },
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(door.Close)
	second := s.start()
	second.log.wait(t, `(no later version can take over)`)
	link := <-given
	if link == nil {
		t.Fatal("it has not taken over")
	}
	defer link.Close()
	select {
	case <-link.Done():
		t.Error("the link has ended")
	default:
	}
	ana := s.person("ana@example.org", second)
	ana.join(ana.create()).alive()
}

// TestAFailedStartLeavesNoListener, so that another try finds the port free.
func TestAFailedStartLeavesNoListener(t *testing.T) {
	held, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	_, port, _ := net.SplitHostPort(held.LocalAddr().String())
	listen := freePort(t)
	cfg, err := parseServe([]string{"serve", "--listen", listen, "--media-listen", "127.0.0.1", "--media-ports", port})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := openServer(t.Context(), cfg, console{io.Discard, io.Discard}); err == nil {
		s.close()
		t.Fatal("it has started")
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

// TestMetricsOfTwoVersionsAreShownTogether, although the older one explains them otherwise or counts otherwise.
func TestMetricsOfTwoVersionsAreShownTogether(t *testing.T) {
	gather := func(generation, help string, second prometheus.Collector) prometheus.Gatherer {
		r := prometheus.NewRegistry()
		first := prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "first", Help: help, ConstLabels: prometheus.Labels{"generation": generation},
		})
		r.MustRegister(first, second)
		return r
	}
	both := together(
		gather("2", "New.", prometheus.NewGauge(prometheus.GaugeOpts{Name: "second", Help: "New."})),
		gather("1", "Old.", prometheus.NewCounter(prometheus.CounterOpts{Name: "second", Help: "Old."})),
	)
	families, err := both.Gather()
	if err != nil || len(families) != 2 || len(families[0].GetMetric()) != 2 || len(families[1].GetMetric()) != 1 {
		t.Error(families, err)
	}
}

// TestWhatIsPassedOnHasABound: connections have places, which they give back, and files may not take all.
func TestWhatIsPassedOnHasABound(t *testing.T) {
	o := newNeighbour(nil)
	for range cap(o.passed) {
		o.passed <- struct{}{}
	}
	if _, err := o.dial(handover.Requests, netip.AddrPort{}, netip.AddrPort{}); !errors.Is(err, errFull) {
		t.Error(err)
	}
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	c := &placed{Conn: ours, release: sync.OnceFunc(func() { <-o.passed })}
	_, _ = c.Close(), c.Close()
	if len(o.passed) != cap(o.passed)-1 {
		t.Error("a connection has not given back its place, or too many")
	}
	if cap(o.assets) >= cap(o.passed) {
		t.Error("files may take all places")
	}
	for range cap(o.assets) {
		o.assets <- struct{}{}
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, httptest.NewRequest("GET", "/assets/old/x.js", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Error(w.Code)
	}
}

// TestAnOlderVersionThatDoesNotAnswerIsAskedAgain: its meetings are not taken for unknown ones.
func TestAnOlderVersionThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	o := newNeighbour(nil)
	for range cap(o.slots) {
		o.slots <- struct{}{}
	}
	registry, err := meeting.NewRegistry(meeting.Config{Media: meeting.FromSFU(&sfu.Server{})})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{generations: &generations{}, media: &media{registry: registry}}
	s.generations.older.Store(o)
	w := httptest.NewRecorder()
	s.route(false)(http.NotFoundHandler()).ServeHTTP(w,
		httptest.NewRequest("GET", "/ws?meeting="+"k7qm-2f9x-w3dj-8hrt", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Error(w.Code)
	}
}
