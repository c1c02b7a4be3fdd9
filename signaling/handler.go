package signaling

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// Authenticator is what signaling needs of auth.Service.
type Authenticator interface {
	Authenticate(r *http.Request) (auth.Identity, error)
	OnRevoke(id auth.SessionID, f func()) (cancel func())
	Touch(id auth.SessionID)
	Revoke(id auth.SessionID)
}

// Handler serves the routes of meetings and their WebSockets. Safe for concurrent use.
type Handler struct {
	cfg      Config
	auth     Authenticator
	registry *meeting.Registry
	metrics  *metrics
	limits   limits
	decoding share
	queued   queued
	asked    challenges
	waits    *waits

	mu       sync.Mutex
	draining bool
	sockets  map[*socket]struct{}       // at most MaxSockets
	persons  map[auth.SessionID]*person // at most one entry a socket; none for bots
	bots     map[auth.SessionID]int     // sockets of each bot token
	clients  map[auth.ClientIP]int      // sockets of each; at most one entry a socket
	streams  map[string]*stream         // by resource; at most one for each stream key, of which meetings hold few
	open     sync.WaitGroup             // one a socket
}

// limits are the limits that outlive a socket.
type limits struct {
	create  *auth.Limiter[auth.Person]
	joins   *auth.NetworkLimiter[meeting.ID]
	opened  *auth.Limiter[auth.SessionID]  // WebSockets
	tried   *auth.Limiter[auth.SessionID]  // joins
	hashes  *auth.NetworkLimiter[struct{}] // each password costs a hash
	guesses guesses
	unknown *auth.NetworkLimiter[struct{}]
	info    *auth.NetworkLimiter[struct{}]
	streams *auth.NetworkLimiter[struct{}]
	checks  *auth.NetworkLimiter[struct{}]
	waits   *auth.NetworkLimiter[struct{}]
}

// attempt is who tries to get into which meeting.
type attempt struct {
	client  auth.ClientIP
	meeting meeting.ID
}

// New makes a Handler. The registry stays the caller's, but Drain closes it.
func New(cfg Config, authenticator Authenticator, registry *meeting.Registry) (*Handler, error) {
	if authenticator == nil || registry == nil {
		return nil, errors.New("signaling: an authenticator and a registry are needed")
	}
	cfg = cfg.withDefaults()
	limit := func(n int, window time.Duration) auth.LimiterConfig {
		return auth.LimiterConfig{Limit: n, Window: window, MaxKeys: cfg.LimiterKeys}
	}
	h := &Handler{
		cfg: cfg, auth: authenticator, registry: registry,
		limits: limits{
			create:  auth.NewLimiter[auth.Person](limit(cfg.MeetingsPerAddressHour, time.Hour)),
			joins:   auth.NewNetworkLimiter[meeting.ID](limit(cfg.JoinsPerMinute, time.Minute)),
			opened:  auth.NewLimiter[auth.SessionID](limit(cfg.SessionPerMinute, time.Minute)),
			tried:   auth.NewLimiter[auth.SessionID](limit(cfg.SessionPerMinute, time.Minute)),
			hashes:  auth.NewNetworkLimiter[struct{}](limit(cfg.PasswordsPerMinute, time.Minute)),
			unknown: auth.NewNetworkLimiter[struct{}](limit(cfg.UnknownPerMinute, time.Minute)),
			guesses: newGuesses(cfg.WrongPasswordsPerMinute, cfg.LimiterKeys),
			info:    auth.NewNetworkLimiter[struct{}](limit(cfg.InfoPerMinute, time.Minute)),
			streams: auth.NewNetworkLimiter[struct{}](limit(cfg.StreamsPerMinute, time.Minute)),
			checks:  auth.NewNetworkLimiter[struct{}](limit(cfg.ChecksPerMinute, time.Minute)),
			waits:   auth.NewNetworkLimiter[struct{}](limit(cfg.WaitsPerMinute, time.Minute)),
		},
		decoding: newShare(), sockets: make(map[*socket]struct{}), persons: make(map[auth.SessionID]*person),
		bots: make(map[auth.SessionID]int), clients: make(map[auth.ClientIP]int),
		streams: make(map[string]*stream), waits: newWaits(),
		asked: challenges{bySession: make(map[auth.SessionID][]issued)},
	}
	m, err := newMetrics(cfg.Metrics, h)
	if err != nil {
		return nil, err
	}
	h.metrics = m
	return h, nil
}

// Routes adds POST /api/meetings, GET /api/meetings/{id} and /api/meetings/{id}/opened, POST /api/rooms/challenge,
// POST /api/check, GET /ws, and those of streams below /whip and /whep to r. What comes before them must put the
// client's IP into the context (auth.ClientIPMiddleware) and refuse cross-origin changes.
func (h *Handler) Routes(r chi.Router) {
	r.Post("/api/meetings", h.create)
	r.Get("/api/meetings/{id}", h.info)
	r.Get("/api/meetings/{id}/opened", h.opened)
	r.Post("/api/rooms/challenge", h.challenge)
	r.Get("/ws", h.upgrade)
	h.streamRoutes(r)
	if h.cfg.Check != nil {
		r.Post("/api/check", h.check)
	}
}

