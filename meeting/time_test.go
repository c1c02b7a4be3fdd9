package meeting

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

func TestExpiryIsAnnouncedAndHard(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	st.advance(110*time.Minute - time.Second)
	if count[*protocol.Notice](ana) != 0 {
		t.Fatal("announced too early")
	}
	st.advance(time.Second)
	if e, ok := last[*protocol.Notice](ana); !ok || e.Seconds != 600 {
		t.Fatalf("%+v", e)
	}
	st.advance(9 * time.Minute)
	if e, _ := last[*protocol.Notice](ana); e.Seconds != 60 {
		t.Fatalf("%+v", e)
	}
	st.advance(time.Minute - time.Millisecond)
	if st.s.ended {
		t.Fatal("too early")
	}
	st.advance(time.Millisecond)
	st.wantBye(ana, protocol.ByeExpired)
	if !st.s.ended || count[*protocol.Notice](ana) != 2 {
		t.Fatal("not over")
	}
}

func TestExpiryOfAShortMeetingSkipsTheNoticesItCannotGive(t *testing.T) {
	st := newStage(t, withOptions(func(o *Config) { o.MaxMeeting = 5 * time.Minute; o.EmptyAfter = time.Hour }))
	ana := st.join("ana")
	st.advance(5 * time.Minute)
	if count[*protocol.Notice](ana) != 1 {
		t.Fatalf("%d notices", count[*protocol.Notice](ana))
	}
	st.wantBye(ana, protocol.ByeExpired)
}

func TestEmptyMeetingEnds(t *testing.T) {
	st := newStage(t)
	st.advance(5*time.Minute - 1)
	if st.s.ended {
		t.Fatal("too early")
	}
	ana := st.join("ana")
	st.advance(time.Hour)
	if st.s.ended {
		t.Fatal("ended with somebody in it")
	}
	st.must(ana, &protocol.Leave{})
	st.advance(4 * time.Minute)
	ana = st.join("ana")
	st.lose(ana)
	st.advance(45*time.Second + 5*time.Minute)
	if !st.s.ended {
		t.Fatal("not ended after the grace and five minutes")
	}
}

func TestLobbyAloneDoesNotKeepAMeetingAlive(t *testing.T) {
	st := newStage(t, withLobby)
	ben := st.join("ben")
	st.advance(5 * time.Minute)
	st.wantBye(ben, protocol.ByeEnded)
}

func TestIdleIsAskedFirst(t *testing.T) {
	st := newStage(t, withOptions(func(o *Config) { o.ParticipantIdle = 10 * time.Minute }))
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ben, negotiated{})
	st.advance(10*time.Minute - 1)
	if count[*protocol.Idle](ana) != 0 {
		t.Fatal("asked too early")
	}
	st.must(ben, &protocol.View{}) // a client does that by itself: no sign of life
	st.advance(1)
	for _, p := range []*someone{ana, ben} {
		if e, ok := last[*protocol.Idle](p); !ok || e.Seconds != 60 {
			t.Fatalf("%s was not asked", p.name)
		}
	}
	st.advance(59 * time.Second)
	st.must(ana, &protocol.Active{})
	st.advance(time.Second)
	st.wantBye(ben, protocol.ByeIdle)
	st.wantRole(ana, protocol.RoleHost)
	st.settleRoster()
	if e, _ := last[*protocol.Roster](ana); len(e.Left) != 1 || e.Left[0].Reason != protocol.LeftIdle {
		t.Fatalf("%+v", e)
	}
	st.advance(8*time.Minute + 50*time.Second)
	if count[*protocol.Idle](ana) != 1 {
		t.Fatal("asked again too early")
	}
	st.advance(10 * time.Minute)
	if count[*protocol.Idle](ana) != 2 {
		t.Fatal("not asked again")
	}
}

func TestSpeakingIsActivity(t *testing.T) {
	st := newStage(t, withOptions(func(o *Config) { o.ParticipantIdle = 10 * time.Minute }))
	ana := st.join("ana")
	for range 20 {
		st.advance(9 * time.Minute / 2)
		st.s.speaking(st.now, []media.ParticipantID{ana.id})
		st.s.speaking(st.now, nil)
		st.settle()
	}
	if count[*protocol.Idle](ana) != 0 {
		t.Fatal("somebody who speaks was asked")
	}
}

