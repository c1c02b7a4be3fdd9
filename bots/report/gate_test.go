package report

import (
	"slices"
	"strings"
	"testing"

	"conclave/bots/measure"
)

// good is the report of a run in which everything went well: it passes.
func good() *Report {
	return &Report{
		Count: 3, Publishers: 3, Joins: Joins{Wanted: 3, Joined: 3},
		Join: map[string]Phase{"total": {Count: 3, P50: 100, P95: 500, P99: 1999, Max: 2500}},
		Total: Total{
			Traffic: Traffic{
				ReceivedPackets: 1000, Expected: 1000, LostBefore: 20, LostAfter: 1, ExpectedAudio: 6, ArrivedAudio: 6,
				ExpectedVideo: 6, ArrivedVideo: 6, Freezes: 3, FreezeMS: 300, WatchedMS: 60_000,
			},
			AudioDelay: measure.Quantiles{Count: 10, P50: 2, P95: 3, P99: 4, Max: 5},
			VideoDelay: measure.Quantiles{Count: 10, P50: 12, P95: 13, P99: 14, Max: 15},
		},
		Window:    Window{Seconds: 10, Planned: 10, PacketsPerS: 100, MbitPerS: 1},
		Generator: Generator{Cores: 2, CPUSeconds: 2, Lag: measure.Quantiles{Count: 1, P99: 1}},
		Machine:   &Machine{Cores: 2, Busy: 0.3, Bots: 0.1, Server: 0.1, Others: 0.1, Runnable: 1, ServerHere: true},
	}
}

func TestTheVerdict(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Report)
		verdict Verdict
		says    string
	}{
		{"all well", func(*Report) {}, Passed, ""},
		{"a sound is missing", func(r *Report) { r.Total.ArrivedAudio = 5 }, Failed, "1 of 6 audio streams"},
		{"a picture is missing", func(r *Report) { r.Total.ArrivedVideo = 4 }, Failed, "2 of 6 video streams"},
		{"a forged packet", func(r *Report) { r.Total.UndecodedPackets = 1 }, Failed, "failed authentication"},
		{"a stray packet", func(r *Report) { r.Total.UnknownPackets = 1 }, Failed, "no answer named"},
		{"a forged frame", func(r *Report) { r.Total.Opened.Failed = 1 }, Failed, "not authentic"},
		{"a frame without a key", func(r *Report) { r.Total.Opened.NoKey = 1 }, Failed, "without a key"},
		{"a bot stayed out", func(r *Report) { r.Joins.Joined = 2 }, Failed, "1 of 3 bots did not join"},
		{"joins are slow", func(r *Report) { r.Join["total"] = Phase{Count: 3, P99: 5000} }, Failed,
			"join.p99<5s: it is 5000 ms"},
		{"sound is late", func(r *Report) { r.Total.AudioDelay.P99 = 400 }, Failed, "delay.audio.p99<400ms"},
		{"pictures are late", func(r *Report) { r.Total.VideoDelay.P99 = 401 }, Failed, "delay.video.p99<400ms"},
		{"pictures freeze", func(r *Report) { r.Total.FreezeMS = 600 }, Failed, "freezes.time<1%: it is 1 %"},
		{"most who watched have left", func(r *Report) { r.Total.ExpectedVideo, r.Total.ArrivedVideo = 1, 1 }, Passed, ""},

		{"late generator", func(r *Report) { r.Generator.Lag.P99 = maxLagMS + 1 }, Invalid, "34 ms late"},
		{"just in time", func(r *Report) { r.Generator.Lag.P99 = maxLagMS }, Passed, ""},
		{"busy generator", func(r *Report) { r.Generator.CPUSeconds = 19 }, Invalid, "the bots used 95 %"},
		{"unread sockets", func(r *Report) { r.Generator.SocketDrops = 1 }, Invalid, "too slow to read"},
		{"unsent packets", func(r *Report) { r.Generator.SendErrors = 1 }, Invalid, "could not be sent"},
		{"cut short", func(r *Report) { r.Window.Seconds, r.Window.CutShort = 3, true }, Invalid, "3 of 10 s"},
		{"busy machine", func(r *Report) { r.Machine.Busy, r.Machine.Server = 0.97, 0.7 }, Invalid, "97 % busy"},
		{"names the server's share", func(r *Report) { r.Machine.Busy, r.Machine.Server = 0.97, 0.7 }, Invalid,
			"the server 70 %"},
		{"a machine just not too busy", func(r *Report) { r.Machine.Busy = maxBusy }, Passed, ""},
		{"stolen time", func(r *Report) { r.Machine.Steal = 0.06 }, Invalid, "6 % of the processors' time to other machines"},
		{"a long run queue", func(r *Report) { r.Machine.Runnable = 3.1 }, Invalid, "3.1 threads wanted each processor"},
		{"a machine too busy for joins", func(r *Report) {
			r.Joining, r.Join["total"] = &Machine{Cores: 2, Busy: 0.99}, Phase{Count: 3, P99: 5000}
		}, Invalid, "while the bots joined, their machine was too busy"},
		{"a machine too busy for keys", func(r *Report) {
			r.Joining, r.Total.Opened.NoKey = &Machine{Cores: 2, Busy: 0.5, Runnable: 3.1}, 1
		}, Invalid, "while the bots joined"},
		{"joins on a machine that had time for them", func(r *Report) {
			r.Joining, r.Join["total"] = &Machine{Cores: 2, Busy: 0.95, Runnable: 3}, Phase{Count: 3, P99: 5000}
		}, Failed, "join.p99<5s"},
		{"quick joins on a busy machine", func(r *Report) { r.Joining = &Machine{Cores: 2, Busy: 1, Runnable: 9} }, Passed, ""},
		{"an unknown machine", func(r *Report) { r.Machine = nil }, Passed, ""},
		{"invalid goes before failed", func(r *Report) { r.Generator.SocketDrops, r.Joins.Joined = 1, 0 }, Invalid,
			"too slow"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := good()
			test.change(r)
			if err := r.Judge(Conditions{}); err != nil {
				t.Fatal(err)
			}
			said := slices.Concat(r.Failures, r.Invalid)
			if r.Verdict != test.verdict || test.verdict == Passed && len(said) > 0 ||
				!strings.Contains(strings.Join(said, "\n"), test.says) {
				t.Errorf("%s, want %s and %q: %q", r.Verdict, test.verdict, test.says, said)
			}
			var text strings.Builder
			if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "verdict  "+string(test.verdict)) ||
				!strings.Contains(text.String(), test.says) {
				t.Errorf("%v: %s", err, text.String())
			}
		})
	}
}

