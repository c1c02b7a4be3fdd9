package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"conclave/bots"
	"conclave/bots/capacity"
	"conclave/bots/html"
	"conclave/bots/report"
	"conclave/bots/scenario"
)

// botsCapacityCmd finds the largest load that meets objectives.
type botsCapacityCmd struct {
	botsTarget `embed:""`

	Scenario  string        `arg:"" optional:"" placeholder:"FILE" help:"Scenario file. Default: one meeting, by options."`
	Objective []string      `sep:"none" required:"" placeholder:"METRIC<VALUE" help:"What must hold: delay.p99<100ms."`
	Vary      string        `placeholder:"WHAT" help:"What grows: meetings, people or a role. Default: by the scenario."`
	Start     int           `placeholder:"N" help:"First load. Default: a quarter of the scenario's."`
	Max       int           `placeholder:"N" help:"Largest load to try. Default: what one process can run."`
	Step      float64       `default:"0.05" placeholder:"PART" help:"Gap between held and not held that will do."`
	Repeat    int           `default:"3" placeholder:"N" help:"How often the load must hold."`
	Retries   int           `default:"2" placeholder:"N" help:"How often a load is tried again after an invalid run."`
	Hold      time.Duration `placeholder:"DURATION" help:"How long each run measures, in place of the scenario's holds."`
	Pause     time.Duration `default:"3s" help:"Rest between two runs."`
	Reports   string        `placeholder:"DIR" help:"Write the report of each run there, as JSON and as a page."`
	JSON      string        `name:"json" placeholder:"FILE" help:"Write the result there."`

	Publishers int    `default:"1" help:"Without a scenario: how many publish. 0: all."`
	SlotsAudio int    `default:"4" help:"Without a scenario: audio slots of each bot."`
	SlotsVideo int    `default:"9" help:"Without a scenario: video slots of each bot."`
	Height     int    `default:"180" help:"Without a scenario: how high pictures are shown."`
	Profile    string `enum:"normal,bench" default:"bench" help:"Without a scenario: normal or bench (docs/bots.md)."`
}

