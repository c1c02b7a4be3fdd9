package quality

import (
	"math/rand/v2"
	"testing"
	"time"
)

// beat plays a publisher of whom arrive(i) packets of media come in the i-th look, reports(i) other packets too, and
// returns the looks at which media was said to have stopped.
func beat(p *Pulse, looks int, arrive, reports func(i int) int) (stopped []int) {
	now := time.Unix(1000, 0)
	var media, life uint64
	for i := range looks {
		now = now.Add(lookEvery)
		media += uint64(arrive(i))
		life += uint64(arrive(i) + reports(i))
		if p.Look(now, media, life) {
			stopped = append(stopped, i)
		}
	}
	return stopped
}

func none(int) int { return 0 }

func first(looks, n int) func(int) int {
	return func(i int) int {
		if i < looks {
			return n
		}
		return 0
	}
}

func TestMediaThatFlowedHasStoppedAfterASecondAndAHalf(t *testing.T) {
	var p Pulse
	if got := beat(&p, 24, first(20, 25), none); len(got) == 0 || got[0] != 22 {
		t.Errorf("stopped at looks %v, want from the third without a packet", got)
	}
}

func TestAVoiceInSilenceIsGivenThreeSeconds(t *testing.T) {
	var p Pulse
	if got := beat(&p, 40, first(20, 2), none); len(got) == 0 || got[0] != 25 {
		t.Errorf("stopped at looks %v, want from the sixth without a packet", got)
	}
}

func TestReportsAloneAreASignOfLifeAndPromiseNothing(t *testing.T) {
	var p Pulse
	if got := beat(&p, 200, first(20, 25), func(i int) int { return 1 - i%2 }); got != nil {
		t.Errorf("stopped at looks %v though reports came", got)
	}
	p = Pulse{}
	if got := beat(&p, 200, none, first(50, 20)); got != nil {
		t.Errorf("stopped at looks %v where nothing was published", got)
	}
}

func TestLossStopsNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, percent := range []int{3, 10, 30} {
		var p Pulse
		lossy := func(int) (n int) {
			for range 25 {
				if random.IntN(100) >= percent {
					n++
				}
			}
			return n
		}
		counts := make([]int, 7200)
		for i := range counts {
			counts[i] = lossy(i)
		}
		if got := beat(&p, len(counts), func(i int) int { return counts[i] }, none); got != nil {
			t.Errorf("%d %% loss: stopped at looks %v", percent, got)
		}
	}
}

func TestWhoTurnsASourceOffHasNotStopped(t *testing.T) {
	var p Pulse
	beat(&p, 20, first(20, 100), none)
	p.Forget()
	if got := beat(&p, 60, none, none); got != nil {
		t.Errorf("stopped at looks %v after all was turned off", got)
	}
}

func TestWhatComesBackIsHeardAtOnce(t *testing.T) {
	var p Pulse
	got := beat(&p, 60, func(i int) int {
		if i >= 20 && i < 40 {
			return 0
		}
		return 25
	}, none)
	if len(got) == 0 || got[len(got)-1] != 39 {
		t.Errorf("stopped at looks %v, want none from 40 on", got)
	}
}
