package signaling

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/meeting"
	"conclave/protocol"
)

const encrypted = `{"e2ee": true, "lobby": false}`

// relayedTo waits for something relayed to p.
func relayedTo(p *peer, from protocol.Participant, data string) {
	p.t.Helper()
	match(p, func(m *protocol.Relays) bool {
		return slices.Contains(m.Relays, protocol.Relayed{From: from, Data: data})
	})
}

func (p *peer) me() protocol.Participant { return p.welcome.Participant }

func (p *peer) relay(to *peer, data string) *protocol.Relay {
	return &protocol.Relay{ID: p.id(), To: []protocol.RelayOne{{Participant: to.me(), Data: data}}}
}

// pair is an encrypted meeting that must not notice what others do.
func pair(t *testing.T, s *server) (id protocol.MeetingID, check func()) {
	t.Helper()
	ana, ben := s.signIn("calm-ana"), s.signIn("calm-ben")
	id = ana.create(encrypted)
	host, guest := ana.join(id, sealed("ana")), ben.join(id, sealed("ben"))
	n := 0
	return id, func() {
		t.Helper()
		n++
		guest.ok(guest.relay(host, opaque(fmt.Sprint("all is well ", n))))
		relayedTo(host, guest.me(), opaque(fmt.Sprint("all is well ", n)))
	}
}

// From creation to the end: what an encrypted meeting says, and what it does not.
func TestAnEncryptedMeetingOverTheWire(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	var made protocol.Created
	ana.want(http.StatusCreated, "POST", "/api/meetings", `{"e2ee": true}`, &made)
	var info protocol.MeetingInfo
	ben.want(http.StatusOK, "GET", "/api/meetings/"+string(made.Meeting), "", &info)
	if !made.E2EE || !info.E2EE {
		t.Fatal("it is not said that the meeting is encrypted")
	}
	host := ana.join(made.Meeting, sealed("ana"))
	if !host.welcome.Meeting.E2EE {
		t.Fatalf("%+v", host.welcome.Meeting)
	}

	guest := ben.dial()
	guest.ask(made.Meeting) // with a name, as in plain meetings
	if e := next[*protocol.Error](guest); e.Error != protocol.ErrE2EERequired || e.Fatal {
		t.Fatalf("%+v", e)
	}
	guest.ask(made.Meeting, sealed("ben"))
	match(guest, func(l *protocol.Lobby) bool { return l.ID != 0 && l.HostsPresent })
	waiting := match(host, func(w *protocol.Waiting) bool { return len(w.Waiting) == 1 }).Waiting[0]
	if waiting.Name != "" || waiting.Announce != announceOf("ben") || waiting.Email != "ben@example.org" {
		t.Fatalf("%+v", waiting)
	}
	guest.rejected(&protocol.Relay{ID: guest.id(), To: []protocol.RelayOne{{Participant: host.me(),
		Data: opaque("from the lobby")}}}, protocol.ErrNotJoined)
	host.rejected(&protocol.Admit{ID: host.id(), All: true}, protocol.ErrInvalidRequest)
	host.send(&protocol.Admit{ID: host.id(), Admissions: []protocol.Admission{{Participant: waiting.Participant,
		Admit: opaque("signed by ana")}}})
	guest.in()
	if guest.welcome.Admit != opaque("signed by ana") ||
		guest.welcome.Participants[0].Announce != announceOf("ana") {
		t.Fatalf("%+v", guest.welcome)
	}
	host.sees(guest.me(), func(e protocol.RosterEntry) bool {
		return e.Name == "" && e.Announce == announceOf("ben") && e.Admit == opaque("signed by ana")
	})

	guest.rejected(&protocol.Chat{ID: guest.id(), Text: "in clear"}, protocol.ErrE2EERequired)
	guest.rejected(&protocol.React{ID: guest.id(), Reaction: "clap"}, protocol.ErrE2EERequired)
	guest.ok(&protocol.Broadcast{ID: guest.id(), Kind: protocol.BroadcastChat, Data: opaque("sealed")})
	if e := next[*protocol.BroadcastEvent](host); e.From != guest.me() || e.Data != opaque("sealed") ||
		e.Kind != protocol.BroadcastChat || e.At.IsZero() {
		t.Fatalf("%+v", e)
	}
	host.send(&protocol.SetRole{
		ID: host.id(), Participant: guest.me(), Role: protocol.RoleCohost,
	})
	host.sees(guest.me(), func(e protocol.RosterEntry) bool {
		return e.Role == protocol.RoleCohost
	})
	guest.ok(&protocol.Spotlight{ID: guest.id(), Participant: host.me()})
	if e := next[*protocol.SpotlightEvent](host); e.Participant != host.me() || e.By != guest.me() {
		t.Fatalf("%+v", e)
	}

	token := guest.welcome.Resume
	guest.drop()
	host.sees(guest.me(), func(e protocol.RosterEntry) bool { return !e.Connected })
	host.ok(host.relay(guest, opaque("while away")))
	back := ben.join(made.Meeting, resume(token), func(j *protocol.Join) { j.Name = "" })
	if back.me() != guest.me() || back.welcome.Admit != opaque("signed by ana") ||
		back.welcome.Role != protocol.RoleCohost {
		t.Fatalf("%+v", back.welcome)
	}
	relayedTo(back, host.me(), opaque("while away"))
	if log := s.log.String(); strings.Contains(log, announceOf("ben")) || strings.Contains(log, opaque("sealed")) {
		t.Fatal("what was sealed is in the log")
	}
}

