package meeting

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/protocol"
)

// groupID is that of the tests' groups.
const groupID = "group-of-16-byte"

// aCommit is a PublicMessage with a commit of an epoch, as far as the server reads it.
func aCommit(epoch uint64, text string) string {
	b := append([]byte{0, 1, 0, 1, byte(len(groupID))}, groupID...)
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = append(b, 1, 0, 0, 0, 0, 0, 3)
	return base64.RawURLEncoding.EncodeToString(append(b, text...))
}

// found has one found the group and send its first commit.
func (st *stage) found(p *someone) {
	st.t.Helper()
	if g, _ := last[*protocol.Group](p); !g.Found {
		st.t.Fatalf("%s is not asked to found the group", p.name)
	}
	st.must(p, &protocol.FoundGroup{GroupID: base64.RawURLEncoding.EncodeToString([]byte(groupID))})
	st.must(p, &protocol.Commit{Data: aCommit(0, "first")})
}

// grown has by add the others to the group, in a commit of an epoch.
func (st *stage) grown(by *someone, epoch uint64, others ...*someone) {
	st.t.Helper()
	m := &protocol.Commit{Data: aCommit(epoch, "adds"), GroupInfo: "aW5mbw"}
	for i, p := range others {
		st.must(p, &protocol.KeyPackage{Data: "cGFja2FnZQ"})
		m.Added = append(m.Added, protocol.Joiner{Participant: p.id, Leaf: i + 1, Secrets: "cw"})
	}
	st.must(by, m)
}

// The log goes to all who are in the meeting, key packages to members, secrets to those who are added; the lobby gets
// nothing of it.
func TestTheGroupGrows(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana, eve := st.join("ana"), st.join("eve")
	st.found(ana)
	ben := st.join("ben")
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "ok"}}})
	if g, _ := last[*protocol.Group](ben); g.Found || g.Position != 1 || g.Epoch != 0 || g.ServerKey == "" {
		t.Fatalf("ben is told %+v", g)
	}
	isGroup := func(e protocol.ServerMessage) bool { _, ok := e.(*protocol.Group); return ok }
	if i := slices.IndexFunc(ben.events, isGroup); i < 1 {
		t.Fatal("before the welcome")
	} else if _, ok := ben.events[i-1].(*protocol.Welcome); !ok {
		t.Fatal("not right after the welcome")
	}
	st.must(ben, &protocol.KeyPackage{Data: "cGFja2FnZQ"})
	st.advance(time.Second / 2)
	if k, _ := last[*protocol.KeyPackages](ana); len(k.Packages) != 1 || k.Packages[0].Participant != ben.id ||
		count[*protocol.KeyPackages](ben)+count[*protocol.KeyPackages](eve) != 0 {
		t.Fatalf("ana got %+v", k)
	}
	st.grown(ana, 1, ben)
	for _, p := range []*someone{ana, ben} {
		if l, _ := last[*protocol.Log](p); len(l.Entries) != 1 || l.Entries[0].Position != 2 || l.Entries[0].From != ana.id {
			t.Fatalf("%s got %+v", p.name, l)
		}
	}
	if s, _ := last[*protocol.Secrets](ben); s.Position != 2 || len(s.Joiners) != 1 || s.Joiners[0].Participant != ben.id {
		t.Fatalf("ben got %+v", s)
	}
	if count[*protocol.Secrets](ana) != 0 || count[*protocol.Log](eve)+count[*protocol.Group](eve) != 0 {
		t.Fatal("it goes to others")
	}
	st.refused(eve, &protocol.KeyPackage{Data: "eA"}, ErrNotJoined)
	st.refused(eve, &protocol.LogGet{From: 1}, ErrNotJoined)
}

// A seat that has ended is removed by the server; one that is lost is not, until its time is up.
func TestTheServerRemovesWhoHasLeft(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	st.found(ana)
	st.grown(ana, 1, ben, cem)
	removes := func() (n int) {
		for _, e := range ana.events {
			if l, ok := e.(*protocol.Log); ok {
				for _, one := range l.Entries {
					if one.From == 0 {
						n++
					}
				}
			}
		}
		return n
	}
	st.must(ben, &protocol.Leave{})
	if removes() != 1 {
		t.Fatalf("%d removals of one who left", removes())
	}
	st.lose(cem)
	st.advance(st.cfg.ResumeGrace - 1)
	if removes() != 1 {
		t.Fatal("removed while the seat may be resumed")
	}
	st.advance(time.Second)
	if removes() != 2 {
		t.Fatalf("%d removals after the seat was lost", removes())
	}
	l, _ := last[*protocol.Log](ana)
	raw, err := base64.RawURLEncoding.DecodeString(l.Entries[0].Data)
	key := identityOf(announceOf("cem"))
	if err != nil || !strings.Contains(string(raw), string(key[:])) {
		t.Error("it does not name the key")
	}
}

// Who was away is told where the log stands, and asks for what they missed.
func TestWhoComesBackAsksForTheLog(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	st.found(ana)
	st.grown(ana, 1, ben)
	st.lose(ben)
	st.must(ana, &protocol.Commit{Data: aCommit(2, "while ben is away")})
	back := st.join("ben", func(j *joinRequest) { j.resume = hashToken(ben.token) })
	if g, _ := last[*protocol.Group](back); g.Position != 3 || g.Epoch != 2 {
		t.Fatalf("ben is told %+v", g)
	}
	st.must(back, &protocol.LogGet{From: 3})
	if l, _ := last[*protocol.Log](back); len(l.Entries) != 1 || l.Entries[0].Data != aCommit(2, "while ben is away") {
		t.Fatalf("ben got %+v", l)
	}
	st.must(back, &protocol.LogGet{From: 4})
	if l, _ := last[*protocol.Log](back); len(l.Entries) != 0 {
		t.Fatalf("ben got %+v", l)
	}
	for epoch := range uint64(70) {
		st.advance(time.Second)
		st.must(ana, &protocol.Commit{Data: aCommit(epoch+3, "one more")})
	}
	st.refused(back, &protocol.LogGet{From: 3}, ErrLogGone)
}

