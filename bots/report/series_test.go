package report

import (
	"strings"
	"testing"

	"conclave/bots/measure"
)

func TestASeriesIsBoundedAndKeepsWhatHappened(t *testing.T) {
	var s Series
	const seconds = 4*MaxSamples + 11
	for i := range seconds {
		x := Sample{AtS: float64(i + 1), In: i, PacketsPerS: 10, Expected: 3, LostAfter: 1}
		if i == 5000 {
			x.Audio = measure.Quantiles{Count: 7, P99: 250}
		}
		s.Add(&x)
	}
	if len(s.Samples) > MaxSamples || s.EveryS != 8 {
		t.Fatalf("%d samples, %v s apart", len(s.Samples), s.EveryS)
	}
	var lost, expected uint64
	worst := 0.0
	for i := range s.Samples {
		x := &s.Samples[i]
		lost, expected, worst = lost+x.LostAfter, expected+x.Expected, max(worst, x.Audio.P99)
		if x.PacketsPerS != 10 || i > 0 && x.AtS <= s.Samples[i-1].AtS {
			t.Fatalf("sample %d: %+v", i, x)
		}
	}
	if lost != seconds || expected != 3*seconds || worst != 250 {
		t.Errorf("lost %d of %d, worst %v", lost, expected, worst)
	}
	if last := s.Samples[len(s.Samples)-1]; last.In != seconds-1 {
		t.Errorf("%+v", last)
	}
}

func TestMetricsThatNeverChangeAreLeftOut(t *testing.T) {
	var s Series
	for i := range 3 {
		s.Add(&Sample{Metrics: map[string]float64{"same": 7, "grows": float64(i)}})
	}
	s.DropConstants()
	for _, x := range s.Samples {
		if _, ok := x.Metrics["same"]; ok || len(x.Metrics) != 1 {
			t.Errorf("%v", x.Metrics)
		}
	}
}

func TestTheDisplaySaysHowItGoes(t *testing.T) {
	l := Live{Title: "Web\x1b[2Jinar", Stage: "stage 1 of 2", Count: 10, Audio: 3, ExpectedAudio: 4}
	l.Sample = Sample{AtS: 67, In: 7, Waiting: 3, Busy: 0.97, Steal: 0.2, Runnable: 5, PacketsPerS: 1234, MbitPerS: 5.6}
	want := "  67s  7/10 in  audio 3/4  video 0/0  1234 packets/s  5.6 Mbit/s  waiting to be let in (3)"
	if !strings.HasPrefix(l.Line(), want) {
		t.Errorf("%q", l.Line())
	}
	text := strings.Join(l.Block(60), "\n")
	for _, want := range []string{
		"01:07  Web[2Jinar  stage 1 of 2", "7 of 10 in", "1234 packets/s", "loss     no packets",
		"WARNING  waiting to be let in (3): a host must admit them", "97 % busy", "gives 20 %", "5 threads",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, line := range l.Block(20) {
		if len([]rune(line)) > 20 || strings.ContainsRune(line, 0x1b) {
			t.Errorf("%q", line)
		}
	}
}