// Retire has those who wait for meetings ask again: another version of the server opens them now.
func (h *Handler) Retire() { h.waits.stop() }

// Drain takes no more sockets, ends every meeting, says bye "shutting_down" to everybody, and waits until all sockets
// are closed or ctx ends; then it cuts those that are left.
func (h *Handler) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.waits.stop()
	h.draining = true
	h.mu.Unlock()
	err := h.registry.Close(ctx)
	for _, s := range h.all() {
		s.bye(protocol.ByeShuttingDown)
	}
	closed := make(chan struct{})
	go func() {
		h.open.Wait()
		close(closed)
	}()
	select {
	case <-closed:
		return err
	case <-ctx.Done():
		for _, s := range h.all() {
			s.cancel()
		}
		<-closed
		return fmt.Errorf("signaling: drain: %w", ctx.Err())
	}
}

func (h *Handler) all() []*socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		out = append(out, s)
	}
	return out
}

// errDraining and errNoRoom are why a socket is not taken.
var (
	errDraining = errors.New("draining")
	errNoRoom   = errors.New("too many sockets of the process")
	errTooMany  = errors.New("too many sockets of one person or client")
)

// add takes a place for a socket; remove gives it back.
func (h *Handler) add(s *socket) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return errDraining
	}
	if len(h.sockets) >= h.cfg.MaxSockets {
		return errNoRoom
	}
	s.person = &person{sockets: make(map[*socket]struct{})}
	if s.who.Bot {
		if h.bots[s.who.Session] >= h.cfg.SocketsPerBotToken {
			return errTooMany
		}
		h.bots[s.who.Session]++
	} else {
		if p := h.persons[s.who.Session]; p != nil {
			s.person = p
		}
		if len(s.person.sockets) >= h.cfg.SocketsPerSession || h.clients[s.client] >= h.cfg.SocketsPerClient {
			return errTooMany
		}
		h.persons[s.who.Session] = s.person
		h.clients[s.client]++
	}
	s.person.sockets[s] = struct{}{}
	s.out = newQueue(&s.person.queued, &h.queued)
	h.sockets[s] = struct{}{}
	h.open.Add(1)
	return nil
}

func (h *Handler) remove(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
	delete(s.person.sockets, s)
	if s.who.Bot {
		if h.bots[s.who.Session]--; h.bots[s.who.Session] == 0 {
			delete(h.bots, s.who.Session)
		}
	} else {
		if len(s.person.sockets) == 0 {
			delete(h.persons, s.who.Session)
		}
		if h.clients[s.client]--; h.clients[s.client] == 0 {
			delete(h.clients, s.client)
		}
	}
	h.open.Done()
}

// idled signs a person out who did not answer the idle question, unless another socket of theirs is open, where they
// may well be there: that one will be asked as well.
func (h *Handler) idled(s *socket) {
	if s.who.Bot {
		return
	}
	if !h.presentElsewhere(s) {
		h.auth.Revoke(s.who.Session)
	}
}

func (h *Handler) presentElsewhere(s *socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for other := range s.person.sockets {
		if other != s && other.present() {
			return true
		}
	}
	return false
}

// find says whether there is a meeting. Those who guess ids are slowed by the number of those that do not exist: then
// wait is positive. Meetings that exist are found all the same: a crowd behind one address does not lock its
// neighbours out, and an id of 80 bits is not guessed at any rate that a socket allows.
func (h *Handler) find(now time.Time, client auth.ClientIP, id meeting.ID) (wait time.Duration, err error) {
	if h.registry.Has(id) {
		return 0, nil
	}
	if ok, wait := h.limits.unknown.Allow(now, client, struct{}{}); !ok {
		return wait, nil
	}
	return 0, meeting.ErrNoSuchMeeting
}

func (h *Handler) countSockets() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sockets)
}

// identity is who, as package meeting knows them.
func identity(who auth.Identity) meeting.Identity {
	return meeting.Identity{
		Session: meeting.SessionKeyOf(who.Session), Address: meeting.NewAddress(who.Email.Reveal()), Bot: who.Bot,
	}
}

// allowedOrigin says whether a WebSocket may be opened from a page of origin: the server's own host, over the scheme
// of its own pages, or one configured. A request without an Origin is not a browser's (RFC 6455 §4.1 has browsers
// send it), so that no cookie can be abused.
func (h *Handler) allowedOrigin(origin, host string) bool {
	return origin == "" || h.ownOrigin(origin, host) || slices.Contains(h.cfg.Origins, origin)
}

// ownOrigin says whether origin is a page of ours at host. A page over plain HTTP at our name is anybody's who can
// change what the network carries.
func (h *Handler) ownOrigin(origin, host string) bool {
	scheme := "http"
	if h.cfg.Secure {
		scheme = "https"
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == scheme && u.Host != "" && strings.EqualFold(u.Host, host)
}
