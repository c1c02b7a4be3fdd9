// Package link measures what viewers get through narrow, lossy and shared links: docs/bandwidth.md says what, and
// what came out. Start reading at Bandwidth, then scenarios.go; samples.go is the arithmetic.
package link

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
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/netlab"
)

// Bandwidth measures what viewers get through narrow, lossy and shared connections: docs/bandwidth.md says what of
// it, and what came out.
//
// It runs in network namespaces of its own (package netlab): the server in one, the clients with enough bandwidth on
// one host, the viewer that is measured on another, whose link a token bucket filter limits. Bots publish three
// encodings with three temporal layers each; the viewer is a bot or a real Chromium.
type Bandwidth struct {
	Scenario []string      `name:"scenario" sep:"," help:"Which: steps, loss, noise, tiles, senders, fair. Default: all."`
	Viewer   []string      `enum:"bot,chromium" default:"bot,chromium" sep:"," help:"Who watches in steps."`
	Meeting  string        `enum:"one,nine,both" default:"both" help:"In steps: one camera, nine people, or both."`
	RTT      time.Duration `default:"0" help:"Round trip to every client, for example 50ms."`
	Trace    string        `placeholder:"FILE" help:"Write the narrow link there every 100 ms (docs/bandwidth.md)."`
	Quick    bool          `help:"A smoke test: the figures mean nothing."`
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
func (cmd *Bandwidth) Run(ctx context.Context, c figures.Console) (err error) {
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
	f.console.Table("\n" + table)
	return nil
}

// field is a network with a server in it and a meeting on that.
type field struct {
	cmd     *Bandwidth
	console figures.Console
	lab     *netlab.Lab
	trace   io.Writer // nil: none
}

// ground is one meeting with its hosts: the viewer that is measured is on narrow, all others are on wide.
type ground struct {
	*field
	server  *child.Server
	meeting string
	wide    *netlab.Host
	narrow  *netlab.Host
}

// prepare starts a server and makes a meeting.
func (f *field) prepare(ctx context.Context) (*ground, error) {
	g := &ground{field: f}
	var err error
	if g.wide, err = f.lab.Host(ctx, f.cmd.RTT/2); err != nil {
		return nil, err
	}
	if g.narrow, err = f.lab.Host(ctx, f.cmd.RTT/2); err != nil {
		return nil, err
	}
	if g.server, err = child.StartServer(ctx, child.ServerConfig{Media: child.Engine, Address: netlab.ServerAddress,
		Web: true}); err != nil {
		return nil, err
	}
	if g.meeting, err = g.server.Meeting(ctx); err != nil {
		return nil, errors.Join(err, g.server.Stop())
	}
	return g, nil
}

// bots starts bots on a host.
func (g *ground) bots(ctx context.Context, on *netlab.Host, cfg bots.Config) (*child.Process, error) {
	cfg.URL, cfg.Token, cfg.Meeting, cfg.PlainHTTP = g.server.Ready.URL, g.server.Ready.Token, g.meeting, true
	cfg.NoDefaultLimits = true
	cfg.Simulcast, cfg.Feedback, cfg.Ramp, cfg.Timeline = true, true, 20*time.Millisecond, lookEvery
	self, err := executable()
	if err != nil {
		return nil, err
	}
	return child.StartProgram(ctx, "generate", on.Command(self, "generate"), cfg, nil)
}

// botReport waits for bots to end.
func botReport(c *child.Process) (*report.Report, error) {
	var r report.Report
	if err := c.Next(&r); err != nil {
		return nil, err
	}
	return &r, c.Stop()
}

// await waits until the server has so many peers and tracks.
func (g *ground) await(ctx context.Context, peers, tracks int) error {
	for {
		st, err := g.server.Stats(ctx, false)
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
func (g *ground) browser(ctx context.Context, on *netlab.Host, cfg browserConfig) (*child.Process, error) {
	cfg.Server, cfg.Meeting = strings.TrimPrefix(g.server.Ready.URL, "http://"), g.meeting
	return child.StartProgram(ctx, "browser", on.Command("node", "tests/browser/measure/viewer.js"), cfg,
		func(line string) { g.console.Progress("browser: %s", line) })
}

// browserMoments reads a browser's output to its end.
func browserMoments(c *child.Process) (list []browserMoment, err error) {
	child.Each(c, func(m *browserMoment) { list = append(list, *m) })
	if err := c.Stop(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("the browser said nothing")
	}
	return list, nil
}
