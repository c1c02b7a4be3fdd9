package scenario

import (
	"testing"
	"time"
)

func count(n int) *int { return &n }

func webinarOf300() *Scenario {
	return &Scenario{
		Meetings: []Meeting{{Roles: []Role{{Role: "publisher"}, {Role: "listener", Count: count(300)}}}},
		Stages:   []Step{{Join: "all", Over: 10 * time.Second}, {Hold: time.Minute}},
	}
}

func TestASizeIsWhatVaries(t *testing.T) {
	s := webinarOf300()
	if s.Varies() != People || s.Size(People) != 300 || s.Size("listener") != 300 || s.Size("publisher") != 0 {
		t.Errorf("%s: %d", s.Varies(), s.Size(People))
	}
	half, err := s.Sized(People, 150)
	if err != nil {
		t.Fatal(err)
	}
	p, err := half.Plan()
	if err != nil || len(p.Bots) != 151 || p.Stages[0].Length.Round(100*time.Millisecond) != 5*time.Second {
		t.Errorf("%v: %d bots, %+v", err, len(p.Bots), p.Stages)
	}
	if *s.Meetings[0].Roles[1].Count != 300 || s.Stages[0].Over != 10*time.Second {
		t.Error("the scenario itself changed")
	}
	if short := half.Holding(time.Second); short.Stages[1].Hold != time.Second || half.Stages[1].Hold != time.Minute {
		t.Errorf("%+v", short.Stages)
	}
}

func TestMeetingsAreVariedWhereThereAreSeveral(t *testing.T) {
	s := &Scenario{
		Meetings: []Meeting{{Count: 20, Roles: []Role{{Role: "publisher", Count: count(20)}}}},
		Stages:   []Step{{Join: "all", Over: 40 * time.Second}, {Hold: time.Minute}},
	}
	if s.Varies() != Meetings || s.Size(Meetings) != 20 {
		t.Errorf("%s: %d", s.Varies(), s.Size(Meetings))
	}
	one, err := s.Sized(Meetings, 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := one.Plan()
	if err != nil || len(p.Bots) != 20 || len(p.Meetings) != 1 || p.Stages[0].Length != 2*time.Second {
		t.Errorf("%v: %+v", err, p.Stages)
	}
	wide, err := s.Sized(People, 40)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := wide.Plan(); err != nil || len(p.Bots) != 800 || len(p.Meetings) != 20 {
		t.Errorf("%v: %d bots", err, len(p.Bots))
	}
}

func TestASizeIsDividedAsTheScenarioIs(t *testing.T) {
	s := &Scenario{Meetings: []Meeting{{Roles: []Role{
		{Role: "publisher", Count: count(10)}, {Role: "listener", Count: count(890)}, {Role: "flipper", Count: count(100)},
	}}}}
	for n, want := range map[int][3]int{
		1000: {10, 890, 100}, 500: {5, 445, 50}, 33: {1, 29, 3}, 3: {1, 2, 1}, 1: {1, 1, 1},
	} {
		out, err := s.Sized(People, n)
		if err != nil {
			t.Fatal(err)
		}
		var got [3]int
		for i, r := range out.Meetings[0].Roles {
			got[i] = *r.Count
		}
		if got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
	if only, err := s.Sized("listener", 10); err != nil || *only.Meetings[0].Roles[0].Count != 10 ||
		*only.Meetings[0].Roles[1].Count != 10 {
		t.Errorf("%v %+v", err, only)
	}
	for vary, n := range map[string]int{"speaker": 10, Meetings: 10, People: 0} {
		if _, err := s.Sized(vary, n); err == nil {
			t.Errorf("%s %d was accepted", vary, n)
		}
	}
}

func TestNumbersOfJoinsGrowWithTheScenario(t *testing.T) {
	s := &Scenario{
		Meetings: []Meeting{{Roles: []Role{{Role: "publisher", Count: count(10)}, {Role: "listener", Count: count(200)}}}},
		Stages:   []Step{{Join: "10", Over: 2 * time.Second}, {Join: "200", Over: 5 * time.Second}, {Leave: "20"}},
	}
	for n := 2; n < 900; n += 7 {
		out, err := s.Sized(People, n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := out.Plan()
		if err != nil {
			t.Fatalf("%d: %v: %+v", n, err, out.Stages)
		}
		if in := p.Stages[0].Bots + p.Stages[1].Bots; n > 20 && (in < n-2 || in > len(p.Bots)) {
			t.Errorf("%d: %d join", n, in)
		}
	}
}