// Run searches, and says what it found.
func (cmd *botsCapacityCmd) Run(c console) error {
	keepSmall()
	s, err := cmd.scenario()
	if err != nil {
		return startError{err}
	}
	search, err := cmd.search(s)
	if err == nil {
		err = canWrite(cmd.JSON)
	}
	if err != nil {
		return startError{err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result := &capacity.Result{
		Schema: capacity.Schema, Started: time.Now(), Scenario: s.Name, Vary: cmd.Vary, Objectives: cmd.Objective,
	}
	_, _ = fmt.Fprintln(c.out, capacity.Header)
	if err := cmd.find(ctx, c, s, search, result); err != nil {
		return startError{err}
	}
	result.Conclude(search)
	if err := result.WriteText(c.out); err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	if cmd.JSON != "" {
		if err := writeFile(cmd.JSON, result.WriteJSON); err != nil {
			return fmt.Errorf("--json: %w", err)
		}
	}
	if code := result.ExitCode(); code != 0 {
		return compareError{"the search did not find the server's capacity", code}
	}
	return nil
}

// find runs one load after another. An error before the first run is over is one of the start; later it ends the
// search: a server that is gone has broken.
func (cmd *botsCapacityCmd) find(ctx context.Context, c console, s *scenario.Scenario, search *capacity.Search,
	result *capacity.Result) error {
	for {
		load, done := search.Next()
		if done {
			return nil
		}
		run, err := cmd.once(ctx, c, s, load, len(result.Runs)+1)
		interrupted := ctx.Err() != nil
		switch {
		case interrupted:
			result.Unfinished = "it was interrupted"
			search.Stop()
			return nil //nolint:nilerr // the result says so
		case err != nil && len(result.Runs) == 0:
			return err
		case err != nil:
			run = capacity.Run{Load: load, Verdict: capacity.Broke, Reasons: []string{err.Error()}}
			result.Unfinished = "the server could not be reached any more"
			search.Stop()
		}
		result.Runs = append(result.Runs, run)
		search.Add(load, run.Verdict)
		_, _ = fmt.Fprintln(c.out, run.Line())
		if err == nil {
			rest(ctx, cmd.Pause)
		}
	}
}

// rest waits for d or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// once runs the bots once.
func (cmd *botsCapacityCmd) once(ctx context.Context, c console, s *scenario.Scenario, load, number int) (
	run capacity.Run, err error) {
	sized, err := s.Sized(cmd.Vary, load)
	if err != nil {
		return run, err //nolint:wrapcheck // says what is wrong
	}
	cfg, err := cmd.botsTarget.scenarioConfig(sized)
	if err != nil {
		return run, err
	}
	cfg.Thresholds = append(cfg.Thresholds, cmd.Objective...)
	if width := terminalWidth(c.err); !cmd.Quiet && width > 0 {
		cfg.Progress, cfg.TerminalWidth = c.err, width
	}
	r, err := bots.Run(ctx, *cfg)
	if err != nil {
		return run, err //nolint:wrapcheck // says what failed
	}
	if cmd.Reports != "" {
		if err := writeReports(filepath.Join(cmd.Reports, fmt.Sprintf("run-%03d-load-%d", number, load)), r); err != nil {
			return run, err
		}
	}
	return capacity.RunOf(load, r), nil
}

func writeReports(base string, r *report.Report) error {
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		return fmt.Errorf("--reports: %w", err)
	}
	page := func(w io.Writer) error { return html.Write(w, r) }
	for ext, write := range map[string]func(io.Writer) error{".json": r.WriteJSON, ".html": page} {
		if err := writeFile(base+ext, write); err != nil {
			return fmt.Errorf("--reports: %w", err)
		}
	}
	return nil
}

// scenario is the file's, or the one that the options describe.
func (cmd *botsCapacityCmd) scenario() (s *scenario.Scenario, err error) {
	if cmd.Scenario != "" {
		if s, err = readScenario(cmd.Scenario); err != nil {
			return nil, fmt.Errorf("%s: %w", cmd.Scenario, err)
		}
	} else {
		s = cmd.described()
	}
	if cmd.Hold > 0 {
		s = s.Holding(cmd.Hold)
	}
	if cmd.Vary == "" {
		cmd.Vary = s.Varies()
	}
	return s, nil
}

// described is a scenario of one meeting, to be sized.
func (cmd *botsCapacityCmd) described() *scenario.Scenario {
	many := 40
	role := func(kind string, count *int) scenario.Role {
		return scenario.Role{
			Role: kind, Count: count, AudioSlots: &cmd.SlotsAudio, VideoSlots: &cmd.SlotsVideo, Height: &cmd.Height,
		}
	}
	m := scenario.Meeting{Roles: []scenario.Role{role("publisher", &many)}}
	if cmd.Publishers > 0 {
		m.Roles = []scenario.Role{role("publisher", &cmd.Publishers), role("listener", &many)}
		if cmd.Vary == "" {
			cmd.Vary = "listener"
		}
	}
	return &scenario.Scenario{
		Name: "One meeting", Profile: cmd.Profile, Meetings: []scenario.Meeting{m},
		Stages: []scenario.Step{{Join: "all", Over: 2 * time.Second}, {Hold: 20 * time.Second}},
	}
}

// search begins the search between loads that can be run.
func (cmd *botsCapacityCmd) search(s *scenario.Scenario) (*capacity.Search, error) {
	for _, o := range cmd.Objective {
		if err := report.CheckThreshold(o); err != nil {
			return nil, err //nolint:wrapcheck // says what is wrong
		}
	}
	fits := func(load int) error {
		sized, err := s.Sized(cmd.Vary, load)
		if err == nil {
			_, err = sized.Plan()
		}
		return err //nolint:wrapcheck // says what is wrong
	}
	if err := fits(1); err != nil {
		return nil, err
	}
	largest := sort.Search(scenario.MaxBots, func(i int) bool { return fits(i+1) != nil })
	if cmd.Max == 0 {
		cmd.Max = largest
	}
	if cmd.Max > largest {
		return nil, fmt.Errorf("--max: one process runs up to %d", largest)
	}
	if cmd.Start == 0 {
		cmd.Start = min(cmd.Max, max(1, s.Size(cmd.Vary)/4))
	}
	cfg := capacity.Config{
		Start: cmd.Start, Max: cmd.Max, Resolution: cmd.Step, Repeat: cmd.Repeat, Retries: cmd.Retries,
	}
	if err := cfg.Check(); err != nil {
		return nil, err //nolint:wrapcheck // says what is wrong
	}
	return capacity.New(cfg), nil
}
