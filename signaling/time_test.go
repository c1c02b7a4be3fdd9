package signaling

import (
	"net/http"
	"testing"
	"time"

	"conclave/meeting"
	"conclave/protocol"
)

// arrives waits for a message that f accepts and checks that it comes at so long after began.
func arrives[T protocol.ServerMessage](p *peer, began time.Time, at time.Duration, f func(T) bool) {
	p.t.Helper()
	match(p, f)
	if d := time.Since(began); d < at-2*time.Second || d > at+2*time.Second {
		p.t.Fatalf("after %v, want %v", d, at)
	}
}

// stay waits so long while pings are answered.
func stay(d time.Duration) { time.Sleep(d) }

func TestExpiryIsAnnouncedOverTheWire(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		began := time.Now()
		ana, ben := s.signIn("ana"), s.signIn("ben")
		id := ana.create(`{"lobby": false}`)
		host, guest := ana.join(id), ben.join(id)
		stay(2*time.Hour - 11*time.Minute)
		for _, p := range []*peer{host, guest} {
			arrives(p, began, 110*time.Minute, func(n *protocol.Notice) bool {
				return n.Notice == protocol.Expiring &&
					n.Seconds == 600
			})
		}
		late := s.signIn("late").join(id) // told at 60 s only
		for _, p := range []*peer{host, guest, late} {
			arrives(p, began, 119*time.Minute, func(n *protocol.Notice) bool { return n.Seconds == 60 })
		}
		for _, p := range []*peer{host, guest, late} {
			p.bye(protocol.ByeExpired)
		}
		if d := time.Since(began); d < 2*time.Hour-time.Second || d > 2*time.Hour+time.Second {
			t.Fatalf("it ended after %v", d)
		}
		if g := s.registry.Gauges(); g.Meetings != 0 || g.Participants != 0 {
			t.Fatalf("%+v remain", g)
		}
		ana.refused(http.StatusNotFound, protocol.ErrNoSuchMeeting, "GET", "/api/meetings/"+string(id), "")
	})
}

func TestAnEmptyMeetingEndsAfterFiveMinutesOverTheWire(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		ana := s.signIn("ana")
		never, left := ana.create(`{}`), ana.create(`{"when_host_leaves": "keep"}`)
		exists := func(id protocol.MeetingID) bool {
			status, _, _ := ana.do("GET", "/api/meetings/"+string(id), "")
			return status == http.StatusOK
		}
		stay(4 * time.Minute)
		host := ana.join(left)
		waits := s.signIn("ben").wait(left)
		stay(59 * time.Second)
		if !exists(never) {
			t.Fatal("it ended too early")
		}
		stay(2 * time.Second)
		if exists(never) {
			t.Fatal("nobody ever came, and it goes on")
		}
		stay(10 * time.Minute)
		if !exists(left) {
			t.Fatal("it ended with somebody in it")
		}
		host.send(&protocol.Leave{ID: host.id()})
		host.bye(protocol.ByeLeft)
		stay(5*time.Minute - 10*time.Second)
		if !exists(left) {
			t.Fatal("it ended too early after the last one left")
		}
		stay(11 * time.Second)
		if exists(left) {
			t.Fatal("it goes on without anybody")
		}
		waits.bye(protocol.ByeEnded)
	})
}

