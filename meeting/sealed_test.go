package meeting

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// An encrypted meeting takes announces and no names; a plain one the reverse. Nothing that anybody may ask changes
// which it is.
func TestAMeetingIsEncryptedOrPlainForGood(t *testing.T) {
	named := func(j *joinRequest) { j.name, j.announce = NewDisplayName("Eve"), Blob{} }
	both := func(j *joinRequest) { j.name, j.announce = NewDisplayName("Eve"), announceOf("eve") }
	for _, e2ee := range []bool{true, false} {
		st := newStage(t, func(_ *stage, m *meta, _ *bool) { m.e2ee = e2ee })
		ana, ben := st.join("ana"), st.join("ben")
		if w, _ := last[*protocol.Welcome](ana); w.Meeting.E2EE != e2ee {
			t.Fatal("the welcome says otherwise")
		}
		for _, r := range []protocol.ClientMessage{
			&protocol.SetPolicy{Locked: ptr(true), Lobby: ptr(true)}, &protocol.SetPolicy{Locked: ptr(false), Lobby: ptr(false)}, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleHost},
		} {
			st.must(ana, r)
		}
		st.must(ana, &protocol.Leave{})
		st.must(ben, &protocol.Leave{})
		st.advance(time.Minute) // empty, and joined anew
		want := ErrNotEncrypted
		if e2ee {
			want = ErrE2EERequired
			if _, err := st.tryJoin("eve", both); err != ErrNameInClear {
				t.Fatalf("with name and announce: %v", err)
			}
			if _, err := st.tryJoin("eve", named); err != want {
				t.Fatalf("with a name: %v", err)
			}
		} else if _, err := st.tryJoin("eve", both); err != want {
			t.Fatalf("with an announce: %v", err)
		}
		if w, _ := last[*protocol.Welcome](st.join("ana")); w.Meeting.E2EE != e2ee {
			t.Fatal("it has changed")
		}
	}
}

// Who has a seat under an identity key keeps others out of it. The lobby keeps no one out: anybody may wait there under
// anybody's key, but is not let in while its owner is there.
func TestAnIdentityKeyBelongsToOneSeat(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana := st.join("ana")
	as := func(name string) func(*joinRequest) {
		return func(j *joinRequest) { j.announce = announceOf(name) }
	}
	for _, takesOver := range []bool{false, true} {
		_, err := st.tryJoin("eve", as("ana"), func(j *joinRequest) { j.takesOver = takesOver })
		if err != ErrIdentityTaken {
			t.Fatalf("as ana: %v", err)
		}
	}
	ben := st.join("ben")
	eve := st.join("eve", as("ben"))
	both := &protocol.Admit{Admissions: []protocol.Admission{
		{Participant: ben.id, Admit: "b"}, {Participant: eve.id, Admit: "e"},
	}}
	st.refused(ana, both, ErrIdentityTaken)
	st.must(ana, &protocol.Admit{Admissions: both.Admissions[:1]})
	st.refused(ana, &protocol.Admit{Admissions: both.Admissions[1:]}, ErrIdentityTaken)
	st.wantRole(ben, protocol.RoleParticipant)
	st.wantRole(eve, noRole)
}

// One device is one participant: the newer one takes the place of the older if its person says so, or if the older one
// has lost its socket. The role and what was signed stay, and no host decides again.
func TestTheSameDeviceTakesItsPlaceOver(t *testing.T) {
	st := newStage(t, withE2EE, withLobby, withPolicy(protocol.WhenEnd))
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "admit-ben"}}})
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	st.must(ana, &protocol.SetPolicy{Locked: ptr(true)})
	if _, err := st.tryJoin("ben"); err != ErrIdentityPresent {
		t.Fatalf("without saying so: %v", err)
	}
	again := st.join("ben", func(j *joinRequest) { j.takesOver = true })
	st.wantBye(ben, protocol.ByeReplaced)
	st.wantGone(ben)
	st.wantRole(again, protocol.RoleCohost)
	if w, _ := last[*protocol.Welcome](again); w.Admit != "admit-ben" || again.id == ben.id {
		t.Fatalf("the welcome says %+v", w)
	}
	st.lose(again)
	third := st.join("ben")
	st.wantGone(again)
	st.wantRole(third, protocol.RoleCohost)
	host := st.join("ana", func(j *joinRequest) { j.takesOver = true }) // the last host goes, and the meeting stays
	st.wantRole(host, protocol.RoleHost)
	st.wantGone(ana)
}

