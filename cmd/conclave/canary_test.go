package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/emersion/go-smtp"
	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// childEnv makes the test binary be Conclave: a whole process, with its own standard streams, files and memory.
const childEnv = "CONCLAVE_TEST_CHILD"

// descendantEnv does so for the processes that such a process starts, too.
const descendantEnv = "TEST_DESCENDANT"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "1" || os.Getenv(descendantEnv) == "1" {
		_ = os.Unsetenv(childEnv)
		os.Exit(run(os.Args[1:], os.Environ(), console{os.Stdout, os.Stderr}))
	}
	os.Exit(m.Run())
}

// Everything a person types, is known by or is reached at has one of these in it.
const (
	canary   = "canaryq7"
	canaryV4 = "203.0.113.77"
	canaryV6 = "2001:db8:77:77::7"
)

// canaryServer is a child process that serves behind a proxy which adds the marked client addresses, and sends its mail
// to a server that quotes addresses in its refusals.
type canaryServer struct {
	t              *testing.T
	cmd            *exec.Cmd
	out, err       *output
	proxy, admin   string
	token          string
	mail           chan string
	dir            string // its working directory, temporary directory, home and data directory are in it
	secrets        []string
	from           atomic.Value // the client address that the proxy adds
	exited         chan error
	proxyTransport *http.Transport
	heard          chan struct{} // one for each person who hears another
}

// canaryMail takes mail, and refuses one address with a text that quotes it.
type canaryMail struct{ mailbox }

func (m canaryMail) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }
func (m canaryMail) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.Contains(to, "refused") {
		return &smtp.SMTPError{Code: 550, Message: "no such user " + to}
	}
	return nil
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func startCanaryServer(t *testing.T) *canaryServer {
	t.Helper()
	s := &canaryServer{
		t:      t,
		out:    &output{},
		err:    &output{},
		mail:   make(chan string, 10),
		dir:    t.TempDir(),
		admin:  freePort(t),
		exited: make(chan error, 1),
		heard:  make(chan struct{}, 10),
	}
	s.token = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"
	mail := smtp.NewServer(canaryMail{mailbox{s.mail}})
	mail.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = mail.Serve(l) }()
	t.Cleanup(func() { _ = mail.Close() })

	listen := freePort(t)
	for _, d := range []string{"cwd", "tmp", "home", "data"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.cmd = exec.Command(
		os.Args[0],
		"serve",
		"--listen",
		listen,
		"--behind-proxy",
		"--url",
		"https://127.0.0.1",
		"--admin-listen",
		s.admin,
		"--media-listen",
		"127.0.0.1",
		"--media-port",
		"0",
		"--smtp",
		"smtp+plain://"+l.Addr().String(),
		"--smtp-from",
		"conclave@example.org",
		"--bot-tokens",
		s.token,
		"--log-level",
		"debug",
		"--log-format",
		"json",
		"--code-digits",
		"8",
		"--guests",
		"--data-dir",
		filepath.Join(s.dir, "data"),
	)
	s.cmd.Env = []string{
		childEnv + "=1",
		"CONCLAVE_CONFIG=" + os.DevNull,
		"TMPDIR=" + filepath.Join(s.dir, "tmp"),
		"HOME=" + filepath.Join(s.dir, "home"),
		"GOTRACEBACK=all",
	}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = filepath.Join(s.dir, "cwd"), s.out, s.err
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.exited <- s.cmd.Wait() }()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	s.out.wait(t, `(?m)^(media) `)
	s.startProxy(listen)
	return s
}

func (s *canaryServer) startProxy(target string) {
	s.from.Store(canaryV4)
	s.proxyTransport = &http.Transport{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: s.proxyTransport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: target})
			from, _ := s.from.Load().(string)
			r.Out.Header.Set("X-Forwarded-For", from)
			r.Out.Host = "127.0.0.1"
		},
	})
	s.proxy = proxy.URL
	s.t.Cleanup(func() { proxy.Close(); s.proxyTransport.CloseIdleConnections() })
}

// person is a browser, with every header a person could be known by.
type person struct {
	*canaryServer
	cookies map[string]string
	header  http.Header
	conn    *websocket.Conn
}

func (s *canaryServer) person() *person {
	return &person{canaryServer: s, cookies: map[string]string{}, header: http.Header{
		"User-Agent": {
			"Mozilla/" + canary + "-agent",
		}, "Accept-Language": {canary}, "Referer": {"https://" + canary + ".example/"},
		"X-Real-Ip": {canaryV4}, "Forwarded": {"for=" + canaryV4}, "Origin": {"https://127.0.0.1"},
	}}
}

