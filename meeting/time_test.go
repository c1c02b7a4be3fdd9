package meeting

import (
	"testing"
	"time"

	"conclave/media"
)

func TestExpiryIsAnnouncedAndHard(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	st.advance(110*time.Minute - time.Second)
	if count[Expiring](ana) != 0 {
		t.Fatal("announced too early")
	}
	st.advance(time.Second)
	if e, ok := last[Expiring](ana); !ok || e.In != 600*time.Second {
		t.Fatalf("%+v", e)
	}
	st.advance(9 * time.Minute)
	if e, _ := last[Expiring](ana); e.In != 60*time.Second {
		t.Fatalf("%+v", e)
	}
	st.advance(time.Minute - time.Millisecond)
	if st.s.ended {
		t.Fatal("too early")
	}
	st.advance(time.Millisecond)
	st.wantBye(ana, ByeExpired)
	if !st.s.ended || count[Expiring](ana) != 2 {
		t.Fatal("not over")
	}
}

func TestExpiryOfAShortMeetingSkipsTheNoticesItCannotGive(t *testing.T) {
	st := newStage(t, withOptions(func(o *Options) { o.Lifetime = 5 * time.Minute; o.EmptyAfter = time.Hour }))
	ana := st.join("ana")
	st.advance(5 * time.Minute)
	if count[Expiring](ana) != 1 {
		t.Fatalf("%d notices", count[Expiring](ana))
	}
	st.wantBye(ana, ByeExpired)
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
	st.must(ana, Leave{})
	st.advance(4 * time.Minute)
	ana = st.join("ana")
	st.lose(ana)
	st.advance(30*time.Second + 5*time.Minute)
	if !st.s.ended {
		t.Fatal("not ended after the grace and five minutes")
	}
}

func TestLobbyAloneDoesNotKeepAMeetingAlive(t *testing.T) {
	st := newStage(t, withLobby)
	ben := st.join("ben")
	st.advance(5 * time.Minute)
	st.wantBye(ben, ByeEnded)
}

func TestIdleIsAskedFirst(t *testing.T) {
	st := newStage(t, withOptions(func(o *Options) { o.IdleAfter = 10 * time.Minute }))
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ben, Negotiated{})
	st.advance(10*time.Minute - 1)
	if count[IdleQuestion](ana) != 0 {
		t.Fatal("asked too early")
	}
	st.must(ben, SetView{}) // a client does that by itself: no sign of life
	st.advance(1)
	for _, p := range []*someone{ana, ben} {
		if e, ok := last[IdleQuestion](p); !ok || e.In != time.Minute {
			t.Fatalf("%s was not asked", p.name)
		}
	}
	st.advance(59 * time.Second)
	st.must(ana, Active{})
	st.advance(time.Second)
	st.wantBye(ben, ByeIdle)
	st.wantRole(ana, Host)
	st.settleRoster()
	if e, _ := last[Roster](ana); len(e.Left) != 1 || e.Left[0].Reason != LeftIdle {
		t.Fatalf("%+v", e)
	}
	st.advance(8*time.Minute + 50*time.Second)
	if count[IdleQuestion](ana) != 1 {
		t.Fatal("asked again too early")
	}
	st.advance(10 * time.Minute)
	if count[IdleQuestion](ana) != 2 {
		t.Fatal("not asked again")
	}
}

func TestSpeakingIsActivity(t *testing.T) {
	st := newStage(t, withOptions(func(o *Options) { o.IdleAfter = 10 * time.Minute }))
	ana := st.join("ana")
	for range 20 {
		st.advance(9 * time.Minute / 2)
		st.s.speaking(st.now, []media.ParticipantID{ana.id})
		st.s.speaking(st.now, nil)
		st.settle()
	}
	if count[IdleQuestion](ana) != 0 {
		t.Fatal("somebody who speaks was asked")
	}
}

func TestNobodyIsAskedWithoutAnIdleLimit(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	st.advance(119 * time.Minute)
	if count[IdleQuestion](ana) != 0 {
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
	st.must(ana, Negotiated{})
	st.advance(time.Second)
	st.wantBye(ben, ByeMediaFailed)
	st.advance(time.Hour)
	st.wantRole(ana, Host)
}

func TestRosterIsBatchedToTenASecond(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	before := count[Roster](ana)
	ben := st.join("ben")
	for i := range 1000 {
		if i%2 == 0 {
			st.must(ben, SetMedia{everything})
		} else {
			st.must(ben, SetMedia{})
		}
		st.advance(time.Millisecond)
	}
	if n := count[Roster](ana) - before; n > 11 || n < 9 {
		t.Fatalf("%d roster events in a second", n)
	}
	st.settleRoster()
	if e, _ := last[Roster](ana); len(e.Changed) != 1 || e.Changed[0].Sources != 0 {
		t.Fatalf("the last state was not told: %+v", e)
	}
}

func TestRosterTellsTheFirstChangeAtOnce(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	st.advance(time.Second)
	before := count[Roster](ana)
	st.must(ben, SetMedia{media.Sources(media.Mic)})
	if count[Roster](ana) != before+1 {
		t.Fatal("a mute waits although nothing was sent for a second")
	}
}

func TestRosterNeverComesBeforeTheWelcome(t *testing.T) {
	st := newStage(t, withLobby)
	ana := st.join("ana")
	st.advance(time.Second)
	people := []*someone{st.join("ben"), st.join("cem"), st.join("dora")}
	st.must(ana, Admit{All: true})
	st.settleRoster()
	for _, p := range people {
		welcomed := false
		for _, e := range p.events {
			switch e.(type) {
			case Welcome:
				welcomed = true
			case Roster, Speakers, Said:
				if !welcomed {
					t.Fatalf("%s got %T before the welcome", p.name, e)
				}
			}
		}
	}
}

func TestWelcomeHoldsTheWholeRosterAtOnce(t *testing.T) {
	st := newStage(t, withOptions(func(o *Options) { o.MaxParticipants = 1000 }))
	for i := range 999 {
		st.join(string(rune('a'+i%26)) + time.Duration(i).String())
	}
	last1000 := st.join("ana")
	w, _ := last[Welcome](last1000)
	if len(w.Participants) != 999 || count[Roster](last1000) > 1 {
		t.Fatalf("%d entries, %d roster events", len(w.Participants), count[Roster](last1000))
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
	if e, _ := last[Speakers](ana); count[Speakers](ana) != 1 || len(e.Speakers) != 1 {
		t.Fatalf("%d events, %v", count[Speakers](ana), e)
	}
	cem := st.join("cem")
	if e, _ := last[Speakers](cem); len(e.Speakers) != 1 {
		t.Fatal("a newcomer does not know who speaks")
	}
	st.must(ben, Leave{})
	say()
	if len(st.s.speakers) != 0 {
		t.Fatal("somebody who left speaks")
	}
}
