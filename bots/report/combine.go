package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/bots/measure"
)

// maxClockMS is how far the clocks of two generators may be apart at the end of a run, or how uncertain that may be:
// one-way delays would be wrong by as much.
const maxClockMS = 10

// Agent is one generator of several.
type Agent struct {
	Agent int `json:"agent"` // from 1
	Bots  int `json:"bots"`
	// ClockOffsetMS is what its clock showed more than the conductor's, ClockErrorMS how wrong that may be, and
	// ClockDriftMS by how much it had changed at the end. One-way delays are corrected by the offset.
	ClockOffsetMS float64   `json:"clock_offset_ms"`
	ClockErrorMS  float64   `json:"clock_error_ms"`
	ClockDriftMS  float64   `json:"clock_drift_ms"`
	Generator     Generator `json:"generator"`
	Machine       *Machine  `json:"machine,omitempty"`
}

// Part is the report of one generator, with the delays of its bots.
type Part struct {
	Agent
	Report       *Report
	Audio, Video *hdrhistogram.Histogram
}

// Seen is what the conductor of several generators saw of the server; 0 where it did not.
type Seen struct {
	Series             *Series
	CPUSeconds, RSSMiB float64 // in the window
}

// Combine makes one report of those of several generators of one plan. The server's CPU time and memory are those of
// the generator or the conductor that saw its process, if one did. Judge the result.
func Combine(parts []Part, seen *Seen) (r *Report, failures []string) {
	first := parts[0].Report
	r = &Report{
		Schema: Schema, Configuration: first.Configuration, Label: first.Label, Scenario: first.Scenario,
		Started: first.Started, Count: first.Count, Meetings: first.Meetings, Publishers: first.Publishers,
		Sampled: first.Sampled, E2EE: first.E2EE, Window: first.Window,
	}
	r.Window.ReceivedPackets, r.Window.ReceivedBytes, r.Window.PacketsPerS, r.Window.MbitPerS = 0, 0, 0, 0
	audio, video := measure.NewHistogram(), measure.NewHistogram()
	series := make([]*Series, 0, len(parts))
	for i := range parts {
		p := &parts[i]
		r.Joins.Wanted += p.Report.Joins.Wanted
		r.Joins.Joined += p.Report.Joins.Joined
		r.Bots = append(r.Bots, p.Report.Bots...)
		r.Rekeys = append(r.Rekeys, p.Report.Rekeys...)
		audio.Merge(p.Audio)
		video.Merge(p.Video)
		r.Window.combine(&p.Report.Window)
		r.Generator.combine(&p.Report.Generator)
		series = append(series, &p.Report.Series)
		agent := p.Agent
		agent.Bots, agent.Generator, agent.Machine = len(p.Report.Bots), p.Report.Generator, p.Report.Machine
		r.Agents = append(r.Agents, agent)
		for _, text := range p.Report.Invalid {
			r.invalid("agent %d: %s", p.Agent.Agent, text)
		}
		if off := p.ClockErrorMS + max(p.ClockDriftMS, -p.ClockDriftMS); off > maxClockMS {
			r.invalid("agent %d: its clock is uncertain by %.1f ms (%d allowed): one-way delays are not known",
				p.Agent.Agent, off, maxClockMS)
		}
	}
	slices.SortStableFunc(r.Bots, func(a, b Bot) int { return a.Bot - b.Bot })
	r.Series = combineSeries(append(series, seen.Series))
	r.Window.ServerCPUSeconds = max(r.Window.ServerCPUSeconds, seen.CPUSeconds)
	r.Window.ServerRSSMiB = max(r.Window.ServerRSSMiB, seen.RSSMiB)
	failures = GroupFailures(r.Sum(audio, video))
	if w := &r.Window; w.ServerCPUSeconds > 0 && w.ReceivedPackets > 0 {
		w.ServerCPUMicrosPerPacket = w.ServerCPUSeconds * 1e6 / float64(w.ReceivedPackets)
	}
	return r, failures
}

