package signaling

import (
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
)

// calm is a meeting that must not notice what others do: its host and a participant.
func calm(t *testing.T, s *server) (id protocol.MeetingID, check func()) {
	t.Helper()
	ana, ben := s.signIn("calm-ana"), s.signIn("calm-ben")
	id = ana.create(`{"lobby": false}`)
	host, guest := ana.join(id), ben.join(id)
	return id, func() {
		t.Helper()
		guest.ok(&protocol.Chat{ID: guest.id(), Text: "all is well"})
		next[*protocol.ChatEvent](host)
	}
}

func TestBadJSONIsFatalToItsSenderOnly(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	eve := s.signIn("eve")
	for _, bad := range []string{
		`hello`, `{`, `[]`, `{"type":"leave","id":1}{}`, `{"type":"leave","id":NaN}`, `{"type":"leave","id":1,"id":1}`,
		"{\"type\":\"chat\",\"id\":1,\"text\":\"\xff\"}", `{"type":"chat","id":1,"text":"\ud83d"}`,
		`{"type":"chat","id":1,"text":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`,
	} {
		p := eve.join(id)
		p.raw(bad)
		e := next[*protocol.Error](p)
		if e.Error != protocol.ErrBadJSON || !e.Fatal || e.Message == "" {
			t.Fatalf("%+v", e)
		}
		p.bye(protocol.ByeProtocolError)
	}
	check()
}

func TestOversizeIsFatalToItsSenderOnly(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	eve := s.signIn("eve")
	for _, bad := range []string{
		`{"type":"chat","id":1,"text":"` + strings.Repeat("x", 17<<10) + `"}`,
		`{"type":"offer","id":1,"sdp":"` + strings.Repeat("x", 257<<10) + `","tracks":[]}`,
		strings.Repeat("x", 1<<20),
	} {
		p := eve.join(id)
		p.raw(bad)
		if e := next[*protocol.Error](p); e.Error != protocol.ErrTooLarge || !e.Fatal {
			t.Fatalf("%+v", e)
		}
		p.bye(protocol.ByeProtocolError)
	}
	check()
}

