package meeting

import (
	"fmt"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// stream joins with a key, as a program does over HTTP.
func (st *stage) stream(name, token string, kind protocol.Kind) (*someone, error) {
	st.t.Helper()
	p := &someone{guestSink: st.sink(name)}
	id, err := st.s.joinStream(st.now,
		streamJoin{hash: hashToken(token), kind: kind, sink: p.guestSink, token: st.token()})
	p.id = id
	st.settle()
	return p, err
}

// key makes a stream key.
func (st *stage) key(host *someone, kind protocol.Kind, name string) (token string, number int) {
	st.t.Helper()
	st.must(host, &protocol.StreamKey{Kind: kind, Name: name})
	return fmt.Sprintf("token-%d", st.tokens), st.s.lastKey
}

func TestAStreamComesPastTheLobbyWithItsKey(t *testing.T) {
	st := newStage(t, withLobby, withPassword)
	ana := st.join("ana")
	key, _ := st.key(ana, protocol.KindIngest, "Studio")
	p, err := st.stream("studio", key, protocol.KindIngest)
	if err != nil {
		t.Fatal(err)
	}
	st.settleRoster()
	r, _ := last[*protocol.Roster](ana)
	if len(r.Joined) != 1 || r.Joined[0].Kind != protocol.KindIngest || r.Joined[0].Name != "Studio" ||
		r.Joined[0].Role != protocol.RoleParticipant || r.Joined[0].Participant != p.id {
		t.Fatalf("%+v", r.Joined)
	}
}

func TestAStreamKeyIsRefused(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	st.refused(ben, &protocol.StreamKey{Kind: protocol.KindIngest, Name: "x"}, ErrNotPermitted)
	st.refused(ben, &protocol.RevokeStreamKey{Number: 1}, ErrNotPermitted)
	st.refused(ana, &protocol.StreamKey{Kind: protocol.KindGuest, Name: "x"}, ErrNoStreamKind)
	st.refused(ana, &protocol.RevokeStreamKey{Number: 1}, ErrNoSuchKey)
	key, number := st.key(ana, protocol.KindIngest, "Studio")
	for name, try := range map[string]struct {
		key  string
		kind protocol.Kind
	}{
		"a wrong key":  {"token-0", protocol.KindIngest},
		"an empty key": {"", protocol.KindIngest},
		"another kind": {key, protocol.KindEgress},
	} {
		if _, err := st.stream("x", try.key, try.kind); err != ErrWrongKey {
			t.Errorf("%s: %v", name, err)
		}
	}
	st.must(ana, &protocol.SetPolicy{Locked: ptr(true)})
	if _, err := st.stream("x", key, protocol.KindIngest); err != ErrLocked {
		t.Errorf("locked: %v", err)
	}
	st.must(ana, &protocol.SetPolicy{Locked: ptr(false)})
	p, err := st.stream("x", key, protocol.KindIngest)
	if err != nil {
		t.Fatal(err)
	}
	st.must(ana, &protocol.RevokeStreamKey{Number: number})
	st.wantBye(p, protocol.ByeRemoved)
	if _, err := st.stream("x", key, protocol.KindIngest); err != ErrWrongKey {
		t.Errorf("revoked: %v", err)
	}
	for range maxStreamKeys {
		st.key(ana, protocol.KindIngest, "x")
	}
	st.refused(ana, &protocol.StreamKey{Kind: protocol.KindIngest, Name: "x"}, ErrTooManyKeys)
}

func TestAnEncryptedMeetingHasNoStreams(t *testing.T) {
	st := newStage(t, withE2EE)
	ana := st.join("ana")
	st.refused(ana, &protocol.StreamKey{Kind: protocol.KindEgress, Name: "x"}, ErrNoStreams)
}

func TestAStreamThatComesAgainReplacesItself(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	key, _ := st.key(ana, protocol.KindIngest, "Studio")
	first, _ := st.stream("first", key, protocol.KindIngest)
	st.must(ana, &protocol.SetPolicy{Locked: ptr(true)}) // it is in already
	if _, err := st.stream("second", key, protocol.KindIngest); err != nil {
		t.Fatal(err)
	}
	st.wantBye(first, protocol.ByeReplaced)
	if st.s.present != 2 || len(st.s.index.streams) != 1 {
		t.Fatalf("%d present, %d streams", st.s.present, len(st.s.index.streams))
	}
}

func TestARemovedStreamDoesNotComeBack(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	key, _ := st.key(ana, protocol.KindIngest, "Studio")
	p, _ := st.stream("studio", key, protocol.KindIngest)
	st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{p.id}})
	st.wantBye(p, protocol.ByeRemoved)
	if _, err := st.stream("studio", key, protocol.KindIngest); err != ErrWrongKey {
		t.Fatal(err)
	}
}

