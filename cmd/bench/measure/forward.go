// Package measure holds the measurements of the engine, each a command: CPU time per packet (forward), the same across
// a link (veth), the machine's limit (limit), what a participant costs (join), a leave (rekey), the ceiling (scale),
// and what is left after a long time (soak).
package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/bots"
	"conclave/bots/report"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/netlab"
	"conclave/cmd/bench/process"
)

// scenario is a shape of meeting: so many people, the first of them publish, and each receives all others.
type scenario struct {
	Name       string `json:"name"`
	Title      string `json:"title"`
	People     int    `json:"people"`
	Publishers int    `json:"publishers"`
	Rooms      int    `json:"rooms"` // so many such meetings at once; 0 is 1
}

// rooms is how many meetings there are.
func (s scenario) rooms() int { return max(1, s.Rooms) }

// slots is how many others publish, seen from a listener or, where all publish, from any participant.
func (s scenario) slots() int {
	if s.Publishers == s.People {
		return s.People - 1
	}
	return s.Publishers
}

// scenarios are those of the field's comparison, and many small meetings beside one another.
func scenarios() []scenario {
	return []scenario{{"A", "1 → 50", 51, 1, 1}, {"B", "10 × 10", 10, 10, 1}, {"C", "1 → 200", 201, 1, 1},
		{"D", "20 × 20", 20, 20, 1}, {"E", "30 × (1 → 30)", 31, 1, 30}}
}

// chosen returns the named scenarios.
func chosen(names []string) ([]scenario, error) {
	var out []scenario
	for _, s := range scenarios() {
		if slices.Contains(names, s.Name) {
			out = append(out, s)
		}
	}
	if len(out) != len(names) {
		return nil, errors.New("--scenarios: A, B, C, D and E are there")
	}
	return out, nil
}

// sealed is the engine with an end-to-end encrypted meeting.
const sealed = "e2ee"

// Forward measures CPU time per delivered packet.
type Forward struct {
	Runs       int           `default:"5" help:"Runs of each server in each scenario, interleaved."`
	Window     time.Duration `default:"10s" help:"How long is measured in each run."`
	Scenarios  []string      `default:"A,B,C,D,E" help:"1 to 50, 10 by 10, 1 to 200, 20 by 20, 30 times 1 to 30."`
	Servers    []string      `default:"engine,naive,limit" enum:"engine,e2ee,naive,limit" help:"Which."`
	Workers    int           `help:"Workers of the engine. Default: one per core."`
	Feedback   bool          `help:"Bots send transport-wide feedback where a server negotiates it."`
	Uneven     bool          `help:"Frames of sizes as encoders make them."`
	CPUProfile string        `name:"cpuprofile" placeholder:"FILE" help:"Write CPU profiles of the engine: FILE.A …"`
	JSON       string        `name:"json" placeholder:"FILE" help:"Write all runs there."`
	Quick      bool          `help:"A smoke test of some seconds: the figures mean nothing."`
}

// forwardResult is the outcome of the measurement.
type forwardResult struct {
	Scenario scenario     `json:"scenario"`
	Server   string       `json:"server"`
	Runs     []forwardRun `json:"runs"`
	Limits   []limitRun   `json:"limits,omitempty"`
}

// forwardRun is one run of one server in one scenario.
type forwardRun struct {
	Micros     float64 `json:"us_per_packet"`
	User       float64 `json:"user_us_per_packet"`
	System     float64 `json:"system_us_per_packet"`
	PacketsPer float64 `json:"packets_per_s"`
	Loss       float64 `json:"loss"` // of all packets, before retransmission
	RSSMiB     float64 `json:"rss_mib"`
	DelayP99   float64 `json:"video_delay_p99_ms"`
	// ForwardP99 is in the engine, from a batch's receipt to its departure: the bound of a histogram's bucket.
	ForwardP99 float64 `json:"forwarding_p99_ms,omitempty"`
	Generator  float64 `json:"generator_cores"`
	// How the engine sent: packets a message (segmentation offload), a system call, and received ones a batch; since its
	// start.
	PerMessage float64 `json:"packets_per_message,omitempty"`
	PerCall    float64 `json:"packets_per_call,omitempty"`
	PerBatch   float64 `json:"received_per_batch,omitempty"`
	// Forwarded is how many packets the engine sent since its start. PerBuffer is how many of them left in one buffer of
	// a veth pair.
	Forwarded float64 `json:"forwarded,omitempty"`
	PerBuffer float64 `json:"packets_per_buffer,omitempty"`

	Invalid []string `json:"invalid,omitempty"` // the generator was saturated: nothing can be said of the server
	Failed  []string `json:"failed,omitempty"`  // not everything was delivered
}

