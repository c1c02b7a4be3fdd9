package e2ee

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestEverybodyHearsEverybodyAndKnowsTheirNames(t *testing.T) {
	w := newWorld(t, false)
	var list []*person
	for i := range 5 {
		p := w.join(Config{Name: fmt.Sprint("Person ", i)})
		p.SetLive(w.now, true)
		w.take(p)
		w.run(100 * time.Millisecond)
		list = append(list, p)
	}
	w.run(2 * time.Second)
	w.allHear()
	code := list[0].Code()
	for _, p := range list {
		if p.Code() != code {
			t.Errorf("%d has code %s, the first %s", p.number, p.Code(), code)
		}
		for i, o := range list {
			if o != p && !p.has(NoticeName, o.number, fmt.Sprint("Person ", i)) {
				t.Errorf("%d does not know the name of %d", p.number, o.number)
			}
		}
	}
	if w.join(Config{}); list[0].Code() == code {
		w.run(time.Second)
		if list[0].Code() == code {
			t.Error("the code did not change when somebody came")
		}
	}
}

func TestNobodyIsHeardBeforeTheOthersHaveTheKey(t *testing.T) {
	w := newWorld(t, false)
	a := w.join(Config{})
	w.run(time.Second)
	w.join(Config{})
	w.tamper = func(_, _ uint32, _ []byte) [][]byte { return nil } // nothing arrives
	c := w.join(Config{})
	c.SetLive(w.now, true)
	w.take(c)
	if c.Usable() {
		t.Fatal("usable before anybody acknowledged")
	}
	w.run(switchAfter - time.Millisecond)
	if c.Usable() {
		t.Fatal("usable before the time is over")
	}
	w.run(2 * time.Millisecond)
	if !c.Usable() {
		t.Fatal("one lost acknowledgement keeps somebody silent for good")
	}
	if w.hears(a, c) {
		t.Fatal("heard without a key")
	}
	w.tamper = nil
	w.run(5 * time.Second) // it is sealed again
	if !w.hears(a, c) {
		t.Fatal("the key was not sent again")
	}
}

func TestANewcomerCannotReadThePast(t *testing.T) {
	w := newWorld(t, false)
	a := w.join(Config{})
	b := w.join(Config{})
	w.run(time.Second)
	past := w.frame(a, TrackMic, "past")
	c := w.join(Config{})
	w.run(time.Second)
	if _, err := c.opener.Open(nil, a.number, TrackMic, Opus, past, w.now); !errors.Is(err, ErrNoKey) {
		t.Fatalf("opening what was said before: %v", err)
	}
	if got, err := b.opener.Open(nil, a.number, TrackMic, Opus, past, w.now); err != nil || string(got) != "past" {
		t.Fatalf("who was there: %v", err)
	}
	w.allHear()
	if a.mine.key.Generation != 0 || a.mine.key.Step == 0 {
		t.Errorf("a join made generation %d, step %d: want a step only", a.mine.key.Generation, a.mine.key.Step)
	}
}

func TestJoiningCostsOneKeyForEachSenderAndNothingForOthers(t *testing.T) {
	w := newWorld(t, false)
	for range 10 {
		w.join(Config{})
		w.run(time.Second)
	}
	before := w.relays
	w.join(Config{})
	w.run(time.Second)
	// each of ten: a key, and the newcomer's ack; the newcomer: ten keys, and their acks
	if got := w.relays - before; got > 4*10+2 {
		t.Errorf("%d messages for the eleventh", got)
	}
}

func TestALeaverHearsNothingFromOneSecondAfter(t *testing.T) {
	w := newWorld(t, false)
	a := w.join(Config{})
	b := w.join(Config{})
	c := w.join(Config{})
	w.run(2 * time.Second)
	w.allHear()
	left := w.now
	w.leave(c)
	for w.now.Sub(left) < time.Second {
		if !w.hears(b, a) {
			t.Fatalf("a gap for those who stay, %v after", w.now.Sub(left))
		}
		w.run(10 * time.Millisecond)
	}
	if w.hears(c, a) {
		t.Error("who left still hears")
	}
	if !w.hears(b, a) {
		t.Error("who stayed does not")
	}
}