func TestAStreamNeverHostsAndKeepsNoMeetingAlive(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	key, _ := st.key(ana, protocol.KindIngest, "Studio")
	p, _ := st.stream("studio", key, protocol.KindIngest)
	st.refused(ana, &protocol.SetRole{Participant: p.id, Role: protocol.RoleCohost}, ErrNotPermitted)
	st.must(ana, &protocol.Leave{})
	if st.s.hosts != 0 {
		t.Fatal("the stream is host")
	}
	st.advance(st.cfg.EmptyAfter + time.Second)
	if !st.s.ended {
		t.Fatal("a meeting of streams only goes on")
	}
}

// showing are the participants whose pictures a receiving stream was sent last, the first is the most important.
func (st *stage) showing(p *someone) (out []media.Want) { return st.s.seats[p.id].stage }

func TestAReceivingStreamIsShownTheStage(t *testing.T) {
	st := newStage(t)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	key, _ := st.key(ana, protocol.KindEgress, "Broadcast")
	p, err := st.stream("broadcast", key, protocol.KindEgress)
	if err != nil {
		t.Fatal(err)
	}
	st.must(p, negotiated{})
	camera := func(of *someone) media.Want { return media.Want{Participant: of.id, Source: media.Camera, Height: 720} }
	screen := func(of *someone) media.Want {
		return media.Want{Participant: of.id, Source: media.Screen, Height: 1080}
	}
	speak := func(list ...*someone) {
		var ids []media.ParticipantID
		for _, s := range list {
			ids = append(ids, s.id)
		}
		st.s.speaking(st.now, ids)
		st.settle()
	}
	want := func(why string, wants ...media.Want) {
		t.Helper()
		have := st.showing(p)
		if len(have) != len(wants) {
			t.Fatalf("%s: %+v", why, have)
		}
		for i := range wants {
			if have[i] != wants[i] {
				t.Fatalf("%s: %+v, want %+v", why, have, wants)
			}
		}
	}
	want("nobody sends")
	st.must(ben, on(media.Camera, media.Mic))
	want("the only camera", camera(ben))
	st.must(cem, on(media.Camera, media.Mic))
	want("a second camera changes nothing", camera(ben))
	speak(cem)
	want("who speaks", camera(cem))
	speak(ben, cem)
	want("another interrupts", camera(cem))
	speak(ben)
	want("the other goes on", camera(ben))
	speak()
	want("silence", camera(ben))
	st.must(ana, on(media.Camera))
	st.must(ana, &protocol.Spotlight{Participant: ana.id})
	speak(cem)
	want("the spotlight", camera(ana))
	st.must(cem, on(media.Camera, media.Mic, media.Screen))
	want("a screen comes first", screen(cem), camera(ana))
	st.must(ana, &protocol.Spotlight{})
	st.must(ana, on())
	want("the spotlight ends", screen(cem), camera(cem))
	st.must(cem, &protocol.Leave{})
	want("who spoke left", camera(ben))
	n := st.views[p.id]
	st.settle()
	if st.views[p.id] != n {
		t.Fatal("the same view again")
	}
}

func TestASendingStreamIsShownNothing(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	key, _ := st.key(ana, protocol.KindIngest, "Studio")
	p, _ := st.stream("studio", key, protocol.KindIngest)
	st.must(p, negotiated{})
	st.must(ana, on(media.Camera))
	if st.views[p.id] != 0 {
		t.Fatal("it got a view")
	}
}
