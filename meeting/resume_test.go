package meeting

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

func TestResumeTakesTheSeatBack(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	st.must(ben, on(everything.List()...))
	st.must(ben, &protocol.Hand{Raised: true})
	st.settleRoster()
	st.lose(ben)
	st.settleRoster()
	if e, _ := last[*protocol.Roster](ana); len(e.Changed) != 1 || e.Changed[0].Connected {
		t.Fatalf("the others do not see that ben's socket is lost: %+v", e)
	}
	if st.live[ben.id] != everything {
		t.Fatal("media stopped with the socket")
	}
	st.advance(29 * time.Second)
	again := st.join("ben", resuming(ben))
	if again.id != ben.id || st.live[ben.id] != everything {
		t.Fatal("not the same seat")
	}
	st.wantRole(again, protocol.RoleCohost)
	w, _ := last[*protocol.Welcome](again)
	if !w.Resumed || w.Role != protocol.RoleCohost || w.Resume == ben.token || len(w.Participants) != 2 {
		t.Fatalf("%+v", w.Resumed)
	}
	st.must(again, &protocol.Chat{Text: "back"})
}

func TestResumeIsOverAfterTheGrace(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.lose(ben)
	st.advance(45*time.Second + rosterInterval)
	st.wantGone(ben)
	if _, err := st.tryJoin("ben", resuming(ben)); err != ErrResumeFailed {
		t.Fatal(err)
	}
	if e, _ := last[*protocol.Roster](ana); len(e.Left) != 1 || e.Left[0].Reason != protocol.LeftLost {
		t.Fatalf("%+v", e)
	}
}

func TestResumeReplacesALivingSocket(t *testing.T) {
	st, _, ben, _ := trio(t)
	again := st.join("ben", resuming(ben))
	st.wantBye(ben, protocol.ByeReplaced)
	st.refused(ben, &protocol.Chat{Text: "old socket"}, ErrNotJoined)
	st.lose(ben) // the old one's end changes nothing
	st.must(again, &protocol.Chat{Text: "new socket"})
	st.advance(time.Minute)
	st.wantRole(again, protocol.RoleParticipant)
}

func TestResumeTokenOfAnotherPersonIsWorthless(t *testing.T) {
	st, ana, ben, _ := trio(t)
	if _, err := st.tryJoin("ben", resuming(ana)); err != ErrResumeFailed {
		t.Fatalf("ben took the host's seat: %v", err)
	}
	st.wantRole(ana, protocol.RoleHost)
	if ana.closed {
		t.Fatal("a failed resume threw the owner out")
	}
	if _, err := st.tryJoin("ben", func(j *joinRequest) { j.resume = [32]byte{1} }); err != ErrResumeFailed {
		t.Fatal(err)
	}
	st.must(ben, &protocol.Chat{Text: "fine"})
}

func TestResumeTokenChangesAndTheOneBeforeStaysGood(t *testing.T) {
	st, _, ben, _ := trio(t)
	first := *ben
	second := st.join("ben", resuming(&first))
	// The answer with the second token was lost with its socket: the first must still do.
	third := st.join("ben", resuming(&first))
	if third.id != ben.id {
		t.Fatal("a lost welcome loses the seat")
	}
	if _, err := st.tryJoin("ben", resuming(second)); err != ErrResumeFailed {
		t.Fatalf("a token that was never used stays good for ever: %v", err)
	}
	fourth := st.join("ben", resuming(third))
	if _, err := st.tryJoin("ben", resuming(&first)); err != ErrResumeFailed {
		t.Fatalf("an old token stays good for ever: %v", err)
	}
	if n := len(st.s.resumes); n > 2*3 {
		t.Fatalf("%d tokens for three seats", n)
	}
	st.must(fourth, &protocol.Chat{Text: "here"})
}

func TestResumedSocketLearnsWhatItsSlotsCarry(t *testing.T) {
	st, ana, ben, _ := trio(t)
	report := func(p *someone, r *mediaReport) { st.s.report(st.now, p.id, r); st.settle() }
	report(ben, &mediaReport{
		slots:    map[string]media.Slot{"9": {MID: "9", Participant: ana.id, Source: media.Camera}, "10": {MID: "10"}},
		withheld: []media.Withheld{{Participant: ana.id, Source: media.Screen, Reason: media.ReasonNotPublished}},
		encode:   map[media.Source][]string{media.Camera: {"q"}},
	})
	report(ben, &mediaReport{slots: map[string]media.Slot{"10": {MID: "10", Participant: ana.id, Source: media.Mic}}})
	again := st.join("ben", resuming(ben))
	e, ok := last[*protocol.Slots](again)
	if !ok || len(e.Slots) != 2 || e.Slots[0].MID != "9" || e.Slots[1].Source != media.Mic || len(e.Withheld) != 0 {
		t.Fatalf("%+v", e)
	}
	if e, ok := last[*protocol.Encode](again); !ok || len(e.RIDs) != 1 {
		t.Fatalf("%+v", e)
	}
}

func TestNoMediaPeerBeforeAdmission(t *testing.T) {
	st := newStage(t, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	if len(st.live) != 1 {
		t.Fatal("somebody in the lobby has a media peer")
	}
	st.must(ana, &protocol.Admit{All: true})
	if _, ok := st.live[ben.id]; !ok {
		t.Fatal("no media peer after admission")
	}
}

func TestWhoComesOrResumesLateHearsThatTheServerStops(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.s.endsAt(st.now, st.now.Add(30*time.Second))
	st.settle()
	st.lose(ben)
	st.advance(10 * time.Second)
	for p, want := range map[*someone]int{ana: 30, st.join("ben", resuming(ben)): 20, st.join("dora"): 20} {
		if n, ok := last[*protocol.Notice](p); !ok || n.Notice != protocol.Restarting || n.Seconds != want {
			t.Errorf("%s: %+v, want %d s", p.name, n, want)
		}
	}
}