func TestLeavesWithinTheDebounceMakeOneGeneration(t *testing.T) {
	w := newWorld(t, false)
	a := w.join(Config{})
	for range 8 {
		w.join(Config{})
	}
	w.run(3 * time.Second)
	before := a.mine.next
	for _, p := range w.sortedPeople()[1:6] {
		w.leave(p)
		w.run(50 * time.Millisecond)
	}
	w.run(3 * time.Second)
	if a.mine.next != before+1 {
		t.Errorf("%d generations for five leaves within 250 ms", a.mine.next-before)
	}
	w.allHear()
}

func TestALossWhileAFreshGenerationIsUnderwayReplacesIt(t *testing.T) {
	w := newWorld(t, false)
	a, b, c, d := w.join(Config{}), w.join(Config{}), w.join(Config{}), w.join(Config{})
	w.run(2 * time.Second)
	w.leave(d)
	w.run(leaveDebounce + 5*time.Millisecond) // sealed, to c too
	w.leave(c)
	w.run(2 * time.Second)
	if w.hears(c, a) || !w.hears(b, a) {
		t.Errorf("after the second loss: leaver hears %v, other hears %v", w.hears(c, a), w.hears(b, a))
	}
}

func TestStep31IsFollowedByAFreshGeneration(t *testing.T) {
	w := newWorld(t, false)
	a := w.join(Config{})
	b := w.join(Config{})
	a.SetLive(w.now, true)
	b.SetLive(w.now, true)
	for range 40 {
		w.leave(w.join(Config{}))
		w.run(5 * time.Millisecond)
		w.join(Config{})
		w.run(30 * time.Millisecond)
	}
	w.run(3 * time.Second)
	if !w.hears(a, b) || !w.hears(b, a) {
		t.Error("not heard after 40 joins")
	}
	for _, p := range w.people {
		if p != a && !w.hears(p, a) {
			t.Errorf("%d does not hear", p.number)
		}
	}
}

func TestInALargeMeetingOnlyPublishersRekey(t *testing.T) {
	w := newWorld(t, false)
	for i := range 30 {
		p := w.join(Config{})
		if i < 3 {
			p.SetLive(w.now, true)
			w.take(p)
		}
		w.run(50 * time.Millisecond)
	}
	w.run(3 * time.Second)
	people := w.sortedPeople()
	before := w.relays
	w.leave(people[20])
	w.run(1500 * time.Millisecond)
	// 3 publishers × 28 keys, and as many acks; some roster beacons
	if got := w.relays - before; got < 3*28*2 || got > 3*28*2+40 {
		t.Errorf("%d messages for a leave, want about %d", got, 3*28*2)
	}
	quiet := people[10]
	if quiet.Usable() {
		t.Error("a listener's old chain is still usable")
	}
	if err := quiet.Say(w.now, KindChat, "hello"); err != nil {
		t.Fatal(err)
	}
	w.take(quiet)
	w.run(2 * time.Second)
	for _, p := range w.people {
		if !p.has(NoticeChat, quiet.number, "hello") {
			t.Errorf("%d did not get the message", p.number)
		}
	}
}

func TestResumingLosesNoKey(t *testing.T) {
	w := newWorld(t, false)
	a, b := w.join(Config{}), w.join(Config{})
	w.run(2 * time.Second)
	w.tamper = func(_, to uint32, data []byte) [][]byte { // b's socket is gone
		if to == b.number {
			return nil
		}
		return [][]byte{data}
	}
	c := w.join(Config{})
	w.leave(w.join(Config{}))
	b.member.Connected = false
	w.tellAll(b.member)
	w.run(1800 * time.Millisecond)
	if w.hears(b, a) {
		t.Fatal("the test tests nothing")
	}
	w.tamper = nil
	b.member.Connected = true
	b.Welcome(w.now, b.member, []Member{a.member, c.member})
	w.take(b)
	w.tellAll(b.member)
	w.run(4 * w.latency)
	w.allHear()
}