// Texts in clear have no place in an encrypted meeting; hands stay.
func TestNothingIsSaidInClearInAnEncryptedMeeting(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	st.refused(ana, &protocol.Chat{Text: "hello"}, ErrE2EERequired)
	st.refused(ana, &protocol.Chat{Text: "hello", To: ben.id}, ErrE2EERequired)
	st.refused(ana, &protocol.React{Reaction: "clap"}, ErrE2EERequired)
	st.refused(ana, &protocol.App{Text: "hello"}, ErrE2EERequired)
	st.refused(ana, &protocol.App{Text: "hello", To: ben.id}, ErrE2EERequired)
	st.must(ana, &protocol.Hand{Raised: true})
	if count[*protocol.ChatEvent](ben)+count[*protocol.Reaction](ben)+count[*protocol.AppEvent](ben) != 0 {
		t.Fatal("something was said")
	}
}

func TestBroadcastReachesEverybodyPresent(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana, eve := st.join("ana"), st.join("eve")
	ben := st.join("ben")
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "ok"}}})
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleViewer})
	st.must(ben, &protocol.Broadcast{Kind: "chat", Data: "c2VhbGVk"})
	for _, p := range []*someone{ana, ben} {
		if e, ok := last[*protocol.BroadcastEvent](p); !ok || *e != (protocol.BroadcastEvent{From: ben.id, Kind: "chat",
			Data: "c2VhbGVk", At: st.now}) {
			t.Fatalf("%s got %+v", p.name, e)
		}
	}
	if count[*protocol.BroadcastEvent](eve) != 0 {
		t.Fatal("the lobby hears the meeting")
	}
}

// Everybody sees the announce of everybody, and what a host signed of those who came through the lobby; each sees
// their own.
func TestAnnouncesAndAdmissionsAreInTheRoster(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.settleRoster()
	if e, _ := last[*protocol.Waiting](ana); len(e.Waiting) != 1 ||
		e.Waiting[0].Announce != announceOf("ben").Reveal() || e.Waiting[0].Name != "" {
		t.Fatalf("ana sees %d waiting", len(e.Waiting))
	}
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "admit-ben"}}})
	w, _ := last[*protocol.Welcome](ben)
	if w.Admit != NewBlob("admit-ben").Reveal() || len(w.Participants) != 1 ||
		w.Participants[0].Announce != announceOf("ana").Reveal() || w.Participants[0].Admit != "" {
		t.Fatal("ben's welcome lacks something")
	}
	st.settleRoster()
	r, _ := last[*protocol.Roster](ana)
	if len(r.Joined) != 1 || r.Joined[0].Announce != announceOf("ben").Reveal() ||
		r.Joined[0].Admit != NewBlob("admit-ben").Reveal() {
		t.Fatal("ana's roster lacks something")
	}
}

// Nobody is let into an encrypted meeting without what a host signed, and nothing signed belongs into a plain one.
func TestAdmissionsAreNeededWhereTheyBelong(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.refused(ana, &protocol.Admit{All: true}, ErrAdmissions)
	st.refused(ana, &protocol.Admit{Participants: []media.ParticipantID{ben.id}}, ErrAdmissions)
	st.refused(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: 99, Admit: "x"}}}, ErrNoSuchParticipant)
	st.refused(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ana.id, Admit: "x"}}},
		ErrNoSuchParticipant)
	st.wantRole(ben, noRole)

	plain := newStage(t, withLobby)
	ana, ben = plain.join("ana"), plain.join("ben")
	plain.refused(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "x"}}}, ErrAdmissions)
	plain.must(ana, &protocol.Admit{All: true})
	plain.wantRole(ben, protocol.RoleParticipant)
}

// An admission is for the keys that were announced: who comes back to the lobby with others is somebody new, at the
// old place, and what is under way for the old number lets nobody in.
func TestAnAdmissionIsForTheKeysThatWereAnnounced(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	again := st.join("ben", func(j *joinRequest) { j.announce = NewBlob("other keys") })
	st.wantBye(ben, protocol.ByeReplaced)
	if again.id == ben.id {
		t.Fatal("other keys have the same number")
	}
	st.settleRoster()
	if e, _ := last[*protocol.Waiting](ana); len(e.Waiting) != 2 || e.Waiting[0].Participant != again.id ||
		e.Waiting[1].Participant != cem.id {
		t.Fatal("the place in the queue is lost")
	}
	st.refused(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "for the old keys"}}},
		ErrNoSuchParticipant)
	st.wantRole(again, noRole)

	// Admitted while the socket was away: the same keys are let in, others wait.
	st.lose(again)
	st.lose(cem)
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: again.id, Admit: "one"},
		{Participant: cem.id, Admit: "two"}}})
	st.wantRole(st.join("ben"), noRole) // announces what it did at first
	back := st.join("cem")
	st.wantRole(back, protocol.RoleParticipant)
	if w, _ := last[*protocol.Welcome](back); w.Admit != NewBlob("two").Reveal() || back.id != cem.id {
		t.Fatal("the admission is lost")
	}
}

