package agent

import (
	"errors"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/bots/measure"
)

// countsOf takes the counts out of a histogram.
func countsOf(h *hdrhistogram.Histogram) counts {
	out := counts{}
	for i, n := range h.Export().Counts {
		if n != 0 {
			out = append(out, [2]int64{int64(i), n})
		}
	}
	return out
}

// histogram makes a histogram of counts.
func (c counts) histogram() (*hdrhistogram.Histogram, error) {
	snapshot := measure.NewHistogram().Export()
	for _, pair := range c {
		i, n := pair[0], pair[1]
		if i < 0 || i >= int64(len(snapshot.Counts)) || n < 0 || n > 1<<48 {
			return nil, errors.New("bots: agent: a histogram out of bounds")
		}
		snapshot.Counts[i] = n
	}
	return hdrhistogram.Import(snapshot), nil
}