func TestBinaryFramesAreRefused(t *testing.T) {
	s := newServer(t)
	p := s.signIn("eve").dial()
	if err := p.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"type":"leave","id":1}`)); err != nil {
		t.Fatal(err)
	}
	if e := next[*protocol.Error](p); e.Error != protocol.ErrBadJSON {
		t.Fatalf("%+v", e)
	}
	p.bye(protocol.ByeProtocolError)
}

func TestMistakesAreNamedAndHarmless(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	p := s.signIn("eve").join(id)
	for raw, want := range map[string]protocol.ErrorID{
		`{"type":"jump","id":1}`:                                                           protocol.ErrUnknownType,
		`{"type":"welcome","id":1}`:                                                        protocol.ErrUnknownType,
		`{"id":1}`:                                                                         protocol.ErrInvalidRequest,
		`{"type":"chat","id":1,"text":"x","from":1}`:                                       protocol.ErrInvalidRequest,
		`{"type":"chat","id":1,"text":"x","to":77}`:                                        protocol.ErrNoSuchParticipant,
		`{"type":"view","id":1,"wants":[]}`:                                                protocol.ErrNoMedia,
		`{"type":"offer","id":1,"sdp":"nonsense","tracks":[]}`:                             protocol.ErrBadOffer,
		`{"type":"admit","id":1,"all":true}`:                                               protocol.ErrNotPermitted,
		`{"type":"end","id":1}`:                                                            protocol.ErrNotPermitted,
		`{"type":"role","id":1,"participant":1,"role":"viewer"}`:                           protocol.ErrNotPermitted,
		`{"type":"remove","id":1,"participants":[1]}`:                                      protocol.ErrNotPermitted,
		`{"type":"mute","id":1,"participants":[1],"sources":["mic"]}`:                      protocol.ErrNotPermitted,
		`{"type":"join","id":1,"version":1,"meeting":"` + string(id) + `","name":"again"}`: protocol.ErrAlreadyJoined,
	} {
		p.raw(raw)
		e := next[*protocol.Error](p)
		if e.Error != want || e.Fatal || e.ID != 1 || e.Message == "" {
			t.Fatalf("%s: %+v", raw, e)
		}
	}
	p.ok(&protocol.Chat{ID: 99, Text: "still here"})
	check()
}

// examples are those of the protocol document, one for each type of message that a client sends.
func examples(t *testing.T) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, ex := range regexp.MustCompile("(?s)```client\n(.*?)\n```").FindAllStringSubmatch(string(doc), -1) {
		m, err := protocol.DecodeClient([]byte(ex[1]))
		if err != nil {
			t.Fatal(err)
		}
		out[protocol.TypeOf(m)] = ex[1]
	}
	return out
}

// Of all messages that the protocol lists, only join and leave mean anything before a seat, and only relay besides in
// the lobby.
func TestNothingButJoinBeforeTheWelcome(t *testing.T) {
	var seconds atomic.Int64 // no rate is reached
	s := newServer(t, func(c *Config, _ *meeting.Config) {
		c.Now = func() time.Time { return time.Unix(seconds.Add(1), 0) }
	})
	ana := s.signIn("ana")
	id := ana.create(`{}`)
	stranger, waiting := ana.dial(), s.signIn("ben").wait(id)
	list := examples(t)
	for _, m := range protocol.ClientMessages() {
		typ, from := protocol.TypeOf(m), protocol.SpecOf(m).From
		for p, stage := range map[*peer]protocol.Stage{stranger: protocol.Connected, waiting: protocol.InLobby} {
			if from >= stage && typ != "relay" {
				if typ != "join" && typ != "leave" {
					t.Errorf("%s may be sent before the welcome", typ)
				}
				continue
			}
			want := protocol.ErrNotJoined
			if from >= stage {
				want = protocol.ErrNotPermitted // a relay of the lobby, in a meeting that is not encrypted
			}
			p.raw(list[typ])
			if e := next[*protocol.Error](p); e.Error != want || e.Fatal {
				t.Errorf("%s: %+v", list[typ], e)
			}
		}
	}
	if s.media.open != 0 {
		t.Fatal("a media peer exists before admission")
	}
	stranger.send(&protocol.Leave{ID: 5})
	stranger.bye(protocol.ByeLeft)
	waiting.send(&protocol.Leave{ID: 5})
	waiting.bye(protocol.ByeLeft)
	if s.registry.Gauges().Waiting != 0 {
		t.Fatal("the place in the lobby remains")
	}
}

func TestRemovedLoseMediaAndMayNotGoOn(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"lobby": false}`)
	host, guest := ana.join(id), ben.join(id)
	me := guest.welcome.Participant
	guest.send(&protocol.Offer{ID: guest.id(), SDP: "v=0", Tracks: []protocol.Track{}})
	next[*protocol.Answer](guest)
	guest.ok(&protocol.Media{ID: guest.id(), Sources: []protocol.Source{protocol.Mic, protocol.Camera}})
	host.ok(&protocol.Remove{ID: host.id(), Participants: []protocol.Participant{me}, Ban: true})
	if _, open := s.media.liveOf(me); open {
		t.Fatal("ok was said before the media connection was closed")
	}
	guest.bye(protocol.ByeBanned)
	for _, how := range []func(*protocol.Join){resume(guest.welcome.Resume), func(*protocol.Join) {}} {
		p := s.signIn("ben").dial() // with a new session, too
		p.ask(id, how)
		if e := next[*protocol.Error](p); e.Error != protocol.ErrResumeFailed && e.Error != protocol.ErrBanned {
			t.Fatalf("%+v", e)
		}
	}
}

