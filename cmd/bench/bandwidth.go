package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"conclave/bots"
	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/cmd/bench/netlab"
)

// bandwidthCmd measures what viewers get through narrow, lossy and shared connections: docs/bandwidth.md says what of it, and
// what came out.
//
// It runs in network namespaces of its own (package netlab): the server in one, everybody with enough bandwidth on one host, who is being
// watched on another, whose link is limited by a token bucket filter. Bots publish three encodings with three temporal layers each;
// who watches is a bot or a real Chromium.
type bandwidthCmd struct {
	Scenario []string `name:"scenario" help:"Which: steps, loss, noise, tiles, senders, fair. All if none is named." sep:","`
	Viewer   []string `enum:"bot,chromium" default:"bot,chromium" sep:"," help:"Who watches in steps."`
	Trace    string   `placeholder:"FILE" help:"Write the narrow link every 100 ms there: ms, bytes sent, bytes waiting, packets dropped; estimate, budget, allotted in bit/s; loss."`
	Quick    bool     `help:"A smoke test: the figures mean nothing."`
}

// bandwidthScenarios are all, in the order of docs/bandwidth.md.
func bandwidthScenarios() []bandwidthScenario {
	return []bandwidthScenario{
		{"steps", measureSteps}, {"loss", measureLoss}, {"noise", measureNoise}, {"tiles", measureTiles},
		{"senders", measureSenders}, {"fair", measureFair},
	}
}

type bandwidthScenario struct {
	name    string
	measure func(ctx context.Context, f *field) (markdown string, err error)
}

// Run measures.
func (cmd *bandwidthCmd) Run(ctx context.Context, c console) (err error) {
	if !netlab.Inside() {
		return netlab.Enter(ctx)
	}
	lab, err := netlab.New(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	f := &field{cmd: cmd, console: c, lab: lab}
	if cmd.Trace != "" {
		file, err := os.OpenFile(cmd.Trace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("trace: %w", err)
		}
		defer file.Close()
		f.trace = file
	}
	var failed []error
	for _, s := range bandwidthScenarios() {
		if len(cmd.Scenario) > 0 && !slices.Contains(cmd.Scenario, s.name) {
			continue
		}
		if err := f.one(ctx, s); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(failed...)
}

// scenarioLimit bounds one scenario: something that hangs must not hang for ever.
const scenarioLimit = 12 * time.Minute

func (f *field) one(parent context.Context, s bandwidthScenario) error {
	ctx, cancel := context.WithTimeout(parent, scenarioLimit)
	defer cancel()
	table, err := s.measure(ctx, f)
	if err != nil {
		return err
	}
	f.console.table("\n" + table)
	return nil
}

// field is a network with a server in it and a meeting on that.
type field struct {
	cmd     *bandwidthCmd
	console console
	lab     *netlab.Lab
	trace   io.Writer // nil: none
}

// ground is one meeting with its hosts: everybody on wide, who is watched on narrow.
type ground struct {
	*field
	server  *server
	meeting string
	wide    *netlab.Host
	narrow  *netlab.Host
}

// prepare starts a server and makes a meeting.
func (f *field) prepare(ctx context.Context) (*ground, error) {
	g := &ground{field: f}
	var err error
	if g.wide, err = f.lab.Host(ctx); err != nil {
		return nil, err
	}
	if g.narrow, err = f.lab.Host(ctx); err != nil {
		return nil, err
	}
	if g.server, err = startServer(ctx, serverConfig{Media: engine, Address: netlab.ServerAddress, Web: true}); err != nil {
		return nil, err
	}
	if g.meeting, err = g.server.meeting(ctx); err != nil {
		return nil, errors.Join(err, g.server.stop())
	}
	return g, nil
}

// bots starts bots on a host.
func (g *ground) bots(ctx context.Context, on *netlab.Host, cfg bots.Config) (*child, error) {
	cfg.URL, cfg.Token, cfg.Meeting, cfg.PlainHTTP = g.server.ready.URL, g.server.ready.Token, g.meeting, true
	cfg.Simulcast, cfg.Feedback, cfg.Ramp, cfg.Timeline = true, true, 20*time.Millisecond, lookEvery
	self, err := executable()
	if err != nil {
		return nil, err
	}
	return startProgram(ctx, "generate", on.Command(self, "generate"), cfg, nil)
}

// botReport waits for bots to end.
func botReport(c *child) (*report.Report, error) {
	var r report.Report
	if err := c.next(&r); err != nil {
		return nil, err
	}
	return &r, c.stop()
}

// await waits until the server has so many peers and tracks.
func (g *ground) await(ctx context.Context, peers, tracks int) error {
	for {
		st, err := g.server.stats(ctx, false)
		if err != nil {
			return err
		}
		if int(st.Counters["peers"]) >= peers && int(st.Counters["tracks"]) >= tracks {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("only %v peers and %v tracks came: %w", st.Counters["peers"], st.Counters["tracks"], err)
		}
	}
}

// pause sleeps unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // says all there is
	}
}

// browserConfig is what tests/browser/measure/viewer.js is told.
type browserConfig struct {
	Server  string  `json:"server"`
	Meeting string  `json:"meeting"`
	Seconds float64 `json:"seconds"` // after it has joined
	Publish bool    `json:"publish"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
}

// browserMoment is a line of its output: a bot's moment, and what it sends.
type browserMoment struct {
	receive.Moment
	Sent []browserSent `json:"sent"`
}

// browserSent is one encoding of the browser's camera.
type browserSent struct {
	RID    string `json:"rid"`
	Active bool   `json:"active"`
	Frames uint64 `json:"frames"` // encoded so far
	Bytes  uint64 `json:"bytes"`
}

// browser starts a Chromium on a host. Its output ends with itself.
func (g *ground) browser(ctx context.Context, on *netlab.Host, cfg browserConfig) (*child, error) {
	cfg.Server, cfg.Meeting = strings.TrimPrefix(g.server.ready.URL, "http://"), g.meeting
	return startProgram(ctx, "browser", on.Command("node", "tests/browser/measure/viewer.js"), cfg, func(line string) { g.console.progress("browser: %s", line) })
}

// browserMoments reads a browser's output to its end.
func browserMoments(c *child) (list []browserMoment, err error) {
	for {
		var m browserMoment
		if err := c.stdout.Decode(&m); err != nil {
			break
		}
		list = append(list, m)
	}
	if err := c.stop(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("the browser said nothing")
	}
	return list, nil
}
