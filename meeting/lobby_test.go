package meeting

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

func TestLobbyHoldsEverybodyButTheCreator(t *testing.T) {
	st := newStage(t, withLobby)
	ben := st.join("ben")
	if _, in := last[*protocol.Welcome](ben); in {
		t.Fatal("ben is in without being admitted")
	}
	if e, _ := last[*protocol.Lobby](ben); e.HostsPresent || e.Waiting != 1 {
		t.Fatalf("ben was told %+v", e)
	}
	ana := st.join("ana")
	st.wantRole(ana, protocol.RoleHost)
	st.settleRoster()
	if e, _ := last[*protocol.Lobby](ben); !e.HostsPresent {
		t.Fatal("ben was not told that a host has come")
	}
}

func TestLobbyShowsTheVerifiedAddressToThoseWhoMayAdmitOnly(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Admit{All: true})
	dora := st.join("dora")
	st.settleRoster()
	e, ok := last[*protocol.Waiting](ana)
	if !ok || len(e.Waiting) != 1 || e.Waiting[0].Participant != dora.id || e.Waiting[0].Email != "dora@example.org" {
		t.Fatalf("ana sees %d waiting", len(e.Waiting))
	}
	if count[*protocol.Waiting](ben) != 0 {
		t.Fatal("a participant sees the lobby")
	}
	if w, _ := last[*protocol.Welcome](ben); len(w.Waiting) != 0 {
		t.Fatal("a participant's welcome holds the lobby")
	}
	st.refused(ben, &protocol.Admit{All: true}, ErrNotPermitted)
	st.refused(ben, &protocol.Deny{Participants: []media.ParticipantID{dora.id}}, ErrNotPermitted)
}

func TestLobbyAdmitsOneAllOrDenies(t *testing.T) {
	st := newStage(t, withLobby)
	ana := st.join("ana")
	var people []*someone
	for i := range 4 {
		people = append(people, st.join(fmt.Sprintf("p%d", i)))
	}
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{people[2].id}})
	st.wantRole(people[2], protocol.RoleParticipant)
	st.wantRole(people[0], noRole)
	st.must(ana, &protocol.Deny{Participants: []media.ParticipantID{people[0].id}})
	st.wantBye(people[0], protocol.ByeDenied)
	st.wantGone(people[0])
	st.must(ana, &protocol.Admit{All: true})
	st.wantRole(people[1], protocol.RoleParticipant)
	st.wantRole(people[3], protocol.RoleParticipant)
	st.refused(ana, &protocol.Admit{Participants: []media.ParticipantID{people[1].id}}, ErrNoSuchParticipant)
	st.refused(ana, &protocol.Admit{Participants: []media.ParticipantID{999}}, ErrNoSuchParticipant)
	st.settleRoster()
	if e, _ := last[*protocol.Waiting](ana); len(e.Waiting) != 0 {
		t.Fatal("the lobby is not shown as empty")
	}
}

func TestAFullServerRefusesNobodyWhoHasAPlace(t *testing.T) {
	full := func(j *joinRequest) { j.full = true }
	st := newStage(t, withLobby)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	if _, err := st.tryJoin("dora", full); err != ErrServerFull {
		t.Fatalf("dora: %v", err)
	}
	if _, err := st.tryJoin("ana", full); err != ErrServerFull {
		t.Fatalf("a second seat of ana's: %v", err)
	}
	st.lose(ben)
	st.lose(cem)
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{ben.id}})
	st.wantRole(st.join("ben", full), protocol.RoleParticipant) // admitted while the page was loaded again
	st.wantRole(st.join("cem", full), noRole)
	st.lose(ana)
	st.wantRole(st.join("ana", full, func(j *joinRequest) { j.resume = hashToken(ana.token) }), protocol.RoleHost)
}