func TestExitCodesTellVerdictsApart(t *testing.T) {
	for verdict, want := range map[Verdict]int{Passed: 0, Failed: 1, Invalid: 2, "": 1} {
		if got := verdict.ExitCode(); got != want {
			t.Errorf("%q: %d, want %d", verdict, got, want)
		}
	}
}

func TestAThresholdReplacesTheDefaultsOfItsFamily(t *testing.T) {
	tests := []struct {
		given      []string
		noDefaults bool
		want       []string
	}{
		{nil, false, defaultLimits[:]},
		{nil, true, nil},
		{[]string{"loss<1%"}, true, []string{"loss<1%"}},
		{[]string{"join.ice.p50<1s"}, false, slices.Concat([]string{"join.ice.p50<1s"}, defaultLimits[1:])},
		{[]string{"delay.audio.max<2s"}, false, []string{"delay.audio.max<2s", defaultLimits[0], defaultLimits[3]}},
		{[]string{"freezes<5"}, false, slices.Concat([]string{"freezes<5"}, defaultLimits[:3])},
	}
	for _, test := range tests {
		r := good()
		if err := r.Judge(Conditions{Thresholds: test.given, NoDefaults: test.noDefaults}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Limits, test.want) {
			t.Errorf("%q: in force are %q, want %q", test.given, r.Limits, test.want)
		}
	}
	if err := good().Judge(Conditions{Thresholds: []string{"nonsense"}}); err == nil {
		t.Error("nonsense was accepted")
	}
}

// What was asked for must be shown; the defaults do not ask for media that a run does not have.
func TestAThresholdOnNothingFails(t *testing.T) {
	nothing := &Report{}
	if err := nothing.Judge(Conditions{}); err != nil || nothing.Verdict != Passed {
		t.Errorf("%v: %s %q", err, nothing.Verdict, nothing.Failures)
	}
	for _, text := range []string{
		"join.p99<2s", "delay.video.p99<1s", "delay.audio.p50<1s", "loss<1%", "loss.before_rtx<1%", "freezes<1",
		"freezes.time<1%",
		"e2ee.failed<1", "e2ee.frames>=0", "plis<1", "mbit_per_s>=0", "packets_per_s>=0", "server_cpu_us_per_packet<9",
		"lag.max<1s",
	} {
		r := &Report{}
		if err := r.Judge(Conditions{Thresholds: []string{text}, NoDefaults: true}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if r.Verdict != Failed || len(r.Failures) != 1 || !strings.Contains(r.Failures[0], "nothing was measured") {
			t.Errorf("%s: %s %q", text, r.Verdict, r.Failures)
		}
	}
}

func TestTheFailuresOfTheRunComeFirst(t *testing.T) {
	r := good()
	r.Joins.Joined = 2
	given := []string{"bot 1: join: refused"}
	if err := r.Judge(Conditions{Failures: given}); err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) != 2 || r.Failures[0] != given[0] || len(given) != 1 {
		t.Errorf("%q of %q", r.Failures, given)
	}
}