func (p *person) headers() http.Header {
	h := p.header.Clone()
	var list []string
	for k, v := range p.cookies {
		list = append(list, k+"="+v)
	}
	if len(list) > 0 {
		h.Set("Cookie", strings.Join(list, "; "))
	}
	return h
}

func (p *person) do(method, path, body string) (int, map[string]any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.proxy+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header = p.headers()
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	for _, c := range resp.Cookies() {
		p.cookies[c.Name] = c.Value
		if len(c.Value) >= 32 {
			p.secrets = append(p.secrets, c.Value)
		}
	}
	var out map[string]any
	data, _ := io.ReadAll(resp.Body)
	_ = json.Unmarshal(data, &out)
	return resp.StatusCode, out
}

func (p *person) signIn(address string) {
	p.t.Helper()
	if status, out := p.do("POST", "/api/auth/code", fmt.Sprintf(`{"email":%q}`, address)); status != 202 {
		p.t.Fatal(status, out)
	}
	code := regexp.MustCompile(`\b\d{8}\b`).FindString(<-p.mail)
	p.secrets = append(p.secrets, code)
	p.do("POST", "/api/auth/verify", `{"code":"00000001"}`)
	if status, out := p.do("POST", "/api/auth/verify", fmt.Sprintf(`{"code":%q}`, code)); status != 200 {
		p.t.Fatal(status, out)
	}
}

func (p *person) dial() {
	p.t.Helper()
	conn, resp, err := websocket.Dial(
		p.t.Context(),
		p.proxy+"/ws",
		&websocket.DialOptions{HTTPHeader: p.headers(), Subprotocols: []string{"conclave.v1"}},
	)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = resp
	conn.SetReadLimit(1 << 20)
	p.conn = conn
	p.t.Cleanup(func() { _ = conn.CloseNow() })
}

func (p *person) send(m string) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, []byte(m)); err != nil {
		p.t.Fatal(err)
	}
}

// until reads messages until one of the type comes.
func (p *person) until(kind string) map[string]any {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for {
		_, data, err := p.conn.Read(ctx)
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", kind, err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			p.t.Fatal(err)
		}
		if token, ok := m["resume"].(string); ok {
			p.secrets = append(p.secrets, token)
		}
		if m["type"] == kind {
			return m
		}
	}
}

// talk joins media: one microphone, one slot, real packets.
func (p *person) talk() {
	t := p.t
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var codecs webrtc.MediaEngine
	must(codecs.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType:  webrtc.MimeTypeOpus,
			ClockRate: 48000,
			Channels:  2,
		}, PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio))
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&codecs), webrtc.WithSettingEngine(settings)).
		NewPeerConnection(webrtc.Configuration{})
	must(err)
	t.Cleanup(func() { _ = pc.Close() })
	heard := make(chan struct{})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if _, _, err := track.ReadRTP(); err == nil {
			close(heard)
		}
	})
	mic, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus},
		canary+"-track",
		canary+"-stream",
	)
	must(err)
	_, err = pc.AddTransceiverFromTrack(mic, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(err)
	_, err = pc.AddTransceiverFromKind(
		webrtc.RTPCodecTypeAudio,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly},
	)
	must(err)
	offer, err := pc.CreateOffer(nil)
	must(err)
	must(pc.SetLocalDescription(offer))
	sdp := strings.Replace(offer.SDP, "s=-", "s="+canary+"-session", 1) +
		"a=candidate:1 1 udp 2130706431 " + canaryV4 + " 5000 typ host\r\n" +
		"a=candidate:2 1 udp 2130706431 " + canaryV6 + " 5000 typ host\r\n"
	body, err := json.Marshal(sdp)
	must(err)
	p.send(fmt.Sprintf(`{"type":"offer","id":20,"sdp":%s,"tracks":[{"mid":"0","source":"mic"}]}`, body))
	answer, _ := p.until("answer")["sdp"].(string)
	must(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	p.send(`{"type":"media","id":21,"sources":["mic"]}`)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for seq := uint16(1); ; seq++ {
			_ = mic.WriteRTP(
				&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960},
					Payload: []byte(canary + " speaks"),
				},
			)
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	go func() {
		select {
		case <-heard:
			p.canaryServer.heard <- struct{}{}
		case <-stop:
		}
	}()
}
