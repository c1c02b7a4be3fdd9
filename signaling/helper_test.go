package signaling

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"conclave/auth"
	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
	"conclave/sfu"
)

func TestMain(m *testing.M) {
	// the runtime's own, seen only while it is at work
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.runCleanups"))
}

const botToken = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"

// patience bounds every wait of these tests.
const patience = time.Minute

// fakeMedia stands for the media server: it answers offers and remembers.
type fakeMedia struct {
	mu    sync.Mutex
	peers map[media.ParticipantID]*fakePeer // of all rooms: tests with media have one meeting
	open  int
	rooms int
}

type fakeRoom struct {
	media *fakeMedia
	tell  func(media.Event)
}

type fakePeer struct {
	fakeRoom
	id     media.ParticipantID
	live   media.SourceSet
	offers int
	closed bool
}

func (m *fakeMedia) NewRoom(_ media.RoomConfig, tell func(media.Event)) meeting.Room {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rooms++
	return fakeRoom{m, tell}
}

func (r fakeRoom) Join(id media.ParticipantID) meeting.Peer {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	p := &fakePeer{fakeRoom: r, id: id}
	r.media.peers[id] = p
	r.media.open++
	return p
}

func (r fakeRoom) Close() {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	r.media.rooms--
}

func (p *fakePeer) Negotiate(_ context.Context, sdp string, _ []media.Track) (string, error) {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	switch {
	case p.closed:
		return "", sfu.ErrClosed
	case strings.Contains(sdp, "panic"):
		panic("a bug that " + sdp + " found")
	case !strings.HasPrefix(sdp, "v=0"):
		return "", fmt.Errorf("%w: no version line", sfu.ErrBadOffer)
	}
	p.offers++
	return "v=0 answer", nil
}

func (p *fakePeer) SetView([]media.Want) {
	p.tell(media.Event{Kind: media.EventSlots, Participant: p.id,
		Slots: []media.Slot{{MID: "4", Participant: 1, Source: media.Camera, Height: 180}}})
}

func (p *fakePeer) SetLive(set media.SourceSet, generation uint64) {
	p.media.mu.Lock()
	p.live = set
	p.media.mu.Unlock()
	p.applied(generation)
}

func (p *fakePeer) applied(generation uint64) {
	p.tell(media.Event{Kind: media.EventApplied, Participant: p.id, Generation: generation})
}

func (p *fakePeer) Close(generation uint64) {
	p.media.mu.Lock()
	p.closed = true
	p.media.open--
	p.media.mu.Unlock()
	p.applied(generation)
}

// liveOf is what the media server may forward of a participant; false if it has no open peer.
func (m *fakeMedia) liveOf(id protocol.Participant) (media.SourceSet, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[id]
	if p == nil || p.closed {
		return 0, false
	}
	return p.live, true
}

// server is the whole server but for real media: auth, meetings, signaling, on a loopback socket.
type server struct {
	t        testing.TB
	url      string
	auth     *auth.Service
	handler  *Handler
	registry *meeting.Registry
	media    *fakeMedia
	metrics  *prometheus.Registry
	log      *lockedBuffer
	network  *memoryNetwork // nil: real sockets on loopback
	patience time.Duration  // bounds every wait for a message
	mail     *codes
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// codes is a mailer that keeps the latest code of each address.
type codes struct{ sent chan auth.Message }

func (c *codes) Send(_ context.Context, m auth.Message) error {
	c.sent <- m
	return nil
}

func newServer(t testing.TB, change ...func(*Config, *meeting.Config)) *server {
	t.Helper()
	return newServerOn(t, nil, change...)
}

func newServerOn(t testing.TB, network *memoryNetwork, change ...func(*Config, *meeting.Config)) *server {
	t.Helper()
	s := &server{
		t: t, media: &fakeMedia{peers: make(map[media.ParticipantID]*fakePeer)}, metrics: prometheus.NewRegistry(),
		log: &lockedBuffer{}, mail: &codes{make(chan auth.Message, 10)}, network: network, patience: patience,
	}
	var err error
	const many = 1 << 20
	s.auth, err = auth.New(auth.Config{
		Insecure: true, BotTokens: []string{botToken}, HostDomains: []string{"example.org"},
		Guests: true,
		Limits: auth.Limits{CodesPerAddressHour: many, CodesPerAddressDay: many, GuestsPerClientHour: many, CodesPerClientHour: many, CodesPerMinute: many, AuthRequestsPerMinute: many, CodeResendAfter: []time.Duration{1}},
	}, auth.Deps{Mailer: s.mail})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewJSONHandler(s.log, nil))
	cfg, meetings := Config{Log: logger, Metrics: s.metrics}, meeting.Config{Media: s.media, Log: logger}
	for _, f := range change {
		f(&cfg, &meetings)
	}
	if meetings.Media != meeting.Media(s.media) {
		s.media = nil // the real one
	}
	if s.registry, err = meeting.NewRegistry(meetings); err != nil {
		t.Fatal(err)
	}
	if s.handler, err = New(cfg, s.auth, s.registry); err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	r.Use(auth.ClientIPMiddleware(nil))
	r.Mount("/api/auth", s.auth.Routes())
	s.handler.Routes(r)
	web := httptest.NewUnstartedServer(r)
	// Small kernel buffers, so that a client which does not read is felt after kilobytes and not after megabytes.
	web.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(32 << 10)
		}
		return ctx
	}
	if network != nil {
		web.Listener = network
	}
	web.Start()
	s.url = web.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.handler.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		web.Close()
		s.auth.Close()
	})
	return s
}

