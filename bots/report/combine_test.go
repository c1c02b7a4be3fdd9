package report

import (
	"strings"
	"testing"
	"time"

	"conclave/bots/measure"
)

// part is the report of a generator with one bot, whose delays were all of one length.
func part(number int, delay time.Duration) Part {
	r := good()
	r.Schema, r.Bots = Schema, []Bot{{Bot: number, JoinMS: map[string]float64{"total": float64(100 * number)}}}
	r.Bots[0].Traffic = Traffic{Expected: 100, LostAfter: 1, ExpectedAudio: 2, ArrivedAudio: 2}
	r.Joins = Joins{Wanted: 1, Joined: 1}
	for i := range 3 {
		r.Series.Add(&Sample{AtS: float64(i + 1), In: 1, PacketsPerS: 10, ServerCores: 0.1})
	}
	p := Part{Agent: Agent{Agent: number, ClockErrorMS: 0.1}, Report: r, Audio: measure.NewHistogram(),
		Video: measure.NewHistogram()}
	measure.Record(p.Audio, delay)
	return p
}

func TestReportsOfSeveralGeneratorsAreOne(t *testing.T) {
	parts := []Part{part(2, 5*time.Millisecond), part(1, 50*time.Millisecond)}
	parts[1].Report.Bots[0].Error = "the media connection failed"
	r, failures := Combine(parts, &Seen{Series: &Series{}, CPUSeconds: 3, RSSMiB: 70})
	if err := r.Judge(Conditions{Thresholds: []string{"delay.audio.p99<40ms"}, Failures: failures}); err != nil {
		t.Fatal(err)
	}
	if r.Joins != (Joins{Wanted: 2, Joined: 2}) || len(r.Bots) != 2 || r.Bots[0].Bot != 1 || r.Total.LostAfter != 2 ||
		r.Window.PacketsPerS != 200 || r.Window.ServerCPUSeconds != 3 || r.Generator.Cores != 4 ||
		r.Join["total"].Count != 2 {
		t.Errorf("%+v", r)
	}
	if r.Total.AudioDelay.Count != 2 || r.Total.AudioDelay.P99 < 49 || r.Verdict != Failed {
		t.Errorf("%s %+v", r.Verdict, r.Total.AudioDelay)
	}
	if text := strings.Join(r.Failures, "\n"); !strings.Contains(text, "bot 1: the media connection failed") ||
		!strings.Contains(text, "threshold delay.audio.p99<40ms") {
		t.Errorf("%s", text)
	}
	if s := r.Series.Samples; len(s) != 3 || s[2].In != 2 || s[2].PacketsPerS != 20 || s[2].ServerCores != 0.1 {
		t.Errorf("%+v", s)
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "agent 2   1 bots; clock 0s ± 100µs") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// What makes the run of one generator invalid makes the run invalid, and so does a clock that cannot be trusted.
func TestOneGeneratorCanMakeTheRunInvalid(t *testing.T) {
	for want, change := range map[string]func(*Part){
		"agent 2: the machine was busy":               func(p *Part) { p.Report.Invalid = []string{"the machine was busy"} },
		"agent 2: its clock is uncertain by 12.1 ms":  func(p *Part) { p.ClockDriftMS = -12 },
		"agent 2: its clock is uncertain by 30.0 ms ": func(p *Part) { p.ClockErrorMS = 30 },
	} {
		parts := []Part{part(1, 1), part(2, 1)}
		change(&parts[1])
		r, failures := Combine(parts, &Seen{Series: &Series{}})
		if err := r.Judge(Conditions{Failures: failures}); err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Invalid || !strings.Contains(strings.Join(r.Invalid, "\n"), want) {
			t.Errorf("%s: %s %q", want, r.Verdict, r.Invalid)
		}
	}
}

func TestSeriesOfDifferentLengthAddUp(t *testing.T) {
	var long, short Series
	for i := range MaxSamples + 2 {
		long.Add(&Sample{AtS: float64(i + 1), In: 1})
	}
	short.Add(&Sample{AtS: 1, In: 5})
	short.Add(&Sample{AtS: 2, In: 7})
	sum := combineSeries([]*Series{&short, &long})
	if sum.EveryS != 2 || sum.Samples[0].In != 8 || sum.Samples[1].In != 1 {
		t.Errorf("%v s apart, %+v", sum.EveryS, sum.Samples[:2])
	}
}
