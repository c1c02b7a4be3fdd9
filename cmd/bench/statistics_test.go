package main

import (
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{1, 1, 1, 100}, 1},
	} {
		given := append([]float64(nil), c.values...)
		if got := median(given); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
		for i := range given {
			if given[i] != c.values[i] {
				t.Errorf("median sorted its argument: %v", given)
			}
		}
	}
	if got := spreadOf([]float64{5, 1, 3}); got != (spread{3, 1, 5}) {
		t.Errorf("spread = %+v", got)
	}
	if got := spreadOf(nil); got != (spread{}) {
		t.Errorf("spread of nothing = %+v", got)
	}
}

// steady is a process that uses half a core, two thirds of it in the kernel, looked at every 50 ms, whose ticks lag behind.
func steady(from time.Time, n int) (s series) {
	for i := range n {
		at := time.Duration(i) * 50 * time.Millisecond
		ticks := (at / 2).Truncate(3 * clockTick)
		s = append(s, reading{at: from.Add(at), total: at / 2, user: ticks / 3, system: ticks * 2 / 3, rss: int64(i)})
	}
	return s
}

func TestUsageIsOfTheWindowAlone(t *testing.T) {
	start := time.Unix(1000, 0)
	s := steady(start, 201) // 10 s
	u := s.between(start.Add(1013*time.Millisecond), start.Add(7027*time.Millisecond))
	if want := 3007 * time.Millisecond; (u.total - want).Abs() > time.Microsecond {
		t.Errorf("total = %v, want %v: it must be in proportion between two readings", u.total, want)
	}
	if part := float64(u.user) / float64(u.total); math.Abs(part-1.0/3) > 0.01 {
		t.Errorf("user part = %v, want a third", part)
	}
	if u.user+u.system != u.total {
		t.Errorf("user %v and system %v are not the total %v", u.user, u.system, u.total)
	}
}

func TestReadingsBeyondTheEndsAreTheNearest(t *testing.T) {
	start := time.Unix(1000, 0)
	s := steady(start, 3)
	if got := s.at(start.Add(-time.Second)); got != s[0] {
		t.Errorf("before the beginning: %+v", got)
	}
	if got := s.at(start.Add(time.Hour)); got != s[2] {
		t.Errorf("after the end: %+v", got)
	}
	if got := s.at(s[1].at); got != s[1] {
		t.Errorf("at a reading: %+v", got)
	}
	if got := (series(nil)).between(start, start.Add(time.Second)); got != (usage{}) {
		t.Errorf("of nothing: %+v", got)
	}
	if got := s.between(start, start.Add(time.Millisecond)); got.system != got.total {
		t.Errorf("without ticks the total must not be lost: %+v", got)
	}
}

func TestPerPacketIsInMicroseconds(t *testing.T) {
	if got := perPacket(3*time.Second, 2_000_000); got != 1.5 {
		t.Errorf("perPacket = %v, want 1.5", got)
	}
	if got := perPacket(time.Second, 0); got != 0 {
		t.Errorf("of no packets = %v", got)
	}
}

func TestMarkdownTable(t *testing.T) {
	got := markdown([][]string{{"what", "µs"}, {"A: 1 → 50", "1.25"}, {"B", "–"}})
	want := "| what      |   µs |\n|-----------|-----:|\n| A: 1 → 50 | 1.25 |\n| B         |    – |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if markdown(nil) != "" {
		t.Error("a table of nothing is not empty")
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 64_700: "64,700", 1_234_567.8: "1,234,568", -1234: "-1,234", -123: "-123"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%v) = %q, want %q", n, got, want)
		}
	}
}

func TestInvalidRunsAreCountedAndLeftOut(t *testing.T) {
	runs := []forwardRun{{Micros: 1}, {Micros: 90, Invalid: []string{"late"}}, {Micros: 3}, {Micros: 80, Failed: []string{"missing"}}, {Micros: 70, Invalid: []string{"late"}, Failed: []string{"missing"}}}
	if got := median(pluck(valid(runs), func(r forwardRun) float64 { return r.Micros })); got != 2 {
		t.Errorf("median = %v, want 2", got)
	}
	if got, want := counts(runs), "2 of 5, 2 invalid, 1 failed"; got != want {
		t.Errorf("counts = %q, want %q", got, want)
	}
	table := forwardTable([]forwardResult{
		{Scenario: scenario{Name: "A"}, Server: engine, Runs: runs},
		{Scenario: scenario{Name: "A"}, Server: simple, Runs: runs[1:2]},
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

func TestQuantileIsTheBoundOfItsBucketOverAllMetrics(t *testing.T) {
	histogram := func(counts ...uint64) *dto.Metric {
		h := &dto.Histogram{}
		for i, n := range counts {
			bound := float64(i + 1)
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &n})
		}
		h.SampleCount = &counts[len(counts)-1]
		return &dto.Metric{Histogram: h}
	}
	metrics := []*dto.Metric{histogram(90, 98, 100), histogram(100, 100, 100)}
	for q, want := range map[float64]float64{0.5: 1, 0.95: 1, 0.96: 2, 0.99: 2, 0.995: 3, 1: 3} {
		if got := quantile(metrics, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	above := uint64(200) // half are above all bounds
	metrics[1].Histogram.SampleCount = &above
	if got := quantile(metrics, 0.99); got != 6 {
		t.Errorf("above all bounds: %v", got)
	}
}
