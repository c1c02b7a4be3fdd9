package signaling

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// owner is who has the key of a room.
type owner struct {
	key  ed25519.PrivateKey
	room meeting.LastingRoom
}

func newOwner(t *testing.T) owner {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := owner{key: key, room: meeting.LastingRoom{Key: [32]byte(public)}}
	_, _ = rand.Read(o.room.Nonce[:])
	return o
}

// asks returns what an owner asks for a room with, at a host.
func (o owner) asks(t *testing.T, host, challenge string) *protocol.Room {
	t.Helper()
	c, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil {
		t.Fatal(err)
	}
	message := slices.Concat([]byte("conclave room/1 open"), []byte{byte(len(host))}, []byte(host), o.room.Nonce[:], c)
	b64 := base64.RawURLEncoding.EncodeToString
	return &protocol.Room{Key: b64(o.room.Key[:]), Nonce: b64(o.room.Nonce[:]), Challenge: challenge,
		Proof: b64(ed25519.Sign(o.key, message))}
}

func (o owner) address(t *testing.T) protocol.MeetingID {
	t.Helper()
	id, err := o.room.Address()
	if err != nil {
		t.Fatal(err)
	}
	return protocol.MeetingID(id.Reveal())
}

func (a *account) challenge() string {
	a.s.t.Helper()
	var c protocol.Challenge
	a.want(http.StatusOK, "POST", "/api/rooms/challenge", "{}", &c)
	return c.Challenge
}

func (a *account) host() string {
	u, _ := url.Parse(a.s.url)
	return u.Host
}

