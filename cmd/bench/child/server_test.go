package child

import (
	"testing"

	dto "github.com/prometheus/client_model/go"
)

func TestQuantileIsTheBoundOfItsBucketOverAllMetrics(t *testing.T) {
	histogram := func(counts ...uint64) *dto.Metric {
		h := &dto.Histogram{}
		for i, n := range counts {
			bound := float64(i + 1)
			h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &n})
		}
		h.SampleCount = &counts[len(counts)-1]
		return &dto.Metric{Histogram: h}
	}
	metrics := []*dto.Metric{histogram(90, 98, 100), histogram(100, 100, 100)}
	for q, want := range map[float64]float64{0.5: 1, 0.95: 1, 0.96: 2, 0.99: 2, 0.995: 3, 1: 3} {
		if got := quantile(metrics, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	above := uint64(200) // half are above all bounds
	metrics[1].Histogram.SampleCount = &above
	if got := quantile(metrics, 0.99); got != 6 {
		t.Errorf("above all bounds: %v", got)
	}
}
