package signaling

import (
	"net/http"
	"testing"

	"conclave/meeting"
	"conclave/protocol"
)

func guests(_ *Config, m *meeting.Config) { m.Guests = true }

// guest comes without an address.
func (s *server) guest(name string) *account {
	s.t.Helper()
	a := s.account(name)
	a.want(http.StatusOK, "POST", "/api/auth/guest", `{}`, nil)
	return a
}

// Guests get into meetings that have a lobby and whose creator allows it, by being admitted, and into no others;
// whatever else changes later.
func TestGuestsComeThroughTheLobbyOnly(t *testing.T) {
	s := newServer(t, guests)
	ana := s.signIn("ana")
	gus := s.guest("gus")
	open, both := ana.create(`{}`), ana.create(`{"password": "right"}`)
	for what, body := range map[string]string{
		"no lobby": `{"lobby": false, "password": "right"}`, "the creator wants none": `{"guests": false}`,
	} {
		id := ana.create(body)
		p := gus.dial()
		p.ask(id, password("right"))
		if e := next[*protocol.Error](p); e.Error != protocol.ErrNotPermitted || e.Fatal {
			t.Fatalf("%s: %+v", what, e)
		}
		gus.refused(http.StatusForbidden, protocol.ErrNotAllowed, "GET", "/api/meetings/"+string(id), "")
		p.drop()
	}
	gus.wait(open).drop()
	gus.want(http.StatusOK, "GET", "/api/meetings/"+string(both), "", nil)
	gus.refused(http.StatusForbidden, protocol.ErrNotAllowed, "POST", "/api/meetings", `{}`)

	host := ana.join(both)
	p := gus.dial()
	p.ask(both)
	if e := next[*protocol.Error](p); e.Error != protocol.ErrWrongPassword {
		t.Fatalf("without password: %+v", e)
	}
	p.ask(both, password("wrong"))
	if e := next[*protocol.Error](p); e.Error != protocol.ErrWrongPassword {
		t.Fatalf("with a wrong one: %+v", e)
	}
	p.ask(both, password("right"))
	next[*protocol.Lobby](p)
	w := match(host, func(w *protocol.Waiting) bool { return len(w.Waiting) == 1 })
	if w.Waiting[0].Email != "" || w.Waiting[0].Name != "gus" {
		t.Fatalf("%+v", w.Waiting[0])
	}
	p.rejected(&protocol.Offer{ID: p.id(), SDP: "v=0", Tracks: []protocol.Track{}}, protocol.ErrNotJoined)
	host.ok(&protocol.Admit{ID: host.id(), Participants: []protocol.Participant{w.Waiting[0].Participant}})
	p.in()
	if p.welcome.Role != protocol.RoleParticipant {
		t.Fatalf("%+v", p.welcome)
	}

	no := false
	host.ok(&protocol.SetPolicy{ID: host.id(), Lobby: &no})
	late := s.guest("late").dial()
	late.ask(both, password("right"))
	if e := next[*protocol.Error](late); e.Error != protocol.ErrNotPermitted {
		t.Fatalf("with the lobby switched off: %+v", e)
	}
}