func (r forwardRun) valid() bool { return len(r.Invalid) == 0 && len(r.Failed) == 0 }

// Run measures.
func (cmd *Forward) Run(ctx context.Context, c figures.Console) error {
	list, err := chosen(cmd.Scenarios)
	if err != nil {
		return err
	}
	if cmd.Quick {
		cmd.Runs, cmd.Window = 1, time.Second
		list = []scenario{{"A'", "1 → 10", 11, 1, 1}, {"B'", "4 × 4", 4, 4, 1}, {"E'", "3 × (1 → 3)", 4, 1, 3}}
	}
	results, err := cmd.measure(ctx, c, list)
	if err != nil {
		return err
	}
	c.Table(forwardTable(results))
	if err := figures.WriteJSON(cmd.JSON, results); err != nil {
		return err
	}
	return verifyRuns(results, cmd.Quick)
}

// verifyRuns fails if all runs of a row are invalid or have failed.
func verifyRuns(results []forwardResult, quick bool) error {
	for _, r := range results {
		if quick && len(r.Runs) > 0 && len(r.Runs[0].Invalid) > 0 {
			continue // a busy machine proves nothing against us
		}
		if len(r.Runs) > 0 && !slices.ContainsFunc(r.Runs, forwardRun.valid) {
			return fmt.Errorf("no valid run of %s in %s: %v %v", r.Server, r.Scenario.Name, r.Runs[0].Failed, r.Runs[0].Invalid)
		}
	}
	return nil
}

// measure runs everything once, then everything again: what else the machine does then falls on all alike.
func (cmd *Forward) measure(ctx context.Context, c figures.Console, list []scenario) ([]forwardResult, error) {
	var results []forwardResult
	for _, s := range list {
		for _, server := range cmd.Servers {
			results = append(results, forwardResult{Scenario: s, Server: server})
		}
	}
	for n := range cmd.Runs {
		for i := range results {
			r := &results[i]
			if r.Server == limitName {
				l, err := measureLimit(ctx, r.Scenario, cmd.limitTime())
				if err != nil {
					return nil, err
				}
				r.Limits = append(r.Limits, l)
				c.Progress("%d/%d  %s %-7s  %-6s  %.3f µs/packet flat out, %.3f paced", n+1, cmd.Runs, r.Scenario.Name,
					r.Scenario.Title, r.Server, l.Micros, l.PacedMicros)
				continue
			}
			run, err := cmd.one(ctx, r.Scenario, r.Server)
			switch {
			case ctx.Err() != nil:
				return nil, fmt.Errorf("%s, %s: %w", r.Scenario.Name, r.Server, err)
			case err != nil: // it can't carry that: what the others do is told all the same
				run = forwardRun{Failed: []string{err.Error()}}
			}
			r.Runs = append(r.Runs, run)
			c.Progress("%d/%d  %s %-7s  %-6s  %.3f µs/packet, %.0f packets/s, loss %.4f %%, %.1f packets/message, "+
				"%.1f/call, %.1f/batch  %v%v", n+1, cmd.Runs, r.Scenario.Name, r.Scenario.Title,
				r.Server, run.Micros, run.PacketsPer, 100*run.Loss, run.PerMessage, run.PerCall, run.PerBatch, run.Invalid,
				run.Failed)
		}
	}
	return results, nil
}

func (cmd *Forward) limitTime() time.Duration {
	if cmd.Quick {
		return 300 * time.Millisecond
	}
	return 2 * time.Second
}

