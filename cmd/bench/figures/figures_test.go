package figures

import (
	"testing"
	"time"
)

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{1, 1, 1, 100}, 1},
	} {
		given := append([]float64(nil), c.values...)
		if got := Median(given); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
		for i := range given {
			if given[i] != c.values[i] {
				t.Errorf("median sorted its argument: %v", given)
			}
		}
	}
	if got := SpreadOf([]float64{5, 1, 3}); got != (Spread{3, 1, 5}) {
		t.Errorf("spread = %+v", got)
	}
	if got := SpreadOf(nil); got != (Spread{}) {
		t.Errorf("spread of nothing = %+v", got)
	}
}

func TestPerPacketIsInMicroseconds(t *testing.T) {
	if got := PerPacket(3*time.Second, 2_000_000); got != 1.5 {
		t.Errorf("perPacket = %v, want 1.5", got)
	}
	if got := PerPacket(time.Second, 0); got != 0 {
		t.Errorf("of no packets = %v", got)
	}
}

func TestMarkdownTable(t *testing.T) {
	got := Markdown([][]string{{"what", "µs"}, {"A: 1 → 50", "1.25"}, {"B", "–"}})
	want := "| what      |   µs |\n|-----------|-----:|\n| A: 1 → 50 | 1.25 |\n| B         |    – |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if Markdown(nil) != "" {
		t.Error("a table of nothing is not empty")
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 64_700: "64,700", 1_234_567.8: "1,234,568",
		-1234: "-1,234", -123: "-123"} {
		if got := Thousands(n); got != want {
			t.Errorf("thousands(%v) = %q, want %q", n, got, want)
		}
	}
}

func TestPercentile(t *testing.T) {
	for p, want := range map[int]float64{50: 2, 95: 4, 100: 4, 1: 1} {
		if got := Percentile([]float64{4, 1, 3, 2}, p); got != want {
			t.Errorf("%d: %v, want %v", p, got, want)
		}
	}
}
