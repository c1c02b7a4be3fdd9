package signaling

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// A whole meeting, from signing in to its end, over HTTP and WebSockets.
func TestWholeFlow(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meetingConfig) { c.RoleNames = map[string]string{"host": "Doctor"} })
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"title": "Weekly"}`)

	var info protocol.MeetingInfo
	ana.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", &info)
	if !info.Host || !info.Lobby || info.Password || info.Locked || info.Title != "Weekly" || info.Participants != 0 ||
		info.Meeting != id {
		t.Fatalf("%+v", info)
	}

	host := ana.join(id)
	w := host.welcome
	if w.Role != protocol.RoleHost || len(w.Permissions) != 11 || len(w.Resume) != 64 || w.Resumed ||
		len(w.Participants) != 0 ||
		w.Meeting.Title != "Weekly" || !w.Meeting.Lobby || w.RoleNames["host"] != "Doctor" {
		t.Fatalf("%+v", w)
	}
	if left := w.Meeting.ExpiresAt.Sub(w.Meeting.ServerTime); left > 2*time.Hour || left < 2*time.Hour-time.Minute {
		t.Fatalf("expires in %v", left)
	}

	guest := ben.wait(id)
	waiting := match(host, func(m *protocol.Waiting) bool { return len(m.Waiting) == 1 })
	if e := waiting.Waiting[0]; e.Email != "ben@example.org" || e.Name != "ben" {
		t.Fatalf("%+v", e)
	}
	host.send(&protocol.Admit{ID: host.id(), Participants: []protocol.Participant{waiting.Waiting[0].Participant}})
	guest.in()
	me := guest.welcome.Participant
	if guest.welcome.Role != protocol.RoleParticipant || len(guest.welcome.Participants) != 1 ||
		guest.welcome.Participants[0].Name != "ana" {
		t.Fatalf("%+v", guest.welcome)
	}
	host.sees(me, func(e protocol.RosterEntry) bool { return e.Name == "ben" })

	guest.rejected(&protocol.View{ID: guest.id(), Wants: []protocol.Want{}}, protocol.ErrNoMedia)
	guest.send(&protocol.Offer{ID: guest.id(), SDP: "v=0\r\n", Tracks: []protocol.Track{{MID: "0", Source: protocol.Mic}}})
	if a := next[*protocol.Answer](guest); a.ID != guest.lastID || a.SDP != "v=0 answer" {
		t.Fatalf("%+v", a)
	}
	guest.ok(&protocol.Media{ID: guest.id(), Sources: []protocol.Source{protocol.Mic}})
	if live, _ := s.media.liveOf(me); live != media.Sources(media.Mic) {
		t.Fatalf("live %b", live)
	}
	host.sees(me, func(e protocol.RosterEntry) bool { return len(e.Sources) == 1 })
	guest.send(&protocol.View{ID: guest.id(), Wants: []protocol.Want{{Participant: 1, Source: protocol.Camera,
		Height: 180}}})
	if slots := next[*protocol.Slots](guest); slots.Slots[0].MID != "4" || slots.Slots[0].Participant != 1 ||
		slots.Withheld == nil {
		t.Fatalf("%+v", slots)
	}

	guest.ok(&protocol.Chat{ID: guest.id(), Text: "Hello"})
	if c := next[*protocol.ChatEvent](host); c.From != me || c.Text != "Hello" {
		t.Fatalf("%+v", c)
	}
	guest.ok(&protocol.React{ID: guest.id(), Reaction: "clap"})
	next[*protocol.Reaction](host)
	guest.ok(&protocol.Hand{ID: guest.id(), Raised: true})
	host.sees(me, func(e protocol.RosterEntry) bool { return e.Hand == 1 })

	host.ok(&protocol.Mute{ID: host.id(), All: true, Sources: []protocol.Source{protocol.Mic}})
	if m := next[*protocol.Muted](guest); m.By != 1 || len(m.Sources) != 1 {
		t.Fatalf("%+v", m)
	}
	if live, _ := s.media.liveOf(me); live != 0 {
		t.Fatal("still forwarded")
	}
	host.ok(&protocol.AskUnmute{ID: host.id(), Participants: []protocol.Participant{me},
		Sources: []protocol.Source{protocol.Mic}})
	next[*protocol.AskUnmuteEvent](guest)
	host.ok(&protocol.SetRole{ID: host.id(), Participant: me, Role: protocol.RoleCohost})
	if p := next[*protocol.Permissions](guest); p.Role != protocol.RoleCohost || len(p.Permissions) != 9 {
		t.Fatalf("%+v", p)
	}
	locked := true
	guest.ok(&protocol.SetPolicy{ID: guest.id(), Locked: &locked})
	if p := next[*protocol.PolicyEvent](host); !p.Locked || !p.Lobby {
		t.Fatalf("%+v", p)
	}

	guest.send(&protocol.Leave{ID: guest.id()})
	guest.bye(protocol.ByeLeft)
	match(host, func(m *protocol.Roster) bool { return len(m.Left) == 1 && m.Left[0].Participant == me })
	host.send(&protocol.End{ID: host.id()})
	host.bye(protocol.ByeEnded)
	s.wantEmpty()
	ana.refused(http.StatusNotFound, protocol.ErrNoSuchMeeting, "GET", "/api/meetings/"+string(id), "")
}

// wantEmpty asserts that nothing of any meeting or socket is left.
func (s *server) wantEmpty() {
	s.t.Helper()
	eventually(s.t, "everything is gone", func() bool {
		s.media.mu.Lock()
		rooms := s.media.rooms
		s.media.mu.Unlock()
		h := s.handler
		h.mu.Lock()
		defer h.mu.Unlock()
		g := s.registry.Gauges()
		return g.Meetings == 0 && g.Participants == 0 && g.Waiting == 0 && rooms == 0 &&
			len(h.sockets) == 0 && len(h.persons) == 0 && len(h.clients) == 0
	})
}

func TestDeniedIsToldSo(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{}`)
	host, guest := ana.join(id), ben.wait(id)
	w := match(host, func(m *protocol.Waiting) bool { return len(m.Waiting) == 1 })
	host.ok(&protocol.Deny{ID: host.id(), Participants: []protocol.Participant{w.Waiting[0].Participant}})
	guest.bye(protocol.ByeDenied)
}

