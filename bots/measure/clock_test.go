package measure

import (
	"testing"
	"time"
)

func TestTheOffsetIsThatOfTheShortestRoundTrip(t *testing.T) {
	start := time.Unix(1000, 0)
	const ahead = 250 * time.Millisecond
	exchange := func(there, back time.Duration) Exchange {
		return Exchange{start, start.Add(there + ahead), start.Add(there + back)}
	}
	c, ok := ClockOf([]Exchange{
		exchange(40*time.Millisecond, time.Millisecond), exchange(time.Millisecond, 2*time.Millisecond),
		exchange(0, 90*time.Millisecond),
	})
	if !ok || c.Error != 1500*time.Microsecond || (c.Offset-ahead).Abs() > c.Error {
		t.Errorf("%+v", c)
	}
	if _, ok := ClockOf(nil); ok {
		t.Error("an offset of nothing")
	}
	if _, ok := ClockOf([]Exchange{{start, start, start.Add(-time.Second)}}); ok {
		t.Error("an answer before the question")
	}
}
