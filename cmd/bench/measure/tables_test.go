package measure

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	botsmeasure "conclave/bots/measure"
	"conclave/bots/report"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
)

func wants(t *testing.T, table string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(table, p) {
			t.Errorf("no %q in\n%s", p, table)
		}
	}
}

func TestScenariosAreChosenByName(t *testing.T) {
	list, err := chosen([]string{"D", "A"})
	if err != nil || len(list) != 2 || list[0].Name != "A" || list[1].Name != "D" {
		t.Errorf("%+v %v", list, err)
	}
	for _, bad := range [][]string{{"F"}, {"A", "A"}, {"A", "F"}} {
		if _, err := chosen(bad); err == nil {
			t.Errorf("%q was chosen", bad)
		}
	}
	for _, s := range scenarios() {
		if want := map[string]int{"A": 1, "B": 9, "C": 1, "D": 19, "E": 1}[s.Name]; s.slots() != want {
			t.Errorf("%s: %d slots, want %d", s.Name, s.slots(), want)
		}
	}
}

// A packet costs what the server used in the bots' window, and in no other time.
func TestAPacketCostsWhatTheServerUsedInTheWindow(t *testing.T) {
	start := time.Unix(1000, 0)
	var readings process.Series
	for i := range 21 { // half a core, but for the last second
		r := process.Reading{At: start.Add(time.Duration(i) * time.Second), Total: time.Duration(i) * 500 * time.Millisecond,
			RSS: 64 << 20}
		if i == 20 {
			r.Total += time.Hour
		}
		readings = append(readings, r)
	}
	r := &report.Report{
		Window: report.Window{Start: start.Add(5 * time.Second), Seconds: 10, ReceivedPackets: 1_000_000,
			PacketsPerS: 100_000},
		Total: report.Total{
			Traffic: report.Traffic{Expected: 1000, LostBefore: 5}, VideoDelay: botsmeasure.Quantiles{P99: 7},
		},
		Generator: report.Generator{CPUSeconds: 3},
	}
	run := evaluate(r, readings)
	if math.Abs(run.Micros-5) > 0.01 || run.Loss != 0.005 || run.DelayP99 != 7 || run.Generator != 0.3 ||
		run.RSSMiB != 64 || !run.valid() {
		t.Errorf("%+v", run)
	}
	if none := evaluate(&report.Report{}, nil); none.valid() || none.Micros != 0 || none.Generator != 0 {
		t.Errorf("a run in which nothing came: %+v", none)
	}
	if bad := evaluate(&report.Report{Window: r.Window, Invalid: []string{"late"}}, readings); bad.valid() {
		t.Error("an invalid run is valid")
	}
}

func TestBatchesAreToldForEnginesThatCountThem(t *testing.T) {
	var run forwardRun
	run.batching(map[string]float64{"forwarded_packets_total": 9})
	if run.PerMessage != 0 {
		t.Errorf("%+v of an engine that counts none", run)
	}
	run.batching(map[string]float64{
		"forwarded_packets_total": 1200, "messages_total": 300, "send_calls_total": 100, "received_packets_total": 80,
		"batches_total": 40,
	})
	if run.PerMessage != 4 || run.PerCall != 12 || run.PerBatch != 2 {
		t.Errorf("%+v", run)
	}
}

func TestTheForwardTableComparesWithinAScenario(t *testing.T) {
	table := forwardTable([]forwardResult{
		{Scenario: scenario{Name: "A", Title: "1 → 50"}, Server: child.Engine, Runs: []forwardRun{
			{Micros: 3, User: 1, System: 2, PacketsPer: 64_700, DelayP99: 1.5, RSSMiB: 40, ForwardP99: 0.25}, {Micros: 5},
			{Micros: 4},
		}},
		{Scenario: scenario{Name: "A"}, Server: child.Naive, Runs: []forwardRun{{Micros: 16}}},
		{Scenario: scenario{Name: "B"}, Server: child.Engine, Runs: []forwardRun{{Micros: 9}}},
		{Scenario: scenario{Name: "A"}, Server: limitName, Limits: []limitRun{{Micros: 2, PacedMicros: 4}}},
	})
	lines := strings.Split(table, "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines:\n%s", len(lines), table)
	}
	wants(t, lines[2], "A: 1 → 50", "4.00", "3.00–5.00", "2.00", "1.00", "0.25",
		"3 of 3") // median, spread, × limit, × paced, of naive
	wants(t, lines[4], "B: ", "9.00", "–", "1 of 1")
	if strings.Contains(lines[4], "0.25") {
		t.Errorf("B is compared with A's limit: %s", lines[4])
	}
}

func TestTheVethTableComparesWithLoopback(t *testing.T) {
	a, ways := scenario{Name: "A", Title: "1 → 50"}, vethWays()
	table := vethTable([]forwardResult{
		{Scenario: a, Server: ways[0].name, Runs: []forwardRun{{Micros: 3}, {Micros: 5}, {Micros: 4, PerMessage: 2.5}}},
		{Scenario: a, Server: ways[1].name, Runs: []forwardRun{
			{Micros: 6, User: 1, System: 5, PacketsPer: 8500, PerMessage: 2.25, PerBuffer: 2.125},
			{Micros: 90, Invalid: []string{"late"}},
		}},
		{Scenario: a, Server: ways[2].name, Runs: []forwardRun{{Micros: 7, Failed: []string{"missing"}}}},
		{Scenario: scenario{Name: "D"}, Server: ways[1].name, Runs: []forwardRun{{Micros: 9}}},
	})
	lines := strings.Split(table, "\n")
	if len(lines) != 7 {
		t.Fatalf("%d lines:\n%s", len(lines), table)
	}
	wants(t, lines[2], "loopback", "4.00", "3.00–5.00", "1.00", "3 of 3")
	wants(t, lines[3], "6.00", "1.50", "2.25", "2.12", "8,500", "1 of 2, 1 invalid")
	wants(t, lines[4], "–", "0 of 1, 1 failed")
	if strings.Contains(lines[5], "2.25") {
		t.Errorf("D is compared with A's loopback: %s", lines[5])
	}
}

