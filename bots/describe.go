package bots

import (
	"slices"
	"time"

	"conclave/bots/client"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/bots/report"
)

// describe makes the report of one bot, that of place i.
func (r *runner) describe(i int, b *client.Bot, now time.Time) report.Bot {
	rep := report.Bot{
		Bot: i + 1, Meeting: r.places[i].bot.Meeting + 1, Role: r.places[i].bot.Role, Participant: b.Participant(),
		Sample: r.places[i].bot.Sample, Lobby: !b.Phases().Lobby.IsZero(), JoinMS: map[string]float64{},
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
func (r *runner) report(w *windowMeter, joining *machineWatch, series *report.Series, interrupted bool) (*report.Report,
	error) {
	w.CutShort = interrupted
	configuration, err := r.cfg.configuration()
	if err != nil {
		return nil, err
	}
	rep := &report.Report{
		Schema: report.Schema, Configuration: configuration, Label: r.cfg.Label, Started: r.begun,
		Count: r.cfg.Count, Publishers: r.cfg.Publishers, Sampled: r.cfg.Plan.Sampled(),
		Joins: report.Joins{Wanted: r.wanted, Joined: r.joined}, Join: map[string]report.Phase{}, Window: w.Window,
		Machine: w.machineUse(), Joining: joining.use(), Generator: w.generator,
	}
	rep.Generator.Lag = r.lag.Summary()
	rep.Series = w.series(series, r.begun)
	rep.Scenario, rep.Meetings = r.cfg.Scenario, len(r.meetings)
	rep.E2EE = slices.ContainsFunc(r.meetings, func(m meeting) bool { return m.link != nil })
	if rep.E2EE {
		rep.Rekeys = r.rekeys.List()
	}
	var failures []report.Failure
	for i := range r.places {
		failures = append(failures, r.places[i].failures...)
		rep.Bots = append(rep.Bots, r.places[i].reports...)
	}
	rep.Sum(rep.Delays())
	rep.Join["sign_in"] = report.Single(r.signed)
	lines := report.GroupFailures(failures)
	if w.Seconds == 0 && !interrupted {
		lines = append(lines, "no bot was left in the meeting")
	}
	err = rep.Judge(report.Conditions{
		Thresholds: r.cfg.Thresholds, NoDefaults: r.cfg.NoDefaultLimits, Failures: lines,
	})
	if err != nil {
		return nil, err
	}
	return rep, nil
}
