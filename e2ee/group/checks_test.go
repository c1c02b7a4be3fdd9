package group

import (
	"slices"
	"testing"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// shown offers a group to a newcomer with the given policy and server key, and returns what its session told.
func shown(t *testing.T, edit func(l *lab, m *meeting), key []byte) *Session {
	t.Helper()
	l := newLab(t, edit, "ann", "pat")
	if key == nil {
		key = l.server[32:]
	}
	s := must[*Session](t)(NewSession(Config{Root: l.root, Identity: l.person("new"), Name: "new", Random: l.random}))
	s.Welcome(testStart, 5, l.admission("ann", "new", RoleParticipant).encode(), nil)
	s.Group(testStart, State{ServerKey: key, GroupID: l.id, Position: 3, Epoch: 1})
	var pack *mls.KeyPackage
	for _, m := range s.Take().Messages {
		if kp, is := m.(*KeyPackage); is {
			pack = must[*mls.KeyPackage](t)(mls.ParseKeyPackage(kp.Data))
		}
	}
	o := mls.CommitOptions{Options: l.options(), Adds: []*mls.KeyPackage{pack}, UsePSKs: [][]byte{pskID(1)}}
	c := must[*mls.Commit](t)(l.groups["ann"].Commit(o))
	s.Secrets(testStart, Secrets{GroupInfo: c.Welcome.GroupInfo, Data: c.Welcome.Secrets[0], Leaf: 2, Position: 4})
	return s
}

func TestAShownGroupIsChecked(t *testing.T) {
	if s := shown(t, nil, nil); !s.Status().Inside {
		t.Error("a right group is refused")
	}
	if s := shown(t, func(_ *lab, m *meeting) { m.creator[0] ^= 1 }, nil); s.Status().Inside {
		t.Error("another creator")
	}
	if s := shown(t, nil, make([]byte, 32)); s.Status().Inside {
		t.Error("another server's key")
	}
	selfMade := func(l *lab, m *meeting) { m.set(l.key("pat"), l.grant("pat", "pat", RoleHost)) }
	if s := shown(t, selfMade, nil); s.Status().Inside {
		t.Error("a host that no host made")
	}
	coHosts := func(l *lab, m *meeting) {
		m.set(l.key("pat"), l.grant("ann", "pat", RoleCoHost))
		m.set(l.key("new"), l.grant("pat", "new", RoleHost))
	}
	if s := shown(t, coHosts, nil); s.Status().Inside {
		t.Error("a host that a co-host made")
	}
}

func TestOfTwoCommitsTheFirstCounts(t *testing.T) {
	w := newWorld(t, true, "ann")
	for _, name := range []string{"ann", "bob"} {
		w.person(name).join()
		w.pass(time.Second)
	}
	w.pass(3 * time.Second)
	var second *Secrets
	w.onWire = func(m *wire) {
		if m.what == "secrets" && m.to.p.name == "cat" && second == nil {
			bob := w.people["bob"].session
			pack := must[*mls.KeyPackage](t)(mls.ParseKeyPackage(w.people["cat"].old[0].Data))
			o := mls.CommitOptions{
				Options: mls.Options{PSKs: bob.root.psks()}, Adds: []*mls.KeyPackage{pack}, UsePSKs: [][]byte{pskID(1)},
			}
			c := must[*mls.Commit](t)(bob.cur.group.Commit(o))
			second = &Secrets{GroupInfo: c.Welcome.GroupInfo, Data: c.Welcome.Secrets[0], Position: 99}
		}
	}
	w.filters = append(w.filters, &filter{what: "beat", to: []string{"cat"}, kind: "drop"})
	w.person("cat").join()
	w.pass(2 * time.Second)
	cat := w.people["cat"].session
	if second == nil || !cat.Status().Inside || cat.Status().Confirmed {
		t.Fatal("cat is not where the test wants her")
	}
	cat.Log(w.now, []Entry{{Position: cat.position + 1, Data: []byte("nothing")}})
	cat.Secrets(w.now, *second)
	if w.people["cat"].authenticator() != w.people["ann"].authenticator() {
		t.Error("the second took the place of the first")
	}
}

func TestOnlyTheCreatorFounds(t *testing.T) {
	for _, lobby := range []bool{true, false} {
		w := newWorld(t, lobby, "ann")
		p := w.person("mal")
		p.start()
		p.session.Welcome(w.now, 1, nil, nil)
		p.session.Group(w.now, State{ServerKey: w.server.public(), Found: true})
		if got := p.session.Status().Inside; got == lobby {
			t.Errorf("lobby %v: founds %v", lobby, got)
		}
	}
}

func TestAnOlderWordConfirmsNothing(t *testing.T) {
	s := shown(t, nil, nil)
	host := s.cur.public.leaves[0]
	s.confirm(host, s.first-1)
	if s.sure {
		t.Error("confirmed by a word from before")
	}
	s.confirm(s.cur.public.leaves[1], s.first)
	if s.sure {
		t.Error("confirmed by a participant")
	}
	s.confirm(host, s.first)
	if !s.sure {
		t.Error("not confirmed by the host")
	}
}

func TestStuckIsOfOthers(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat", "dan")
	ann := w.people["ann"].session
	hash := [HashSize]byte{7}
	ann.watch.authored(hash, w.people["bob"].key())
	told := func() bool {
		return slices.ContainsFunc(ann.Take().Notices, func(n Notice) bool { return n.Kind == NoticeStuck })
	}
	ann.Stuck(w.now, w.people["bob"].number, 3, hash)
	ann.Stuck(w.now, w.people["cat"].number, 3, hash)
	ann.Stuck(w.now, w.people["cat"].number, 3, hash)
	if told() {
		t.Error("one person accused another")
	}
	ann.Stuck(w.now, w.people["dan"].number, 3, hash)
	if !told() {
		t.Error("two did not")
	}
}

func TestSendersWaitForOthers(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	bob := w.people["bob"]
	epoch := bob.session.sending.Number
	w.person("cat").join()
	for bob.session.cur.public.epoch == epoch {
		w.pass(5 * time.Millisecond)
	}
	if bob.session.sending.Number != epoch {
		t.Error("the new epoch is used at once")
	}
	w.pass(200 * time.Millisecond)
	if bob.session.sending.Number != epoch+1 {
		t.Errorf("epoch %d is used 200 ms later, not %d", bob.session.sending.Number, epoch+1)
	}
	w.pass(3 * time.Second)
	epoch = bob.session.sending.Number
	w.people["cat"].closes()
	for bob.session.cur.public.epoch == epoch {
		w.pass(5 * time.Millisecond)
	}
	if bob.session.sending.Number != epoch+1 {
		t.Error("after a removal the new epoch is not used at once")
	}
}

func TestAnAuthorOfABadCommitLeavesTheRanking(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	b := badCommit(w.people["bob"].session, "remove", w.people["ann"].key())
	w.server.message(w.people["bob"].seat, &Commit{Data: b})
	w.pass(100 * time.Millisecond)
	for _, name := range []string{"ann", "cat"} {
		s := w.people[name].session
		if leaf := s.cur.public.index[w.people["bob"].key()]; s.eligible(leaf, nil) {
			t.Errorf("%s still counts bob", name)
		}
	}
}

func TestAFloodOfWordsIsNotRead(t *testing.T) {
	var rates talk
	n := 0
	for range 1000 {
		if rates.allows(testStart, 1) {
			n++
		}
	}
	if n != rateBurst {
		t.Errorf("%d at once", n)
	}
	for i := range 1000 {
		if rates.allows(testStart.Add(time.Duration(i)*10*time.Millisecond), 1) {
			n++
		}
	}
	if n < rateBurst+90 || n > rateBurst+110 {
		t.Errorf("%d in ten seconds", n)
	}
	if !rates.allows(testStart, 2) {
		t.Error("another pays for it")
	}
}

func TestNothingIsSaidToWhoIsLost(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	w.filters = append(w.filters, &filter{what: "log", kind: "drop"})
	w.people["bob"].closes()
	w.pass(1500 * time.Millisecond)
	ann := w.people["ann"]
	if err := ann.does(func(s *Session) error { return s.Say(w.now, KindChat, "secret") }); err != nil {
		t.Fatal(err)
	}
	if err := ann.does(func(s *Session) error { return s.Private(w.now, w.people["cat"].key(), false, "x") }); err == nil {
		t.Error("a private message goes out")
	}
	w.pass(500 * time.Millisecond)
	if w.people["cat"].said(NoticeChat, "secret") != 0 || ann.said(NoticeChat, "secret") != 0 {
		t.Error("chat goes out")
	}
	if ann.sends {
		t.Error("media goes out")
	}
}

// words seals an application message of a session, and shows it to another.
func words(t *testing.T, st *state, to *person, from uint32, kind Kind, m string) {
	t.Helper()
	data := must[[]byte](t)(st.group.Seal([]byte(m), nil, 200))
	to.session.Broadcast(to.w.now, from, kind, data)
	to.take(to.seat)
}

func TestWordsOfAnotherKindAreRefused(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	ann, bob := w.people["ann"], w.people["bob"]
	words(t, ann.session.cur, bob, ann.number, KindReaction, "\x03hello")
	words(t, ann.session.cur, bob, ann.number, KindChat, "\x03\x00control")
	if bob.warned(NoticeChat, 0) {
		t.Error("told")
	}
	words(t, ann.session.cur, bob, ann.number, KindChat, "\x03hello")
	if bob.said(NoticeChat, "hello") != 1 {
		t.Error("not told")
	}
}

func TestWordsOfAClosedEpochAreNotRead(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	ann, bob := w.people["ann"], w.people["bob"]
	last := ann.session.cur
	w.people["cat"].closes()
	w.pass(1900 * time.Millisecond)
	words(t, last, bob, ann.number, KindChat, "\x03in time")
	bob.session.old[0].until = w.now // what is due has not been done yet
	words(t, last, bob, ann.number, KindChat, "\x03too late")
	if bob.said(NoticeChat, "in time") != 1 || bob.said(NoticeChat, "too late") != 0 {
		t.Error("an epoch is not read for two seconds")
	}
}

func TestPrivateMessagesAreSigned(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	ann, bob, cat := w.people["ann"], w.people["bob"], w.people["cat"]
	st := cat.session.cur
	forger := *cat.session
	forger.self = ann.key() // everything but the signature is as if ann had sent it
	leaf := st.public.index[bob.key()]
	inner := []byte{appChat, 0, 0, 0, 1, 'h', 'i'}
	data := must[[]byte](t)(forger.sealPrivate(st, st.group.Leaf(leaf).EncryptionKey, bob.key(), inner))
	bob.session.Relay(w.now, ann.number, data)
	bob.take(bob.seat)
	if bob.warned(NoticePrivate, 0) {
		t.Error("a member forged a private message")
	}
	if err := ann.does(func(s *Session) error { return s.Private(w.now, bob.key(), false, "hi") }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if bob.said(NoticePrivate, "hi") != 1 {
		t.Error("a genuine one did not arrive")
	}
}

func TestWhoMayAdmit(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	ann, bob, cat := w.people["ann"], w.people["bob"], w.people["cat"]
	if err := ann.does(func(s *Session) error { return s.SetRole(w.now, bob.key(), RoleCoHost) }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	dan := w.person("dan")
	dan.start()
	for _, c := range []struct {
		by   *person
		role Role
		may  bool
	}{
		{ann, RoleHost, true}, {ann, RoleViewer, true}, {bob, RoleParticipant, true}, {bob, RoleCoHost, false},
		{cat, RoleViewer, false}, {ann, 4, false},
	} {
		if _, err := c.by.session.Admit(dan.session.Announce(), c.role); (err == nil) != c.may {
			t.Errorf("%s admits to %d: %v", c.by.name, c.role, err)
		}
	}
	announce := cat.session.Announce()
	if err := ann.does(func(s *Session) error { return s.Remove(w.now, cat.key(), false) }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if _, err := ann.session.Admit(announce, RoleParticipant); err == nil {
		t.Error("a revoked key is admitted")
	}
	if name := ann.session.LobbyName(dan.session.Announce()); name != "dan" {
		t.Errorf("the lobby shows %q", name)
	}
}

func TestANameMayChange(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	if err := w.people["bob"].does(func(s *Session) error { return s.Rename(w.now, "Robert") }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	for _, p := range w.people["ann"].session.People() {
		if p.Key == w.people["bob"].key() && (p.Name != "Robert" || !p.Connected || !p.Signed || p.Seat == 0) {
			t.Errorf("%+v", p)
		}
	}
	w.people["bob"].live(sframe.Mic, sframe.Camera)
	w.pass(time.Second)
	w.agrees("ann", "bob")
}

// A session that joined holds other copies of the leaves than those whose work it shares.
func TestAHostWhoCameBackConfirmsNewcomersAtOnce(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	w.people["ann"].closes()
	w.people["ann"].join()
	w.pass(3 * time.Second)
	w.person("dan").join()
	w.pass(1500 * time.Millisecond)
	if !w.people["dan"].session.Status().Confirmed {
		t.Error("dan is not confirmed")
	}
	if w.people["ann"].session.cur.media.Removes {
		t.Error("an addition passes for a removal")
	}
}

func TestKeyPackagesGoWithTheStateTheyWereOfferedTo(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	w.filters = append(w.filters, &filter{what: "log", to: []string{"bob"}, kind: "drop"})
	w.person("cat").join()
	w.pass(2 * time.Second)
	bob := w.people["bob"]
	if len(bob.session.duty.offers) == 0 {
		t.Fatal("bob was offered nothing")
	}
	bob.session.Forgotten(w.now)
	bob.take(bob.seat)
	if len(bob.session.duty.offers) != 0 {
		t.Error("he keeps what others have used")
	}
}