func TestPrivateChatAndReactions(t *testing.T) {
	w := newWorld(t, false)
	a, b, c := w.join(Config{}), w.join(Config{}), w.join(Config{})
	w.run(time.Second)
	if err := a.Tell(b.number, "between us"); err != nil {
		t.Fatal(err)
	}
	if err := a.Say(w.now, KindReaction, "clap"); err != nil {
		t.Fatal(err)
	}
	w.take(a)
	w.run(time.Second)
	if !b.has(NoticePrivate, a.number, "between us") || c.has(NoticePrivate, a.number, "between us") {
		t.Error("the private message went wrong")
	}
	for _, p := range []*person{a, b, c} {
		if !p.has(NoticeReaction, a.number, "clap") {
			t.Errorf("%d did not get the reaction", p.number)
		}
	}
	if err := a.Tell(99, "x"); !errors.Is(err, ErrNotHere) {
		t.Errorf("to nobody: %v", err)
	}
}

func TestABotGetsNothingBeforeConsentAndNothingAfterItsEnd(t *testing.T) {
	w := newWorld(t, false)
	a, b := w.join(Config{Name: "Ana"}), w.join(Config{Name: "Ben"})
	bot := w.join(Config{Bot: true, Name: "Recorder", Purpose: "Recording for the minutes"})
	w.run(3 * time.Second)
	if w.hears(bot, a) || bot.has(NoticeName, a.number, "Ana") {
		t.Fatal("the bot has something without consent")
	}
	if !w.hears(a, bot) || !a.has(NoticeConsent, bot.number, "Recording for the minutes") {
		t.Fatal("the bot cannot ask")
	}
	before := w.frame(a, TrackMic, "before")
	if err := a.Consent(w.now, bot.number, true); err != nil {
		t.Fatal(err)
	}
	w.take(a)
	w.run(time.Second)
	if !w.hears(bot, a) || w.hears(bot, b) || !bot.has(NoticeName, a.number, "Ana") {
		t.Error("one person's consent is not that person's only")
	}
	if _, err := bot.opener.Open(nil, a.number, TrackMic, Opus, before, w.now); err == nil {
		t.Error("consent reaches back")
	}
	if err := a.Consent(w.now, bot.number, false); err != nil {
		t.Fatal(err)
	}
	w.take(a)
	w.run(2 * time.Second)
	if w.hears(bot, a) || !w.hears(b, a) {
		t.Error("consent was withdrawn")
	}
}

// A question that got lost is asked again, and whoever has answered is asked no more.
func TestABotAsksAgainUntilThereIsAnAnswer(t *testing.T) {
	w := newWorld(t, false)
	a := w.join(Config{Name: "Ana"})
	w.tamper = func(uint32, uint32, []byte) [][]byte { return nil } // nothing gets through
	bot := w.join(Config{Bot: true, Name: "Recorder", Purpose: "Recording"})
	w.run(askAgain / 2)
	w.tamper = nil
	asked := func() (n int) {
		for _, notice := range a.notices {
			if notice.Kind == NoticeConsent {
				n++
			}
		}
		return n
	}
	w.run(askAgain)
	if n := asked(); n != 1 {
		t.Fatalf("asked %d times", n)
	}
	if err := a.Consent(w.now, bot.number, false); err != nil {
		t.Fatal(err)
	}
	w.take(a)
	w.run(10 * askAgain)
	if n := asked(); n != 1 {
		t.Errorf("asked %d times, after an answer", n)
	}
	silent := w.join(Config{Name: "Ben"})
	w.run(10 * askAgain)
	others := func(n Notice) bool { return n.Kind != NoticeConsent }
	if n := len(slices.DeleteFunc(slices.Clone(silent.notices), others)); n != askMost {
		t.Errorf("somebody silent was asked %d times", n)
	}
}

