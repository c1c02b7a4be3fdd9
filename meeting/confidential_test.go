package meeting

import (
	"testing"
	"testing/synctest"
	"time"

	"conclave/media"
	"conclave/protocol"
)

func withConfidential(_ *stage, m *meta, lobby *bool) {
	m.confidential, m.e2ee, *lobby = true, true, true
}

func TestConfidentialMeetingsAreEncryptedAndHaveALobby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, forced := range []bool{false, true} {
			r, _ := newRegistry(t, Config{Confidential: forced, Guests: true})
			for _, c := range []Creation{{Lobby: true}, {E2EE: true}, {}} {
				c.Creator, c.Confidential = who("ana"), !forced
				if _, _, err := r.Create(t.Context(), c); err != ErrConfidential {
					t.Errorf("%+v: %v", c, err)
				}
			}
			c := Creation{Creator: who("ana"), E2EE: true, Lobby: true, Password: "secret", Confidential: !forced}
			id := create(t, r, c)
			if info, err := r.Info(t.Context(), id, who("ben")); err != nil || !info.Confidential {
				t.Error(info, err)
			}
			if _, err := r.Info(t.Context(), id, Identity{Session: SessionKeyOf("guest")}); err != ErrNoGuests {
				t.Error("a guest may ask to come in:", err)
			}
			if err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestConfidentialMeetingsKeepTheirLobby(t *testing.T) {
	st := newStage(t, withConfidential)
	ana := st.join("ana")
	st.refused(ana, &protocol.SetPolicy{Lobby: ptr(false)}, ErrConfidential)
	st.must(ana, &protocol.SetPolicy{Locked: ptr(true), Lobby: ptr(true)})
	if !st.s.lobby || !st.s.locked {
		t.Error(st.s.lobby, st.s.locked)
	}
}

func TestConfidentialChatIsTheOperatorsToAllow(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		st := newStage(t, withConfidential, withOptions(func(c *Config) { c.ConfidentialChat = allowed }))
		ana := st.join("ana")
		if w, ok := last[*protocol.Welcome](ana); !ok || w.Meeting.NoChat == allowed || !w.Meeting.Confidential {
			t.Errorf("%+v", w)
		}
		err := st.do(ana, &protocol.Broadcast{Kind: protocol.BroadcastChat, Data: "x"})
		if (err == nil) != allowed {
			t.Errorf("allowed: %v, chat: %v", allowed, err)
		}
		err = st.do(ana, &protocol.Broadcast{Kind: protocol.BroadcastApp, Data: "x"})
		if (err == nil) != allowed {
			t.Errorf("allowed: %v, app: %v", allowed, err)
		}
		st.must(ana, &protocol.Broadcast{Kind: protocol.BroadcastReaction, Data: "x"})
	}
}

// TestConfidentialMeetingsAskTheIdle: after 15 minutes without a request, without speech and without a camera. A
// stricter option of the operator holds, a laxer one does not.
func TestConfidentialMeetingsAskTheIdle(t *testing.T) {
	for option, want := range map[time.Duration]time.Duration{
		0: 15 * time.Minute, 5 * time.Minute: 5 * time.Minute, time.Hour: 15 * time.Minute,
	} {
		st := newStage(t, withConfidential, withOptions(func(c *Config) { c.ParticipantIdle = option }))
		ana := st.join("ana")
		asked := func() bool { return count[*protocol.Idle](ana) > 0 }
		st.advance(want - time.Second)
		if asked() {
			t.Fatalf("%v: asked early", option)
		}
		st.advance(2 * time.Second)
		if !asked() {
			t.Fatalf("%v: not asked", option)
		}
		st.advance(st.cfg.IdleAnswer)
		st.wantGone(ana)
		st.wantBye(ana, protocol.ByeIdle)
	}
	st := newStage(t, withConfidential)
	ana := st.join("ana")
	st.must(ana, on(media.Camera))
	st.advance(time.Hour)
	if count[*protocol.Idle](ana) > 0 {
		t.Error("asked in front of a live camera")
	}
	st.must(ana, on())
	st.advance(17 * time.Minute)
	st.wantGone(ana)
}
