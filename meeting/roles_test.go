package meeting

import (
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// trio is a meeting with a host, a participant and another participant.
func trio(t *testing.T, settings ...setting) (st *stage, ana, ben, cem *someone) {
	st = newStage(t, settings...)
	ana, ben, cem = st.join("ana"), st.join("ben"), st.join("cem")
	return st, ana, ben, cem
}

var everything = media.Sources(media.Mic, media.Camera, media.Screen, media.ScreenAudio)

func TestPermissionsAreThoseOfTheDocument(t *testing.T) {
	publish := []protocol.Permission{protocol.PublishMic, protocol.PublishCamera, protocol.PublishScreen}
	moderate := []protocol.Permission{
		protocol.MayAdmit, protocol.MayMute, protocol.MayRemove, protocol.MayLock, protocol.MaySpotlight,
	}
	chat := []protocol.Permission{protocol.MayChat}
	for role, want := range map[protocol.Role][]protocol.Permission{
		protocol.RoleHost:        slices.Concat(publish, chat, moderate, []protocol.Permission{protocol.MayRoles, protocol.MayEnd}),
		protocol.RoleCohost:      slices.Concat(publish, chat, moderate),
		protocol.RoleParticipant: slices.Concat(publish, chat),
		protocol.RoleViewer:      chat,
		noRole:                   nil,
	} {
		if have := permissionsOf(role); !slices.Equal(have, want) {
			t.Errorf("role %q: %q, want %q", role, have, want)
		}
	}
	if n := len(protocol.Permission("").Values()); n != len(permissionsOf(protocol.RoleHost)) {
		t.Errorf("the host holds %d of %d permissions", len(permissionsOf(protocol.RoleHost)), n)
	}
}

func TestEveryModerationNeedsItsPermission(t *testing.T) {
	st, ana, ben, cem := trio(t)
	one := []media.ParticipantID{cem.id}
	all := []protocol.ClientMessage{
		&protocol.Admit{All: true}, &protocol.Deny{}, &protocol.Mute{Participants: one, Sources: everything.List()}, &protocol.AskUnmute{Participants: one}, &protocol.Remove{Participants: one},
		&protocol.SetPolicy{Locked: ptr(true)}, &protocol.SetRole{Participant: cem.id, Role: protocol.RoleViewer}, &protocol.End{},
	}
	for _, r := range all {
		st.refused(ben, r, ErrNotPermitted)
	}
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleViewer})
	for _, r := range append(all, on(media.Mic), on(media.ScreenAudio)) {
		st.refused(ben, r, ErrNotPermitted)
	}
	st.must(ben, &protocol.Chat{Text: "hello"})
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	for _, r := range all[:2] {
		st.must(ben, r)
	}
	st.refused(ben, &protocol.SetRole{Participant: cem.id, Role: protocol.RoleViewer}, ErrNotPermitted)
	st.refused(ben, &protocol.End{}, ErrNotPermitted)
	if st.s.locked || st.s.ended {
		t.Fatal("a refusal changed something")
	}
}

func TestRefusedMediaChangesNothing(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ben, on(media.Mic))
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleViewer})
	st.refused(ben, on(media.Camera), ErrNotPermitted)
	if st.live[ben.id] != 0 {
		t.Fatal("a viewer publishes")
	}
}

func TestDemotionStopsMediaAndGivingTheRoleBackDoesNotStartIt(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ben, on(everything.List()...))
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleViewer})
	if st.live[ben.id] != 0 {
		t.Fatal("a viewer publishes")
	}
	if e, ok := last[*protocol.Permissions](ben); !ok || e.Role != protocol.RoleViewer {
		t.Fatal("ben was not told")
	}
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleParticipant})
	if st.live[ben.id] != 0 {
		t.Fatal("a microphone opened without its owner's act")
	}
	st.must(ben, on(media.Mic))
	if st.live[ben.id] != media.Sources(media.Mic) {
		t.Fatal("ben cannot switch on again")
	}
}

func TestHandOverMakesOneselfCohost(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleHost})
	st.wantRole(ana, protocol.RoleCohost)
	st.wantRole(ben, protocol.RoleHost)
	st.refused(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleViewer}, ErrNotPermitted)
	// Who has handed over and comes again is co-host while there is a host, and host when there is none.
	st.must(ana, &protocol.Leave{})
	ana = st.join("ana")
	st.wantRole(ana, protocol.RoleCohost)
	st.must(ana, &protocol.Leave{})
	st.must(ben, &protocol.Leave{})
	for _, p := range st.s.seats {
		st.s.leave(st.now, p, protocol.Left, protocol.ByeLeft)
	}
	st.settle()
	st.wantRole(st.join("ana"), protocol.RoleHost)
}

func TestNobodyChangesTheirOwnRole(t *testing.T) {
	st, ana, _, _ := trio(t)
	for _, r := range []protocol.Role{protocol.RoleHost, protocol.RoleCohost, protocol.RoleParticipant,
		protocol.RoleViewer} {
		st.refused(ana, &protocol.SetRole{Participant: ana.id, Role: r}, ErrNotPermitted)
	}
}

func TestNewCohostSeesTheLobby(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, &protocol.SetPolicy{Lobby: ptr(true)})
	st.join("dora")
	st.settleRoster()
	if count[*protocol.Waiting](ben) != 0 {
		t.Fatal("a participant sees the lobby")
	}
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	st.settleRoster()
	if e, _ := last[*protocol.Waiting](ben); len(e.Waiting) != 1 {
		t.Fatal("the new co-host does not see the lobby")
	}
}

