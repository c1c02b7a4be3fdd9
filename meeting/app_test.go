package meeting

import (
	"strings"
	"testing"

	"conclave/media"
	"conclave/protocol"
)

func TestAppReachesAllOrOne(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.must(ana, &protocol.App{Text: "{}"})
	for _, p := range []*someone{ana, ben, cem} {
		if e, _ := last[*protocol.AppEvent](p); *e != (protocol.AppEvent{From: ana.id, Text: "{}"}) {
			t.Fatalf("%s got %+v", p.name, e)
		}
	}
	st.must(ben, &protocol.App{Text: "{1}", To: ana.id})
	if e, _ := last[*protocol.AppEvent](ana); *e != (protocol.AppEvent{From: ben.id, To: ana.id, Text: "{1}"}) {
		t.Fatalf("%+v", e)
	}
	if count[*protocol.AppEvent](ben)+count[*protocol.AppEvent](cem) != 2 {
		t.Fatal("what is for one reached another")
	}
	st.refused(ben, &protocol.App{Text: "x", To: 99}, ErrNoSuchParticipant)
}

func TestAppReachesNobodyInTheLobby(t *testing.T) {
	st := newStage(t, withLobby)
	ana, eve := st.join("ana"), st.join("eve")
	st.must(ana, &protocol.App{Text: "{}"})
	st.refused(ana, &protocol.App{Text: "{}", To: eve.id}, ErrNoSuchParticipant)
	st.refused(eve, &protocol.App{Text: "{}", To: ana.id}, ErrNotJoined)
	if count[*protocol.AppEvent](eve) != 0 {
		t.Fatal("the lobby hears the meeting")
	}
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{eve.id}})
	st.must(eve, &protocol.App{Text: "{}", To: ana.id})
}

func TestAFloodOfAppIsBounded(t *testing.T) {
	st, _, ben, cem := trio(t)
	text := strings.Repeat("x", 8000)
	for range 100 {
		if st.do(ben, &protocol.App{Text: text}) == ErrTooMuch {
			if n := count[*protocol.AppEvent](cem); n*len(text) > sayBurst {
				t.Fatalf("%d messages at once", n)
			}
			return
		}
	}
	t.Fatal("no bound")
}