func TestLastHostPoliciesOverTheWire(t *testing.T) {
	for policy, check := range map[protocol.LeavePolicy]func(s *server, p *peer){
		protocol.WhenPromote: func(_ *server, p *peer) {
			if m := next[*protocol.Permissions](p); m.Role != protocol.RoleHost {
				p.t.Fatalf("%+v", m)
			}
		},
		protocol.WhenEnd: func(s *server, p *peer) {
			p.bye(protocol.ByeEnded)
			if s.registry.Gauges().Meetings != 0 {
				p.t.Fatal("it goes on")
			}
		},
		protocol.WhenKeep: func(_ *server, p *peer) {
			p.rejected(&protocol.End{ID: p.id()}, protocol.ErrNotPermitted)
			p.ok(&protocol.Chat{ID: p.id(), Text: "still here"})
		},
	} {
		for _, how := range []string{"leaves", "is lost"} {
			t.Run(string(policy)+"/the host "+how, func(t *testing.T) {
				inVirtualTime(t, nil, func(_ *testing.T, s *server) {
					ana, ben, cem := s.signIn("ana"), s.signIn("ben"), s.signIn("cem")
					id := ana.create(`{"lobby": false, "when_host_leaves": "` + string(policy) + `"}`)
					host, first := ana.join(id), ben.join(id)
					second := cem.join(id)
					if how == "leaves" {
						host.send(&protocol.Leave{ID: host.id()})
						host.bye(protocol.ByeLeft)
					} else {
						host.drop()
						stay(46 * time.Second)
					}
					check(s, first)
					if policy == protocol.WhenPromote {
						second.rejected(&protocol.End{ID: second.id()}, protocol.ErrNotPermitted) // the longest-present, and one only
					}
				})
			})
		}
	}
}

func idleAfter(d time.Duration) func(*Config, *meeting.Config) {
	return func(_ *Config, m *meeting.Config) { m.ParticipantIdle = d }
}

func TestIdlePeopleAreAskedAndThenSignedOut(t *testing.T) {
	inVirtualTime(t, idleAfter(10*time.Minute), func(t *testing.T, s *server) {
		ana, ben := s.signIn("ana"), s.signIn("ben")
		id := ana.create(`{"lobby": false}`)
		host, guest, bot := ana.join(id), ben.join(id), s.bot().join(id)
		began := time.Now()
		arrives(guest, began, 10*time.Minute, func(m *protocol.Idle) bool { return m.Seconds == 60 })
		next[*protocol.Idle](host)
		host.ok(&protocol.Active{ID: host.id()})
		guest.bye(protocol.ByeIdle)
		if d := time.Since(began); d < 11*time.Minute-time.Second || d > 11*time.Minute+time.Second {
			t.Fatalf("signed out after %v", d)
		}
		ben.refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "POST", "/api/meetings", `{}`)
		ana.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", nil)
		bot.ok(&protocol.Chat{ID: bot.id(), Text: "nobody asks a bot"})
		if n := len(bot.messages); n > 0 {
			for range n {
				if m, idle := (<-bot.messages).(*protocol.Idle); idle {
					t.Fatalf("%+v", m)
				}
			}
		}
	})
}

// Somebody idle in one meeting who is there in another is not signed out of it.
func TestIdleInOneMeetingDoesNotEndAnother(t *testing.T) {
	inVirtualTime(t, idleAfter(10*time.Minute), func(t *testing.T, s *server) {
		ana := s.signIn("ana")
		idle, busy := ana.join(ana.create(`{}`)), ana.join(ana.create(`{}`))
		for range 5 {
			stay(2 * time.Minute)
			busy.ok(&protocol.Chat{ID: busy.id(), Text: "here"})
		}
		idle.bye(protocol.ByeIdle)
		busy.ok(&protocol.Chat{ID: busy.id(), Text: "still here"})
		stay(15 * time.Minute)
		busy.bye(protocol.ByeIdle)
		ana.refused(http.StatusUnauthorized, protocol.ErrUnauthenticated, "POST", "/api/meetings", `{}`)
	})
}

// Signing out ends a seat that only waits for its socket to come back: its media with it.
func TestSigningOutEndsASeatWithoutASocket(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		ana, ben := s.signIn("ana"), s.signIn("ben")
		id := ana.create(`{"lobby": false}`)
		host, guest := ana.join(id), ben.join(id)
		guest.drop()
		host.sees(guest.welcome.Participant, func(e protocol.RosterEntry) bool { return !e.Connected })
		began := time.Now()
		ben.want(http.StatusNoContent, "POST", "/api/auth/logout", "", nil)
		match(host, func(r *protocol.Roster) bool {
			return len(r.Left) == 1 && r.Left[0].Participant == guest.welcome.Participant
		})
		if d := time.Since(began); d > time.Second {
			t.Fatalf("only after %v", d)
		}
		if _, open := s.media.liveOf(guest.welcome.Participant); open {
			t.Fatal("its media goes on")
		}
	})
}

