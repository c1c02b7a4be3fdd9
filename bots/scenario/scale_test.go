package scenario

import (
	"reflect"
	"testing"
	"time"
)

func TestAScaledScenarioIsTheSameInSmall(t *testing.T) {
	s, err := Parse([]byte(`
meetings:
  - count: 20
    roles: [{role: publisher}, {role: listener, count: 300}, {role: speaker, count: 2}]
stages: [{join: 3000, over: 100s}, {join: 50%}, {hold: 10m}, {churn: 1m, every: 2s, away: 500ms},
	{leave: all, over: 4s}]
`))
	if err != nil {
		t.Fatal(err)
	}
	before := *s
	small, err := s.Scaled(0.1, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	m := small.Meetings[0]
	if m.Count != 2 || m.Roles[0].Count != nil || *m.Roles[1].Count != 30 || *m.Roles[2].Count != 2 {
		t.Errorf("%d meetings of %+v", m.Count, m.Roles)
	}
	want := []Step{
		{Join: "300", Over: 10 * time.Second}, {Join: "50%"}, {Hold: time.Minute},
		{Churn: 6 * time.Second, Every: 2 * time.Second, Away: 500 * time.Millisecond}, {Leave: "all", Over: time.Second},
	}
	if !reflect.DeepEqual(small.Stages, want) {
		t.Errorf("%+v, want %+v", small.Stages, want)
	}
	if !reflect.DeepEqual(*s, before) || s.Meetings[0].Count != 20 || *s.Meetings[0].Roles[1].Count != 300 {
		t.Error("the scenario itself changed")
	}
	if large, err := s.Scaled(2, 2); err != nil || large.Meetings[0].Count != 40 {
		t.Errorf("%v", err)
	}
	short, err := s.Scaled(1, 0.1)
	if err != nil || short.Meetings[0].Count != 20 || short.Stages[0] != (Step{Join: "3000", Over: 10 * time.Second}) ||
		short.Stages[2].Hold != time.Minute {
		t.Errorf("%v: %+v", err, short)
	}
	for _, bad := range []float64{0, -1, 101} {
		if _, err := s.Scaled(bad, 1); err == nil {
			t.Errorf("scaled by %v", bad)
		}
		if _, err := s.Scaled(1, bad); err == nil {
			t.Errorf("the time scaled by %v", bad)
		}
	}
}