// A creator who comes back alone founds the group anew; who is there meanwhile is not left out.
func TestACreatorWhoReloadsFoundsAnew(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana := st.join("ana")
	st.found(ana)
	st.must(ana, &protocol.Leave{})
	again := st.join("ana")
	st.found(again)
	st.lose(again)
	third := st.join("ana") // the socket is lost, and the seat not yet
	st.found(third)
	ben := st.join("ben")
	st.must(third, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "ok"}}})
	st.grown(third, 1, ben)
	if count[*protocol.Secrets](ben) != 1 {
		t.Fatal("ben is not added")
	}
}

// A stuck client is heard by those who may remove.
func TestStuckIsToldToThoseWhoMayRemove(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	st.must(ben, &protocol.Stuck{Epoch: 3, Hash: "aGFzaA"})
	want := protocol.StuckEvent{Participant: ben.id, Epoch: 3, Hash: "aGFzaA"}
	if e, _ := last[*protocol.StuckEvent](ana); e == nil || *e != want {
		t.Fatalf("ana got %+v", e)
	}
	if count[*protocol.StuckEvent](ben)+count[*protocol.StuckEvent](cem) != 0 {
		t.Fatal("others got it")
	}
}

// A plain meeting has no group.
func TestAPlainMeetingHasNoGroup(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	for _, m := range []protocol.ClientMessage{
		&protocol.FoundGroup{}, &protocol.KeyPackage{}, &protocol.Commit{}, &protocol.Propose{}, &protocol.LogGet{From: 1},
		&protocol.Stuck{},
	} {
		st.refused(ana, m, ErrNotPermitted)
	}
	if count[*protocol.Group](ana) != 0 {
		t.Fatal("it is told of one")
	}
}

// What clients tell each other by themselves takes nothing from what people say, and has a bound of its own; it is no
// sign that a person is there.
func TestBroadcastsOfTheGroupAreChargedApart(t *testing.T) {
	st := newStage(t, withE2EE, withOptions(func(c *Config) { c.ParticipantIdle = time.Minute }))
	ana, ben := st.join("ana"), st.join("ben")
	data := strings.Repeat("A", 8000)
	n := 0
	for st.do(ben, &protocol.Broadcast{Kind: protocol.BroadcastGroup, Data: data}) == nil {
		n++
	}
	if n != groupBurst/(8000+saidOverhead) {
		t.Errorf("%d pass at once", n)
	}
	st.must(ben, &protocol.Broadcast{Kind: protocol.BroadcastChat, Data: data})
	st.must(ana, &protocol.Broadcast{Kind: protocol.BroadcastGroup, Data: data})
	st.must(ana, &protocol.Active{})
	for range 50 {
		st.advance(time.Second)
		st.must(ana, &protocol.Broadcast{Kind: protocol.BroadcastGroup, Data: "YmVhdA"})
	}
	st.advance(11 * time.Second)
	if count[*protocol.Idle](ana) != 1 {
		t.Error("a beat is taken for a person")
	}
}

// No one makes the log run ahead of the group: a person commits twice a second for long.
func TestCommitsOfOnePersonAreBounded(t *testing.T) {
	st := newStage(t, withE2EE)
	ana := st.join("ana")
	st.found(ana)
	epoch := uint64(1)
	commit := func() error {
		err := st.do(ana, &protocol.Commit{Data: aCommit(epoch, "x")})
		if err == nil {
			epoch++
		}
		return err
	}
	for range 100 {
		_ = commit()
	}
	if epoch > commitBurst/groupCommit+1 {
		t.Errorf("%d commits at once", epoch)
	}
	burst := epoch
	for range 100 {
		st.advance(100 * time.Millisecond)
		_ = commit()
	}
	if n := epoch - burst; n < 15 || n > 21 {
		t.Errorf("%d commits in 10 s", n)
	}
	if err := st.do(ana, &protocol.Commit{Data: aCommit(epoch, "x"), GroupInfo: "aQ"}); err != ErrTooMuch {
		t.Errorf("one more: %v", err)
	}
}

// What goes to those who are added, key packages, and what of the log is sent again, have bounds of their own.
func TestWhatTheGroupCostsIsBounded(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	st.found(ana)
	for name, m := range map[string]protocol.ClientMessage{
		"key packages": &protocol.KeyPackage{Data: strings.Repeat("A", 2000)},
		"log":          &protocol.LogGet{From: 1},
		"proposals":    &protocol.Propose{Data: strings.Repeat("A", 4000)},
		"stuck":        &protocol.Stuck{Hash: "aGFzaA"},
		"founding":     &protocol.FoundGroup{},
		"joiners":      &protocol.Commit{Data: "YQ", GroupInfo: strings.Repeat("A", 600_000)},
	} {
		err := error(nil)
		for range 30_000 {
			if err = st.do(ben, m); err == ErrTooMuch {
				break
			}
		}
		if err != ErrTooMuch {
			t.Errorf("%s are not bounded: %v", name, err)
		}
	}
	st.must(ana, &protocol.KeyPackage{Data: "eA"})
}

// What a person had clients do with the group is remembered when they come again.
func TestVoicesRest(t *testing.T) {
	v := &voice{}
	now := start
	if !v.rested(now) || !v.commits.take(now, 1000, commitBurst, commitRate) || v.rested(now) ||
		!v.rested(now.Add(time.Second)) {
		t.Error("it does not rest")
	}
}
