package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"conclave/auth"
	"conclave/handover"
	"conclave/meeting"
	"conclave/protocol"
)

// Headers between two versions. They are read of requests that come over a link only, and set anew on each.
const (
	chainClient  = "Conclave-Client"  // the client's address
	chainSession = "Conclave-Session" // its session, if the newer version knows it
)

const (
	// queryTimeout bounds a question to the older version.
	queryTimeout = 2 * time.Second
	// maxQueries bounds the questions at once. Beyond it there is no answer: a flood of invented names costs us little.
	maxQueries = 64
	// maxPassed bounds the connections to another version at once, which cost a descriptor in each. Both have the same
	// limit of open files, of which clients' connections take three quarters at most (limitListener): an eighth goes this
	// way, if that is less. Idle connections count.
	maxPassed = 4096
	// assetShare is the part of these that requests for files may hold: a stranger could hold all of them.
	assetShare = 4
	// maxMetrics bounds what is read of the older version's metrics.
	maxMetrics = 4 << 20
)

// neighbour is the version before this one, or the one after it, as this one reaches it. It serves requests by passing
// them on.
type neighbour struct {
	link     *handover.Link
	proxy    *httputil.ReverseProxy
	requests *http.Transport
	queries  *http.Client
	slots    chan struct{} // of the questions
	passed   chan struct{} // of the connections, clients' streams among them
	assets   chan struct{} // of the requests for files
}

// errFull says that the neighbour has all the connections that it may have.
var errFull = errors.New("too much is passed on")

// dial opens a connection, which has its place until it is closed.
func (o *neighbour) dial(kind handover.Kind, from, to netip.AddrPort) (net.Conn, error) {
	select {
	case o.passed <- struct{}{}:
	default:
		return nil, errFull
	}
	release := sync.OnceFunc(func() { <-o.passed })
	conn, err := o.link.Dial(kind, from, to)
	if err != nil {
		release()
		return nil, err //nolint:wrapcheck // not shown
	}
	return &placed{Conn: conn, release: release}, nil
}

// placed is a connection that has one of the places of maxPassed.
type placed struct {
	net.Conn
	release func()
}

// Close is part of net.Conn.
func (p *placed) Close() error {
	defer p.release()
	return p.Conn.Close() //nolint:wrapcheck // a pass-through
}

// ServeHTTP passes a request on.
func (o *neighbour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/assets/") {
		select {
		case o.assets <- struct{}{}:
			defer func() { <-o.assets }()
		default:
			unavailable(w)
			return
		}
	}
	o.proxy.ServeHTTP(w, r)
}

// unavailable says that another version cannot be asked at the moment.
func unavailable(w http.ResponseWriter) {
	auth.WriteError(w, http.StatusServiceUnavailable, "server_full", "The server restarts. Try again.", time.Second)
}

func newNeighbour(link *handover.Link) *neighbour {
	passed := max(min(maxPassed, openFiles()/8), 1)
	o := &neighbour{
		link: link, slots: make(chan struct{}, maxQueries), passed: make(chan struct{}, passed),
		assets: make(chan struct{}, max(passed/assetShare, 1)),
	}
	transport := func(dial func() (net.Conn, error)) *http.Transport {
		return &http.Transport{
			DialContext:        func(context.Context, string, string) (net.Conn, error) { return dial() },
			DisableCompression: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
		}
	}
	none := netip.AddrPort{}
	o.requests = transport(func() (net.Conn, error) { return o.dial(handover.Requests, none, none) })
	// maxQueries bounds these.
	o.queries = &http.Client{Timeout: queryTimeout, Transport: transport(func() (net.Conn, error) {
		return link.Dial(handover.Queries, none, none) //nolint:wrapcheck // not shown
	})}
	o.proxy = &httputil.ReverseProxy{
		Transport: o.requests,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "older"
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { unavailable(w) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	return o
}

func (o *neighbour) close() {
	o.requests.CloseIdleConnections()
	o.queries.CloseIdleConnections()
}

// belonging is what the older version may have.
type belonging struct{ meeting, fragment, username string }

// errUnknown says that another version has not answered: it may have what was asked for.
var errUnknown = errors.New("the older version does not answer")

// has asks the older version, and those before it.
func (o *neighbour) has(b belonging) (bool, error) {
	select {
	case o.slots <- struct{}{}:
		defer func() { <-o.slots }()
	default:
		return false, errUnknown
	}
	q := url.Values{"meeting": {b.meeting}, "fragment": {b.fragment}, "username": {b.username}}
	resp, err := o.ask("/has?" + q.Encode())
	if err != nil {
		select {
		case <-o.link.Done():
			return false, nil // it has ended
		default:
			return false, errUnknown
		}
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return false, errUnknown
	}
	return resp.StatusCode == http.StatusNoContent, nil
}

// before is how many versions before the older one still run.
func (o *neighbour) before() int {
	resp, err := o.ask("/before")
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 16))
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 0 {
		return handover.MaxGenerations // what is wrong lets no more in
	}
	return n
}

