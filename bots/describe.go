package bots

import (
	"runtime"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/bots/client"
	"conclave/bots/measure"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/bots/report"
)

// describe makes the report of one bot, that of place i.
func (r *runner) describe(i int, b *client.Bot, now time.Time) report.Bot {
	rep := report.Bot{
		Bot: i + 1, Meeting: r.places[i].bot.Meeting + 1, Role: r.places[i].bot.Role, Participant: b.Participant(),
		Lobby: !b.Phases().Lobby.IsZero(), JoinMS: map[string]float64{},
		RequestErrors: b.ErrorCounts(), Sent: []publish.Stats{}, Received: []receive.Stats{},
	}
	times := b.Phases()
	if !b.Connected() {
		times.Durations(rep.JoinMS, time.Time{}, time.Time{})
		return rep
	}
	rep.AddSent(b.Sent())
	got := b.Received(now)
	rep.AddReceived(&got)
	times.Durations(rep.JoinMS, got.FirstRTP, got.FirstKey)
	return rep
}

// report sums up.
func (r *runner) report(w *windowMeter, interrupted bool) (*report.Report, error) {
	w.CutShort = interrupted
	rep := &report.Report{
		Started: r.begun, Count: r.cfg.Count, Publishers: r.cfg.Publishers,
		Joins: report.Joins{Wanted: r.wanted, Joined: r.joined}, Join: map[string]report.Phase{}, Window: w.Window,
		Machine:   w.machineUse(r.cfg.ServerPID > 0),
		Generator: report.Generator{Lag: r.lag.Summary(), CPUSeconds: w.ownCPU, Cores: runtime.GOMAXPROCS(0)},
	}
	rep.Scenario, rep.Meetings = r.cfg.Scenario, len(r.meetings)
	rep.E2EE = slices.ContainsFunc(r.meetings, func(m meeting) bool { return m.link != nil })
	if rep.E2EE {
		rep.Rekeys = r.rekeys.List()
	}
	audio, video := measure.NewHistogram(), measure.NewHistogram()
	joins := map[string]*hdrhistogram.Histogram{}
	var failures []report.Failure
	for i := range r.places {
		failures = append(failures, r.places[i].failures...)
		for j := range r.places[i].reports {
			b := &r.places[i].reports[j]
			rep.Total.Add(&b.Traffic)
			if b.Audio != nil {
				audio.Merge(b.Audio)
				video.Merge(b.Video)
			}
			for phase, ms := range b.JoinMS {
				if joins[phase] == nil {
					joins[phase] = measure.NewHistogram()
				}
				measure.Record(joins[phase], time.Duration(ms*float64(time.Millisecond)))
			}
			rep.Bots = append(rep.Bots, *b)
		}
	}
	rep.Total.AudioDelay, rep.Total.VideoDelay = measure.QuantilesOf(audio), measure.QuantilesOf(video)
	rep.Join["sign_in"] = singleton(r.signed)
	for phase, h := range joins {
		rep.Join[phase] = measure.QuantilesOf(h)
	}
	rep.Generator.SocketDrops, rep.Generator.SendErrors = w.drops, w.sendErrs
	lines := report.GroupFailures(failures)
	if w.Seconds == 0 && !interrupted {
		lines = append(lines, "no bot was left in the meeting")
	}
	err := rep.Judge(report.Conditions{
		Thresholds: r.cfg.Thresholds, NoDefaults: r.cfg.NoDefaultLimits, Failures: lines,
	})
	if err != nil {
		return nil, err
	}
	return rep, nil
}

func singleton(d time.Duration) measure.Quantiles {
	ms := float64(d) / float64(time.Millisecond)
	return measure.Quantiles{Count: 1, P50: ms, P95: ms, P99: ms, Max: ms}
}
