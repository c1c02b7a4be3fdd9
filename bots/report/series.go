package report

import (
	"maps"

	"conclave/bots/measure"
	"conclave/bots/receive"
)

// MaxSamples bounds a series: an hour at one a second. A longer run's samples are put together two by two.
const MaxSamples = 3600

// Series is a run over time.
type Series struct {
	// EveryS is the time between two samples. It doubles each time that the series is full.
	EveryS float64 `json:"every_s"`
	// WindowFromS and WindowToS are where the measured window lies, 0 and 0 if there was none.
	WindowFromS float64  `json:"window_from_s"`
	WindowToS   float64  `json:"window_to_s"`
	Samples     []Sample `json:"samples"`

	pending int // samples that the last one of Samples is made of, 0: it is complete
}

// Sample is how a run stood at a moment, and what happened in the interval before it.
type Sample struct {
	// AtS is the end of the interval, in seconds since the run's start.
	AtS float64 `json:"at_s"`
	// In is how many bots were in, Waiting how many waited to be let in; Joined and Failed count joins so far.
	In      int `json:"in"`
	Waiting int `json:"waiting"`
	Joined  int `json:"joined"`
	Failed  int `json:"failed"`

	PacketsPerS float64 `json:"packets_per_s"`
	MbitPerS    float64 `json:"mbit_per_s"`
	// Expected, LostBefore and LostAfter count the packets of the interval, as far as was known at its end.
	Expected   uint64 `json:"expected_packets"`
	LostBefore uint64 `json:"lost_before_rtx"`
	LostAfter  uint64 `json:"lost_after_rtx"`
	Freezes    uint64 `json:"freezes"`
	// Audio and Video are the one-way delays.
	Audio measure.Quantiles `json:"audio_delay"`
	Video measure.Quantiles `json:"video_delay"`
	// Wanted are the pictures that the bots asked for, by height, Received those that the server assigned to them.
	Wanted   receive.Pictures `json:"wanted"`
	Received receive.Pictures `json:"received"`

	// ServerCores is the server's CPU time per second, BotsCores the bots' own.
	ServerCores  float64 `json:"server_cores"`
	ServerRSSMiB float64 `json:"server_rss_mib"`
	BotsCores    float64 `json:"bots_cores"`
	// Busy and Steal are parts of the time of all processors of the bots' machine; Runnable as in Machine.
	Busy     float64 `json:"busy"`
	Steal    float64 `json:"steal"`
	Runnable float64 `json:"runnable_per_core"`
	// Metrics are the server's own, by name.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Add appends the sample of the next second.
func (s *Series) Add(x *Sample) {
	if s.EveryS == 0 {
		s.EveryS = 1
	}
	if s.pending > 0 {
		last := &s.Samples[len(s.Samples)-1]
		*last = last.with(x, s.pending)
		if s.pending++; s.pending >= int(s.EveryS) {
			s.pending = 0
		}
		return
	}
	if len(s.Samples) >= MaxSamples {
		s.halve()
	}
	s.Samples = append(s.Samples, *x)
	if s.EveryS > 1 {
		s.pending = 1
	}
}

// halve puts samples together two by two.
func (s *Series) halve() {
	for i := range len(s.Samples) / 2 {
		s.Samples[i] = s.Samples[2*i].with(&s.Samples[2*i+1], 1)
	}
	s.Samples = s.Samples[:len(s.Samples)/2]
	s.EveryS *= 2
}

// with puts x, made of n samples, and a later sample together: means of rates, sums of counts, the later state, and the
// worse delay.
func (x Sample) with(later *Sample, n int) Sample {
	out := *later
	mean := func(a, b float64) float64 { return (a*float64(n) + b) / float64(n+1) }
	out.PacketsPerS, out.MbitPerS = mean(x.PacketsPerS, later.PacketsPerS), mean(x.MbitPerS, later.MbitPerS)
	out.Expected += x.Expected
	out.LostBefore += x.LostBefore
	out.LostAfter += x.LostAfter
	out.Freezes += x.Freezes
	out.Audio, out.Video = worse(x.Audio, later.Audio), worse(x.Video, later.Video)
	out.ServerCores, out.BotsCores = mean(x.ServerCores, later.ServerCores), mean(x.BotsCores, later.BotsCores)
	out.Busy, out.Steal = mean(x.Busy, later.Busy), mean(x.Steal, later.Steal)
	out.Runnable = mean(x.Runnable, later.Runnable)
	return out
}

// worse takes the greater of each quantile: distributions cannot be added by their quantiles.
func worse(a, b measure.Quantiles) measure.Quantiles {
	return measure.Quantiles{
		Count: a.Count + b.Count, P50: max(a.P50, b.P50), P95: max(a.P95, b.P95), P99: max(a.P99, b.P99),
		Max: max(a.Max, b.Max),
	}
}

// DropConstants leaves out the server's metrics that never changed: there is nothing to see in them.
func (s *Series) DropConstants() {
	first, changed := map[string]float64{}, map[string]bool{}
	for i := range s.Samples {
		for name, value := range s.Samples[i].Metrics {
			if was, ok := first[name]; !ok {
				first[name] = value
			} else if was != value {
				changed[name] = true
			}
		}
	}
	for i := range s.Samples {
		maps.DeleteFunc(s.Samples[i].Metrics, func(name string, _ float64) bool { return !changed[name] })
	}
}