// combine adds the window of another generator: they are open at the same time.
func (w *Window) combine(o *Window) {
	if o.Start.Before(w.Start) {
		w.Start = o.Start
	}
	w.Seconds, w.Planned = max(w.Seconds, o.Seconds), max(w.Planned, o.Planned)
	w.CutShort = w.CutShort || o.CutShort
	w.ReceivedPackets += o.ReceivedPackets
	w.ReceivedBytes += o.ReceivedBytes
	w.PacketsPerS += o.PacketsPerS
	w.MbitPerS += o.MbitPerS
	w.ServerCPUSeconds = max(w.ServerCPUSeconds, o.ServerCPUSeconds)
	w.ServerRSSMiB = max(w.ServerRSSMiB, o.ServerRSSMiB)
}

func (g *Generator) combine(o *Generator) {
	g.Lag = worse(g.Lag, o.Lag)
	g.CPUSeconds += o.CPUSeconds
	g.Cores += o.Cores
	g.RSSMiB += o.RSSMiB
	g.Goroutines += o.Goroutines
	g.SocketDrops += o.SocketDrops
	g.SendErrors += o.SendErrors
}

// combineSeries adds series up, sample by sample. Those of one plan begin together; a series that ended early adds
// nothing to the rest.
func combineSeries(list []*Series) (out Series) {
	for _, s := range list {
		out.EveryS = max(out.EveryS, s.EveryS)
		out.WindowFromS, out.WindowToS = max(out.WindowFromS, s.WindowFromS), max(out.WindowToS, s.WindowToS)
	}
	for _, s := range list {
		for s.EveryS > 0 && s.EveryS < out.EveryS {
			s.halve()
		}
		for i := range s.Samples {
			if i < len(out.Samples) {
				out.Samples[i] = out.Samples[i].plus(&s.Samples[i])
			} else {
				out.Samples = append(out.Samples, s.Samples[i])
			}
		}
	}
	if out.Samples == nil {
		out.Samples = []Sample{}
	}
	return out
}

// plus adds the sample of another generator: sums of what bots did, and the worse of the machines and the delays.
func (x Sample) plus(o *Sample) Sample {
	x.In, x.Waiting, x.Joined, x.Failed = x.In+o.In, x.Waiting+o.Waiting, x.Joined+o.Joined, x.Failed+o.Failed
	x.PacketsPerS += o.PacketsPerS
	x.MbitPerS += o.MbitPerS
	x.Expected += o.Expected
	x.LostBefore += o.LostBefore
	x.LostAfter += o.LostAfter
	x.Freezes += o.Freezes
	x.Audio, x.Video = worse(x.Audio, o.Audio), worse(x.Video, o.Video)
	x.Wanted.Add(o.Wanted)
	x.Received.Add(o.Received)
	x.ServerCores, x.ServerRSSMiB = max(x.ServerCores, o.ServerCores), max(x.ServerRSSMiB, o.ServerRSSMiB)
	x.BotsCores += o.BotsCores
	if x.Metrics == nil {
		x.Metrics = o.Metrics
	}
	x.Busy, x.Steal, x.Runnable = max(x.Busy, o.Busy), max(x.Steal, o.Steal), max(x.Runnable, o.Runnable)
	return x
}

// Add adds how the run of another generator stands.
func (l *Live) Add(o *Live) {
	l.Sample = l.plus(&o.Sample)
	l.Audio, l.ExpectedAudio = l.Audio+o.Audio, l.ExpectedAudio+o.ExpectedAudio
	l.Video, l.ExpectedVideo = l.Video+o.Video, l.ExpectedVideo+o.ExpectedVideo
}

// Single is the distribution of one duration.
func Single(d time.Duration) Phase {
	ms := float64(d) / float64(time.Millisecond)
	return Phase{Count: 1, P50: ms, P95: ms, P99: ms, Max: ms}
}

// String says in one line how a generator did.
func (a *Agent) String() string {
	ms := func(v float64) time.Duration {
		return time.Duration(v * float64(time.Millisecond)).Round(10 * time.Microsecond)
	}
	line := fmt.Sprintf("%d bots; clock %s ± %s, drift %s; %.2f ms late at p99", a.Bots, ms(a.ClockOffsetMS),
		ms(a.ClockErrorMS), ms(a.ClockDriftMS), a.Generator.Lag.P99)
	if a.Machine != nil {
		line += "; machine " + a.Machine.String()
	}
	return line
}