// Who does not say otherwise gets an encrypted meeting; a plain one must be chosen.
func TestMeetingsAreEncryptedUnlessChosenOtherwise(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	for body, want := range map[string]bool{`{}`: true, `{"title": "Weekly"}`: true, `{"e2ee": true}`: true,
		`{"e2ee": false}`: false} {
		var made protocol.Created
		ana.want(http.StatusCreated, "POST", "/api/meetings", body, &made)
		var info protocol.MeetingInfo
		ana.want(http.StatusOK, "GET", "/api/meetings/"+string(made.Meeting), "", &info)
		if made.E2EE != want || info.E2EE != want {
			t.Errorf("%s makes an encrypted meeting: %v, %v", body, made.E2EE, info.E2EE)
		}
	}
	ana.refused(http.StatusBadRequest, protocol.ErrInvalidRequest, "POST", "/api/meetings", `{"e2ee": null}`)
}

// Private audio is chosen with the meeting, in encrypted ones only, and said to everybody who comes in.
func TestPrivateAudioIsChosenWithTheMeeting(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	ana.refused(http.StatusBadRequest, protocol.ErrInvalidRequest, "POST", "/api/meetings",
		`{"e2ee": false, "private_audio": true}`)
	for body, want := range map[string]bool{`{"e2ee": true, "lobby": false, "private_audio": true}`: true,
		encrypted: false} {
		if p := ana.join(ana.create(body), sealed("ana")); p.welcome.Meeting.PrivateAudio != want {
			t.Errorf("%s: %+v", body, p.welcome.Meeting)
		}
	}
}

// In a plain meeting nothing of an encrypted one has a place, and the refusal does no harm.
func TestAPlainMeetingStaysPlainOverTheWire(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	id := ana.create(`{"e2ee": false, "lobby": false}`)
	p := ana.dial()
	p.ask(id, sealed("ana"))
	if e := next[*protocol.Error](p); e.Error != protocol.ErrInvalidRequest || e.Fatal {
		t.Fatalf("%+v", e)
	}
	p.ask(id)
	p.in()
	if p.welcome.Meeting.E2EE {
		t.Fatalf("%+v", p.welcome.Meeting)
	}
	p.rejected(p.relay(p, opaque("x")), protocol.ErrNotPermitted)
	p.rejected(&protocol.Broadcast{ID: p.id(), Kind: protocol.BroadcastReaction, Data: opaque("x")},
		protocol.ErrNotPermitted)
	p.ok(&protocol.Chat{ID: p.id(), Text: "in clear"})
}