// setup is a server child, and where the bots are.
type setup struct {
	server child.ServerConfig
	e2ee   bool
	host   *netlab.Host // nil: beside the server, on loopback
}

// one measures an engine on loopback.
func (cmd *Forward) one(ctx context.Context, s scenario, media string) (forwardRun, error) {
	of := setup{server: child.ServerConfig{Media: media, Workers: cmd.Workers}}
	if media == sealed {
		of.server.Media, of.e2ee = child.Engine, true
	}
	return cmd.under(ctx, s, of)
}

// under starts a server and bots, and relates the one's CPU time to what the others received.
func (cmd *Forward) under(ctx context.Context, s scenario, of setup) (run forwardRun, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmd.Window+2*time.Minute)
	defer cancel()
	cfg := child.BenchBots(s.People, s.Publishers, s.slots(), cmd.Window)
	cfg.Feedback, cfg.Uneven, cfg.Rooms, cfg.E2EE = cmd.Feedback, cmd.Uneven, s.rooms(), of.e2ee
	srv, err := child.StartServer(ctx, of.server)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	if cmd.Quick {
		cfg.Settle = 300 * time.Millisecond
	}
	var onLine func(string)
	if cmd.CPUProfile != "" && of.server.Media == child.Engine {
		onLine = whenComplete(func() { _ = srv.Profile(ctx, cmd.CPUProfile+"."+s.Name) })
	}
	w := process.StartWatch(ctx, srv.PID())
	report, err := of.bots(ctx, srv, cfg, onLine)
	readings := w.End()
	if err != nil {
		return run, err
	}
	st, err := srv.Stats(ctx, false)
	if err != nil {
		return run, err
	}
	if onLine != nil {
		if err := srv.Profile(ctx, ""); err != nil {
			return run, err
		}
	}
	run = evaluate(report, readings)
	run.batching(st.Counters)
	run.ForwardP99 = 1000 * st.ForwardingP99
	return run, nil
}

func (of *setup) bots(ctx context.Context, srv *child.Server, cfg bots.Config,
	onLine func(string)) (*report.Report, error) {
	if of.host == nil {
		return child.RunBots(ctx, srv, cfg, onLine)
	}
	return child.RunBotsUnder(ctx, of.host.Command(), srv, cfg, onLine)
}

// batching takes over what the engine counted.
func (r *forwardRun) batching(counters map[string]float64) {
	if counters["batches_total"] == 0 { // the naive one counts no such thing
		return
	}
	per := func(a, b string) float64 { return counters[a] / max(1, counters[b]) }
	r.PerMessage, r.PerCall = per("forwarded_packets_total", "messages_total"),
		per("forwarded_packets_total", "send_calls_total")
	r.PerBatch = per("received_packets_total", "batches_total")
	r.Forwarded = counters["forwarded_packets_total"]
}

// evaluate relates a server's CPU time over the bots' window to the packets they received in it.
func evaluate(report *report.Report, readings process.Series) forwardRun {
	from := report.Window.Start
	to := from.Add(time.Duration(report.Window.Seconds * float64(time.Second)))
	u := readings.Between(from, to)
	n := report.Window.ReceivedPackets
	run := forwardRun{
		Micros: figures.PerPacket(u.Total, n), User: figures.PerPacket(u.User, n), System: figures.PerPacket(u.System, n),
		PacketsPer: report.Window.PacketsPerS, RSSMiB: float64(readings.At(to).RSS) / (1 << 20),
		DelayP99: report.Total.VideoDelay.P99,
		Invalid:  report.Invalid, Failed: report.Failures,
	}
	if report.Total.Expected > 0 {
		run.Loss = float64(report.Total.LostBefore) / float64(report.Total.Expected)
	}
	if report.Window.Seconds > 0 {
		run.Generator = report.Generator.CPUSeconds / report.Window.Seconds
	}
	if n == 0 {
		run.Failed = append(run.Failed, "nothing was delivered")
	}
	return run
}

