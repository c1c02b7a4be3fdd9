package capacity

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// search runs a search against a server that answers.
func search(t *testing.T, cfg Config, answer func(load int) Verdict) (s *Search, loads []int) {
	t.Helper()
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	s = New(cfg)
	for {
		load, done := s.Next()
		if done {
			return s, loads
		}
		if load < 1 || load > cfg.Max {
			t.Fatalf("a run at %d", load)
		}
		loads = append(loads, load)
		s.Add(load, answer(load))
	}
}

func holdsUpTo(limit int) func(int) Verdict {
	return func(load int) Verdict {
		if load <= limit {
			return Held
		}
		return Broke
	}
}

func TestTheLargestLoadThatHoldsIsFound(t *testing.T) {
	for _, cfg := range []Config{
		{Start: 1, Max: 1000, Repeat: 3}, {Start: 100, Max: 1000, Repeat: 1, Retries: 2}, {Start: 1000, Max: 1000, Repeat: 2},
	} {
		for _, capacity := range []int{0, 1, 2, 3, 50, 99, 100, 101, 500, 999, 1000, 5000} {
			s, loads := search(t, cfg, holdsUpTo(capacity))
			want := min(capacity, cfg.Max)
			load, times := s.Found()
			if load != want || want > 0 && times != cfg.Repeat || len(loads) > 25 {
				t.Errorf("%+v, holds %d: found %d, %d times, in %d runs", cfg, capacity, load, times, len(loads))
			}
			limit, because := s.Limit()
			if capacity < cfg.Max && (limit != capacity+1 || because != Broke) || capacity >= cfg.Max && limit != 0 {
				t.Errorf("%+v, holds %d: limit %d %s", cfg, capacity, limit, because)
			}
		}
	}
	_, loads := search(t, Config{Start: 10, Max: 1000, Repeat: 3}, holdsUpTo(70))
	if want := []int{10, 20, 40, 80, 60, 70, 75, 72, 71, 70, 70}; !slices.Equal(loads, want) {
		t.Errorf("%v, want %v", loads, want)
	}
}

func TestAResolutionSavesRuns(t *testing.T) {
	s, loads := search(t, Config{Start: 10, Max: 1000, Repeat: 1, Resolution: 0.1}, holdsUpTo(70))
	if load, _ := s.Found(); load < 64 || load > 70 || len(loads) > 7 {
		t.Errorf("found %d in %v", load, loads)
	}
}

// An invalid run is neither a load that held nor one that the server failed at: it is tried again, and then it bounds
// what can be said.
func TestInvalidRunsNeverCount(t *testing.T) {
	tries := map[int]int{}
	s, _ := search(t, Config{Start: 10, Max: 1000, Repeat: 1, Retries: 2}, func(load int) Verdict {
		if tries[load]++; load > 45 || load == 20 && tries[load] < 3 {
			return Unclear
		}
		return Held
	})
	if load, _ := s.Found(); load != 45 {
		t.Errorf("found %d", load)
	}
	if limit, because := s.Limit(); limit != 46 || because != Unclear {
		t.Errorf("limit %d %s", limit, because)
	}
	if tries[20] != 3 || tries[80] != 3 {
		t.Errorf("tries: %v", tries)
	}
	s, loads := search(t, Config{Start: 10, Max: 100, Repeat: 1, Retries: 1}, func(int) Verdict { return Unclear })
	if load, _ := s.Found(); load != 0 || len(loads) > 20 {
		t.Errorf("found %d of nothing, %v", load, loads)
	}
}

func TestALoadThatHeldOnceMustHoldAgain(t *testing.T) {
	tries := map[int]int{}
	s, _ := search(t, Config{Start: 10, Max: 1000, Repeat: 3}, func(load int) Verdict {
		if tries[load]++; load > 70 || load >= 68 && tries[load] > 1 {
			return Broke
		}
		return Held
	})
	if load, times := s.Found(); load != 67 || times != 3 {
		t.Errorf("found %d, %d times", load, times)
	}
}

func TestASearchEndsWhateverTheServerDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		cfg := Config{Start: 1 + rng.IntN(100), Max: 100 + rng.IntN(1900), Resolution: rng.Float64() / 4,
			Repeat: 1 + rng.IntN(5), Retries: rng.IntN(4)}
		s, loads := search(t, cfg, func(int) Verdict { return []Verdict{Held, Broke, Unclear}[rng.IntN(3)] })
		if load, _ := s.Found(); len(loads) > maxRuns || load > cfg.Max {
			t.Fatalf("%+v: %d in %d runs", cfg, load, len(loads))
		}
	}
	s := New(Config{Start: 1, Max: 10, Repeat: 1})
	s.Stop()
	if _, done := s.Next(); !done || s.Finished() {
		t.Error("stopped, it goes on")
	}
	for _, bad := range []Config{
		{}, {Start: 1}, {Start: 5, Max: 4, Repeat: 1}, {Start: 1, Max: 2}, {Start: 1, Max: 2, Repeat: 1, Resolution: 2},
		{Start: 1, Max: 2, Repeat: 21}, {Start: 1, Max: 2, Repeat: 1, Retries: -1},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}