// Who something is from is the server's word: there is no field to say otherwise, and no way to speak for somebody
// else.
func TestASenderCannotBeMadeUp(t *testing.T) {
	s := newServer(t)
	id, check := pair(t, s)
	eve := s.signIn("eve").join(id, sealed("eve"))
	for raw, want := range map[string]protocol.ErrorID{
		`{"type":"relay","id":1,"from":1,"to":[{"participant":1,"data":"YWJj"}]}`:                                                        protocol.ErrInvalidRequest,
		`{"type":"relay","id":1,"to":[{"participant":1,"data":"YWJj","from":2}]}`:                                                        protocol.ErrInvalidRequest,
		`{"type":"relays","id":1,"relays":[{"from":2,"data":"YWJj"}]}`:                                                                   protocol.ErrUnknownType,
		`{"type":"broadcast","id":1,"kind":"chat","data":"YWJj","from":1}`:                                                               protocol.ErrInvalidRequest,
		`{"type":"broadcast","id":1,"kind":"chat","data":"YWJj","at":"2026-01-01"}`:                                                      protocol.ErrInvalidRequest,
		`{"type":"admit","id":1,"admissions":[{"participant":1,"admit":"YWJj"}]}`:                                                        protocol.ErrNotPermitted,
		`{"type":"role","id":1,"participant":3,"role":"host"}`:                                                                           protocol.ErrNotPermitted,
		`{"type":"spotlight","id":1,"participant":3}`:                                                                                    protocol.ErrNotPermitted,
		`{"type":"media_refused","id":1,"source":"camera","reason":"not_encrypted"}`:                                                     protocol.ErrUnknownType,
		`{"type":"quality","id":1,"quality":[{"participant":1,"bars":0}]}`:                                                               protocol.ErrUnknownType,
		`{"type":"relay","id":1,"to":[{"participant":1,"data":"YWJ"}]}`:                                                                  protocol.ErrInvalidRequest,
		`{"type":"relay","id":1,"to":[` + strings.Repeat(`{"participant":1,"data":"YWJj"},`, 1000) + `{"participant":1,"data":"YWJj"}]}`: protocol.ErrInvalidRequest,
	} {
		eve.raw(raw)
		eve.reply(1, want)
	}
	check()
}

// The number of somebody in another meeting means nothing here, and nobody is told what does not exist.
func TestARelayReachesNoOtherMeeting(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	here, there := ana.create(encrypted), ana.create(`{"e2ee": true}`)
	a, b := ana.join(here, sealed("ana")), ana.join(there, sealed("ana"))
	c := s.signIn("ben").wait(there, sealed("ben")) // number 2 there, which does not exist here
	b.ok(&protocol.Admit{ID: b.id(), Admissions: []protocol.Admission{{Participant: 2, Admit: opaque("signed")}}})
	c.in()
	a.ok(&protocol.Relay{ID: a.id(), To: []protocol.RelayOne{
		{Participant: 1, Data: opaque("astray")}, {Participant: 2, Data: opaque("astray")}, {Participant: 4_000_000_000, Data: opaque("astray")},
	}})
	b.ok(&protocol.Relay{ID: b.id(), To: []protocol.RelayOne{{Participant: 2, Data: opaque("home")}}})
	if m := next[*protocol.Relays](c); len(m.Relays) != 1 || m.Relays[0].Data != opaque("home") {
		t.Fatalf("%+v", m)
	}
}

// An oversize relay ends its sender, and nobody else.
func TestOversizeRelaysAreFatalToTheirSenderOnly(t *testing.T) {
	s := newServer(t)
	id, check := pair(t, s)
	eve := s.signIn("eve")
	entry := `{"participant":1,"data":"` + strings.Repeat("A", 2728) + `"},`
	for i, bad := range []string{
		`{"type":"relay","id":1,"to":[` + strings.Repeat(entry, 195) + `{"participant":1,"data":"AA"}]}`,
		`{"type":"broadcast","id":1,"kind":"chat","data":"` + strings.Repeat("A", 25<<10) + `"}`,
		`{"type":"join","id":1,"announce":"` + strings.Repeat("A", 17<<10) + `"}`,
	} {
		p := eve.join(id, sealed(fmt.Sprint("eve ", i)))
		p.raw(bad)
		if e := next[*protocol.Error](p); e.Error != protocol.ErrTooLarge || !e.Fatal {
			t.Fatalf("%+v", e)
		}
		p.bye(protocol.ByeProtocolError)
	}
	check()
}