// The limits on joining, each in virtual time: refused at the limit, allowed again when the window has moved on.
func TestJoinLimitsEndWithTheirWindow(t *testing.T) {
	change := func(c *Config, _ *meeting.Config) {
		c.JoinsPerMinute, c.WrongPasswordsPerMinute, c.PasswordsPerMinute, c.UnknownPerMinute = 5, 2, 4, 3
	}
	inVirtualTime(t, change, func(t *testing.T, s *server) {
		ana, eve := s.signIn("ana"), s.signIn("eve")
		open, secured, third := ana.create(`{"lobby": false}`), ana.create(`{"lobby": false, "password": "right"}`),
			ana.create(`{"lobby": false, "password": "right"}`)
		try := func(id protocol.MeetingID, more ...func(*protocol.Join)) protocol.ErrorID {
			t.Helper()
			p := eve.dial()
			defer p.drop()
			p.ask(id, more...)
			for m := range p.messages {
				switch m := m.(type) {
				case *protocol.Welcome:
					return ""
				case *protocol.Error:
					return m.Error
				}
			}
			t.Fatal("no answer")
			return ""
		}
		repeat := func(n int, want protocol.ErrorID, id protocol.MeetingID, more ...func(*protocol.Join)) {
			t.Helper()
			for i := range n {
				if e := try(id, more...); e != want {
					t.Fatalf("attempt %d: %q, want %q", i+1, e, want)
				}
			}
		}
		repeat(5, "", open)
		repeat(2, protocol.ErrRateLimited, open)
		repeat(2, protocol.ErrWrongPassword, secured, password("wrong"))
		repeat(1, protocol.ErrRateLimited, secured, password("right")) // the right one neither
		repeat(1, "", third, password("right"))
		repeat(1, protocol.ErrRateLimited, third, password("right")) // four passwords of this client in this minute
		stay(61 * time.Second)
		repeat(1, "", open)
		repeat(1, "", secured, password("right"))
		repeat(3, protocol.ErrNoSuchMeeting, "0000-0000-0000-0000")
		repeat(1, protocol.ErrRateLimited, "0000-0000-0000-0001")
		repeat(1, "", open) // guesses lock nobody out who knows an address
		eve.want(http.StatusOK, "GET", "/api/meetings/"+string(open), "", nil)
		stay(61 * time.Second)
		repeat(1, protocol.ErrNoSuchMeeting, "0000-0000-0000-0002")
	})
}

func TestCreationLimitEndsWithItsWindow(t *testing.T) {
	inVirtualTime(t, func(c *Config, _ *meeting.Config) { c.MeetingsPerAddressHour = 2 }, func(_ *testing.T, s *server) {
		ana, ben := s.signIn("ana"), s.signIn("ben")
		ana.create(`{}`)
		stay(30 * time.Minute)
		ana.create(`{}`)
		ana.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "POST", "/api/meetings", `{}`)
		// another session
		s.signIn("ana").refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "POST", "/api/meetings", `{}`)
		ben.create(`{}`)
		stay(30*time.Minute + time.Second)
		ana.create(`{}`)
	})
}

// A session that ends by its age takes its WebSockets with it.
func TestTheEndOfASessionEndsItsSockets(t *testing.T) {
	inVirtualTime(t, func(_ *Config, m *meeting.Config) { m.MaxMeeting = 100 * time.Hour }, func(t *testing.T, s *server) {
		ana := s.signIn("ana")
		began := time.Now()
		host := ana.join(ana.create(`{}`))
		for range 30 {
			stay(47 * time.Minute)
			host.raw(`{"type":"hand","id":1,"raised":false}`)
		}
		host.bye(protocol.ByeSignedOut)
		if d := time.Since(began); d < 24*time.Hour-time.Minute || d > 24*time.Hour+time.Minute {
			t.Fatalf("after %v", d)
		}
	})
}
