package report

import (
	"strings"
	"testing"
)

func TestThresholdsDecide(t *testing.T) {
	r := &Report{
		Join:  map[string]Phase{"total": {P50: 100, P95: 500, P99: 1999, Max: 2500}},
		Total: Total{Traffic: Traffic{Expected: 1000, LostBefore: 20, LostAfter: 1, Freezes: 3}},
	}
	tests := []struct {
		text  string
		holds bool
	}{
		{"join.p99<2s", true}, {"join.p99<1999ms", false}, {"join.p99<=1999ms", true}, {"join.max<2s", false},
		{"loss<=0.1%", true}, {"loss<0.1%", false}, {"loss<0.002", true}, {"loss.before_rtx<1%", false},
		{"freezes<=3", true}, {"freezes<3", false}, {"packets_per_s>=0", true}, {"packets_per_s>0", false},
	}
	for _, test := range tests {
		th, err := parseThreshold(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		v, ok := r.metric(th.metric)
		if !ok || th.holds(v) != test.holds {
			t.Errorf("%s: %v of %g", test.text, !test.holds, v)
		}
	}
	for _, bad := range []string{
		"", "join.p99", "<2s", "join.p98<2s", "nothing<1", "loss<x%", "join.p99<fast", "join.p99=2s",
	} {
		if _, err := parseThreshold(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestTheVerdict(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Report)
		verdict Verdict
		code    int
	}{
		{"all well", func(*Report) {}, Passed, 0},
		{"a stream is missing", func(r *Report) { r.Total.ExpectedVideo = 1 }, Failed, 1},
		{"a forged packet", func(r *Report) { r.Total.UndecodedPackets = 1 }, Failed, 1},
		{"a threshold broken", func(r *Report) { r.Total.Freezes = 1 }, Failed, 1},
		{"late generator", func(r *Report) { r.Generator.Lag.P99 = 100 }, Invalid, 2},
		{"busy generator", func(r *Report) { r.Generator.CPUSeconds = 19 }, Invalid, 2},
		{"unread sockets", func(r *Report) { r.Generator.SocketDrops = 1 }, Invalid, 2},
		{"invalid goes before failed", func(r *Report) { r.Generator.SocketDrops, r.Total.ExpectedAudio = 1, 1 }, Invalid, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &Report{Window: Window{Seconds: 10}, Generator: Generator{Cores: 2}}
			test.change(r)
			if err := r.Judge([]string{"freezes<1"}, nil); err != nil {
				t.Fatal(err)
			}
			if r.Verdict != test.verdict || r.Verdict.ExitCode() != test.code {
				t.Errorf("%s %d: %q %q", r.Verdict, r.Verdict.ExitCode(), r.Failures, r.Invalid)
			}
			var text strings.Builder
			if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "verdict  "+string(test.verdict)) {
				t.Errorf("%v: %s", err, text.String())
			}
		})
	}
}
