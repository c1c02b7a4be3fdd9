package report

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/bots/measure"
)

// Sum adds up the figures of all bots: totals, joins, and what ended bots. audio and video are the delays of all.
func (r *Report) Sum(audio, video *hdrhistogram.Histogram) (failures []Failure) {
	joins := map[string]*hdrhistogram.Histogram{}
	r.Total = Total{AudioDelay: measure.QuantilesOf(audio), VideoDelay: measure.QuantilesOf(video)}
	for i := range r.Bots {
		b := &r.Bots[i]
		r.Total.Traffic.Add(&b.Traffic)
		for phase, ms := range b.JoinMS {
			if joins[phase] == nil {
				joins[phase] = measure.NewHistogram()
			}
			measure.Record(joins[phase], time.Duration(ms*float64(time.Millisecond)))
		}
		if b.Error != "" {
			failures = append(failures, Failure{Bot: b.Bot, Err: b.Error})
		}
	}
	if r.Join == nil {
		r.Join = map[string]Phase{}
	}
	for phase, h := range joins {
		r.Join[phase] = measure.QuantilesOf(h)
	}
	return failures
}

// Delays puts the delays of all bots together.
func (r *Report) Delays() (audio, video *hdrhistogram.Histogram) {
	audio, video = measure.NewHistogram(), measure.NewHistogram()
	for i := range r.Bots {
		if b := &r.Bots[i]; b.Audio != nil {
			audio.Merge(b.Audio)
			video.Merge(b.Video)
		}
	}
	return audio, video
}
