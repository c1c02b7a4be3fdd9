package meeting

import (
	"fmt"
	"slices"
	"testing"

	"conclave/media"
	"conclave/protocol"
)

func TestMuteStopsForwardingAndTellsWho(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ben, on(everything.List()...))
	st.must(ana, &protocol.Mute{Participants: []media.ParticipantID{ben.id, cem.id}, Sources: []media.Source{media.Mic}})
	if st.live[ben.id] != everything&^media.Sources(media.Mic) {
		t.Fatalf("forwards %b", st.live[ben.id])
	}
	if e, _ := last[*protocol.Muted](ben); e.By != ana.id || media.Sources(e.Sources...) != media.Sources(media.Mic) {
		t.Fatalf("ben was told %+v", e)
	}
	if count[*protocol.Muted](cem) != 0 {
		t.Fatal("cem had nothing on and was told")
	}
	st.must(ben, on(everything.List()...)) // by their own act
	if st.live[ben.id] != everything {
		t.Fatal("ben cannot switch on again")
	}
}

func TestMuteAllSparesOneself(t *testing.T) {
	st, ana, ben, cem := trio(t)
	for _, p := range []*someone{ana, ben, cem} {
		st.must(p, on(everything.List()...))
	}
	st.must(ana, &protocol.Mute{All: true, Sources: []media.Source{media.Mic, media.Camera}})
	if st.live[ana.id] != everything || st.live[ben.id].Has(media.Mic) || st.live[cem.id].Has(media.Camera) ||
		!st.live[cem.id].Has(media.Screen) {
		t.Fatalf("%v", st.live)
	}
}

func TestMuteOfSomebodyUnknownDoesNothingAtAll(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ben, on(everything.List()...))
	st.refused(ana, &protocol.Mute{Participants: []media.ParticipantID{ben.id, 99}, Sources: everything.List()},
		ErrNoSuchParticipant)
	if st.live[ben.id] != everything {
		t.Fatal("half of a refused request was done")
	}
}

func TestAskUnmuteIsARequestAndNeverAnAct(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, &protocol.AskUnmute{Participants: []media.ParticipantID{ben.id}, Sources: []media.Source{media.Mic}})
	if e, _ := last[*protocol.AskUnmuteEvent](ben); e.By != ana.id || !slices.Contains(e.Sources, media.Mic) {
		t.Fatalf("%+v", e)
	}
	if st.live[ben.id] != 0 {
		t.Fatal("somebody else opened a microphone")
	}
}

func TestRemoveWhilePublishingClosesMediaBeforeAnythingIsTold(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ben, on(everything.List()...))
	st.settleRoster()
	st.order = nil
	st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}})
	if len(st.order) < 2 || st.order[0] != fmt.Sprintf("close %d", ben.id) || st.order[1] != "ben *protocol.Bye" {
		t.Fatalf("order %v", st.order)
	}
	st.wantBye(ben, protocol.ByeRemoved)
	for _, r := range []protocol.ClientMessage{on(everything.List()...), &protocol.Chat{Text: "still here"},
		negotiated{}, &protocol.Leave{}} {
		st.refused(ben, r, ErrNotJoined)
	}
	st.settleRoster()
	if e, _ := last[*protocol.Roster](cem); len(e.Left) != 1 ||
		e.Left[0] != (protocol.LeftEntry{Participant: ben.id, Reason: protocol.LeftRemoved}) {
		t.Fatalf("%+v", e.Left)
	}
}

func TestRemovedMayComeBackThroughTheLobby(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Admit{All: true})
	ben.learn()
	st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}})
	if _, err := st.tryJoin("ben", resuming(ben)); err != ErrResumeFailed {
		t.Fatalf("resume after removal: %v", err)
	}
	again := st.join("ben")
	st.wantRole(again, noRole)
	if again.id == ben.id {
		t.Fatal("a participant number was used twice")
	}
}

func TestBannedCannotComeBackByAnyWay(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Admit{All: true})
	ben.learn()
	other := st.join("ben's other session", func(j *joinRequest) {
		j.identity = Identity{Session: SessionKeyOf("other"), Address: who("ben").Address}
	})
	st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}, Ban: true})
	st.wantBye(ben, protocol.ByeBanned)
	st.wantBye(other, protocol.ByeBanned) // also out of the lobby
	if _, err := st.tryJoin("ben"); err != ErrBanned {
		t.Fatal(err)
	}
	if _, err := st.tryJoin("ben", func(j *joinRequest) { j.identity.Session = SessionKeyOf("new") }); err != ErrBanned {
		t.Fatalf("with a new session: %v", err)
	}
	if _, err := st.tryJoin("ben", resuming(ben)); err != ErrResumeFailed {
		t.Fatal(err)
	}
}

func TestNobodyRemovesThemselvesOrThoseWhoHoldMore(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	st.refused(ana, &protocol.Remove{Participants: []media.ParticipantID{ana.id}}, ErrNotPermitted)
	st.refused(ben, &protocol.Remove{Participants: []media.ParticipantID{cem.id, ana.id}}, ErrNotPermitted)
	st.wantRole(cem, protocol.RoleParticipant)
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleHost}) // ana hands over
	st.refused(ben, &protocol.Remove{Participants: []media.ParticipantID{ana.id}, Ban: true}, ErrNotPermitted)
	st.must(ben, &protocol.Remove{Participants: []media.ParticipantID{ana.id}})
}

func TestBansAreBounded(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.s.banned = make(map[person]struct{})
	for i := range maxBans {
		st.s.banned[who(fmt.Sprint(i)).person()] = struct{}{}
	}
	st.refused(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}, Ban: true}, ErrBusy)
	st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}})
}