// Whether a meeting takes guests is told without sign-in, as far as it does. Nothing is told of any other.
func TestAMeetingSaysThatItTakesGuests(t *testing.T) {
	s := newServer(t, guests)
	ana, nobody := s.signIn("ana"), s.account("nobody")
	takes, none := ana.create(`{"title": "Weekly"}`), ana.create(`{"title": "Weekly", "guests": false}`)
	var info protocol.MeetingInfo
	nobody.want(http.StatusOK, "GET", "/api/meetings/"+string(takes), "", &info)
	if !info.Guests || info.Host || info.Title != "Weekly" || !info.Lobby {
		t.Fatalf("%+v", info)
	}
	_, _, hidden := nobody.do("GET", "/api/meetings/"+string(none), "")
	_, _, missing := nobody.do("GET", "/api/meetings/"+someMeeting, "")
	if string(hidden) != string(missing) {
		t.Fatalf("a meeting without guests: %s; no meeting: %s", hidden, missing)
	}
	nobody.refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "GET", "/api/meetings/"+string(none), "")
	for id, want := range map[protocol.MeetingID]bool{takes: true, none: false} {
		var info protocol.MeetingInfo
		ana.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", &info)
		if info.Guests != want || !info.Host {
			t.Fatalf("%+v", info)
		}
	}
	for _, body := range []string{`{"guests": true, "lobby": false}`, `{"guests": true, "confidential": true}`} {
		ana.refused(http.StatusBadRequest, protocol.ErrInvalidRequest, "POST", "/api/meetings", body)
	}
	off := newServer(t)
	id := off.signIn("ana").create(`{}`)
	off.account("nobody").refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "GET",
		"/api/meetings/"+string(id), "")
	off.signIn("ana").refused(http.StatusForbidden, protocol.ErrNotAllowed, "POST", "/api/meetings", `{"guests": true}`)
}

// A meeting does not fall to somebody of whom nothing is known.
func TestAGuestNeverInheritsTheMeeting(t *testing.T) {
	s := newServer(t, guests)
	ana, ben, gus := s.signIn("ana"), s.signIn("ben"), s.guest("gus")
	id := ana.create(`{"password": "right"}`)
	host := ana.join(id)
	first := gus.wait(id, password("right"))
	host.ok(&protocol.Admit{ID: host.id(), All: true})
	first.in()
	second := ben.wait(id, password("right"))
	host.ok(&protocol.Admit{ID: host.id(), All: true})
	second.in()
	host.send(&protocol.Leave{ID: host.id()})
	if m := next[*protocol.Permissions](second); m.Role != protocol.RoleHost {
		t.Fatalf("%+v", m)
	}
	second.send(&protocol.Leave{ID: second.id()})
	second.bye(protocol.ByeLeft)
	first.rejected(&protocol.End{ID: first.id()}, protocol.ErrNotPermitted)
}

func TestABannedGuestStaysOutWithTheirSession(t *testing.T) {
	s := newServer(t, guests)
	ana, gus := s.signIn("ana"), s.guest("gus")
	id := ana.create(`{"password": "right"}`)
	host := ana.join(id)
	p := gus.wait(id, password("right"))
	host.ok(&protocol.Admit{ID: host.id(), All: true})
	p.in()
	host.ok(&protocol.Remove{ID: host.id(), Participants: []protocol.Participant{p.welcome.Participant}, Ban: true})
	p.bye(protocol.ByeBanned)
	again := gus.dial()
	again.ask(id, password("right"))
	if e := next[*protocol.Error](again); e.Error != protocol.ErrBanned {
		t.Fatalf("%+v", e)
	}
	s.guest("gus").wait(id, password("right")) // another session is another guest: the host decides in the lobby
}

// The mark of a bot or a guest reaches every client; a person's entry has none.
func TestBotsAndGuestsAreMarkedOnTheWire(t *testing.T) {
	s := newServer(t, guests)
	ana := s.signIn("ana")
	id := ana.create(`{"password": "right"}`)
	host := ana.join(id)
	for _, who := range []struct {
		account *account
		kind    protocol.Kind
	}{{s.bot(), protocol.KindBot}, {s.guest("gus"), protocol.KindGuest}, {s.signIn("ben"), ""}} {
		p := who.account.wait(id, password("right"))
		w := match(host, func(w *protocol.Waiting) bool { return len(w.Waiting) == 1 })
		if w.Waiting[0].Kind != who.kind {
			t.Errorf("lobby: %+v", w.Waiting[0])
		}
		host.send(&protocol.Admit{ID: host.id(), All: true})
		p.in()
		host.sees(p.welcome.Participant, func(e protocol.RosterEntry) bool { return e.Kind == who.kind })
		if len(p.welcome.Participants) == 0 || p.welcome.Participants[0].Kind != "" {
			t.Errorf("%+v", p.welcome.Participants)
		}
	}
}
