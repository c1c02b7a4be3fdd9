package client

import (
	"maps"
	"testing"
	"time"
)

func TestPhasesOfAJoinAddUp(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	p := Phases{Start: start, Socket: at(10), Admitted: at(40), Answered: at(60), ICE: at(260), DTLS: at(290)}
	got := map[string]float64{}
	p.Durations(got, at(300), at(350))
	want := map[string]float64{
		"socket": 10, "admitted": 30, "answer": 20, "ice": 200, "dtls": 30, "total": 290, "first_rtp": 300,
		"first_key_frame": 350,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if sum := got["socket"] + got["admitted"] + got["answer"] + got["ice"] + got["dtls"]; sum != got["total"] {
		t.Errorf("the phases take %v ms, the join %v", sum, got["total"])
	}
}

// A host who is away for a minute does not make the server's joins slow.
func TestTheWaitToBeLetInIsAPhaseOfItsOwn(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	p := Phases{Start: start, Socket: at(10), Lobby: at(25), Admitted: at(60_025), Answered: at(60_045), ICE: at(60_245),
		DTLS: at(60_275)}
	got := map[string]float64{}
	p.Durations(got, at(60_300), at(60_350))
	want := map[string]float64{
		"socket": 10, "admitted": 15, "lobby": 60_000, "answer": 20, "ice": 200, "dtls": 30, "total": 275,
		"first_rtp": 300, "first_key_frame": 350,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAJoinThatFailedHasThePhasesItReached(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		p    Phases
		want map[string]float64
	}{
		"no socket": {Phases{Start: start}, map[string]float64{}},
		"never let in": {Phases{Start: start, Socket: start.Add(time.Second), Lobby: start.Add(2 * time.Second)},
			map[string]float64{"socket": 1000}},
		"nothing at all":   {Phases{}, map[string]float64{}},
		"a clock set back": {Phases{Start: start, Socket: start.Add(-time.Second)}, map[string]float64{"socket": 0}},
	} {
		got := map[string]float64{}
		test.p.Durations(got, time.Time{}, time.Time{})
		if !maps.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
