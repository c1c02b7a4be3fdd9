package group

import (
	"slices"
	"testing"
	"time"

	"conclave/e2ee/sframe"
)

// joined is a meeting of so many people, all live, after they came in.
func joined(t testing.TB, lobby bool, names ...string) *world {
	t.Helper()
	w := newWorld(t, lobby, names[0])
	for _, name := range names {
		p := w.person(name)
		p.join()
		p.live(sframe.Mic)
		w.pass(100 * time.Millisecond)
	}
	w.pass(3 * time.Second)
	return w
}

// agrees checks that people are in one group and hear each other.
func (w *world) agrees(names ...string) {
	w.t.Helper()
	sorted := slices.Sorted(slices.Values(names))
	for _, a := range names {
		p := w.people[a]
		if got := p.members(); !slices.Equal(got, sorted) {
			w.t.Errorf("%s sees %v, not %v", a, got, sorted)
		}
		if p.authenticator() != w.people[names[0]].authenticator() {
			w.t.Errorf("%s is in another group than %s", a, names[0])
		}
		for _, b := range names {
			if a != b && !p.hears(w.people[b]) {
				w.t.Errorf("%s does not hear %s", a, b)
			}
		}
	}
}

func TestPeopleComeIn(t *testing.T) {
	for _, lobby := range []bool{true, false} {
		w := joined(t, lobby, "ann", "bob", "cat", "dan")
		w.agrees("ann", "bob", "cat", "dan")
	}
}

func TestALeaverIsRemoved(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	w.people["bob"].leave()
	w.people["bob"].live()
	w.pass(time.Second)
	w.agrees("ann", "cat")
	w.people["cat"].closes()
	w.people["cat"].live()
	w.pass(time.Second)
	w.agrees("ann")
}

func TestAReloadIsAReturn(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	w.people["bob"].closes()
	w.people["bob"].join()
	w.pass(3 * time.Second)
	w.agrees("ann", "bob", "cat")
	w.people["ann"].closes()
	w.people["ann"].join()
	w.pass(13 * time.Second)
	w.agrees("ann", "bob", "cat")
}

func TestChatArrivesOnce(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	if err := w.people["bob"].does(func(s *Session) error { return s.Say(w.now, KindChat, "hello") }); err != nil {
		t.Fatal(err)
	}
	cat := w.people["cat"].key()
	if err := w.people["bob"].does(func(s *Session) error { return s.Private(w.now, cat, false, "psst") }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	for _, name := range []string{"ann", "bob", "cat"} {
		if n := w.people[name].said(NoticeChat, "hello"); n != 1 {
			t.Errorf("%s was told %d times", name, n)
		}
		want := 0
		if name == "cat" {
			want = 1
		}
		if n := w.people[name].said(NoticePrivate, "psst"); n != want {
			t.Errorf("%s was told %d times what is private", name, n)
		}
	}
}

func TestAHostActs(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat", "dan")
	ann, bob, cat := w.people["ann"], w.people["bob"], w.people["cat"]
	if err := ann.does(func(s *Session) error { return s.SetRole(w.now, bob.key(), RoleCoHost) }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	for _, name := range []string{"ann", "bob", "cat", "dan"} {
		if r := w.people[name].session.cur.public.role(bob.key()); r != RoleCoHost {
			t.Errorf("%s: bob is %v", name, r)
		}
	}
	if err := bob.does(func(s *Session) error { return s.Remove(w.now, cat.key(), false) }); err != nil {
		t.Fatal(err)
	}
	cat.live()
	w.pass(time.Second)
	w.agrees("ann", "bob", "dan")
	if !cat.warned(NoticeRemoved, 0) {
		t.Error("cat was not told")
	}
	cat.join()
	w.pass(5 * time.Second)
	w.agrees("ann", "bob", "dan")
}

func TestAResumedSeatGoesOn(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	w.people["bob"].cut()
	w.pass(5 * time.Second)
	w.person("dan").join()
	w.people["dan"].live(sframe.Mic)
	w.pass(5 * time.Second)
	w.people["bob"].resume()
	w.pass(2 * time.Second)
	w.agrees("ann", "bob", "cat", "dan")
	w.people["cat"].cut()
	w.people["cat"].live()
	w.pass(31 * time.Second)
	w.agrees("ann", "bob", "dan")
}