func (o *neighbour) ask(path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://older"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the older version: %w", err)
	}
	return o.queries.Do(req) //nolint:wrapcheck // not shown
}

// gather returns the older version's metrics, and those of the versions before it.
func (o *neighbour) gather() ([]*dto.MetricFamily, error) {
	resp, err := o.ask("/metrics")
	if err != nil {
		return nil, nil // it has just ended
	}
	defer func() { _ = resp.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	byName, err := parser.TextToMetricFamilies(io.LimitReader(resp.Body, maxMetrics))
	if err != nil {
		return nil, fmt.Errorf("metrics of the older version: %w", err)
	}
	families := make([]*dto.MetricFamily, 0, len(byName))
	for _, f := range byName {
		families = append(families, f)
	}
	return families, nil
}

// gatherer is what /metrics shows: the metrics of all versions that run, each with the label generation. Without
// hand-over it is this process's alone, without the label.
func (s *server) gatherer() prometheus.Gatherer {
	g := s.generations
	if g == nil {
		return s.metrics.registry
	}
	name, number := "generation", strconv.Itoa(g.number)
	own := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := s.metrics.registry.Gather()
		for _, f := range families {
			for _, m := range f.Metric {
				m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &number})
			}
		}
		return families, err //nolint:wrapcheck // promhttp's
	})
	return together(own, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if o := g.older.Load(); o != nil {
			return o.gather()
		}
		return nil, nil
	}))
}

// together gathers both. Families of the older version have our help, and are left out if their type is not ours: two
// versions may differ.
func together(own, older prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		ours, err1 := own.Gather()
		theirs, err2 := older.Gather()
		byName := make(map[string]*dto.MetricFamily, len(ours))
		for _, f := range ours {
			byName[f.GetName()] = f
		}
		theirs = slices.DeleteFunc(theirs, func(f *dto.MetricFamily) bool {
			same := byName[f.GetName()]
			if same != nil {
				f.Help = same.Help
			}
			return same != nil && same.GetType() != f.GetType()
		})
		return prometheus.Gatherers{
			prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return ours, err1 }),
			prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return theirs, err2 }),
		}.Gather()
	})
}

