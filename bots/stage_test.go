package bots

import (
	"testing"
	"time"

	"conclave/bots/report"
	"conclave/bots/scenario"
	"conclave/media"
)

// planned is a run of a second or so whose bots do what the plan says.
func planned(url string, bots int, stages ...scenario.Stage) Config {
	cfg := short(url)
	cfg.Plan = &scenario.Plan{Meetings: []scenario.PlannedMeeting{{}}, Stages: stages}
	for range bots {
		cfg.Plan.Bots = append(cfg.Plan.Bots, scenario.Bot{Role: "speaker", Sources: []media.Source{media.Mic}})
	}
	return cfg
}

func TestStagesBringBotsInAndSendThemAway(t *testing.T) {
	f, url := newFakeServer(t)
	cfg := planned(url, 4, scenario.Stage{Kind: scenario.Join, Bots: 2, Length: 100 * time.Millisecond},
		scenario.Stage{Kind: scenario.Hold, Length: 300 * time.Millisecond},
		scenario.Stage{Kind: scenario.Leave, Bots: 1},
		scenario.Stage{Kind: scenario.Join, Bots: 2, Length: 100 * time.Millisecond},
		scenario.Stage{Kind: scenario.Hold, Length: 2 * time.Second})
	r := run(t, cfg)
	if len(r.Failures) > 0 || r.Joins != (report.Joins{Wanted: 4, Joined: 4}) || r.Count != 4 || r.Publishers != 4 {
		t.Errorf("%q, joins %+v", r.Failures, r.Joins)
	}
	if len(r.Bots) != 4 || r.Bots[1].SentPackets == 0 || r.Bots[1].SentPackets > r.Bots[0].SentPackets/2 {
		t.Errorf("the bot that left sent %d packets, one that stayed %d", r.Bots[1].SentPackets, r.Bots[0].SentPackets)
	}
	if r.Window.Planned < 2.39 || r.Window.Planned > 2.41 || r.Window.Seconds < 2.3 {
		t.Errorf("%+v", r.Window)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.joins != 4 || f.left != 4 {
		t.Errorf("%d joined, %d said goodbye", f.joins, f.left)
	}
}

// What leaves for good does not come back, and when no bot is left the run ends.
func TestWhenAllHaveLeftTheRunEnds(t *testing.T) {
	f, url := newFakeServer(t)
	cfg := planned(url, 2, scenario.Stage{Kind: scenario.Join, Bots: 2},
		scenario.Stage{Kind: scenario.Leave, Bots: 2, Length: 100 * time.Millisecond},
		scenario.Stage{Kind: scenario.Hold, Length: time.Hour})
	r := run(t, cfg)
	if r.Window.Seconds != 0 || r.Verdict == report.Passed {
		t.Errorf("%s, measured for %v s", r.Verdict, r.Window.Seconds)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.joins != 2 || f.left != 2 {
		t.Errorf("%d joined, %d said goodbye", f.joins, f.left)
	}
}

func TestAPlanForAMeetingOfSomeoneElseHasOneMeeting(t *testing.T) {
	cfg := planned("http://127.0.0.1:1", 2, scenario.Stage{Kind: scenario.Join, Bots: 2},
		scenario.Stage{Kind: scenario.Hold})
	cfg.Meeting = "k7qm-2f9x-w3dj-8hrt"
	if err := cfg.check(); err != nil {
		t.Error(err)
	}
	cfg.Plan.Meetings = make([]scenario.PlannedMeeting, 2)
	if err := cfg.check(); err == nil {
		t.Error("two meetings in one")
	}
}

func TestTheConfigurationIsAPlanOfOneMeeting(t *testing.T) {
	cfg := short("http://127.0.0.1:1")
	cfg.Count, cfg.Publishers, cfg.Screens, cfg.Ramp = 5, 2, 1, 20*time.Millisecond
	cfg.Churn, cfg.Away, cfg.Duration = time.Second, time.Minute, time.Hour
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	p := cfg.Plan
	if len(p.Bots) != 5 || len(p.Bots[0].Sources) != 4 || len(p.Bots[1].Sources) != 2 || len(p.Bots[2].Sources) != 0 {
		t.Errorf("%+v", p.Bots)
	}
	want := []scenario.Stage{
		{Kind: scenario.Join, Bots: 5, Length: 80 * time.Millisecond},
		{Kind: scenario.Churn, Length: time.Hour, Every: time.Second, Away: time.Minute},
	}
	if len(p.Stages) != 2 || p.Stages[0] != want[0] || p.Stages[1] != want[1] || !moving(p) || measured(p) != time.Hour {
		t.Errorf("%+v, want %+v", p.Stages, want)
	}
}
