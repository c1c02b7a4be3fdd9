package signaling

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"conclave/meeting"
	"conclave/protocol"
)

const someMeeting = "k7qm-2f9x-w3dj-8hrt"

func TestHTTPNeedsASession(t *testing.T) {
	s := newServer(t)
	nobody := s.account("nobody")
	nobody.refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "POST", "/api/meetings", `{}`)
	nobody.refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "GET", "/api/meetings/"+someMeeting, "")
	if _, res, err := nobody.tryDial(nil); err == nil || res.StatusCode != http.StatusUnauthorized {
		t.Fatal("a WebSocket without a session")
	}
}

func TestOnlyAllowedAddressesCreate(t *testing.T) {
	s := newServer(t)
	s.signIn("eve@elsewhere.org").refused(http.StatusForbidden, protocol.ErrNotAllowed, "POST", "/api/meetings", `{}`)
}

func TestCreateIsStrict(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	for body, want := range map[string]protocol.ErrorID{
		`{"titel": "x"}`:                               protocol.ErrInvalidRequest,
		`{"title": 7}`:                                 protocol.ErrInvalidRequest,
		`{"title": "a\u202eb"}`:                        protocol.ErrInvalidRequest,
		`{"lobby": "yes"}`:                             protocol.ErrInvalidRequest,
		`{"password": ""}`:                             protocol.ErrInvalidRequest,
		`{"when_host_leaves": "run"}`:                  protocol.ErrInvalidRequest,
		`{"title": "` + strings.Repeat("x", 81) + `"}`: protocol.ErrInvalidRequest,
		`{"title": "a", "title": "b"}`:                 protocol.ErrBadJSON,
		`[]`:                                           protocol.ErrBadJSON,
		`{`:                                            protocol.ErrBadJSON,
	} {
		ana.refused(http.StatusBadRequest, want, "POST", "/api/meetings", body)
	}
	ana.refused(http.StatusRequestEntityTooLarge, protocol.ErrTooLarge, "POST", "/api/meetings",
		`{"title": "`+strings.Repeat("x", 5000)+`"}`)
	ana.refused(http.StatusUnsupportedMediaType, protocol.ErrInvalidRequest, "POST", "/api/meetings", "")
	if n := s.registry.Gauges().Meetings; n != 0 {
		t.Fatalf("%d meetings were created", n)
	}
}

func TestWrongMeetingAddressesAreOneAnswer(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	for _, id := range []string{someMeeting, "x", "..%2f..%2fetc", "K7QM-2F9X-W3DJ-8HRT", strings.Repeat("a", 500)} {
		ana.refused(http.StatusNotFound, protocol.ErrNoSuchMeeting, "GET", "/api/meetings/"+id, "")
	}
}

func TestGuessingAddressesIsLimited(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.UnknownPerMinute = 5 })
	ana := s.signIn("ana")
	id := ana.create(`{}`)
	for range 5 {
		ana.refused(http.StatusNotFound, protocol.ErrNoSuchMeeting, "GET", "/api/meetings/"+someMeeting, "")
	}
	ana.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "GET", "/api/meetings/"+someMeeting, "")
	p := ana.dial()
	p.ask(someMeeting)
	p.reply(p.lastID, protocol.ErrRateLimited) // the WebSocket is no way around it
	ana.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", nil)
	ana.join(id) // those who know an id are not locked out
}

func TestAskingAboutMeetingsIsLimited(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.InfoPerMinute = 3 })
	ana := s.signIn("ana")
	id := ana.create(`{}`)
	for range 3 {
		ana.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", nil)
	}
	ana.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "GET", "/api/meetings/"+string(id), "")
}

func TestCreationIsLimitedPerAddress(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.MeetingsPerAddressHour = 2 })
	ana := s.signIn("ana")
	ana.create(`{}`)
	s.signIn("ana").create(`{}`) // another session of the same address
	ana.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "POST", "/api/meetings", `{}`)
	s.signIn("ben").create(`{}`)
}

func TestMeetingsAreLimited(t *testing.T) {
	s := newServer(t, func(_ *Config, m *meeting.Config) { m.MaxMeetings, m.MeetingsPerAddress = 2, 1 })
	ana := s.signIn("ana")
	ana.create(`{}`)
	ana.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "POST", "/api/meetings", `{}`)
	s.signIn("ben").create(`{}`)
	s.signIn("cem").refused(http.StatusServiceUnavailable, protocol.ErrServerFull, "POST", "/api/meetings", `{}`)
}