func TestPasswordOverTheWire(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"password": "correct horse", "lobby": false}`)
	p := ben.dial()
	p.ask(id)
	p.reply(p.lastID, protocol.ErrWrongPassword)
	p.ask(id, password("wrong"))
	p.reply(p.lastID, protocol.ErrWrongPassword)
	p.ask(id, password("correct horse")) // on the same socket
	p.in()
	ana.join(id)
}

func TestResumeOverTheWire(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"lobby": false}`)
	host, guest := ana.join(id), ben.join(id)
	guest.ok(&protocol.Media{ID: guest.id(), Sources: []protocol.Source{protocol.Mic}})
	guest.drop()
	host.sees(guest.welcome.Participant, func(e protocol.RosterEntry) bool { return !e.Connected })
	again := ben.join(id, resume(guest.welcome.Resume))
	if !again.welcome.Resumed || again.welcome.Participant != guest.welcome.Participant ||
		again.welcome.Resume == guest.welcome.Resume {
		t.Fatalf("%+v", again.welcome)
	}
	host.sees(guest.welcome.Participant, func(e protocol.RosterEntry) bool { return e.Connected })
	if live, ok := s.media.liveOf(again.welcome.Participant); !ok || live != media.Sources(media.Mic) {
		t.Fatal("media was interrupted")
	}
	third := ben.join(id, resume(again.welcome.Resume))
	again.bye(protocol.ByeReplaced)

	// Another person cannot use the token.
	thief := ana.dial()
	thief.ask(id, resume(third.welcome.Resume))
	thief.reply(thief.lastID, protocol.ErrResumeFailed)
	third.ok(&protocol.Chat{ID: third.id(), Text: "still me"})
}

// Others don't see a page that was closed or reloaded as reconnecting, also when the browser lets it say nothing.
func TestAPageThatGoesAwayLeaves(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"lobby": false}`)
	host, guest := ana.join(id), ben.join(id)
	host.sees(guest.welcome.Participant, func(e protocol.RosterEntry) bool { return e.Connected })
	guest.goAway()
	match(host, func(m *protocol.Roster) bool {
		for _, e := range slices.Concat(m.Joined, m.Changed) {
			if !e.Connected {
				t.Fatal("the seat waits to be resumed")
			}
		}
		return len(m.Left) == 1 && m.Left[0].Participant == guest.welcome.Participant
	})
}

func TestLobbyPlaceSurvivesAReloadOverTheWire(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"password": "p"}`)
	guest := ben.wait(id, password("p"))
	guest.goAway()
	again := ben.wait(id) // the page does not remember the password
	host := ana.join(id)
	host.ok(&protocol.Admit{ID: host.id(), All: true})
	again.in()
	if again.welcome.Participant != 1 {
		t.Fatalf("place %d", again.welcome.Participant)
	}
}

func TestSigningOutClosesSocketsAtOnce(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"lobby": false}`)
	host, one, two := ana.join(id), ben.join(id), ben.dial()
	ben.want(http.StatusNoContent, "POST", "/api/auth/logout", "", nil)
	one.bye(protocol.ByeSignedOut)
	two.bye(protocol.ByeSignedOut)
	match(host, func(m *protocol.Roster) bool { return len(m.Left) == 1 })
	if _, ok := s.media.liveOf(one.welcome.Participant); ok {
		t.Fatal("media goes on after signing out")
	}
}

func TestDrainSaysBye(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	id := ana.create(`{}`)
	host, stranger := ana.join(id), ana.dial()
	if err := s.handler.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	host.bye(protocol.ByeShuttingDown)
	stranger.bye(protocol.ByeShuttingDown)
	if _, res, err := ana.tryDial(nil); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Fatal("a draining server takes a socket")
	}
	s.wantEmpty()
}

func TestExpiredMeetingWithLiveSockets(t *testing.T) {
	s := newServer(t, func(_ *Config, m *meetingConfig) { m.MaxMeeting = 2 * time.Second })
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{}`)
	host, guest := ana.join(id), ben.wait(id)
	host.bye(protocol.ByeExpired)
	guest.bye(protocol.ByeExpired)
	s.wantEmpty()
	late := ben.dial()
	late.ask(id)
	late.reply(late.lastID, protocol.ErrNoSuchMeeting)
	late.bye(protocol.ByeEnded)
}

func TestBotsNeedNoMailboxAndShareOneToken(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meetingConfig) {
		c.SocketsPerClient, c.SocketsPerSession, c.JoinsPerMinute = 1, 1, 1
	})
	bot := s.bot()
	id := bot.create(`{}`)
	for i := range 20 {
		p := bot.join(id) // past the lobby: their token created the meeting
		if want := protocol.RoleParticipant; i > 0 && p.welcome.Role != want {
			t.Fatalf("bot %d is %s", i, p.welcome.Role)
		}
	}
}
