package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conclave/bots"
	"conclave/bots/measure"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
)

// Rekey measures what a leave costs an end-to-end encrypted meeting: a commit takes the leaver out of the group. The
// time is from the leaver's goodbye until the last publisher seals under the epoch of that commit. Signalling is what
// all bots send and receive of the group meanwhile, whole WebSocket messages.
type Rekey struct {
	People     int    `default:"100" help:"How many are in the meeting."`
	Publishers int    `default:"20" help:"How many of them publish, their microphones only."`
	Leaves     int    `default:"20" help:"How many leave, one after another, and come back."`
	JSON       string `name:"json" placeholder:"FILE" help:"Write all leaves there."`
	Quick      bool   `help:"A smoke test of some seconds."`
}

// rekeyEvery is the time between two leaves, rekeyAway how long one stays away: the commit that adds it does not count.
const (
	rekeyEvery = 3 * time.Second
	rekeyAway  = 2 * time.Second
)

// Run measures.
func (cmd *Rekey) Run(parent context.Context, c figures.Console) error {
	if cmd.Quick {
		cmd.People, cmd.Publishers, cmd.Leaves = 20, 4, 2
	}
	ctx, cancel := context.WithTimeout(parent, time.Duration(cmd.Leaves)*rekeyEvery+2*time.Minute)
	defer cancel()
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: child.Engine})
	if err != nil {
		return err
	}
	defer func() { _ = srv.Stop() }() // its error was returned below, if there was none before
	report, err := child.RunBots(ctx, srv, bots.Config{
		E2EE: true, Count: cmd.People, Publishers: cmd.Publishers, MuteVideo: true, AudioSlots: 4,
		Ramp:     30 * time.Millisecond,
		Duration: time.Duration(cmd.Leaves)*rekeyEvery + rekeyEvery/2, Churn: rekeyEvery, Away: rekeyAway,
		Settle: 3 * time.Second,
	}, nil)
	if err != nil {
		return err
	}
	c.Table(rekeyTable(report.Rekeys))
	e := report.Total.Opened
	c.Table(fmt.Sprintf("\n%d frames opened, %d failed, %d without a key. %v %v\n", e.Frames, e.Failed, e.NoKey,
		report.Failures, report.Invalid))
	if len(report.Rekeys) < cmd.Leaves || e.Frames == 0 || e.Failed+e.NoKey > 0 {
		return fmt.Errorf("%d leaves, %d frames, of which %d did not open", len(report.Rekeys), e.Frames, e.Failed+e.NoKey)
	}
	return errors.Join(figures.WriteJSON(cmd.JSON, report.Rekeys), srv.Stop())
}

// rekeyTable is the outcome in Markdown.
func rekeyTable(list []measure.Rekey) string {
	rows := [][]string{{"leaves", "", "median", "min–max"}}
	add := func(what string, get func(measure.Rekey) float64) {
		s := figures.SpreadOf(figures.Pluck(list, get))
		rows = append(rows, []string{
			fmt.Sprint(len(list)), what, figures.Number(s.Median, 0), figures.Number(s.Min, 0) + "–" + figures.Number(s.Max, 0),
		})
	}
	add("ms until all publishers use the next epoch", func(r measure.Rekey) float64 { return r.MS })
	add("publishers that did", func(r measure.Rekey) float64 { return float64(r.Publishers) })
	add("KiB of signalling, both ways", func(r measure.Rekey) float64 { return float64(r.Bytes) / 1024 })
	add("messages, sent and received", func(r measure.Rekey) float64 { return float64(r.Messages) })
	return figures.Markdown(rows)
}