// route passes on requests for meetings and files that another version has. Once one has taken over, it has all that is
// not this one's: a meeting that a connection of before creates is the newest version's. passed says that the requests
// come from a neighbour: those go down, never up again.
func (s *server) route(passed bool) func(http.Handler) http.Handler {
	g := s.generations
	return func(next http.Handler) http.Handler {
		if g == nil {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var newer *neighbour
			if !passed {
				newer = g.newer.Load()
			}
			to, err := s.neighbourFor(r, g.older.Load(), newer)
			if err != nil {
				unavailable(w)
				return
			}
			if to != nil {
				clear(w.Header()) // the other version sets its own
				s.vouch(r)
			}
			if newer != nil && r.Header.Get("Upgrade") == "" {
				w.Header().Set("Connection", "close") // the client's next one leads to the newest
			}
			if to != nil {
				to.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// vouch says whose a request is, which the other version believes, in place of what the client may have said itself.
func (s *server) vouch(r *http.Request) {
	r.Header.Del(chainClient)
	r.Header.Del(chainSession)
	if client, ok := auth.ClientIPFrom(r.Context()); ok {
		r.Header.Set(chainClient, client.Reveal().String())
	}
	if session := s.auth.RequestSession(r); session != "" {
		r.Header.Set(chainSession, session)
	}
}

// openElsewhere is signaling.Config.Elsewhere: it asks the older version in the name of the asking person.
func (s *server) openElsewhere(r *http.Request, id meeting.ID) (about protocol.MeetingInfo, ok bool, err error) {
	o := s.generations.older.Load()
	if o == nil {
		return about, false, nil
	}
	if ok, err := o.has(belonging{meeting: id.Reveal()}); !ok {
		return about, false, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://older/api/meetings/"+id.Reveal(), nil)
	if err != nil {
		return about, false, errUnknown
	}
	req.Host = r.Host
	for _, name := range []string{"Cookie", "Authorization"} {
		req.Header[name] = r.Header[name]
	}
	s.vouch(req)
	resp, err := o.requests.RoundTrip(req)
	if err != nil {
		return about, false, errUnknown
	}
	defer func() { _ = resp.Body.Close() }()
	err = json.NewDecoder(io.LimitReader(resp.Body, protocol.MaxHTTPBody)).Decode(&about)
	return about, err == nil && resp.StatusCode == http.StatusOK, nil
}

// neighbourFor is the version that a request is passed on to; nil for this one. Either neighbour may be nil.
// An error says that the older one has not answered.
func (s *server) neighbourFor(r *http.Request, older, newer *neighbour) (*neighbour, error) {
	if older == nil && newer == nil {
		return nil, nil
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/assets/"); ok {
		switch version, _, _ := strings.Cut(rest, "/"); {
		case version == s.assets:
			return nil, nil
		case newer != nil:
			return newer, nil
		}
		return older, nil
	}
	typed, _ := protocol.ParseMeetingID(meetingOf(r))
	id, err := meeting.ParseID(string(typed))
	switch {
	case err != nil:
		return newer, nil //nolint:nilerr // it names no meeting
	case s.media.registry.Has(id):
		return nil, nil
	case older != nil:
		if has, err := older.has(belonging{meeting: id.Reveal()}); has || err != nil {
			return older, err
		}
	}
	return newer, nil
}

// meetingOf is the meeting that a request names; "" for none.
func meetingOf(r *http.Request) string {
	if r.URL.Path == "/ws" {
		return r.URL.Query().Get("meeting")
	}
	for _, prefix := range []string{"/api/meetings/", "/whip/", "/whep/"} {
		if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok {
			id, _, _ := strings.Cut(rest, "/")
			return id
		}
	}
	return ""
}

// chain serves what a neighbour passes on and asks.
type chain struct {
	requests, queries *inlet
	servers           []*http.Server
}

// serveChain begins to serve a neighbour.
func (s *server) serveChain() *chain {
	c := &chain{requests: newInlet(), queries: newInlet()}
	p := s.parts
	p.passed, p.route = s.takeSession, s.route(true)
	router, err := newRouter(p)
	if err != nil { // it was made of the same before
		s.log.Error("the other version's requests are not served", "error", err)
		router = chi.NewRouter()
	}
	for inlet, handler := range map[*inlet]http.Handler{c.requests: router, c.queries: s.queryHandler()} {
		h := newHTTPServer(handler)
		h.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
		c.servers = append(c.servers, h)
		go func() { _ = h.Serve(inlet) }() // ends with close
	}
	return c
}

func (c *chain) close() {
	for _, h := range c.servers {
		_ = h.Close()
	}
}

// takeSession takes the session that the other version sends along.
func (s *server) takeSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.Header.Get(chainSession); text != "" && s.auth.TakeRequestSession(text) != nil {
			auth.WriteError(w, http.StatusBadRequest, "internal", "Something went wrong on our side.", 0)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// queryHandler answers a neighbour.
func (s *server) queryHandler() http.Handler {
	r := chi.NewRouter()
	r.Get("/has", func(w http.ResponseWriter, r *http.Request) {
		switch has, err := s.has(belonging{r.FormValue("meeting"), r.FormValue("fragment"), r.FormValue("username")}); {
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		case has:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	r.Get("/before", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strconv.Itoa(s.generations.before()))
	})
	r.Get("/metrics", s.metrics.handlerOf(s.gatherer()).ServeHTTP)
	return r
}

// has says whether this version, or one before it, has what is asked for.
func (s *server) has(b belonging) (bool, error) {
	id, err := meeting.ParseID(b.meeting)
	switch {
	case err == nil && s.media.registry.Has(id),
		b.fragment != "" && s.media.sfu.Knows([]byte(b.fragment)),
		b.username != "" && s.media.reach.credentials.Knows(b.username):
		return true, nil
	}
	if o := s.generations.older.Load(); o != nil {
		return o.has(b)
	}
	return false, nil
}

// inlet is a listener of connections that come over the link.
type inlet struct {
	conns chan net.Conn // unbuffered
	done  chan struct{}
	once  sync.Once
}

func newInlet() *inlet { return &inlet{conns: make(chan net.Conn), done: make(chan struct{})} }

// put waits until the connection is taken, or the inlet closed, which closes the connection.
func (i *inlet) put(c net.Conn) {
	select {
	case i.conns <- c:
	case <-i.done:
		_ = c.Close()
	}
}

// Accept is part of net.Listener.
func (i *inlet) Accept() (net.Conn, error) {
	select {
	case c := <-i.conns:
		return c, nil
	case <-i.done:
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener.
func (i *inlet) Close() error {
	i.once.Do(func() { close(i.done) })
	return nil
}

// Addr is part of net.Listener.
func (i *inlet) Addr() net.Addr { return &net.UnixAddr{Name: "link", Net: "unix"} }