func creating(t *testing.T, r *protocol.Room) string {
	t.Helper()
	no := false
	body, err := json.Marshal(protocol.Create{E2EE: &no, Room: r})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// opens opens a room and returns its address.
func (a *account) opens(t *testing.T, o owner, status int) protocol.MeetingID {
	t.Helper()
	var c protocol.Created
	a.want(status, "POST", "/api/meetings", creating(t, o.asks(t, a.host(), a.challenge())), &c)
	return c.Meeting
}

// The address of a room is its owner's: before it was ever open, while it is, after it ended, and on a server that has
// just started and knows nothing.
func TestARoomOpensAtItsAddressAgainAndAfterARestart(t *testing.T) {
	o := newOwner(t)
	want := o.address(t)
	for range 2 { // two servers: nothing is carried over but the owner's key
		s := newServer(t)
		ana := s.signIn("ana")
		for range 2 {
			if have := ana.opens(t, o, http.StatusCreated); have != want {
				t.Fatalf("%s, want %s", have, want)
			}
			if have := ana.opens(t, o, http.StatusOK); have != want {
				t.Fatal("opened again while it is open: another address")
			}
			host := ana.join(want)
			if host.welcome.Role != protocol.RoleHost {
				t.Fatalf("%+v", host.welcome.Role)
			}
			host.send(&protocol.End{ID: host.id()})
			if b := next[*protocol.Bye](host); b.Reason != protocol.ByeEnded {
				t.Fatalf("%+v", b)
			}
			eventually(t, "the end", func() bool { return s.registry.Gauges().Meetings == 0 })
		}
	}
}

// Nobody else opens it: not with another key, not with the owner's proof of another time, session, host or room.
func TestAnAddressIsNotOpenedByAnother(t *testing.T) {
	s := newServer(t)
	ana, eve := s.signIn("ana"), s.signIn("eve")
	o, other := newOwner(t), newOwner(t)
	refuse := func(what string, a *account, r *protocol.Room, status int, id protocol.ErrorID) {
		t.Helper()
		a.refused(status, id, "POST", "/api/meetings", creating(t, r))
		if n := s.registry.Gauges().Meetings; n != 0 {
			t.Fatalf("%s: %d meetings", what, n)
		}
	}
	const forbidden, conflict = http.StatusForbidden, http.StatusConflict
	forged := other.asks(t, eve.host(), eve.challenge())
	forged.Key = o.asks(t, eve.host(), forged.Challenge).Key
	refuse("another's signature", eve, forged, forbidden, protocol.ErrNotAllowed)
	refuse("a proof for another host", ana, o.asks(t, "evil.example", ana.challenge()), forbidden, protocol.ErrNotAllowed)
	moved := o.asks(t, ana.host(), ana.challenge())
	moved.Nonce = other.asks(t, ana.host(), moved.Challenge).Nonce
	refuse("a proof for another room", ana, moved, forbidden, protocol.ErrNotAllowed)
	seen := o.asks(t, ana.host(), ana.challenge())
	refuse("another session's challenge", eve, seen, conflict, protocol.ErrChallengeExpired)
	invented := o.asks(t, eve.host(), base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	refuse("an invented challenge", eve, invented, conflict, protocol.ErrChallengeExpired)
	short := o.asks(t, ana.host(), ana.challenge())
	short.Nonce = "AAAA"
	refuse("a short nonce", ana, short, http.StatusBadRequest, protocol.ErrInvalidRequest)

	ana.want(http.StatusCreated, "POST", "/api/meetings", creating(t, seen), nil)
	ana.refused(conflict, protocol.ErrChallengeExpired, "POST", "/api/meetings", creating(t, seen))
	// A key of one's own opens an address of one's own.
	if eve.opens(t, other, http.StatusCreated) == o.address(t) {
		t.Fatal("one address for two keys")
	}
	s.account("nobody").refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "POST", "/api/rooms/challenge", "{}")
	s.signIn("out@elsewhere.org").refused(forbidden, protocol.ErrNotAllowed, "POST", "/api/rooms/challenge", "{}")
}

// A challenge is good for two minutes and once. A session has the latest four, and a bounded number of sessions any.
func TestChallengesAreBounded(t *testing.T) {
	s := newServer(t)
	sessions := make([]auth.SessionID, 3)
	for i := range sessions {
		who, err := s.auth.Authenticate(s.signIn(fmt.Sprint("ana", i)).request(t))
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = who.Session
	}
	now := time.Unix(1e9, 0)
	c := challenges{bySession: make(map[auth.SessionID][]issued)}
	issue := func(i int) meeting.Challenge {
		t.Helper()
		out, ok := c.issue(now, sessions[i])
		if !ok {
			t.Fatal("none issued")
		}
		return out
	}
	var all []meeting.Challenge
	for range challengesPerSession + 1 {
		all = append(all, issue(0))
	}
	if c.take(now, sessions[0], all[0]) {
		t.Fatal("the fifth latest")
	}
	if c.take(now, sessions[1], all[1]) {
		t.Fatal("another's")
	}
	if !c.take(now, sessions[0], all[1]) || c.take(now, sessions[0], all[1]) {
		t.Fatal("once")
	}
	late := issue(1)
	now = now.Add(challengeLife)
	if c.take(now, sessions[1], late) {
		t.Fatal("after two minutes")
	}
	issue(2)
	c.sweep(now)
	if len(c.bySession) != 1 {
		t.Fatalf("%d sessions", len(c.bySession))
	}
}

func (a *account) request(t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", a.s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range a.client.Jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	return req
}

// Who waits for a planned meeting, one that ended, or an invented one gets the same bytes after the same time, and is
// told at once when it opens.
func TestWaitingLooksTheSameForPlannedEndedAndInventedAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServerOn(t, newMemoryNetwork(), guests)
		ana, ben, nobody := s.signIn("ana"), s.signIn("ben"), s.account("nobody")
		planned, past := newOwner(t), newOwner(t)
		ended := ana.opens(t, past, http.StatusCreated)
		noGuests := ana.create(`{"guests": false}`)
		host := ana.join(ended)
		host.send(&protocol.End{ID: host.id()})
		next[*protocol.Bye](host)
		synctest.Wait()

		type answer struct {
			status int
			header http.Header
			body   []byte
			took   time.Duration
		}
		wait := func(a *account, id string) answer {
			began := time.Now()
			status, header, body := a.do("GET", "/api/meetings/"+id+"/opened", "")
			header.Del("Date")
			return answer{status, header, body, time.Since(began)}
		}
		var first *answer
		for what, ask := range map[string]func() answer{
			"planned":                        func() answer { return wait(ben, string(planned.address(t))) },
			"ended":                          func() answer { return wait(ben, string(ended)) },
			"invented":                       func() answer { return wait(ben, "k7qm-2f9x-w3dj-8hrt") },
			"no address at all":              func() answer { return wait(ben, "x") },
			"without a session":              func() answer { return wait(nobody, string(planned.address(t))) },
			"one without guests, signed out": func() answer { return wait(nobody, string(noGuests)) },
		} {
			got := ask()
			if first == nil {
				first = &got
			}
			if got.status != http.StatusOK || got.took != holdFor || !bytes.Equal(got.body, first.body) ||
				fmt.Sprint(got.header) != fmt.Sprint(first.header) {
				t.Errorf("%s: %d %s %v after %v, want %s %v", what, got.status, got.body, got.header, got.took,
					first.body, first.header)
			}
		}

		answers := make(chan answer, 2)
		for _, a := range []*account{ben, nobody} {
			go func() { answers <- wait(a, string(planned.address(t))) }()
		}
		time.Sleep(3 * time.Second)
		ana.opens(t, planned, http.StatusCreated)
		for range 2 {
			if a := <-answers; a.took != 3*time.Second || string(bytes.TrimSpace(a.body)) != `{"open":true}` {
				t.Errorf("%s after %v", a.body, a.took)
			}
		}
		if a := wait(ben, string(noGuests)); string(bytes.TrimSpace(a.body)) != `{"open":true}` || a.took != 0 {
			t.Errorf("%s after %v", a.body, a.took)
		}
		if s.handler.waits.all != 0 || len(s.handler.waits.rooms) != 0 {
			t.Errorf("left over: %+v", s.handler.waits)
		}
		// None of this was a failed join, or a guess.
		ben.refused(http.StatusNotFound, protocol.ErrNoSuchMeeting, "GET", "/api/meetings/k7qm-2f9x-w3dj-8hrt", "")
	})
}