// account is somebody signed in: an HTTP client with a session cookie, or a bot's token.
type account struct {
	s      *server
	name   string
	client *http.Client
	header http.Header
}

func (s *server) account(name string) *account {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{}
	if s.network != nil {
		transport.DialContext = s.network.dial
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &account{s: s, name: name, client: &http.Client{Jar: jar, Transport: transport}, header: http.Header{}}
}

// signIn signs in with a code, as a browser does.
func (s *server) signIn(name string) *account {
	s.t.Helper()
	a := s.account(name)
	address := name
	if !strings.Contains(name, "@") {
		address += "@example.org"
	}
	a.want(http.StatusAccepted, "POST", "/api/auth/code", fmt.Sprintf(`{"email":%q}`, address), nil)
	m := <-s.mail.sent
	a.want(http.StatusOK, "POST", "/api/auth/verify", fmt.Sprintf(`{"code":%q}`, m.Code), nil)
	return a
}

func (s *server) bot() *account {
	a := s.account("bot")
	a.header.Set("Authorization", "Bearer "+botToken)
	return a
}

// do makes a request and returns status, headers and body.
func (a *account) do(method, path, body string) (int, http.Header, []byte) {
	a.s.t.Helper()
	req, err := http.NewRequestWithContext(a.s.t.Context(), method, a.s.url+path, strings.NewReader(body))
	if err != nil {
		a.s.t.Fatal(err)
	}
	req.Header = a.header.Clone()
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := a.client.Do(req)
	if err != nil {
		a.s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		a.s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, data
}

// want makes a request and decodes the answer strictly into out.
func (a *account) want(status int, method, path, body string, out any) {
	a.s.t.Helper()
	have, _, data := a.do(method, path, body)
	if have != status {
		a.s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, have, status, data)
	}
	if out != nil {
		if err := protocol.DecodeBody(data, out); err != nil {
			a.s.t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
}

// refused makes a request that must be refused with the error id.
func (a *account) refused(status int, id protocol.ErrorID, method, path, body string) {
	a.s.t.Helper()
	have, header, data := a.do(method, path, body)
	var e protocol.HTTPError
	if err := protocol.DecodeBody(data, &e); err != nil || have != status || e.Error != id {
		a.s.t.Fatalf("%s %s: %d %s, want %d %s", method, path, have, data, status, id)
	}
	if have == http.StatusTooManyRequests && header.Get("Retry-After") != fmt.Sprint(e.RetryAfterS) {
		a.s.t.Fatalf("Retry-After %q, body %d", header.Get("Retry-After"), e.RetryAfterS)
	}
}

// create makes a meeting: a plain one, unless the body says otherwise.
func (a *account) create(body string) protocol.MeetingID {
	a.s.t.Helper()
	if !strings.Contains(body, "e2ee") {
		body = strings.Replace(strings.Replace(body, "{", `{"e2ee": false, `, 1), ", }", "}", 1)
	}
	var c protocol.Created
	a.want(http.StatusCreated, "POST", "/api/meetings", body, &c)
	if !c.Meeting.Valid() {
		a.s.t.Fatalf("meeting %q", c.Meeting)
	}
	return c.Meeting
}

// peer is a participant's WebSocket as a client sees it. Everything the server sends is decoded strictly.
type peer struct {
	*account
	t        testing.TB
	conn     *websocket.Conn
	meeting  protocol.MeetingID
	lastID   protocol.RequestID
	welcome  protocol.Welcome
	messages chan protocol.ServerMessage
	closed   chan struct{}
	noChat   atomic.Bool // chat is read and forgotten
}

// dial opens a WebSocket; it does not join.
func (a *account) dial() *peer {
	a.s.t.Helper()
	p, res, err := a.tryDial(nil)
	if err != nil {
		body := []byte("no answer")
		if res != nil {
			body, _ = io.ReadAll(res.Body)
		}
		a.s.t.Fatalf("dial: %v: %s", err, body)
	}
	return p
}

func (a *account) tryDial(header http.Header) (*peer, *http.Response, error) {
	h := a.header.Clone()
	for k, v := range header {
		h[k] = v
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	protocols := []string{protocol.Subprotocol}
	if h.Get("X-No-Subprotocol") != "" {
		protocols = nil
	}
	conn, res, err := websocket.Dial(ctx, a.s.url+"/ws", &websocket.DialOptions{
		HTTPClient: a.client, HTTPHeader: h, Subprotocols: protocols,
	})
	if err != nil {
		return nil, res, err
	}
	conn.SetReadLimit(protocol.MaxServer)
	p := &peer{account: a, t: a.s.t, conn: conn, messages: make(chan protocol.ServerMessage, 10_000),
		closed: make(chan struct{})}
	a.s.t.Cleanup(func() { _ = conn.CloseNow(); <-p.closed })
	go p.receive()
	return p, res, nil
}

func (p *peer) receive() {
	defer close(p.closed)
	defer close(p.messages)
	for {
		_, data, err := p.conn.Read(context.Background())
		if err != nil {
			return
		}
		if p.noChat.Load() && bytes.HasPrefix(data, []byte(`{"type":"chat"`)) {
			continue
		}
		m, err := protocol.DecodeServer(data)
		if err != nil {
			p.t.Errorf("%s got %.300s: %v", p.name, data, err)
			return
		}
		p.messages <- m
	}
}

// raw sends bytes as a text message.
func (p *peer) raw(data string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.conn.Write(ctx, websocket.MessageText, []byte(data)); err != nil {
		p.t.Fatalf("%s cannot write: %v", p.name, err)
	}
}

func (p *peer) send(m protocol.ClientMessage) {
	p.t.Helper()
	data, err := protocol.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	p.raw(string(data))
}

func (p *peer) id() protocol.RequestID {
	p.lastID++
	return p.lastID
}

// next waits for a message of type T and skips all others.
func next[T protocol.ServerMessage](p *peer) T {
	p.t.Helper()
	return match(p, func(T) bool { return true })
}

// match waits for a message of type T that f accepts and skips all others.
func match[T protocol.ServerMessage](p *peer, f func(T) bool) T {
	p.t.Helper()
	timeout := time.After(p.s.patience)
	for {
		select {
		case m, open := <-p.messages:
			if m, ok := m.(T); ok && f(m) {
				return m
			}
			if !open {
				var want T
				p.t.Fatalf("%s: closed while waiting for %T", p.name, want)
			}
		case <-timeout:
			var want T
			p.t.Fatalf("%s: no %T", p.name, want)
		}
	}
}

// sees waits for a roster event that says f of a participant.
func (p *peer) sees(id protocol.Participant, f func(protocol.RosterEntry) bool) {
	p.t.Helper()
	match(p, func(m *protocol.Roster) bool {
		return slices.ContainsFunc(append(m.Joined, m.Changed...), func(e protocol.RosterEntry) bool {
			return e.Participant == id && f(e)
		})
	})
}

// ok sends a request and waits for its ok; what comes before it is skipped.
func (p *peer) ok(m protocol.ClientMessage) {
	p.t.Helper()
	p.send(m)
	p.reply(m.Request(), "")
}

// rejected sends a request and waits for its refusal.
func (p *peer) rejected(m protocol.ClientMessage, want protocol.ErrorID) {
	p.t.Helper()
	p.send(m)
	p.reply(m.Request(), want)
}

// reply waits for ok (want empty) or an error in reply to a request.
func (p *peer) reply(id protocol.RequestID, want protocol.ErrorID) {
	p.t.Helper()
	timeout := time.After(p.s.patience)
	for {
		select {
		case m, open := <-p.messages:
			switch m := m.(type) {
			case *protocol.OK:
				if m.ID == id {
					if want != "" {
						p.t.Fatalf("%s: ok, want %s", p.name, want)
					}
					return
				}
			case *protocol.Error:
				if m.ID == id {
					if m.Error != want {
						p.t.Fatalf("%s: %s (%s), want %q", p.name, m.Error, m.Message, want)
					}
					return
				}
			}
			if !open {
				p.t.Fatalf("%s: closed before the reply", p.name)
			}
		case <-timeout:
			p.t.Fatalf("%s: no reply to request %d", p.name, id)
		}
	}
}

// bye waits for the bye and for the end of the socket after it.
func (p *peer) bye(want protocol.ByeReason) {
	p.t.Helper()
	if b := next[*protocol.Bye](p); b.Reason != want || b.Message == "" {
		p.t.Fatalf("%s: bye %q (%s), want %q", p.name, b.Reason, b.Message, want)
	}
	select {
	case m, open := <-p.messages:
		if open {
			p.t.Fatalf("%s: %T after the bye", p.name, m)
		}
	case <-time.After(p.s.patience):
		p.t.Fatalf("%s: not closed after the bye", p.name)
	}
}

// drop cuts the connection without a close handshake.
func (p *peer) drop() { _ = p.conn.CloseNow() }

// goAway closes the connection as a browser does when its page is closed or reloaded.
func (p *peer) goAway() { _ = p.conn.Close(websocket.StatusGoingAway, "") }

// ask sends a join.
func (p *peer) ask(id protocol.MeetingID, more ...func(*protocol.Join)) {
	p.t.Helper()
	p.meeting = id
	j := &protocol.Join{ID: p.id(), Version: 1, Meeting: id, Name: p.name}
	for _, f := range more {
		f(j)
	}
	p.send(j)
}

// join opens a socket, joins and waits for the welcome.
func (a *account) join(id protocol.MeetingID, more ...func(*protocol.Join)) *peer {
	a.s.t.Helper()
	p := a.dial()
	p.ask(id, more...)
	p.in()
	return p
}

func (p *peer) in() {
	p.t.Helper()
	p.welcome = *next[*protocol.Welcome](p)
	if p.welcome.ID == 0 {
		p.t.Fatal("the welcome does not echo the join's id")
	}
}

// wait opens a socket, joins and waits in the lobby.
func (a *account) wait(id protocol.MeetingID, more ...func(*protocol.Join)) *peer {
	a.s.t.Helper()
	p := a.dial()
	p.ask(id, more...)
	if l := match(p, func(l *protocol.Lobby) bool { return l.ID != 0 }); l.ID != p.lastID {
		p.t.Fatalf("the lobby echoes id %d", l.ID)
	}
	return p
}

// sealed joins as clients of end-to-end encrypted meetings do.
func sealed(name string) func(*protocol.Join) {
	return func(j *protocol.Join) { j.Name, j.Announce = "", announceOf(name) }
}

// opaque is what the server cannot read, in the form of the wire.
func opaque(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func resume(token string) func(*protocol.Join) { return func(j *protocol.Join) { j.Resume = token } }
func password(s string) func(*protocol.Join)   { return func(j *protocol.Join) { j.Password = s } }

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

// counter reads a metric's value, summed over the given labels.
func (s *server) counter(name, label, value string) (sum float64) {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			fits := label == ""
			for _, l := range m.GetLabel() {
				fits = fits || l.GetName() == label && l.GetValue() == value
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// meetingConfig keeps the tests' signatures short.
type meetingConfig = meeting.Config

// announceOf is an announce with an identity key of its own for each name.
func announceOf(name string) string {
	key := sha256.Sum256([]byte(name))
	return opaque(string(key[:]) + "sealed name of " + name)
}
