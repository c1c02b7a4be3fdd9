package meeting

import (
	"testing"
	"time"

	"conclave/media"
)

// trio is a meeting with a host, a participant and another participant.
func trio(t *testing.T, settings ...setting) (st *stage, ana, ben, cem *someone) {
	st = newStage(t, settings...)
	ana, ben, cem = st.join("ana"), st.join("ben"), st.join("cem")
	return st, ana, ben, cem
}

var everything = media.Sources(media.Mic, media.Camera, media.Screen, media.ScreenAudio)

func TestPermissionsAreThoseOfTheDocument(t *testing.T) {
	publish := PublishMic | PublishCamera | PublishScreen
	for role, want := range map[Role]Permission{
		Host:        publish | MayChat | MayAdmit | MayMute | MayRemove | MayLock | MaySpotlight | MayRoles | MayEnd,
		Cohost:      publish | MayChat | MayAdmit | MayMute | MayRemove | MayLock | MaySpotlight,
		Participant: publish | MayChat,
		Viewer:      MayChat,
		NoRole:      0,
	} {
		if have := role.Permissions(); have != want {
			t.Errorf("role %d: %b, want %b", role, have, want)
		}
	}
	if n := len(AllPermissions()); n != 11 {
		t.Errorf("%d permissions", n)
	}
}

func TestEveryModerationNeedsItsPermission(t *testing.T) {
	st, ana, ben, cem := trio(t)
	one := []media.ParticipantID{cem.id}
	all := []Request{
		Admit{All: true}, Deny{}, Mute{Participants: one, Sources: everything}, AskUnmute{Participants: one}, Remove{Participants: one},
		SetPolicy{Locked: ptr(true)}, SetRole{Participant: cem.id, Role: Viewer}, End{},
	}
	for _, r := range all {
		st.refused(ben, r, ErrNotPermitted)
	}
	st.must(ana, SetRole{Participant: ben.id, Role: Viewer})
	for _, r := range append(all, SetMedia{media.Sources(media.Mic)}, SetMedia{media.Sources(media.ScreenAudio)}) {
		st.refused(ben, r, ErrNotPermitted)
	}
	st.must(ben, Say{Text: "hello"})
	st.must(ana, SetRole{Participant: ben.id, Role: Cohost})
	for _, r := range all[:2] {
		st.must(ben, r)
	}
	st.refused(ben, SetRole{Participant: cem.id, Role: Viewer}, ErrNotPermitted)
	st.refused(ben, End{}, ErrNotPermitted)
	if st.s.locked || st.s.ended {
		t.Fatal("a refusal changed something")
	}
}

func TestRefusedMediaChangesNothing(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ben, SetMedia{media.Sources(media.Mic)})
	st.must(ana, SetRole{Participant: ben.id, Role: Viewer})
	st.refused(ben, SetMedia{media.Sources(media.Camera)}, ErrNotPermitted)
	if st.live[ben.id] != 0 {
		t.Fatal("a viewer publishes")
	}
}

func TestDemotionStopsMediaAndGivingTheRoleBackDoesNotStartIt(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ben, SetMedia{everything})
	st.must(ana, SetRole{Participant: ben.id, Role: Viewer})
	if st.live[ben.id] != 0 {
		t.Fatal("a viewer publishes")
	}
	if e, ok := last[RoleChanged](ben); !ok || e.Role != Viewer {
		t.Fatal("ben was not told")
	}
	st.must(ana, SetRole{Participant: ben.id, Role: Participant})
	if st.live[ben.id] != 0 {
		t.Fatal("a microphone opened without its owner's act")
	}
	st.must(ben, SetMedia{media.Sources(media.Mic)})
	if st.live[ben.id] != media.Sources(media.Mic) {
		t.Fatal("ben cannot switch on again")
	}
}

func TestHandOverMakesOneselfCohost(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, SetRole{Participant: ben.id, Role: Host})
	st.wantRole(ana, Cohost)
	st.wantRole(ben, Host)
	st.refused(ana, SetRole{Participant: ben.id, Role: Viewer}, ErrNotPermitted)
	// Who has handed over and comes again is co-host while there is a host, and host when there is none.
	st.must(ana, Leave{})
	ana = st.join("ana")
	st.wantRole(ana, Cohost)
	st.must(ana, Leave{})
	st.must(ben, Leave{})
	for _, p := range st.s.seats {
		st.s.leave(st.now, p, Left, ByeLeft)
	}
	st.settle()
	st.wantRole(st.join("ana"), Host)
}

func TestNobodyChangesTheirOwnRole(t *testing.T) {
	st, ana, _, _ := trio(t)
	for _, r := range []Role{Host, Cohost, Participant, Viewer} {
		st.refused(ana, SetRole{Participant: ana.id, Role: r}, ErrNotPermitted)
	}
}

