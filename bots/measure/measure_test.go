package measure

import (
	"testing"
	"time"
)

func TestQuantilesAreOfTheDistribution(t *testing.T) {
	l := NewLag()
	for i := 1; i <= 1000; i++ {
		l.Add(time.Duration(i) * time.Millisecond)
	}
	q := l.Summary()
	for _, c := range []struct{ got, want float64 }{{q.P50, 500}, {q.P95, 950}, {q.P99, 990}, {q.Max, 1000}} {
		if c.got < c.want*0.98 || c.got > c.want*1.02 {
			t.Errorf("%.1f, want about %.1f", c.got, c.want)
		}
	}
}
