package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/netlab"
)

// Veth measures CPU time per delivered packet of the engine on loopback and across a veth pair: docs/performance.md
// says what loopback flatters. It runs in network namespaces of its own (package netlab): the server in one, and the
// bots beside it or in another.
type Veth struct {
	Runs      int           `default:"5" help:"Runs of each way in each scenario, interleaved."`
	Window    time.Duration `default:"5s" help:"How long is measured in each run."`
	Scenarios []string      `default:"A,D" help:"1 to 50, 10 by 10, 1 to 200, 20 by 20, 30 times 1 to 30."`
	Workers   int           `help:"Workers of the engine. Default: one per core."`
	JSON      string        `name:"json" placeholder:"FILE" help:"Write all runs there."`
	Quick     bool          `help:"A smoke test of some seconds: the figures mean nothing."`
}

// Help is what --help says of it.
func (*Veth) Help() string {
	return "Four ways to the bots take turns: loopback; a veth pair whose device takes the datagrams of UDP_SEGMENT in " +
		"one buffer; one whose device does not, so that the kernel cuts them apart in the server's call; and a server " +
		"that does without UDP_SEGMENT. Needs Linux, root, ip (iproute2) and unshare (util-linux)."
}

// vethWay is a way from the server to the bots.
type vethWay struct {
	name           string
	across         bool // the pair
	segments       bool // the pair's device segments
	noSegmentation bool // the server does without
}

// vethWays are all, the one to compare with first.
func vethWays() []vethWay {
	return []vethWay{
		{name: "loopback"},
		{name: "veth, segmentation by the device", across: true, segments: true},
		{name: "veth, segmentation by the kernel", across: true},
		{name: "veth, no UDP_SEGMENT", across: true, noSegmentation: true},
	}
}

// Run measures.
func (cmd *Veth) Run(ctx context.Context, c figures.Console) (err error) {
	list, err := chosen(cmd.Scenarios)
	if err != nil {
		return err
	}
	if !netlab.Inside() {
		return netlab.Enter(ctx)
	}
	if cmd.Quick {
		cmd.Runs, cmd.Window = 1, time.Second
		list = []scenario{{"A'", "1 → 10", 11, 1, 1}}
	}
	lab, err := netlab.New(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	host, err := lab.Host(ctx, 0)
	if err != nil {
		return err
	}
	results, err := cmd.measure(ctx, c, list, host)
	if err != nil {
		return err
	}
	c.Table(vethTable(results))
	if err := figures.WriteJSON(cmd.JSON, results); err != nil {
		return err
	}
	return verifyRuns(results, cmd.Quick)
}

// measure runs every way once, then every way again: what else the machine does then falls on all alike.
func (cmd *Veth) measure(ctx context.Context, c figures.Console, list []scenario,
	host *netlab.Host) ([]forwardResult, error) {
	ways := vethWays()
	var results []forwardResult
	for _, s := range list {
		for _, way := range ways {
			results = append(results, forwardResult{Scenario: s, Server: way.name})
		}
	}
	for n := range cmd.Runs {
		for i := range results {
			r := &results[i]
			run, err := cmd.one(ctx, r.Scenario, ways[i%len(ways)], host)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", r.Scenario.Name, r.Server, err)
			}
			r.Runs = append(r.Runs, run)
			c.Progress("%d/%d  %s %-7s  %-32s  %.3f µs/packet, %.0f packets/s, loss %.4f %%, %.1f packets/message, "+
				"%.1f/buffer  %v%v", n+1, cmd.Runs, r.Scenario.Name, r.Scenario.Title, r.Server, run.Micros, run.PacketsPer,
				100*run.Loss, run.PerMessage, run.PerBuffer, run.Invalid, run.Failed)
		}
	}
	return results, nil
}

// one measures one way.
func (cmd *Veth) one(ctx context.Context, s scenario, way vethWay, host *netlab.Host) (forwardRun, error) {
	forward := Forward{Window: cmd.Window, Quick: cmd.Quick}
	of := setup{server: child.ServerConfig{Media: child.Engine, Workers: cmd.Workers, NoSegmentation: way.noSegmentation}}
	if !way.across {
		return forward.under(ctx, s, of)
	}
	of.server.Address, of.host = netlab.ServerAddress, host
	if err := host.Segmentation(ctx, way.segments); err != nil {
		return forwardRun{}, err
	}
	before, err := host.Sent(ctx)
	if err != nil {
		return forwardRun{}, err
	}
	run, err := forward.under(ctx, s, of)
	if err != nil {
		return run, err
	}
	after, err := host.Sent(ctx)
	if err != nil {
		return run, err
	}
	run.PerBuffer = run.Forwarded / float64(max(1, after-before))
	return run, way.verify(run)
}

// verify fails if the packets did not travel as the way says. A few buffers are not media: WebSockets, checks, reports.
func (w vethWay) verify(run forwardRun) error {
	switch {
	case w.noSegmentation && run.PerMessage > 1:
		return fmt.Errorf("%.2f packets a message without UDP_SEGMENT", run.PerMessage)
	case !w.segments && run.PerBuffer > 1.05:
		return fmt.Errorf("%.2f packets a buffer of a device that takes one", run.PerBuffer)
	case w.segments && run.PerBuffer < 1+(run.PerMessage-1)/3:
		return fmt.Errorf("%.2f packets a buffer where messages are of %.2f", run.PerBuffer, run.PerMessage)
	}
	return nil
}

// vethTable is the outcome in Markdown.
func vethTable(results []forwardResult) string {
	loopback := map[string]float64{}
	rows := [][]string{{"scenario", "way", "µs/packet", "min–max", "user", "system", "× loopback", "packets/message",
		"packets/buffer", "packets/s", "loss %", "p99 ms", "runs"}}
	for _, r := range results {
		row := slices.Repeat([]string{"–"}, len(rows[0]))
		row[0], row[1], row[len(row)-1] = r.Scenario.Name+": "+r.Scenario.Title, r.Server, counts(r.Runs)
		if ok := valid(r.Runs); len(ok) > 0 {
			get := func(number func(forwardRun) float64) float64 { return figures.Median(figures.Pluck(ok, number)) }
			cpu := figures.SpreadOf(figures.Pluck(ok, func(r forwardRun) float64 { return r.Micros }))
			if r.Server == vethWays()[0].name {
				loopback[r.Scenario.Name] = cpu.Median
			}
			copy(row[2:], []string{
				figures.OrDash(cpu.Median), fmt.Sprintf("%.2f–%.2f", cpu.Min, cpu.Max),
				figures.Number(get(func(r forwardRun) float64 { return r.User }), 2),
				figures.Number(get(func(r forwardRun) float64 { return r.System }), 2),
				figures.Ratio(cpu.Median, loopback[r.Scenario.Name]),
				figures.OrDash(get(func(r forwardRun) float64 { return r.PerMessage })),
				figures.OrDash(get(func(r forwardRun) float64 { return r.PerBuffer })),
				figures.Thousands(get(func(r forwardRun) float64 { return r.PacketsPer })),
				figures.Number(100*get(func(r forwardRun) float64 { return r.Loss }), 3),
				figures.Number(get(func(r forwardRun) float64 { return r.DelayP99 }), 1),
			})
		}
		rows = append(rows, row)
	}
	return figures.Markdown(rows)
}