// Waiting is bounded for a network and in all, and what is left of it is nothing.
func TestWaitingIsBounded(t *testing.T) {
	client := func(a string) auth.ClientIP { return auth.NewClientIP(netip.MustParseAddr(a)).LimitKey() }
	w := newWaits()
	var ends []func()
	begin := func(from string, want bool) {
		t.Helper()
		id, err := meeting.ParseID(fmt.Sprintf("0000-0000-0000-%04d", len(ends)%10_000))
		if err != nil {
			t.Fatal(err)
		}
		_, done, ok := w.begin(client(from), id)
		if ok != want {
			t.Fatalf("%d wait, one more: %v", w.all, ok)
		}
		if ok {
			ends = append(ends, done)
		}
	}
	for range waitsPerNetwork {
		begin("192.0.2.1", true)
	}
	begin("192.0.2.1", false)
	begin("2001:db8::1", true)
	for n := 0; w.all < maxWaits; n++ {
		begin(fmt.Sprintf("10.%d.%d.1", n/200, n%200), true)
	}
	begin("198.51.100.1", false)
	for _, end := range ends {
		end()
	}
	if w.all != 0 || len(w.rooms) != 0 {
		t.Fatalf("%d wait, for %d", w.all, len(w.rooms))
	}
	begin("192.0.2.1", true)
	ends[len(ends)-1]()
}

// Who asks all the time whether a meeting is open is told to wait; one that is open is found at once until then.
func TestQuestionsWhetherAMeetingIsOpenAreLimited(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.WaitsPerMinute = 3 })
	ana := s.signIn("ana")
	path := "/api/meetings/" + string(ana.create(`{}`)) + "/opened"
	for range 3 {
		ana.want(http.StatusOK, "GET", path, "", &protocol.Opened{})
	}
	ana.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "GET", path, "")
}

// Waits end when the server does.
func TestWaitsEndWithTheServer(t *testing.T) {
	s := newServer(t)
	ben := s.signIn("ben")
	answered := make(chan string, 1)
	go func() {
		_, _, body := ben.do("GET", "/api/meetings/k7qm-2f9x-w3dj-8hrt/opened", "")
		answered <- strings.TrimSpace(string(body))
	}()
	eventually(t, "one that waits", func() bool {
		s.handler.waits.mu.Lock()
		defer s.handler.waits.mu.Unlock()
		return s.handler.waits.all == 1
	})
	if err := s.handler.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if body := <-answered; body != `{"open":false}` {
		t.Fatal(body)
	}
}