func TestNewCohostSeesTheLobby(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, SetPolicy{Lobby: ptr(true)})
	st.join("dora")
	st.settleRoster()
	if count[Waiting](ben) != 0 {
		t.Fatal("a participant sees the lobby")
	}
	st.must(ana, SetRole{Participant: ben.id, Role: Cohost})
	st.settleRoster()
	if e, _ := last[Waiting](ben); len(e.Waiting) != 1 {
		t.Fatal("the new co-host does not see the lobby")
	}
}

func TestBotsOfOneTokenHaveOneHost(t *testing.T) {
	bot := Identity{Session: SessionKeyOf("token"), Bot: true}
	st := newStage(t, withLobby, func(_ *stage, m *meta, _ *bool) { m.creator = bot.person() })
	as := func(j *joinRequest) { j.identity = bot }
	st.wantRole(st.join("bot 1", as), Host)
	st.wantRole(st.join("bot 2", as), Participant)
	if st.s.present != 2 {
		t.Fatal("bots of one token share a seat")
	}
}

// What somebody is, is marked to everybody: in the lobby, to those who are there, and to those who come later.
func TestBotsAndGuestsAreMarkedToEverybody(t *testing.T) {
	st := newStage(t, withLobby, withPassword, withOptions(func(o *Options) { o.Guests = true }))
	ana := st.join("ana")
	kinds := map[string]Kind{"bot": KindBot, "gus": KindGuest, "ben": KindPerson}
	as := map[string]func(*joinRequest){
		"bot": func(j *joinRequest) { j.identity = Identity{Session: SessionKeyOf("token"), Bot: true} },
		"gus": func(j *joinRequest) { j.identity.Address = Address{} },
		"ben": func(*joinRequest) {},
	}
	proved := func(j *joinRequest) { j.proved = true }
	check := func(where string, got map[string]Kind) {
		t.Helper()
		for name, want := range kinds {
			if have, ok := got[name]; !ok || have != want {
				t.Errorf("%s: %s has kind %d (%v), want %d", where, name, have, ok, want)
			}
		}
	}
	byName := func(list []RosterEntry) map[string]Kind {
		out := map[string]Kind{}
		for _, e := range list {
			out[e.Name.Reveal()] = e.Kind
		}
		return out
	}
	for _, name := range []string{"bot", "gus", "ben"} {
		st.join(name, as[name], proved)
	}
	st.settleRoster()
	waiting := map[string]Kind{}
	w, _ := last[Waiting](ana)
	for _, e := range w.Waiting {
		waiting[e.Name.Reveal()] = e.Kind
	}
	check("lobby", waiting)
	st.must(ana, Admit{All: true})
	st.settleRoster()
	r, _ := last[Roster](ana)
	check("joined", byName(r.Joined))
	late := st.join("late", proved)
	st.must(ana, Admit{Participants: []media.ParticipantID{late.id}})
	welcome, _ := last[Welcome](late)
	check("welcome", byName(welcome.Participants))
}

func TestLastHostPromote(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ana, SetRole{Participant: cem.id, Role: Cohost})
	st.must(ana, Leave{})
	st.wantRole(cem, Host) // the co-host, although ben has been here longer
	st.must(cem, Leave{})
	st.wantRole(ben, Host)
	if e, ok := last[RoleChanged](ben); !ok || e.Role != Host {
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
	st.must(ana, SetRole{Participant: ben.id, Role: Viewer}) // never a viewer
	st.lose(cem)                                             // nor one whose socket is lost, if another is there
	st.must(ana, Leave{})
	st.wantRole(dora, Host)
}

func TestLastHostPromoteNeverABot(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	bot := st.join("bot", func(j *joinRequest) { j.identity.Bot = true })
	st.must(ana, Leave{})
	st.wantRole(bot, Participant)
}

func TestLastHostLostCountsAfterTheGrace(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.lose(ana)
	st.advance(29 * time.Second)
	st.wantRole(ben, Participant)
	st.advance(2 * time.Second)
	st.wantRole(ben, Host)
	st.wantGone(ana)
}

func TestLastHostKeep(t *testing.T) {
	st, ana, ben, _ := trio(t, withPolicy(WhenKeep))
	st.must(ana, Leave{})
	st.wantRole(ben, Participant)
	if st.s.hosts != 0 || st.s.ended {
		t.Fatal("not kept")
	}
	st.wantRole(st.join("ana"), Host)
}

func TestLastHostEnd(t *testing.T) {
	st, ana, ben, cem := trio(t, withPolicy(WhenEnd))
	st.must(ana, SetRole{Participant: cem.id, Role: Cohost})
	st.must(ana, Leave{})
	st.wantBye(ben, ByeEnded)
	st.wantBye(cem, ByeEnded)
	st.wantBye(ana, ByeLeft)
	if !st.s.ended || st.s.seats != nil {
		t.Fatal("something remains")
	}
}

func TestLastHostIsNotTheLastWhileAnotherIsThere(t *testing.T) {
	st, ana, ben, _ := trio(t, withPolicy(WhenEnd))
	second := st.join("ana") // the creator's second window
	st.must(ana, Leave{})
	if st.s.ended {
		t.Fatal("ended with a host present")
	}
	st.wantRole(second, Host)
	st.wantRole(ben, Participant)
}
