package meeting

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

func TestSpotlightIsSetByHostsOnly(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben, cem, dora := st.join("ana"), st.join("ben"), st.join("cem"), st.join("dora")
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{ben.id, cem.id}})
	st.must(ana, &protocol.SetRole{Participant: cem.id, Role: protocol.RoleCohost})
	st.refused(ben, &protocol.Spotlight{Participant: ben.id}, ErrNotPermitted)
	st.refused(ana, &protocol.Spotlight{Participant: 99}, ErrNoSuchParticipant)
	st.refused(ana, &protocol.Spotlight{Participant: dora.id}, ErrNoSuchParticipant)
	st.must(cem, &protocol.Spotlight{Participant: ben.id})
	for _, p := range []*someone{ana, ben, cem} {
		if e, ok := last[*protocol.SpotlightEvent](p); !ok || *e != (protocol.SpotlightEvent{Participant: ben.id,
			By: cem.id}) {
			t.Fatalf("%s was told %+v", p.name, e)
		}
	}
	if count[*protocol.SpotlightEvent](dora) != 0 {
		t.Fatal("the lobby was told")
	}
	st.must(ana, &protocol.Spotlight{Participant: ben.id})
	if count[*protocol.SpotlightEvent](ben) != 1 {
		t.Fatal("told twice")
	}
	st.must(ana, &protocol.Admit{All: true})
	if w, _ := last[*protocol.Welcome](dora); w.Meeting.Spotlight != ben.id {
		t.Fatal("a newcomer does not see it")
	}
	st.must(ana, &protocol.Spotlight{})
	if e, _ := last[*protocol.SpotlightEvent](dora); *e != (protocol.SpotlightEvent{By: ana.id}) {
		t.Fatalf("%+v", e)
	}
}

func TestSpotlightEndsWhenThatPersonLeaves(t *testing.T) {
	for name, leave := range map[string]func(*stage, *someone, *someone){
		"leaves": func(st *stage, _, ben *someone) { st.must(ben, &protocol.Leave{}) },
		"removed": func(st *stage, ana, ben *someone) {
			st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}})
		},
		"lost": func(st *stage, _, ben *someone) { st.lose(ben); st.advance(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t)
			ana, ben := st.join("ana"), st.join("ben")
			st.must(ana, &protocol.Spotlight{Participant: ben.id})
			leave(st, ana, ben)
			if e, _ := last[*protocol.SpotlightEvent](ana); *e != (protocol.SpotlightEvent{}) || st.s.spotlight != 0 {
				t.Fatalf("still on %d", st.s.spotlight)
			}
		})
	}
}

// The one who set it may go: it stays.
func TestSpotlightOutlivesTheHostWhoSetIt(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Spotlight{Participant: ben.id})
	st.must(ana, &protocol.Leave{})
	if w, _ := last[*protocol.Welcome](st.join("cem")); w.Meeting.Spotlight != ben.id {
		t.Fatal("gone")
	}
}

func (st *stage) connections(bars map[media.ParticipantID]int) {
	st.s.connections(st.now, bars)
	st.settle()
}

// However often connections change, people are told once a second, and only what changed.
func TestQualityIsToldOnceASecondAndOnChangeOnly(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	st.connections(map[media.ParticipantID]int{ana.id: 4, ben.id: 3})
	if e, _ := last[*protocol.Quality](ana); len(e.Quality) != 2 {
		t.Fatalf("%+v", e)
	}
	var told time.Time
	for i := range 100 {
		before := count[*protocol.Quality](ana)
		st.connections(map[media.ParticipantID]int{ben.id: i % 5, ana.id: 4})
		st.advance(100 * time.Millisecond)
		if count[*protocol.Quality](ana) > before {
			if gap := st.now.Sub(told); gap < qualityInterval {
				t.Fatalf("told after %v", gap)
			}
			told = st.now
		}
	}
	if n := count[*protocol.Quality](ana); n > 11 {
		t.Fatalf("told %d times in 10 s", n)
	}
	if e, _ := last[*protocol.Quality](ana); len(e.Quality) != 1 || e.Quality[0].Participant != ben.id {
		t.Fatalf("%+v", e)
	}
	st.advance(time.Minute)
	before := count[*protocol.Quality](ana)
	st.connections(map[media.ParticipantID]int{ana.id: 4})
	st.advance(time.Minute)
	if count[*protocol.Quality](ana) != before {
		t.Fatal("told without a change")
	}
}

// A newcomer is told of all; nonsense of the media server is told to nobody.
func TestQualityIsToldNewcomers(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.connections(map[media.ParticipantID]int{ana.id: 2, ben.id: 4, 77: 4})
	st.connections(map[media.ParticipantID]int{ana.id: 5})
	st.connections(map[media.ParticipantID]int{ana.id: -1})
	if count[*protocol.Quality](ben) != 0 {
		t.Fatal("the lobby is told")
	}
	st.must(ana, &protocol.Admit{All: true})
	if e, _ := last[*protocol.Quality](ben); len(e.Quality) != 1 ||
		e.Quality[0] != (media.Quality{Participant: ana.id, Bars: 2}) {
		t.Fatalf("%+v", e)
	}
}