// whenComplete returns a reader of the bots' progress lines that calls f once, when all are in and all receive what
// they should.
func whenComplete(f func()) func(string) {
	done := false
	return func(line string) {
		var seconds float64
		var in, count, audio, audioAll, video, videoAll int
		n, _ := fmt.Sscanf(line, "%fs %d/%d in audio %d/%d video %d/%d", &seconds, &in, &count, &audio, &audioAll, &video,
			&videoAll)
		if done || n < 7 || in < count || audio < audioAll || video < videoAll || audioAll+videoAll == 0 {
			return
		}
		done = true
		f()
	}
}

// forwardTable is the outcome in Markdown.
func forwardTable(results []forwardResult) string {
	limits := map[string]figures.Spread{}
	paced := map[string]figures.Spread{}
	naives := map[string]float64{}
	for _, r := range results {
		switch {
		case r.Server == limitName:
			limits[r.Scenario.Name] = figures.SpreadOf(figures.Pluck(r.Limits, func(l limitRun) float64 { return l.Micros }))
			paced[r.Scenario.Name] = figures.SpreadOf(figures.Pluck(r.Limits, func(l limitRun) float64 { return l.PacedMicros }))
		case r.Server == child.Naive:
			naives[r.Scenario.Name] = figures.Median(figures.Pluck(valid(r.Runs),
				func(r forwardRun) float64 { return r.Micros }))
		}
	}
	rows := [][]string{{"scenario", "server", "µs/packet", "min–max", "user", "system", "limit", "× limit", "paced limit",
		"× paced", "of naive",
		"packets/s", "loss %", "p99 ms", "in it ms", "RSS MiB", "runs"}}
	for _, r := range results {
		if r.Server == limitName {
			continue
		}
		ok := valid(r.Runs)
		if len(ok) == 0 {
			row := slices.Repeat([]string{"–"}, len(rows[0]))
			row[0], row[1], row[len(row)-1] = r.Scenario.Name+": "+r.Scenario.Title, r.Server, counts(r.Runs)
			rows = append(rows, row)
			continue
		}
		get := func(number func(forwardRun) float64) float64 { return figures.Median(figures.Pluck(ok, number)) }
		cpu := figures.SpreadOf(figures.Pluck(ok, func(r forwardRun) float64 { return r.Micros }))
		limit, pace := limits[r.Scenario.Name].Median, paced[r.Scenario.Name].Median
		rows = append(rows, []string{
			r.Scenario.Name + ": " + r.Scenario.Title, r.Server, figures.OrDash(cpu.Median),
			fmt.Sprintf("%.2f–%.2f", cpu.Min, cpu.Max),
			figures.Number(get(func(r forwardRun) float64 { return r.User }), 2),
			figures.Number(get(func(r forwardRun) float64 { return r.System }), 2),
			figures.OrDash(limit), figures.Ratio(cpu.Median, limit), figures.OrDash(pace), figures.Ratio(cpu.Median, pace),
			figures.Ratio(cpu.Median, naives[r.Scenario.Name]),
			figures.Thousands(get(func(r forwardRun) float64 { return r.PacketsPer })),
			figures.Number(100*get(func(r forwardRun) float64 { return r.Loss }), 3),
			figures.Number(get(func(r forwardRun) float64 { return r.DelayP99 }), 1),
			figures.OrDash(get(func(r forwardRun) float64 { return r.ForwardP99 })),
			figures.Number(get(func(r forwardRun) float64 { return r.RSSMiB }), 0), counts(r.Runs),
		})
	}
	return figures.Markdown(rows)
}

func valid(runs []forwardRun) []forwardRun {
	return slices.DeleteFunc(slices.Clone(runs), func(r forwardRun) bool { return !r.valid() })
}

// counts says how many runs the figures are of, and what became of the others.
func counts(runs []forwardRun) string {
	invalid, failed := 0, 0
	for _, r := range runs {
		switch {
		case len(r.Invalid) > 0:
			invalid++
		case len(r.Failed) > 0:
			failed++
		}
	}
	text := fmt.Sprintf("%d of %d", len(runs)-invalid-failed, len(runs))
	if invalid > 0 {
		text += fmt.Sprintf(", %d invalid", invalid)
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	return text
}
