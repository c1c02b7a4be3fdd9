package report

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/bots/measure"
	"conclave/bots/publish"
	"conclave/bots/receive"
)

func TestThresholdsDecide(t *testing.T) {
	r := good()
	r.Join["ice"] = Phase{Count: 3, P50: 205}
	r.E2EE, r.Total.Opened = true, receive.Opened{Frames: 70, Failed: 1, NoKey: 2}
	r.Total.PLIsSent = 7
	r.Window.ServerCPUSeconds, r.Window.ServerCPUMicrosPerPacket = 1, 3.5
	tests := []struct {
		text  string
		holds bool
	}{
		{"join.p99<2s", true}, {"join.p99<1999ms", false}, {"join.p99<=1999ms", true}, {"join.max<2s", false},
		{"join.p50 < 101", true}, {"join.p95>499", true}, {"join.ice.p50<0.3s", true}, {"join.ice.p50>=206ms", false},
		{"loss<=0.1%", true}, {"loss<0.1%", false}, {"loss<0.002", true}, {"loss.before_rtx<1%", false},
		{"freezes<=3", true}, {"freezes<3", false}, {"freezes.time<=0.5%", true}, {"freezes.time<0.5 %", false},
		{"packets_per_s>=100", true}, {"packets_per_s>100", false}, {"mbit_per_s>0.9", true}, {"lag.p99<1.5", true},
		{"delay.audio.p99<5", true}, {"delay.p99<=14", true}, {"delay.p50<12", false}, {"delay.video.p50<12", false}, {"delay.video.max<=15", true}, {"plis<7", false},
		{"e2ee.frames>=70", true}, {"e2ee.failed<=3", true}, {"e2ee.failed<3", false},
		{"server_cpu_us_per_packet<3.6", true}, {"server_cpu_us_per_packet<3.4", false},
	}
	for _, test := range tests {
		th, err := parseThreshold(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		v, measured, known := r.metric(th.metric)
		if !measured || !known || th.holds(v) != test.holds {
			t.Errorf("%s: %v of %g (measured %v, known %v)", test.text, !test.holds, v, measured, known)
		}
	}
	for _, bad := range []string{
		"", "join.p99", "<2s", "join.p98<2s", "nothing<1", "loss<x%", "join.p99<fast", "join.p99=2s", "join<2s",
		"join.total.p99<2s",
		"loss.p99<1", "join.nothing.p50<1s",
	} {
		if err := CheckThreshold(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestBotsOfOneFailureAreOneLine(t *testing.T) {
	var list []Failure
	for i := range 300 {
		list = append(list, Failure{Bot: 300 - i, Err: "join: refused"})
	}
	list = append(list, Failure{7, "the media connection failed"}, Failure{9, "late"}, Failure{4, "late"},
		Failure{4, "late"})
	want := []string{
		"bots 1, 2, 3 and 297 more: join: refused", "bot 7: the media connection failed", "bots 4 and 9: late",
	}
	if got := GroupFailures(list); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := GroupFailures(nil); got != nil {
		t.Errorf("%q of nothing", got)
	}
}

// Every count of every bot is in the total: a field that Add forgets is found here.
func TestTrafficAddsEveryField(t *testing.T) {
	var one Traffic
	fill(reflect.ValueOf(&one).Elem())
	sum := one
	sum.Add(&one)
	check := func(path string, sum, one reflect.Value) {
		if n := number(one); n == 0 || number(sum) != 2*n {
			t.Errorf("%s: %v after adding %v to itself", path, number(sum), n)
		}
	}
	for i := range reflect.TypeFor[Traffic]().NumField() {
		field := reflect.TypeFor[Traffic]().Field(i)
		a, b := reflect.ValueOf(sum).Field(i), reflect.ValueOf(one).Field(i)
		if field.Type.Kind() != reflect.Struct {
			check(field.Name, a, b)
			continue
		}
		for j := range field.Type.NumField() {
			check(field.Name+"."+field.Type.Field(j).Name, a.Field(j), b.Field(j))
		}
	}
}

func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			fill(f)
		case reflect.Float64:
			f.SetFloat(float64(i + 1))
		case reflect.Int:
			f.SetInt(int64(i + 1))
		default:
			f.SetUint(uint64(i + 1))
		}
	}
}

func number(v reflect.Value) float64 {
	switch v.Kind() {
	case reflect.Float64:
		return v.Float()
	case reflect.Int:
		return float64(v.Int())
	default:
		return float64(v.Uint())
	}
}

func TestABotSumsUpItsStreams(t *testing.T) {
	audio, video := measure.NewHistogram(), measure.NewHistogram()
	measure.Record(audio, 20*time.Millisecond)
	var b Bot
	b.AddSent([]publish.Stats{{Packets: 5, Bytes: 500, PLIs: 1}, {Packets: 7, Bytes: 700, PLIs: 2}})
	b.AddReceived(&receive.Summary{
		Packets: 30, Bytes: 3000, Sampled: 15, Unknown: 1, Undecoded: 2, CatchUps: 3, Opened: receive.Opened{Frames: 4}, Audio: audio,
		Video: video,
		Streams: []receive.Stats{
			{Expected: 10, LostBefore: 3, LostAfter: 1, Duplicates: 1, Reordered: 2, PLIs: 1, NACKs: 4},
			{Expected: 20, LostBefore: 4, Frames: 8, KeyFrames: 2, LostFrames: 1, Freezes: 1, FreezeMS: 250, WatchedMS: 9000, PLIs: 2, NACKs: 5},
		},
	})
	want := Traffic{
		SentPackets: 12, SentBytes: 1200, PLIsReceived: 3, ReceivedPackets: 30, ReceivedBytes: 3000, UnknownPackets: 1,
		SampledPackets:   15,
		UndecodedPackets: 2, CatchUpSamples: 3, Opened: receive.Opened{Frames: 4}, Expected: 30, LostBefore: 7, LostAfter: 1,
		Duplicates: 1, Reordered: 2, Frames: 8, KeyFrames: 2, LostFrames: 1, Freezes: 1, FreezeMS: 250, WatchedMS: 9000, PLIsSent: 3,
		NACKsSent: 9,
	}
	if b.Traffic != want {
		t.Errorf("%+v, want %+v", b.Traffic, want)
	}
	if b.AudioDelay.Count != 1 || math.Abs(b.AudioDelay.Max-20) > 0.3 || b.VideoDelay.Count != 0 {
		t.Errorf("delays %+v %+v", b.AudioDelay, b.VideoDelay)
	}
}

func TestMachineSharesAddUp(t *testing.T) {
	m := NewMachine(measure.MachineUse{Cores: 2, Busy: 0.9, Steal: 0.01, Runnable: 2, Seconds: 40}, 8, 16, true)
	if m.Bots != 0.2 || m.Server != 0.4 || math.Abs(m.Others-0.3) > 1e-9 || m.Busy != 0.9 || m.Cores != 2 {
		t.Errorf("%+v", m)
	}
	if got := m.shares(); got != "the bots used 20 %, the server 40 %, other processes 30 %" {
		t.Error(got)
	}
	m = NewMachine(measure.MachineUse{Cores: 2, Busy: 0.1, Seconds: 40}, 8, 0, false)
	if m.Others != 0 || m.shares() != "the bots used 20 %, other processes 0 %" {
		t.Errorf("%+v: %s", m, m.shares())
	}
}

func TestNothingHasNoPercentage(t *testing.T) {
	r := &Report{Count: 3, Joins: Joins{Wanted: 3}, Window: Window{Planned: 20}}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); strings.Contains(s, "%") || strings.Contains(s, "NaN") ||
		!strings.Contains(s, "nothing was measured") ||
		!strings.Contains(s, "0 of 3 joins") {
		t.Error(s)
	}
	r.Joins.Joined, r.Window.Seconds, r.Window.CutShort = 3, 4, true
	text.Reset()
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); strings.Contains(s, "%") || !strings.Contains(s, "no packets came") ||
		!strings.Contains(s, "cut short: measured for 4 of 20 s") {
		t.Error(s)
	}
}