func TestEndForAll(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{ben.id}})
	st.must(ana, &protocol.End{})
	for _, p := range []*someone{ana, ben, cem} {
		st.wantBye(p, protocol.ByeEnded)
	}
	if _, err := st.tryJoin("dora"); err != ErrNoSuchMeeting {
		t.Fatal(err)
	}
	if !st.s.deadline().IsZero() {
		t.Fatal("an ended meeting has a deadline")
	}
}

func TestChatGoesToAllOrToOneAndIsEchoed(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ben, &protocol.Chat{Text: "to all"})
	for _, p := range []*someone{ana, ben, cem} {
		if e, _ := last[*protocol.ChatEvent](p); *e != (protocol.ChatEvent{From: ben.id, Text: "to all", At: start}) {
			t.Fatalf("%s: %+v", p.name, e)
		}
	}
	st.must(ben, &protocol.Chat{Text: "to ana", To: ana.id})
	if count[*protocol.ChatEvent](ana) != 2 || count[*protocol.ChatEvent](ben) != 2 ||
		count[*protocol.ChatEvent](cem) != 1 {
		t.Fatal("a private message went astray")
	}
	st.must(ben, &protocol.Chat{Text: "to myself", To: ben.id})
	if count[*protocol.ChatEvent](ben) != 3 {
		t.Fatal("a message to oneself comes once")
	}
	late := st.join("late")
	if count[*protocol.ChatEvent](late) != 0 {
		t.Fatal("there is a chat history")
	}
}

func TestReactionsGoToAll(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ben, &protocol.React{Reaction: "clap"})
	for _, p := range []*someone{ana, ben, cem} {
		if e, _ := last[*protocol.Reaction](p); e.From != ben.id || e.Reaction != "clap" {
			t.Fatalf("%+v", e)
		}
	}
}

func TestHandsKeepTheirOrder(t *testing.T) {
	st, ana, ben, cem := trio(t)
	places := func() []int {
		st.settleRoster()
		var places []int
		for _, p := range []*someone{ana, ben, cem} {
			place := 0
			if seat := st.s.seats[p.id]; seat != nil {
				place = seat.hand
			}
			places = append(places, place)
		}
		return places
	}
	step := func(p *someone, r *protocol.Hand, want ...int) {
		t.Helper()
		st.must(p, r)
		if have := places(); !slices.Equal(have, want) {
			t.Fatalf("places %v, want %v", have, want)
		}
	}
	step(cem, &protocol.Hand{Raised: true}, 0, 0, 1)
	step(ana, &protocol.Hand{Raised: true}, 2, 0, 1)
	step(ben, &protocol.Hand{Raised: true}, 2, 3, 1)
	step(cem, &protocol.Hand{Raised: true}, 2, 3, 1) // twice changes nothing
	st.refused(ben, &protocol.Hand{Participant: cem.id}, ErrNotPermitted)
	st.refused(ana, &protocol.Hand{Participant: 99}, ErrNoSuchParticipant)
	step(ana, &protocol.Hand{Participant: cem.id}, 1, 2, 0)
	if e, _ := last[*protocol.Roster](cem); len(e.Changed) != 3 {
		t.Fatalf("everybody who moved up is told: %+v", e.Changed)
	}
	step(cem, &protocol.Hand{Raised: true}, 1, 2, 3)
	st.must(ana, &protocol.Leave{})
	if have := places(); !slices.Equal(have, []int{0, 1, 2}) {
		t.Fatalf("after leaving %v", have)
	}
}

func TestViewNeedsMedia(t *testing.T) {
	st, _, ben, _ := trio(t)
	st.refused(ben, &protocol.View{}, ErrNoMedia)
	st.must(ben, negotiated{})
	st.must(ben, &protocol.View{})
	if st.views[ben.id] != 1 {
		t.Fatal("the media server was not told")
	}
}

func TestAHostLowersAllHands(t *testing.T) {
	st, ana, ben, cem := trio(t)
	for _, p := range []*someone{cem, ana, ben} {
		st.must(p, &protocol.Hand{Raised: true})
	}
	st.refused(ben, &protocol.Hand{All: true}, ErrNotPermitted)
	st.settleRoster()
	st.must(ana, &protocol.Hand{All: true})
	st.settleRoster()
	e, _ := last[*protocol.Roster](ben)
	if len(e.Changed) != 3 || e.Changed[0].Hand+e.Changed[1].Hand+e.Changed[2].Hand != 0 {
		t.Fatalf("%+v", e.Changed)
	}
	st.must(ben, &protocol.Hand{Raised: true})
	if have := st.s.hands; st.s.seats[ben.id].hand != 1 || len(have) != 1 {
		t.Fatalf("hands %v", have)
	}
}

// Whoever comes late, or comes back, sees the order that the others see.
func TestNewcomersSeeTheOrderOfHands(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(cem, &protocol.Hand{Raised: true})
	st.must(ben, &protocol.Hand{Raised: true})
	places := func(p *someone) (of [2]int) {
		w, _ := last[*protocol.Welcome](p)
		for _, e := range w.Participants {
			switch e.Participant {
			case ben.id:
				of[0] = e.Hand
			case cem.id:
				of[1] = e.Hand
			}
		}
		return of
	}
	if have := places(st.join("dora")); have != [2]int{2, 1} {
		t.Fatalf("a newcomer sees %v", have)
	}
	st.lose(ana)
	back := st.join("ana", func(j *joinRequest) { j.resume = hashToken(ana.token) })
	if have := places(back); have != [2]int{2, 1} {
		t.Fatalf("one who comes back sees %v", have)
	}
}