// A resumed seat keeps its announce, its role and what was signed about it; another announce takes no seat back.
func TestResumeKeepsTheAnnounce(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "admit"}}})
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	ben.learn()
	st.lose(ben)
	if _, err := st.tryJoin("ben", func(j *joinRequest) {
		j.resume, j.announce = hashToken(ben.token),
			NewBlob("other")
	}); err != ErrAnnounceChanged {
		t.Fatalf("with another announce: %v", err)
	}
	for _, announce := range []Blob{{}, announceOf("ben")} {
		back := st.join("ben", func(j *joinRequest) { j.resume, j.announce = hashToken(ben.token), announce })
		w, _ := last[*protocol.Welcome](back)
		if back.id != ben.id || !w.Resumed || w.Admit != NewBlob("admit").Reveal() ||
			w.Role != protocol.RoleCohost || st.s.seats[ben.id].announce != announceOf("ben") {
			t.Fatal("something of the seat is lost")
		}
		ben = back
		st.lose(ben)
	}
}

// The last host's word says to whom the meeting falls, where it falls to somebody; nobody else's word does.
func TestTheLastHostNamesAnHeir(t *testing.T) {
	for name, c := range map[string]struct {
		policy protocol.LeavePolicy
		act    func(st *stage, ana, ben, cem *someone)
		heir   string // who is host then
	}{
		"one who came later": {protocol.WhenPromote, func(st *stage, ana, _, cem *someone) {
			st.must(ana, &protocol.Leave{Heir: cem.id})
		}, "cem"},
		"nobody there": {protocol.WhenPromote, func(st *stage, ana, _, _ *someone) {
			st.must(ana, &protocol.Leave{Heir: 99})
		}, "ben"},
		"a viewer": {protocol.WhenPromote, func(st *stage, ana, _, cem *someone) {
			st.must(ana, &protocol.SetRole{Participant: cem.id, Role: protocol.RoleViewer})
			st.must(ana, &protocol.Leave{Heir: cem.id})
		}, "ben"},
		"by no host": {protocol.WhenPromote, func(st *stage, _, ben, cem *someone) {
			st.must(ben, &protocol.Leave{Heir: cem.id})
		}, "ana"},
		"a meeting that stays without a host": {protocol.WhenKeep, func(st *stage, ana, _, cem *someone) {
			st.must(ana, &protocol.Leave{Heir: cem.id})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, withE2EE, withPolicy(c.policy))
			ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
			c.act(st, ana, ben, cem)
			host := ""
			for _, one := range []*someone{ana, ben, cem} {
				if seat := st.s.seats[one.id]; seat != nil && seat.role == protocol.RoleHost {
					host += one.name
				}
			}
			if host != c.heir {
				t.Errorf("host is %q, want %q", host, c.heir)
			}
		})
	}
}

// The media room is told before anybody is in it that it is to want SFrame, and to know no audio levels; or not.
func TestTheMediaRoomIsToldWhatTheMeetingIs(t *testing.T) {
	for _, e2ee := range []bool{true, false} {
		r, fake := newRegistry(t, Config{})
		id := create(t, r, Creation{Creator: who("ana"), E2EE: e2ee, PrivateAudio: e2ee})
		j := Join{Meeting: id, Identity: who("ana"), Sink: &inbox{}}
		if e2ee {
			j.Announce = announceOf("ana")
		} else {
			j.Name = NewDisplayName("ana")
		}
		if _, err := r.Join(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if info, err := r.Info(t.Context(), id, who("ben")); err != nil || info.E2EE != e2ee {
			t.Fatalf("%+v, %v", info.E2EE, err)
		}
		if fake.rooms[0].cfg.RequireSFrame != e2ee {
			t.Fatalf("e2ee %v, SFrame required: %v", e2ee, fake.rooms[0].cfg.RequireSFrame)
		}
		if fake.rooms[0].cfg.PrivateAudio != e2ee {
			t.Fatalf("private audio %v, and the room was told %v", e2ee, fake.rooms[0].cfg.PrivateAudio)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// What a publisher's media was refused for is told at once, and again after a resume; a new offer is a new beginning.
func TestRefusedMediaIsToldItsPublisher(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	st.s.report(st.now, ben.id, &mediaReport{refused: map[media.Source]string{media.Camera: "not_encrypted"}})
	st.settle()
	if e, ok := last[*protocol.MediaRefused](ben); !ok || *e != (protocol.MediaRefused{Source: media.Camera,
		Reason: "not_encrypted"}) {
		t.Fatalf("%+v", e)
	}
	if count[*protocol.MediaRefused](ana) != 0 {
		t.Fatal("others are told")
	}
	resume := func(j *joinRequest) { j.resume = hashToken(ben.token) }
	ben = st.join("ben", resume)
	if count[*protocol.MediaRefused](ben) != 1 {
		t.Fatal("not told after the resume")
	}
	st.must(ben, negotiated{})
	ben = st.join("ben", resume)
	if count[*protocol.MediaRefused](ben) != 0 {
		t.Fatal("told after a new offer")
	}
}