func TestTheTextNamesTheWorstBotsFirst(t *testing.T) {
	r := good()
	for i := range 30 {
		r.Bots = append(r.Bots, Bot{Bot: i + 1, Traffic: Traffic{LostAfter: uint64(i)}})
	}
	r.Bots[4].ExpectedVideo, r.Bots[7].Error = 1, "sent away"
	r.Failures = slices.Repeat([]string{"again"}, maxLines+2)
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	s := text.String()
	if strings.Count(s, "\nbot ") != maxLines || strings.Index(s, "bot 5 ") > strings.Index(s, "bot 30 ") ||
		!strings.Contains(s, "FAILED   and 2 more") {
		t.Error(s)
	}
	if (&Bot{}).badness() != 0 {
		t.Error("a bot to which nothing happened is bad")
	}
}

// A reader sees which figures are estimates, and of how many bots the others are.
func TestTheTextSaysWhatIsASample(t *testing.T) {
	r := good()
	r.Count, r.Sampled, r.Total.SampledPackets = 1000, 960, 4321
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); !strings.Contains(s, "\nsampled   960 of 1000 bots read a sample, 4321 packets: ") ||
		!strings.Contains(s, "are of the other 40\n") {
		t.Error(s)
	}
	r.Sampled, r.Total.SampledPackets = 0, 0
	text.Reset()
	if err := r.WriteText(&text); err != nil || strings.Contains(text.String(), "sample") {
		t.Errorf("%v: %s", err, text.String())
	}
}

func TestTextIsWrittenOrAnError(t *testing.T) {
	if err := good().WriteText(brokenWriter{}); err == nil {
		t.Error("a report that could not be written was")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fmt.Errorf("full") }

// The JSON form is for other programs: names stay.
func TestTheJSONFormKeepsItsNames(t *testing.T) {
	raw, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		`"verdict"`, `"joins"`, `"join"`, `"total"`, `"window"`, `"generator"`, `"bots"`, `"machine"`, `"limits"`, `"p99_ms"`,
		`"lost_after_rtx"`, `"expected_packets"`, `"arrived_video_streams"`, `"planned_seconds"`,
		`"e2ee"`, `"runnable_per_core"`,
	} {
		if !strings.Contains(string(raw), name) {
			t.Errorf("no %s in %s", name, raw)
		}
	}
}