func TestAWayThatIsNotWhatItSaysIsAnError(t *testing.T) {
	device, kernel, without := vethWays()[1], vethWays()[2], vethWays()[3]
	for _, c := range []struct {
		way                   vethWay
		perMessage, perBuffer float64
		good                  bool
	}{
		{device, 2.2, 2.1, true}, {device, 2.2, 1, false},
		{kernel, 2.2, 0.99, true}, {kernel, 2.2, 2.1, false},
		{without, 1, 0.99, true}, {without, 2.2, 0.99, false}, {without, 1, 2.1, false},
	} {
		err := c.way.verify(forwardRun{PerMessage: c.perMessage, PerBuffer: c.perBuffer})
		if (err == nil) != c.good {
			t.Errorf("%s, %v a message, %v a buffer: %v", c.way.name, c.perMessage, c.perBuffer, err)
		}
	}
}

func TestTheJoinTableTellsWhatASlotCosts(t *testing.T) {
	variant := func(video int, heap float64) joinResult {
		return joinResult{Variant: joinVariant{Name: "engine", Media: child.Engine, Audio: 4, Video: video}, Runs: []joinRun{
			{SmallJoin: 1.5, LargeJoin: 2.5, Heap: heap, Goroutines: 7, Idle: 0.125},
		}}
	}
	table := (&Join{Small: 10, Large: 100}).table([]joinResult{variant(9, 100<<10), variant(49, 180<<10)},
		[]float64{1024, 3072, 2048})
	wants(t, table, "join at 10, ms", "join at 100, ms", "1.50", "2.50", "0.125",
		"per further video slot, idle:       2.00 KiB heap",
		"per video slot that carries video:  2.00 KiB heap")
	if table := (&Join{}).table([]joinResult{variant(9, 1)}, nil); strings.Contains(table, "per ") {
		t.Errorf("a slot's cost from one row:\n%s", table)
	}
}

func TestTheCeilingIsTheStepThatForwardsMost(t *testing.T) {
	steps := map[int]scaleStep{
		1: {Offered: 100, Forwarded: 90, Micros: 2, Share: []float64{1}},
		2: {Offered: 100, Forwarded: 99, Micros: 2, Share: []float64{0.5, 0.5}},
	}
	if !steps[1].saturated() || steps[2].saturated() {
		t.Error("90 of 100 is the ceiling, 99 is not")
	}
	text := verdict([]int{1, 2}, steps)
	wants(t, text, "1 workers: 90 packets/s at most (the ceiling)", "2 workers: 99 packets/s at most (not reached",
		"1.10 × 1 worker's as measured",
		"2.00 × by CPU time")
	table := scaleTable([]scaleStep{{Workers: 2, Publishers: 8, Offered: 12_000, Forwarded: 9000,
		Busy: []float64{0.5, 0.25}, Share: []float64{1}}})
	wants(t, table, "12,000", "9,000", "75", "0.50 0.25")
	if byCPU(scaleStep{}) != 0 {
		t.Error("a server that did nothing forwards something")
	}
}

func TestSoakAndRekeyTellTheirFigures(t *testing.T) {
	s := &soak{samples: []soakSample{
		{Name: "begin", HeapBytes: 2 << 20, Goroutines: 20}, {At: 90 * time.Second, Peers: 16, HeapBytes: 3 << 20,
			Forwarded: 123456},
	}}
	wants(t, s.table(), "begin", "2,048", "1m30s", "123,456")
	wants(t, soakSummary(&report.Report{Bots: make([]report.Bot, 5), Verdict: report.Passed, Total: report.Total{
		Traffic:    report.Traffic{LostAfter: 1, Expected: 10, LostBefore: 2, Freezes: 3},
		VideoDelay: botsmeasure.Quantiles{P99: 12.34},
	}}), "5 bots came and went; 1 of 10 packets lost (2 before retransmission), 3 freezes, p99 one way 12.3 ms", "passed")
	wants(t, rekeyTable([]botsmeasure.Rekey{{MS: 510, Publishers: 5, Bytes: 2048}, {MS: 530, Publishers: 7, Bytes: 4096},
		{MS: 520, Publishers: 6, Bytes: 3072}}),
		"3 | ms until", "520", "510–530", "5–7", "2–4")
}

// The limit is measured on real sockets: it sends all, and what it says of a packet is of a packet's size.
func TestTheLimitCanBeMeasured(t *testing.T) {
	r, err := measureLimit(t.Context(), scenario{Name: "A'", People: 4, Publishers: 2}, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if r.Micros <= 0 || r.PacedMicros <= 0 || r.SealMicros <= 0 || r.SealMicros > r.Micros || r.Segments < 1 ||
		r.Batch < r.Segments {
		t.Errorf("%+v", r)
	}
}

func TestAnInvalidRunIsNotInTheMedian(t *testing.T) {
	runs := []forwardRun{{Micros: 1}, {Micros: 100, Invalid: []string{"busy"}}, {Micros: 2}, {Micros: 3}}
	got := figures.Pluck(valid(runs), func(r forwardRun) float64 { return r.Micros })
	if !slices.Equal(got, []float64{1, 2, 3}) || len(runs) != 4 || runs[1].Micros != 100 {
		t.Errorf("%v of %v", got, runs)
	}
}