// A megabyte at once and then 128 KiB a second: what is over it is refused and not delivered, and who goes on is cut
// off.
func TestARelayFloodIsCut(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id, check := pair(t, s)
		eve, fay := s.signIn("eve").join(id, sealed("eve")), s.signIn("fay").join(id, sealed("fay"))
		big := &protocol.Relay{}
		for range 40 {
			big.To = append(big.To, protocol.RelayOne{Participant: fay.me(), Data: strings.Repeat("A", 2728)})
		}
		flood := func(n int) (passed int) {
			for range n {
				big.ID = eve.id()
				eve.send(big)
			}
			for range n {
				switch m := next[protocol.ServerMessage](eve).(type) {
				case *protocol.OK:
					passed++
				case *protocol.Error:
					if m.Error != protocol.ErrRateLimited {
						t.Fatalf("%+v", m)
					}
				default:
					t.Fatalf("%T", m)
				}
			}
			return passed
		}
		stay(time.Second)
		for eve.quiet() {
		}
		if n := flood(30); n != 9 { // of 109 KiB each
			t.Fatalf("%d messages passed at once", n)
		}
		stay(4 * time.Second)
		if n := flood(30); n != 5 {
			t.Fatalf("%d messages passed after 4 s", n)
		}
		check()
		got := 0
		for got < 14*40 {
			got += len(next[*protocol.Relays](fay).Relays)
		}
		if got != 14*40 {
			t.Fatalf("%d entries arrived", got)
		}
		for range 200 {
			if eve.tryRaw(`{"type":"relay","id":1,"to":[{"participant":1,"data":"`+strings.Repeat("A", 2728)+`"}]}`) != nil {
				break
			}
		}
		eve.bye(protocol.ByeRateLimited)
		check()
	})
}

// Who answers whatever is relayed to them, as often as it comes, stays within the limits; who sends more does not.
func TestEachDeliveryMayBeAnswered(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id, _ := pair(t, s)
		p := s.signIn("p").join(id, sealed("p"))
		for range 10 * 40 { // ten seconds
			p.ok(p.relay(p, opaque("ack")))
			stay(25 * time.Millisecond)
		}
		refused := 0
		for range 400 {
			p.send(p.relay(p, opaque("ack")))
			match(p, func(m protocol.ServerMessage) bool {
				e, wrong := m.(*protocol.Error)
				if wrong && e.Error == protocol.ErrRateLimited {
					refused++
				}
				_, fine := m.(*protocol.OK)
				return fine || wrong
			})
			if refused > 0 {
				break
			}
			stay(10 * time.Millisecond)
		}
		if refused == 0 {
			t.Error("a hundred a second are not limited")
		}
	})
}

// quiet takes one message that waits, if there is one.
func (p *peer) quiet() bool {
	select {
	case _, open := <-p.messages:
		return open
	default:
		return false
	}
}

// One who never reads is disconnected by what others relay to them, and delays nobody.
func TestOneWhoNeverReadsRelaysDelaysNobody(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.WriteTimeout = 2 * time.Second })
	id, check := pair(t, s)
	deaf := s.signIn("deaf").rawDial()
	deaf.must(fin|opText, fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":"","announce":%q}`,
		id, announceOf("deaf")))
	eventually(t, "the deaf one is in, as number 3", func() bool { return s.registry.Gauges().Participants == 3 })
	talkers := make([]*peer, 4)
	for i := range talkers {
		talkers[i] = s.signIn(fmt.Sprint("talker", i)).join(id, sealed(fmt.Sprint("talker ", i)))
	}
	big := &protocol.Relay{}
	for range 150 {
		big.To = append(big.To, protocol.RelayOne{Participant: 3, Data: strings.Repeat("A", 2728)})
	}
	for _, p := range talkers {
		for range 2 {
			big.ID = p.id()
			p.ok(big)
			check()
		}
	}
	next := 0
	eventually(t, "the deaf one is disconnected, however much its connection takes in", func() bool {
		p := talkers[next%len(talkers)]
		next++
		time.Sleep(100 * time.Millisecond) // who is refused too often is sent away
		big.ID = p.id()
		p.send(big)
		match(p, func(m protocol.ServerMessage) bool { // done, or refused since this one has sent enough for now
			switch m := m.(type) {
			case *protocol.OK:
				return m.ID == big.ID
			case *protocol.Error:
				return m.ID == big.ID && m.Error == protocol.ErrRateLimited
			}
			return false
		})
		return s.counter("conclave_signaling_closed_total", "reason", string(protocol.ByeSlowReader)) == 1
	})
	check()
}
