package bots

import (
	"errors"
	"testing"

	"conclave/bots/scenario"
)

func TestBadConfigurationsAreRefused(t *testing.T) {
	tests := map[string]Config{
		"too many bots":   {Count: scenario.MaxBots + 1},
		"too many slots":  {AudioSlots: 60, VideoSlots: 70},
		"no such meeting": {Meeting: "nonsense"},
		"another server": {
			URL: "https://a.example", Meeting: "https://b.example/m/k7qm-2f9x-w3dj-8hrt",
		},
		"bad threshold":    {Thresholds: []string{"nonsense"}},
		"height":           {Height: 5000},
		"verify":           {Verify: -1},
		"too many in view": {View: 65, VideoSlots: 65},
		"no power of two":  {Sample: 12, Count: 20, AudioSlots: 1},
		"a sample of none": {Sample: 32, Count: 11, Publishers: 1, AudioSlots: 1},
	}
	for name, cfg := range tests {
		if err := cfg.check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Bots are in step with each other as little as people are: pulses are spread over their interval, reports over theirs.
func TestBotsAreNotInStep(t *testing.T) {
	const bots, ticks = 100, 250 * pulseParts
	reports := map[int]int{}
	for i := range bots {
		pulses, own := 0, 0
		for n := range ticks {
			due, report := pulseDue(n, i)
			if due {
				pulses++
			}
			if due && report {
				own++
				reports[n]++
			}
		}
		if pulses != ticks/pulseParts || own != 5 {
			t.Fatalf("bot %d: %d pulses, %d reports in five seconds", i, pulses, own)
		}
	}
	for n, at := range reports {
		if at > 3 {
			t.Errorf("%d of %d bots report at tick %d", at, bots, n)
		}
	}
}

func TestSeveralRooms(t *testing.T) {
	c := Config{Count: 3, Publishers: 1, Rooms: 4}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if len(c.Plan.Meetings) != 4 || len(c.Plan.Bots) != 12 || c.Count != 12 || c.Publishers != 4 {
		t.Fatalf("%d meetings, %d bots of %d, %d publish", len(c.Plan.Meetings), len(c.Plan.Bots), c.Count, c.Publishers)
	}
	for i, b := range c.Plan.Bots {
		if b.Meeting != i/3 || (len(b.Sources) > 0) != (i%3 == 0) {
			t.Errorf("bot %d: %+v", i, b)
		}
	}
	if (&Config{Rooms: 2, Meeting: "k7qm-2f9x-w3dj-8hrt"}).check() == nil {
		t.Error("two rooms in one meeting")
	}
}

// Most listeners may read a sample; ten of each meeting read all, and so does who publishes.
func TestTenListenersReadAll(t *testing.T) {
	c := Config{Count: 15, Publishers: 2, Rooms: 2, AudioSlots: 1, Sample: 32}
	plain := c
	plain.Sample = 0
	if err := errors.Join(c.check(), plain.check()); err != nil {
		t.Fatal(err)
	}
	for i, b := range c.Plan.Bots {
		if want := i%15 >= 12; (b.Sample == 32) != want {
			t.Errorf("bot %d: a sample of %d", i, b.Sample)
		}
	}
	with, err := c.configuration()
	without, err2 := plain.configuration()
	if err != nil || err2 != nil || with == without {
		t.Errorf("%v, %v: a run with samples has the configuration of one without", err, err2)
	}
}