func TestLobbyMayDoNothing(t *testing.T) {
	st := newStage(t, withLobby)
	ana, eve := st.join("ana"), st.join("eve")
	for _, r := range []protocol.ClientMessage{
		on(media.Mic), &protocol.View{}, negotiated{}, &protocol.Chat{Text: "hi"}, &protocol.React{Reaction: "clap"}, &protocol.Hand{Raised: true}, &protocol.Admit{All: true},
		&protocol.Deny{}, &protocol.Mute{All: true}, &protocol.AskUnmute{}, &protocol.Remove{Participants: []media.ParticipantID{ana.id}}, &protocol.SetRole{Participant: eve.id, Role: protocol.RoleHost},
		&protocol.SetPolicy{Lobby: ptr(false)}, &protocol.End{}, &protocol.Active{},
	} {
		st.refused(eve, r, ErrNotJoined)
	}
	st.refused(ana, &protocol.Chat{Text: "hi", To: eve.id}, ErrNoSuchParticipant)
	st.must(ana, &protocol.Chat{Text: "hi"})
	st.must(ana, on(media.Mic))
	st.settleRoster()
	for _, e := range eve.events {
		if _, ok := e.(*protocol.Lobby); !ok {
			t.Fatalf("somebody in the lobby was told %T", e)
		}
	}
}

func TestLobbyPlaceSurvivesAReload(t *testing.T) {
	st := newStage(t, withLobby)
	st.join("ana")
	ben, cem := st.join("ben"), st.join("cem")
	st.lose(ben)
	st.advance(29 * time.Second)
	again := st.join("ben")
	if again.id != ben.id || st.s.index.waiting.first.id != ben.id || st.s.index.waiting.last.id != cem.id {
		t.Fatalf("ben had place %d, has %d", ben.id, again.id)
	}
	if st.s.index.waiting.len != 2 {
		t.Fatalf("%d wait", st.s.index.waiting.len)
	}
}

func TestLobbyPlaceIsTakenOverByASecondWindow(t *testing.T) {
	st := newStage(t, withLobby)
	first := st.join("ben")
	second := st.join("ben")
	st.wantBye(first, protocol.ByeReplaced)
	if second.id != first.id || st.s.index.waiting.len != 1 {
		t.Fatal("one session waits twice")
	}
	st.lose(first) // the old socket's end changes nothing
	st.advance(time.Minute)
	if st.s.seats[second.id] == nil {
		t.Fatal("the new window lost its place with the old one")
	}
}

func TestLobbyPlaceIsGivenUpAfterTheGrace(t *testing.T) {
	st := newStage(t, withLobby)
	st.join("ana")
	ben := st.join("ben")
	st.lose(ben)
	st.advance(46 * time.Second)
	st.wantGone(ben)
	if st.s.index.waiting.len != 0 {
		t.Fatal("the place is still there")
	}
}

func TestLobbyAdmissionDuringAReloadCounts(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.lose(ben)
	st.must(ana, &protocol.Admit{All: true})
	if len(st.live) != 1 {
		t.Fatal("a media peer for somebody who is not there")
	}
	again := st.join("ben")
	st.wantRole(again, protocol.RoleParticipant)
}

func TestLobbyPlaceNeedsNoSecondPassword(t *testing.T) {
	st := newStage(t, withLobby, withPassword)
	if _, err := st.tryJoin("ben"); err != errNeedsPassword {
		t.Fatal(err)
	}
	ben := st.join("ben", func(j *joinRequest) { j.proved = true })
	st.lose(ben)
	if again := st.join("ben"); again.id != ben.id {
		t.Fatal("lost the place")
	}
}

func TestLobbyIsBounded(t *testing.T) {
	st := newStage(t, withLobby, withOptions(func(o *Config) { o.MaxParticipants = 3 }))
	for i := range 3 {
		st.join(fmt.Sprintf("p%d", i))
	}
	if _, err := st.tryJoin("one too many"); err != ErrMeetingFull {
		t.Fatal(err)
	}
	ana := st.join("ana")
	st.must(ana, &protocol.Admit{All: true}) // two seats are left
	if st.s.present != 3 || st.s.index.waiting.len != 1 {
		t.Fatalf("%d present, %d waiting", st.s.present, st.s.index.waiting.len)
	}
	st.refused(ana, &protocol.Admit{All: true}, ErrMeetingFull)
}