func TestDemotedThenOffer(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"lobby": false}`)
	host, guest := ana.join(id), ben.join(id)
	me := guest.welcome.Participant
	guest.ok(&protocol.Media{ID: guest.id(), Sources: []protocol.Source{protocol.Mic, protocol.Screen}})
	host.ok(&protocol.SetRole{ID: host.id(), Participant: me, Role: protocol.RoleViewer})
	guest.send(&protocol.Offer{ID: guest.id(), SDP: "v=0", Tracks: []protocol.Track{{MID: "0", Source: protocol.Mic}}})
	next[*protocol.Answer](guest) // a viewer needs a connection to see; its tracks are not forwarded
	if live, _ := s.media.liveOf(me); live != 0 {
		t.Fatalf("a viewer's sources %b are forwarded", live)
	}
	guest.rejected(&protocol.Media{ID: guest.id(), Sources: []protocol.Source{protocol.Mic}}, protocol.ErrNotPermitted)
	host.ok(&protocol.SetRole{ID: host.id(), Participant: me, Role: protocol.RoleParticipant})
	if live, _ := s.media.liveOf(me); live != 0 {
		t.Fatal("the microphone opened by itself")
	}
	guest.ok(&protocol.Media{ID: guest.id(), Sources: []protocol.Source{protocol.Mic}})
	if live, _ := s.media.liveOf(me); live != media.Sources(media.Mic) {
		t.Fatal("not by their own act either")
	}
}

func TestLockedMeetingTakesNobodyIn(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	id := ana.create(`{}`)
	host := ana.join(id)
	yes := true
	host.ok(&protocol.SetPolicy{ID: host.id(), Locked: &yes})
	p := s.signIn("ben").dial()
	p.ask(id)
	if e := next[*protocol.Error](p); e.Error != protocol.ErrMeetingLocked || !e.Fatal {
		t.Fatalf("%+v", e)
	}
	p.bye(protocol.ByeDenied)
}

func TestNamesAreTextWhateverTheyHold(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("ana"), s.signIn("ben")
	id := ana.create(`{"lobby": false}`)
	host := ana.join(id)
	for _, bad := range []string{
		"", " ", "\u200b", "a\u202eb", "a\u2066b", "\u061cb", "a\u0000b", "a\nb", "\ufeffa", "a\u00adb", strings.Repeat("x", 65),
		strings.Repeat("x", 10_000), "\U000e0041",
	} {
		p := ben.dial()
		p.ask(id, func(j *protocol.Join) { j.Name = bad })
		if e := next[*protocol.Error](p); e.Error != protocol.ErrInvalidRequest || !strings.Contains(e.Message, `"name"`) {
			t.Fatalf("%q: %+v", bad, e)
		}
	}
	const html = `<img src=x onerror="alert(1)">&amp;`
	p := ben.join(id, func(j *protocol.Join) { j.Name = html })
	// as typed: clients show text
	host.sees(p.welcome.Participant, func(e protocol.RosterEntry) bool { return e.Name == html })
}

func TestAPanicEndsOneParticipant(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	p := s.signIn("eve").join(id)
	p.send(&protocol.Offer{ID: p.id(), SDP: "v=0 panic canary", Tracks: []protocol.Track{}})
	if e := next[*protocol.Error](p); e.Error != protocol.ErrInternal || !e.Fatal {
		t.Fatalf("%+v", e)
	}
	p.bye(protocol.ByeInternal)
	check()
	if n := s.counter("conclave_signaling_panics_total", "", ""); n != 1 {
		t.Fatalf("%v panics counted", n)
	}
	if log := s.log.String(); !strings.Contains(log, "panic in a participant") || strings.Contains(log, "canary") {
		t.Fatalf("the log says %.400s", log)
	}
	eventually(t, "the seat is gone", func() bool { return s.registry.Gauges().Participants == 2 })
}

// Nothing that a person typed or is known by is in the logs or metrics.
func TestNothingPersonalIsLoggedOrCounted(t *testing.T) {
	s := newServer(t)
	ana, ben := s.signIn("canary-ana"), s.signIn("canary-ben")
	id := ana.create(`{"title": "canary-title", "password": "canary-password"}`)
	host := ana.join(id)
	guest := ben.wait(id, password("canary-password"), func(j *protocol.Join) { j.Name = "canary-name" })
	host.ok(&protocol.Admit{ID: host.id(), All: true})
	guest.in()
	guest.ok(&protocol.Chat{ID: guest.id(), Text: "canary-chat"})
	guest.send(&protocol.Offer{ID: guest.id(), SDP: "panic canary-sdp", Tracks: []protocol.Track{}})
	guest.bye(protocol.ByeInternal)
	host.raw(`{"type":"canary-type","id":1}`)
	host.raw(`{"canary-key":`)
	host.bye(protocol.ByeProtocolError)
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := s.log.String()
	for _, f := range families {
		all += f.String()
	}
	for _, secret := range []string{"canary", string(id), "127.0.0.1", strings.ReplaceAll(string(id), "-", "")} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is in the logs or metrics", secret)
		}
	}
}

func TestFullMeeting(t *testing.T) {
	s := newServer(t, func(_ *Config, m *meeting.Config) { m.MaxParticipants = 1 })
	ana := s.signIn("ana")
	id := ana.create(`{"lobby": false}`)
	ana.join(id)
	p := s.signIn("ben").dial()
	p.ask(id)
	if e := next[*protocol.Error](p); e.Error != protocol.ErrMeetingFull || !e.Fatal {
		t.Fatalf("%+v", e)
	}
	p.bye(protocol.ByeDenied)
}