func TestNobodyIsAskedWithoutAnIdleLimit(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	st.advance(119 * time.Minute)
	if count[*protocol.Idle](ana) != 0 {
		t.Fatal("asked")
	}
}

func TestFailedMediaHasAGrace(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	fail := func(p *someone) { st.s.report(st.now, p.id, &mediaReport{failed: true}); st.settle() }
	fail(ana)
	fail(ben)
	st.advance(29 * time.Second)
	st.must(ana, negotiated{})
	st.advance(time.Second)
	st.wantBye(ben, protocol.ByeMediaFailed)
	st.advance(time.Hour)
	st.wantRole(ana, protocol.RoleHost)
}

func TestRosterIsBatchedToTenASecond(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	before := count[*protocol.Roster](ana)
	ben := st.join("ben")
	for i := range 1000 {
		if i%2 == 0 {
			st.must(ben, on(everything.List()...))
		} else {
			st.must(ben, &protocol.Media{})
		}
		st.advance(time.Millisecond)
	}
	if n := count[*protocol.Roster](ana) - before; n > 11 || n < 9 {
		t.Fatalf("%d roster events in a second", n)
	}
	st.settleRoster()
	if e, _ := last[*protocol.Roster](ana); len(e.Changed) != 1 || len(e.Changed[0].Sources) != 0 {
		t.Fatalf("the last state was not told: %+v", e)
	}
}

func TestRosterTellsTheFirstChangeAtOnce(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	st.advance(time.Second)
	before := count[*protocol.Roster](ana)
	st.must(ben, on(media.Mic))
	if count[*protocol.Roster](ana) != before+1 {
		t.Fatal("a mute waits although nothing was sent for a second")
	}
}

func TestRosterNeverComesBeforeTheWelcome(t *testing.T) {
	st := newStage(t, withLobby)
	ana := st.join("ana")
	st.advance(time.Second)
	people := []*someone{st.join("ben"), st.join("cem"), st.join("dora")}
	st.must(ana, &protocol.Admit{All: true})
	st.settleRoster()
	for _, p := range people {
		welcomed := false
		for _, e := range p.events {
			switch e.(type) {
			case *protocol.Welcome:
				welcomed = true
			case *protocol.Roster, *protocol.Speakers, *protocol.ChatEvent:
				if !welcomed {
					t.Fatalf("%s got %T before the welcome", p.name, e)
				}
			}
		}
	}
}

func TestWelcomeHoldsTheWholeRosterAtOnce(t *testing.T) {
	st := newStage(t, withOptions(func(o *Config) { o.MaxParticipants = 1000 }))
	for i := range 999 {
		st.join(string(rune('a'+i%26)) + time.Duration(i).String())
	}
	last1000 := st.join("ana")
	w, _ := last[*protocol.Welcome](last1000)
	if len(w.Participants) != 999 || count[*protocol.Roster](last1000) > 1 {
		t.Fatalf("%d entries, %d roster events", len(w.Participants), count[*protocol.Roster](last1000))
	}
	for i := 1; i < len(w.Participants); i++ {
		if w.Participants[i-1].Participant >= w.Participants[i].Participant {
			t.Fatal("not in order")
		}
	}
	if _, err := st.tryJoin("one too many"); err != ErrMeetingFull {
		t.Fatal(err)
	}
}

func TestSpeakersAreToldOnChangeAndToNewcomers(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	say := func(ids ...media.ParticipantID) { st.s.speaking(st.now, ids); st.settle() }
	say(ben.id, 99)
	say(ben.id)
	if e, _ := last[*protocol.Speakers](ana); count[*protocol.Speakers](ana) != 1 || len(e.Speakers) != 1 {
		t.Fatalf("%d events, %v", count[*protocol.Speakers](ana), e)
	}
	cem := st.join("cem")
	if e, _ := last[*protocol.Speakers](cem); len(e.Speakers) != 1 {
		t.Fatal("a newcomer does not know who speaks")
	}
	st.must(ben, &protocol.Leave{})
	say()
	if len(st.s.speakers) != 0 {
		t.Fatal("somebody who left speaks")
	}
}
