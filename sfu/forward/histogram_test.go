package forward

import (
	"math"
	"testing"
)

func TestValuesFallIntoTheBucketThatBoundsThem(t *testing.T) {
	for _, c := range []struct {
		v     float64
		bound float64 // of the first bucket that counts it, 0: only +Inf
	}{
		{0, 1}, {1, 1}, {1.0001, 1.25}, {1.25, 1.25}, {1.26, 1.5}, {2, 2}, {3, 3}, {3.01, 3.5}, {16384, 16384}, {16385, 0},
		{1e300, 0}, {math.Inf(1), 0}, {math.NaN(), 1}, {-5, 1},
	} {
		h := &Histogram{base: 1}
		h.observe(c.v)
		count, _, cumulative := h.Snapshot()
		if count != 1 {
			t.Errorf("%v: count %d", c.v, count)
		}
		for bound, n := range cumulative {
			if want := c.bound != 0 && bound >= c.bound; (n == 1) != want {
				t.Errorf("%v: %d at bound %v", c.v, n, bound)
			}
		}
	}
}

func TestBucketsDoubleAndAccumulate(t *testing.T) {
	h := &Histogram{base: 0.25, coarse: true}
	for v := 0.1; v < 10000; v *= 1.7 {
		h.observe(v)
	}
	count, sum, cumulative := h.Snapshot()
	if len(cumulative) != octaves+1 {
		t.Fatalf("%d buckets", len(cumulative))
	}
	var sums [octaves + 2]uint64
	h.octaves(&sums)
	if sums[0] != cumulative[0.25] || sums[1] != cumulative[0.5]-cumulative[0.25] {
		t.Errorf("octaves %v, where %v up to the first bound, %v up to its double", sums, cumulative[0.25], cumulative[0.5])
	}
	var last uint64
	for i, bound := 0, 0.25; i < len(cumulative); i, bound = i+1, 2*bound {
		n, ok := cumulative[bound]
		if !ok || n < last || n > count {
			t.Errorf("bound %v: %d after %d, %v", bound, n, last, ok)
		}
		last = n
	}
	if sum < 10000 {
		t.Errorf("sum %v", sum)
	}
}

func TestObservingDoesNotAllocate(t *testing.T) {
	h := &Histogram{base: 1}
	if n := testing.AllocsPerRun(100, func() { h.observe(77) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
