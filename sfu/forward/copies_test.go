package forward

import (
	"testing"
	"time"
)

// decided is what copies makes of a loss that lasts.
func (c *copies) decided(now *time.Time, loss float64, lasts time.Duration) int {
	for range lasts / time.Second {
		*now = now.Add(time.Second)
		c.update(*now, loss, 50_000, 0)
	}
	return c.level
}

func TestAudioIsCopiedToViewersWhoLosePacketsOnly(t *testing.T) {
	for _, test := range []struct {
		loss float64
		want int
	}{{0, 0}, {0.01, 0}, {0.02, 1}, {0.05, 1}, {0.10, 2}, {0.5, 2}} {
		var c copies
		now := time.Unix(1000, 0)
		if got := c.decided(&now, test.loss, time.Second); got != test.want {
			t.Errorf("%v lost: %d copies, want %d", test.loss, got, test.want)
		}
	}
}

// With a copy of each packet the viewer misses a quarter percent of what it would miss at five: that is no reason to
// stop.
func TestCopiesGoOnWhileTheyAreWhatHelps(t *testing.T) {
	var c copies
	now := time.Unix(1000, 0)
	c.decided(&now, 0.05, time.Second)
	for range 10 {
		c.decided(&now, 0, 20*time.Second)
		if got := c.decided(&now, 0.005, time.Second); got != 1 {
			t.Fatalf("%d copies while one packet in a span is lost now and then", got)
		}
	}
}

func TestCopiesEndHalfAMinuteAfterTheLoss(t *testing.T) {
	var c copies
	now := time.Unix(1000, 0)
	c.decided(&now, 0.10, time.Second)
	for level, want := range []int{2, 1, 0} {
		if c.level != want {
			t.Errorf("step %d: %d copies, want %d", level, c.level, want)
		}
		c.decided(&now, 0, copiesCalm)
	}
}

func TestAudioWithItsCopiesTakesHalfOfThePathAtMost(t *testing.T) {
	for _, test := range []struct {
		audio, estimate int64
		want            int
	}{{50_000, 0, 2}, {50_000, 300_000, 2}, {50_000, 299_000, 1}, {50_000, 199_000, 0}, {200_000, 500_000, 0}} {
		var c copies
		useful := c.update(time.Unix(1000, 0), 0.10, test.audio, test.estimate)
		if useful != 6*test.audio {
			t.Errorf("with %d bit/s of audio %d are useful, want what all copies take", test.audio, useful)
		}
		if c.level != test.want {
			t.Errorf("%d of %d bit/s: %d copies, want %d", test.audio, test.estimate, c.level, test.want)
		}
	}
}

// A path that was too narrow for a while doesn't end copies for longer than that.
func TestCopiesReturnWithThePath(t *testing.T) {
	var c copies
	now := time.Unix(1000, 0)
	c.update(now, 0.05, 50_000, 0)
	for range 3 {
		now = now.Add(time.Second)
		if c.update(now, 0, 50_000, 100_000); c.level != 0 {
			t.Fatalf("%d copies on a path that carries the audio twice", c.level)
		}
	}
	if useful := c.update(now, 0, 50_000, 200_000); c.level != 1 || useful != 200_000 {
		t.Errorf("%d copies, %d bit/s useful, want one copy again, and to know whether the path carries it", c.level, useful)
	}
	if useful := c.update(now.Add(copiesCalm), 0, 50_000, 200_000); c.level != 0 || useful != 0 {
		t.Errorf("%d copies, %d bit/s useful after half a minute without loss", c.level, useful)
	}
}