func TestBotsOfOneTokenHaveOneHost(t *testing.T) {
	bot := Identity{Session: SessionKeyOf("token"), Bot: true}
	st := newStage(t, withLobby, func(_ *stage, m *meta, _ *bool) { m.creator = bot.person() })
	as := func(j *joinRequest) { j.identity = bot }
	st.wantRole(st.join("bot 1", as), protocol.RoleHost)
	st.wantRole(st.join("bot 2", as), protocol.RoleParticipant)
	if st.s.present != 2 {
		t.Fatal("bots of one token share a seat")
	}
}

// What somebody is, is marked to everybody: in the lobby, to those who are there, and to those who come later.
func TestBotsAndGuestsAreMarkedToEverybody(t *testing.T) {
	st := newStage(t, withLobby, withPassword, withOptions(func(o *Config) { o.Guests = true }))
	ana := st.join("ana")
	kinds := map[string]protocol.Kind{"bot": protocol.KindBot, "gus": protocol.KindGuest, "ben": ""}
	as := map[string]func(*joinRequest){
		"bot": func(j *joinRequest) { j.identity = Identity{Session: SessionKeyOf("token"), Bot: true} },
		"gus": func(j *joinRequest) { j.identity.Address = Address{} },
		"ben": func(*joinRequest) {},
	}
	proved := func(j *joinRequest) { j.proved = true }
	check := func(where string, got map[string]protocol.Kind) {
		t.Helper()
		for name, want := range kinds {
			if have, ok := got[name]; !ok || have != want {
				t.Errorf("%s: %s has kind %q (%v), want %q", where, name, have, ok, want)
			}
		}
	}
	byName := func(list []protocol.RosterEntry) map[string]protocol.Kind {
		out := map[string]protocol.Kind{}
		for _, e := range list {
			out[e.Name] = e.Kind
		}
		return out
	}
	for _, name := range []string{"bot", "gus", "ben"} {
		st.join(name, as[name], proved)
	}
	st.settleRoster()
	waiting := map[string]protocol.Kind{}
	w, _ := last[*protocol.Waiting](ana)
	for _, e := range w.Waiting {
		waiting[e.Name] = e.Kind
	}
	check("lobby", waiting)
	st.must(ana, &protocol.Admit{All: true})
	st.settleRoster()
	r, _ := last[*protocol.Roster](ana)
	check("joined", byName(r.Joined))
	late := st.join("late", proved)
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{late.id}})
	welcome, _ := last[*protocol.Welcome](late)
	check("welcome", byName(welcome.Participants))
}

func TestLastHostPromote(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ana, &protocol.SetRole{Participant: cem.id, Role: protocol.RoleCohost})
	st.must(ana, &protocol.Leave{})
	st.wantRole(cem, protocol.RoleHost) // the co-host, although ben has been here longer
	st.must(cem, &protocol.Leave{})
	st.wantRole(ben, protocol.RoleHost)
	if e, ok := last[*protocol.Permissions](ben); !ok || e.Role != protocol.RoleHost {
		t.Fatal("ben was not told")
	}
	st.join("ana")
	if st.s.hosts != 2 {
		t.Fatal("the creator comes back as host beside the promoted one")
	}
}

func TestLastHostPromoteTakesTheLongestPresentThatIsThere(t *testing.T) {
	st, ana, ben, cem := trio(t)
	dora := st.join("dora")
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleViewer}) // never a viewer
	// nor one whose socket is lost, if another is there
	st.lose(cem)
	st.must(ana, &protocol.Leave{})
	st.wantRole(dora, protocol.RoleHost)
}

func TestLastHostPromoteNeverABot(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	bot := st.join("bot", func(j *joinRequest) { j.identity.Bot = true })
	st.must(ana, &protocol.Leave{})
	st.wantRole(bot, protocol.RoleParticipant)
}

func TestLastHostLostCountsAfterTheGrace(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.lose(ana)
	st.advance(44 * time.Second)
	st.wantRole(ben, protocol.RoleParticipant)
	st.advance(2 * time.Second)
	st.wantRole(ben, protocol.RoleHost)
	st.wantGone(ana)
}

func TestLastHostKeep(t *testing.T) {
	st, ana, ben, _ := trio(t, withPolicy(protocol.WhenKeep))
	st.must(ana, &protocol.Leave{})
	st.wantRole(ben, protocol.RoleParticipant)
	if st.s.hosts != 0 || st.s.ended {
		t.Fatal("not kept")
	}
	st.wantRole(st.join("ana"), protocol.RoleHost)
}

func TestLastHostEnd(t *testing.T) {
	st, ana, ben, cem := trio(t, withPolicy(protocol.WhenEnd))
	st.must(ana, &protocol.SetRole{Participant: cem.id, Role: protocol.RoleCohost})
	st.must(ana, &protocol.Leave{})
	st.wantBye(ben, protocol.ByeEnded)
	st.wantBye(cem, protocol.ByeEnded)
	st.wantBye(ana, protocol.ByeLeft)
	if !st.s.ended || st.s.seats != nil {
		t.Fatal("something remains")
	}
}

func TestLastHostIsNotTheLastWhileAnotherIsThere(t *testing.T) {
	st, ana, ben, _ := trio(t, withPolicy(protocol.WhenEnd))
	second := st.join("ana") // the creator's second window
	st.must(ana, &protocol.Leave{})
	if st.s.ended {
		t.Fatal("ended with a host present")
	}
	st.wantRole(second, protocol.RoleHost)
	st.wantRole(ben, protocol.RoleParticipant)
}