func TestUpgradeIsRefusedBeforeItHappens(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.Origins = []string{"https://meet.example.org"} })
	ana := s.signIn("ana")
	host := strings.TrimPrefix(s.url, "http://")
	for name, c := range map[string]struct {
		header http.Header
		status int
	}{
		"cross-origin":         {http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		"null origin":          {http.Header{"Origin": {"null"}}, http.StatusForbidden},
		"look-alike origin":    {http.Header{"Origin": {"https://meet.example.org.evil.example"}}, http.StatusForbidden},
		"origin with userinfo": {http.Header{"Origin": {"http://" + host + "@evil.example"}}, http.StatusForbidden},
		"no subprotocol":       {http.Header{"X-No-Subprotocol": {"1"}}, http.StatusBadRequest},
		"own host, not scheme": {http.Header{"Origin": {"https://" + host}}, http.StatusForbidden},
		"own origin":           {http.Header{"Origin": {"http://" + host}}, 0},
		"configured origin":    {http.Header{"Origin": {"https://meet.example.org"}}, 0},
		"no origin":            {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, res, err := ana.tryDial(c.header)
			if (err == nil) != (c.status == 0) {
				t.Fatalf("%v", err)
			}
			if err != nil && res.StatusCode != c.status {
				t.Fatalf("status %d, want %d", res.StatusCode, c.status)
			}
		})
	}
	if n := s.counter("conclave_signaling_refused_total", "reason", "bad_origin"); n != 5 {
		t.Fatalf("%v refusals counted", n)
	}
}

func TestSocketsAreLimited(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config, *meeting.Config)
		status int
	}{
		"of a session": {func(c *Config, _ *meeting.Config) { c.SocketsPerSession = 2 }, http.StatusTooManyRequests},
		"of a client":  {func(c *Config, _ *meeting.Config) { c.SocketsPerClient = 2 }, http.StatusTooManyRequests},
		"of all":       {func(c *Config, _ *meeting.Config) { c.MaxSockets = 2 }, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.change)
			ana := s.signIn("ana")
			first := ana.dial()
			ana.dial()
			if _, res, err := ana.tryDial(nil); err == nil || res.StatusCode != c.status {
				t.Fatal("one too many was taken")
			}
			first.drop()
			eventually(t, "the place is free again", func() bool { return s.handler.countSockets() == 1 })
			ana.dial()
		})
	}
}

func TestJoinAttemptsAreLimitedPerMeetingAndClient(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.JoinsPerMinute = 3 })
	ana := s.signIn("ana")
	id, other := ana.create(`{}`), ana.create(`{}`)
	for range 3 {
		ana.join(id)
	}
	p := ana.dial()
	p.ask(id)
	p.reply(p.lastID, protocol.ErrRateLimited)
	ana.join(other)
}

func TestWrongPasswordsAreLimited(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.WrongPasswordsPerMinute = 3 })
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"password": "right", "lobby": false}`)
	for range 3 {
		p := ben.dial()
		p.ask(id, password("wrong"))
		p.reply(p.lastID, protocol.ErrWrongPassword)
	}
	p := ben.dial()
	p.ask(id, password("right"))
	p.reply(p.lastID, protocol.ErrRateLimited) // whoever guesses does not learn that this one is right
	ana.join(id)                               // the creator needs none
}

// A hundred guesses at once count as a hundred: no more of them are looked at than the limit, and the right one among
// those that come later is refused like the others.
func TestParallelWrongPasswordsCountAsTheirNumber(t *testing.T) {
	s := newServer(t)
	ana, eve := s.signIn("ana"), s.signIn("eve")
	id := ana.create(`{"lobby": false, "password": "right"}`)
	var guesses []*peer
	for range 30 { // each of 30 sockets guesses twice: 32 sockets is all that a session may have
		guesses = append(guesses, eve.dial())
	}
	for i := range 2 {
		for _, p := range guesses {
			p.ask(id, password(fmt.Sprint("wrong", i)))
		}
	}
	looked, limited := 0, 0
	for _, p := range guesses {
		for range 2 {
			switch e := next[*protocol.Error](p); e.Error {
			case protocol.ErrWrongPassword:
				looked++
			case protocol.ErrRateLimited:
				limited++
			default:
				t.Fatalf("%+v", e)
			}
		}
	}
	if looked != 10 || limited != 50 {
		t.Fatalf("%d guesses were looked at, %d refused", looked, limited)
	}
	guesses[0].ask(id, password("right"))
	if e := next[*protocol.Error](guesses[0]); e.Error != protocol.ErrRateLimited {
		t.Fatalf("%+v", e)
	}
}

// Many who know the password and come at once from one address are not taken for guessers.
func TestParallelRightPasswordsAreNoGuesses(t *testing.T) {
	s := newServer(t)
	id := s.signIn("ana").create(`{"lobby": false, "password": "right"}`)
	var all []*peer
	for i := range 30 {
		all = append(all, s.signIn(fmt.Sprint("pupil", i)).dial())
	}
	for _, p := range all {
		p.ask(id, password("right"))
	}
	for _, p := range all {
		p.in()
	}
	eventually(t, "no turn is kept", func() bool {
		turns := &s.handler.limits.guesses.byNetwork
		turns.mu.Lock()
		defer turns.mu.Unlock()
		return len(turns.keys) == 0
	})
}

// On a server whose page is an https one, the page over plain HTTP is somebody else's.
func TestTheSchemeOfAnOriginCounts(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.Secure = true })
	ana, host := s.signIn("ana"), strings.TrimPrefix(s.url, "http://")
	if _, _, err := ana.tryDial(http.Header{"Origin": {"http://" + host}}); err == nil {
		t.Error("a page over plain HTTP opened a socket")
	}
	if _, _, err := ana.tryDial(http.Header{"Origin": {"https://" + host}}); err != nil {
		t.Error(err)
	}
}
