package measure

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Recent collects the delays of all bots since they were last taken: a point of a plot over time. Safe for concurrent
// use; a nil Recent ignores what is added.
type Recent struct {
	mu           sync.Mutex
	audio, video *hdrhistogram.Histogram
}

// NewRecent returns an empty Recent.
func NewRecent() *Recent { return &Recent{audio: NewHistogram(), video: NewHistogram()} }

// Add takes note of one delay.
func (r *Recent) Add(video bool, d time.Duration) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if video {
		Record(r.video, d)
	} else {
		Record(r.audio, d)
	}
}

// Take returns the distributions since the last Take.
func (r *Recent) Take() (audio, video Quantiles) {
	r.mu.Lock()
	defer r.mu.Unlock()
	audio, video = QuantilesOf(r.audio), QuantilesOf(r.video)
	r.audio.Reset()
	r.video.Reset()
	return audio, video
}