func TestLobbyEventHoldsTheFirst256(t *testing.T) {
	st := newStage(t, withLobby)
	ana := st.join("ana")
	for i := range 300 {
		st.join(fmt.Sprintf("p%d", i))
	}
	st.settleRoster()
	if e, _ := last[*protocol.Waiting](ana); len(e.Waiting) != 256 {
		t.Fatalf("%d entries", len(e.Waiting))
	}
}

func TestSwitchingTheLobbyOffAdmitsNobodyWhoWaits(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.SetPolicy{Lobby: ptr(false)})
	st.wantRole(ben, noRole)
	st.wantRole(st.join("cem"), protocol.RoleParticipant)
}

func TestGuests(t *testing.T) {
	guest := func(j *joinRequest) { j.identity, j.proved = Identity{Session: SessionKeyOf("guest")}, true }
	allowed := withOptions(func(o *Config) { o.Guests = true })
	for name, c := range map[string]struct {
		settings []setting
		want     error
	}{
		"off by default":             {[]setting{withLobby}, ErrNoGuests},
		"allowed with a lobby":       {[]setting{withLobby, allowed}, nil},
		"with a password as well":    {[]setting{withLobby, withPassword, allowed}, nil},
		"never without a lobby":      {[]setting{withPassword, allowed}, ErrNoGuests},
		"not if the creator says so": {[]setting{withLobby, allowed, withoutGuests}, ErrNoGuests},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, c.settings...)
			p, err := st.tryJoin("guest", guest)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err == nil {
				st.wantRole(p, noRole)
				if e := st.s.waitingEntries(); e[0].Email != "" {
					t.Fatal("a guest has a verified address")
				}
			}
		})
	}
}

func TestLock(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.SetPolicy{Locked: ptr(true)})
	if e, ok := last[*protocol.PolicyEvent](ana); !ok || !e.Locked || !e.Lobby {
		t.Fatalf("%+v", e)
	}
	if _, err := st.tryJoin("cem"); err != ErrLocked {
		t.Fatalf("the lobby of a locked meeting: %v", err)
	}
	st.must(ana, &protocol.Admit{All: true}) // who waited before may still be let in
	st.wantRole(ben, protocol.RoleParticipant)
	ben.learn()
	st.lose(ben)
	if again := st.join("ben", resuming(ben)); again.id != ben.id {
		t.Fatal("ben could not resume in a locked meeting")
	}
	st.must(ana, &protocol.Leave{})
	st.wantRole(st.join("ana"), protocol.RoleHost) // its creator is never locked out
}

func resuming(p *someone) func(*joinRequest) {
	return func(j *joinRequest) { j.resume = hashToken(p.token) }
}

// However many come and go in a crowded lobby, hosts are told of sixteen people each tenth of a second, and not of
// more; the last they are told is how it stands.
func TestACrowdInTheLobbyIsNoFloodToHosts(t *testing.T) {
	st := newStage(t, withLobby)
	ana := st.join("ana")
	for i := range maxWaitingSent {
		st.join(fmt.Sprint("p", i))
	}
	st.advance(10 * time.Second)
	before := len(ana.events)
	for i := range 100 {
		eve := st.join(fmt.Sprint("eve", i))
		st.advance(50 * time.Millisecond)
		st.must(eve, &protocol.Leave{})
		st.advance(50 * time.Millisecond)
	}
	told := 0
	for _, e := range ana.events[before:] {
		if w, ok := e.(*protocol.Waiting); ok {
			told += len(w.Waiting)
		}
	}
	if told > 101*lobbyPerInterval+maxWaitingSent {
		t.Errorf("ana was told of %d people in 10 s", told)
	}
	st.must(ana, &protocol.Deny{Participants: []media.ParticipantID{2}})
	st.advance(10 * time.Second)
	if e, _ := last[*protocol.Waiting](ana); len(e.Waiting) != maxWaitingSent-1 || e.Waiting[0].Participant == 2 {
		t.Errorf("the last that ana was told is %d people", len(e.Waiting))
	}
}