func TestTheLobbyLetsInWhomAHostSigned(t *testing.T) {
	w := newWorld(t, true)
	host := w.join(Config{Identity: w.creator, Name: "Host"})
	guest := w.session(Config{Name: "Guest"})
	waiting := Member{Participant: 7, Announce: guest.Announce(), Connected: true}
	host.Waiting(w.now, []Member{waiting})
	guest.Lobby(w.now, []Member{host.member})
	out := guest.Take()
	if len(out.Relays) != 1 || out.Relays[0].Participant != host.number {
		t.Fatalf("the waiting person's name goes to %v", out.Relays)
	}
	host.Relay(w.now, 7, out.Relays[0].Data)
	w.take(host)
	if !host.has(NoticeName, 7, "Guest") {
		t.Fatal("the host does not see the name of who waits")
	}
	credential, err := host.Issue(w.now, 7, RoleParticipant)
	if err != nil {
		t.Fatal(err)
	}
	host.Waiting(w.now, nil)
	w.last = 6
	g := w.enter(guest, Member{Admit: credential})
	w.run(2 * time.Second)
	w.allHear()
	if _, err := g.Issue(w.now, host.number, RoleParticipant); !errors.Is(err, ErrMayNotIssue) {
		t.Errorf("a participant admits: %v", err)
	}
	third := w.enter(w.session(Config{}), Member{}) // the server alone let it in
	w.run(3 * time.Second)
	if w.hears(third, host) || w.hears(host, third) || w.hears(third, g) {
		t.Error("a ghost has keys")
	}
	if host.Code() != g.Code() {
		t.Error("the ghost changed somebody's code")
	}
}

func TestACohostAdmitsAndIsBelievedWhenTheCreatorHasGone(t *testing.T) {
	w := newWorld(t, true)
	host := w.join(Config{Identity: w.creator})
	admit := func(by *person, s *Session, role Role) *person {
		by.Waiting(w.now, []Member{{Participant: w.last + 1, Announce: s.Announce(), Connected: true}})
		c, err := by.Issue(w.now, w.last+1, role)
		if err != nil {
			t.Fatal(err)
		}
		return w.enter(s, Member{Admit: c})
	}
	cohost := admit(host, w.session(Config{}), RoleCohost)
	w.run(time.Second)
	w.leave(host)
	w.run(time.Second)
	a := admit(cohost, w.session(Config{}), RoleParticipant)
	b := admit(cohost, w.session(Config{}), RoleParticipant)
	w.run(2 * time.Second)
	w.allHear()
	if _, err := cohost.Issue(w.now, a.number, RoleCohost); !errors.Is(err, ErrMayNotIssue) {
		t.Errorf("a cohost makes cohosts: %v", err)
	}
	if a.Code() != b.Code() {
		t.Error("codes differ")
	}
}

func TestAppointingNeedsNoServer(t *testing.T) {
	w := newWorld(t, true)
	host := w.join(Config{Identity: w.creator})
	host.AdmitEverybody(w.now, true)
	a := w.join(Config{})
	w.run(time.Second)
	b := w.join(Config{})
	w.run(2 * time.Second)
	w.allHear()
	if _, err := host.Appoint(w.now, a.number, RoleHost); err != nil {
		t.Fatal(err)
	}
	w.take(host)
	w.run(time.Second)
	w.leave(host)
	a.AdmitEverybody(w.now, true)
	c := w.join(Config{})
	w.run(6 * time.Second)
	w.allHear()
	if c.Code() != b.Code() {
		t.Error("codes differ")
	}
}

func TestAMeetingWithoutALinkKeyStillEncrypts(t *testing.T) {
	w := newWorld(t, false)
	w.link = Link{}
	w.join(Config{})
	w.join(Config{})
	w.run(2 * time.Second)
	w.allHear()
	stranger := w.session(Config{Link: Link{Secret: [32]byte{1}, Keyed: true}})
	p := w.enter(stranger, Member{})
	w.run(2 * time.Second)
	for _, o := range w.people {
		if o != p && (w.hears(p, o) || w.hears(o, p)) {
			t.Error("people with and without the key hear each other")
		}
	}
}
