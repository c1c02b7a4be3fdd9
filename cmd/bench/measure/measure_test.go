package measure

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
)

func TestInvalidRunsAreCountedAndLeftOut(t *testing.T) {
	runs := []forwardRun{{Micros: 1}, {Micros: 90, Invalid: []string{"late"}}, {Micros: 3},
		{Micros: 80, Failed: []string{"missing"}}, {Micros: 70, Invalid: []string{"late"}, Failed: []string{"missing"}}}
	if got := figures.Median(figures.Pluck(valid(runs), func(r forwardRun) float64 { return r.Micros })); got != 2 {
		t.Errorf("median = %v, want 2", got)
	}
	if got, want := counts(runs), "2 of 5, 2 invalid, 1 failed"; got != want {
		t.Errorf("counts = %q, want %q", got, want)
	}
	table := forwardTable([]forwardResult{
		{Scenario: scenario{Name: "A"}, Server: child.Engine, Runs: runs},
		{Scenario: scenario{Name: "A"}, Server: child.Naive, Runs: runs[1:2]},
		{Scenario: scenario{Name: "A"}, Server: limitName, Limits: []limitRun{{Micros: 0.5, PacedMicros: 1}}},
	})
	if !strings.Contains(table, "4.00") || !strings.Contains(table, "0 of 1, 1 invalid") {
		t.Errorf("the table lacks the ratio to the limit, or the row without valid runs:\n%s", table)
	}
}

func TestSoakNoticesWhatIsLeft(t *testing.T) {
	begin := soakSample{HeapBytes: 10 << 20, Goroutines: 20}
	for name, c := range map[string]struct {
		end  soakSample
		back bool
	}{
		"the same":        {begin, true},
		"less":            {soakSample{HeapBytes: 9 << 20, Goroutines: 18}, true},
		"within":          {soakSample{HeapBytes: 12<<20 - 1, Goroutines: 22}, true},
		"more heap":       {soakSample{HeapBytes: 12<<20 + 1, Goroutines: 20}, false},
		"more goroutines": {soakSample{HeapBytes: 10 << 20, Goroutines: 23}, false},
		"a peer":          {soakSample{HeapBytes: 10 << 20, Goroutines: 20, Peers: 1}, false},
	} {
		if err := back(begin, c.end); (err == nil) != c.back {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProgressLinesAreUnderstood(t *testing.T) {
	in, complete := 0, 0
	lines := []func(string){whenIn(func() { in++ }), whenComplete(func() { complete++ })}
	for _, line := range []string{
		"   1s  19/20 in  audio 100/361  video 20/361  1000 packets/s  1.0 Mbit/s", "nonsense",
		"   2s  20/20 in  audio 380/380  video 379/380  1000 packets/s  1.0 Mbit/s",
	} {
		for _, f := range lines {
			f(line)
		}
	}
	if in != 1 || complete != 0 {
		t.Errorf("in %d times, complete %d times, want once and not yet", in, complete)
	}
	for range 2 {
		lines[1]("   3s  20/20 in  audio 380/380  video 380/380  64000 packets/s  500.0 Mbit/s")
	}
	if complete != 1 {
		t.Errorf("complete %d times, want once", complete)
	}
}

func TestScaleByCPUTime(t *testing.T) {
	if got := byCPU(scaleStep{Micros: 1, Share: []float64{1}}); got != 1e6 {
		t.Errorf("one worker at 1 µs: %v packets/s", got)
	}
	if got := byCPU(scaleStep{Micros: 1, Share: []float64{0.4, 0.6}}); math.Abs(got-1e6/0.6) > 1 {
		t.Errorf("the busiest of two decides: %v packets/s", got)
	}
	if got := byCPU(scaleStep{}); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestAFloodIsJudged(t *testing.T) {
	good := floodRun{Kind: "RTP", Packets: 100, GrownMiB: 4}
	if err := judgeFlood([]floodRun{good}); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]floodRun{
		"lost":   {Packets: 100, Lost: 1},
		"silent": {},
		"grown":  {Packets: 100, GrownMiB: mostGrownMiB + 1},
	} {
		if judgeFlood([]floodRun{good, r}) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestEveryKindOfFloodIsWhatItSays(t *testing.T) {
	buffer := make([]byte, 1500)
	for _, kind := range floodKinds()[1:] {
		a := bytes.Clone(kind.fill(buffer))
		b := kind.fill(buffer)
		if len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) {
			t.Errorf("%s: %x, then %x", kind.name, a, b)
		}
	}
}
