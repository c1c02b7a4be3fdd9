package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"conclave/bots"
	"conclave/bots/html"
	"conclave/bots/report"
	"conclave/bots/scenario"
)

// botsCmd loads a server with bots. Options are explained in docs/bots.md.
type botsCmd struct {
	Load botsLoadCmd `cmd:"" default:"withargs" help:"One meeting, described by options (the default)."`
	Run  botsRunCmd  `cmd:"" help:"Meetings, roles and stages, described by a scenario file."`

	Agent botsAgentCmd `cmd:"" help:"Run bots for a conductor on another machine: bots run --agents."`

	Capacity botsCapacityCmd `cmd:"" help:"Find the largest load that meets objectives."`

	Compare botsCompareCmd `cmd:"" help:"Compare reports: medians, ratios, and whether they exceed the spread of runs."`
}

// botsForms is where a report is written, and in which forms.
type botsForms struct {
	JSON  string `name:"json" placeholder:"FILE" help:"Write the report there; - is the standard output."`
	CSV   string `name:"csv" placeholder:"FILE" help:"Write a line for each bot there."`
	JUnit string `name:"junit" placeholder:"FILE" help:"Write the thresholds there as tests, for CI."`
	HTML  string `name:"html" placeholder:"FILE" help:"Write a page with plots there."`
}

// botsTarget is what all runs have: where they go, and what they are judged by.
type botsTarget struct {
	URL       string `name:"url" aliases:"server" required:"" placeholder:"URL" help:"Server: https://meet.example.org."`
	Token     string `env:"CONCLAVE_BOT_TOKEN" placeholder:"HEX" help:"The operator's token. Better: --token-file."`
	TokenFile string `placeholder:"FILE" help:"File that holds the token."`
	Meeting   string `env:"CONCLAVE_BOT_MEETING" placeholder:"ADDRESS" help:"Meeting to join. Default: a new one."`
	Password  string `name:"meeting-password" placeholder:"TEXT" help:"The meeting's password."`
	Purpose   string `default:"Testing this server" placeholder:"TEXT" help:"Why people should let bots hear them."`
	BotName   string `default:"Bot" help:"What the display names begin with."`

	JoinTimeout  time.Duration `default:"30s" help:"How long one join may take, without the waiting room."`
	LobbyTimeout time.Duration `default:"5m" help:"How long a bot waits to be let in."`
	ServerPID    int           `name:"server-pid" placeholder:"PID" help:"The server's process on this machine."`
	Feedback     bool          `default:"true" negatable:"" help:"Send congestion feedback, as browsers do."`
	Verify       int           `placeholder:"N" help:"Decrypt every n-th packet. Default: 1; bench: 16."`
	Poll         time.Duration `placeholder:"DURATION" help:"Let packets gather in sockets. Default: 0; bench: 5ms."`

	Threshold []string `sep:"none" placeholder:"METRIC<VALUE" help:"Fail unless this holds: join.p99<2s."`
	Defaults  bool     `name:"default-limits" default:"true" negatable:"" help:"Judge joins, delays and freezes."`
	Metrics   string   `name:"server-metrics" placeholder:"URL" help:"Plot the server's metrics from this page."`
	Label     string   `placeholder:"TEXT" help:"What to call this run in its report."`
	Quiet     bool     `short:"q" help:"No progress lines."`
}

// botsLoadCmd is a run of one meeting.
type botsLoadCmd struct {
	botsTarget `embed:""`
	botsForms  `embed:""`

	E2EE         bool          `name:"e2ee" default:"true" negatable:"" help:"Encrypt the bots' own meeting end to end."`
	Count        int           `short:"n" default:"3" help:"How many bots."`
	Publishers   string        `default:"all" help:"How many of them publish; the others listen."`
	Screens      int           `help:"How many of the publishers share a screen too."`
	MuteAudio    bool          `help:"Publish no sound."`
	MuteVideo    bool          `help:"Publish no camera."`
	NoSimulcast  bool          `help:"Publish the camera as one encoding (720p) instead of three."`
	Codec        string        `enum:"vp8,vp9,av1" default:"vp8" help:"What pictures are encoded in."`
	Transport    string        `enum:"udp,ice_tcp,turn_tcp,turn_tls" default:"udp" help:"How media goes."`
	View         string        `default:"all" help:"How many cameras each bot wants to see."`
	Height       int           `default:"180" help:"How high it shows them, in pixels."`
	SlotsAudio   int           `default:"4" help:"Audio slots each bot asks for."`
	SlotsVideo   int           `default:"9" help:"Video slots each bot asks for."`
	Sample       int           `placeholder:"N" help:"Let the kernel discard all but 1 packet in N of what listeners get."`
	Profile      string        `enum:"normal,bench" default:"normal" help:"bench: for measuring a server (docs/bots.md)."`
	Duration     time.Duration `short:"d" default:"20s" help:"How long to stay once all are in."`
	Settle       time.Duration `default:"2s" help:"Time between the last arrival and the measured window."`
	Ramp         time.Duration `default:"20ms" help:"Time between two joins."`
	FlipInterval time.Duration `placeholder:"DURATION" help:"Turn the page of what each bot views this often."`
	Churn        time.Duration `placeholder:"DURATION" help:"Make one bot leave and come back this often."`
	Away         time.Duration `placeholder:"DURATION" help:"How long it stays away."`
	PrintAddress bool          `help:"Print the address of the bots' own meeting, with its key, to look in."`
}

// botsRunCmd is a run of a scenario file.
type botsRunCmd struct {
	botsTarget `embed:""`
	botsForms  `embed:""`
	botsAgents `embed:""`

	Scenario string  `arg:"" placeholder:"FILE" help:"Scenario file."`
	Scale    float64 `default:"1" placeholder:"FACTOR" help:"Run with so many times the bots and the time."`
	Time     float64 `default:"1" placeholder:"FACTOR" help:"Run with so many times the time, besides --scale."`
}

// verdictError ends the command with the verdict's exit code: 1 failed, 2 invalid.
type verdictError struct{ verdict report.Verdict }

// Error implements error.
func (e verdictError) Error() string {
	return "the run " + map[report.Verdict]string{
		report.Failed: "failed", report.Invalid: "is invalid: it says nothing about the server"}[e.verdict]
}

// ExitCode implements kong.ExitCoder.
func (e verdictError) ExitCode() int { return e.verdict.ExitCode() }

// notStarted is the exit code of a run that could not begin: a wrong option, an unreachable server, a refused token.
const notStarted = 3

// startError ends the command when there was nothing to measure.
type startError struct{ error }

// Unwrap implements errors.Unwrap.
func (e startError) Unwrap() error { return e.error }

// ExitCode implements kong.ExitCoder.
func (startError) ExitCode() int { return notStarted }

// usageCode is the exit code of a command line that cannot be understood. For bots 1 and 2 are verdicts.
func usageCode(args []string) int {
	if len(args) > 0 && args[0] == "bots" {
		return notStarted
	}
	return 2
}

// Run runs the bots.
func (cmd *botsLoadCmd) Run(c console) error {
	cfg, err := cmd.config()
	if err != nil {
		return startError{err}
	}
	if cmd.PrintAddress {
		cfg.Made = func(address string) { _, _ = fmt.Fprintln(c.err, "address", address) }
	}
	return cmd.run(c, cfg, &cmd.botsForms, bots.Run)
}

// Run runs the scenario.
func (cmd *botsRunCmd) Run(c console) error {
	if err := cmd.botsAgents.check(); err != nil {
		return startError{err}
	}
	cfg, err := cmd.config()
	if err != nil {
		return startError{err}
	}
	how := bots.Run
	if cmd.Agents > 0 {
		how = func(ctx context.Context, cfg bots.Config) (*report.Report, error) {
			return cmd.conduct(ctx, c, &cfg)
		}
	}
	return cmd.run(c, cfg, &cmd.botsForms, how)
}

// keepSmall has the process of bots collect its garbage earlier than Go does by itself, unless GOGC says when: how many
// bots a machine can run is a matter of memory, and what they make is little.
func keepSmall() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// run runs bots, and writes what came of it.
func (t *botsTarget) run(c console, cfg *bots.Config, forms *botsForms,
	how func(context.Context, bots.Config) (*report.Report, error)) error {
	keepSmall()
	if err := forms.check(); err != nil {
		return startError{err}
	}
	if !t.Quiet {
		cfg.Progress, cfg.TerminalWidth = c.err, terminalWidth(c.err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	outcome, err := how(ctx, *cfg)
	if err != nil {
		return startError{err}
	}
	if err := forms.write(c, outcome); err != nil {
		return startError{err}
	}
	if outcome.Verdict != report.Passed {
		return verdictError{outcome.Verdict}
	}
	return nil
}

// config is what the options of all runs say.
func (t *botsTarget) config(bench bool) (*bots.Config, error) {
	token := t.Token
	if t.TokenFile != "" {
		raw, err := os.ReadFile(t.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		token = strings.TrimSpace(string(raw))
	}
	cfg := &bots.Config{
		URL: t.URL, Token: token, Meeting: t.Meeting, Password: t.Password, Name: t.BotName, Purpose: t.Purpose,
		JoinTimeout: t.JoinTimeout, LobbyTimeout: t.LobbyTimeout, ServerPID: t.ServerPID, Feedback: t.Feedback,
		Verify: t.Verify, Poll: t.Poll, Thresholds: t.Threshold, NoDefaultLimits: !t.Defaults, Bench: bench,
		MetricsURL: t.Metrics, Label: t.Label,
	}
	if bench && t.Verify == 0 {
		cfg.Verify = 16
	}
	if bench && t.Poll == 0 {
		cfg.Poll = 5 * time.Millisecond
	}
	return cfg, nil
}

func (cmd *botsLoadCmd) config() (*bots.Config, error) {
	publishers, err := allOr(cmd.Publishers, "--publishers")
	if err != nil {
		return nil, err
	}
	view, err := allOr(cmd.View, "--view")
	if err != nil {
		return nil, err
	}
	cfg, err := cmd.botsTarget.config(cmd.Profile == "bench")
	if err != nil {
		return nil, err
	}
	cfg.E2EE, cfg.Count, cfg.Publishers, cfg.Screens = cmd.E2EE, cmd.Count, publishers, cmd.Screens
	cfg.MuteAudio, cfg.MuteVideo, cfg.Simulcast = cmd.MuteAudio, cmd.MuteVideo, !cmd.NoSimulcast
	cfg.AudioSlots, cfg.VideoSlots, cfg.View, cfg.Height = cmd.SlotsAudio, cmd.SlotsVideo, view, cmd.Height
	cfg.Duration, cfg.Settle, cfg.Ramp = cmd.Duration, cmd.Settle, cmd.Ramp
	cfg.Codec, cfg.Transport, cfg.Sample = cmd.Codec, cmd.Transport, cmd.Sample
	cfg.Flip, cfg.Churn, cfg.Away = cmd.FlipInterval, cmd.Churn, cmd.Away
	return cfg, nil
}

func (cmd *botsRunCmd) config() (*bots.Config, error) {
	s, err := readScenario(cmd.Scenario)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.Scenario, err)
	}
	if cmd.Scale != 1 || cmd.Time != 1 {
		if s, err = s.Scaled(cmd.Scale, cmd.Scale*cmd.Time); err != nil {
			return nil, fmt.Errorf("--scale, --time: %w", err)
		}
	}
	cfg, err := cmd.botsTarget.scenarioConfig(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.Scenario, err)
	}
	return cfg, nil
}

// scenarioConfig is what a scenario and the options of all runs say.
func (t *botsTarget) scenarioConfig(s *scenario.Scenario) (*bots.Config, error) {
	cfg, err := t.config(s.Profile == "bench")
	if err != nil {
		return nil, err
	}
	if cfg.Plan, err = s.Plan(); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	cfg.Scenario, cfg.Settle = s.Name, s.Settle
	cfg.Thresholds = append(slices.Clone(s.Thresholds), cfg.Thresholds...)
	cfg.NoDefaultLimits = cfg.NoDefaultLimits || s.NoDefaultLimits
	return cfg, nil
}

func readScenario(name string) (*scenario.Scenario, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, scenario.MaxFile+1))
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file
	}
	return scenario.Parse(raw)
}

// allOr reads a number, or "all" as -1.
func allOr(text, flag string) (int, error) {
	if text == "all" {
		return -1, nil
	}
	var n int
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 0 || fmt.Sprint(n) != text {
		return 0, fmt.Errorf("%s: %q is neither a number nor \"all\"", flag, text)
	}
	return n, nil
}

// check opens the files: what cannot be written is an error before there is load.
func (t *botsForms) check() error {
	for _, form := range []struct{ flag, file string }{
		{"--json", t.JSON}, {"--html", t.HTML}, {"--csv", t.CSV}, {"--junit", t.JUnit},
	} {
		if form.file == "-" {
			continue
		}
		if err := canWrite(form.file); err != nil {
			return fmt.Errorf("%s: %w", form.flag, err)
		}
	}
	return nil
}

// canWrite makes the file if there is none; empty names none.
func canWrite(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err //nolint:wrapcheck // names the file
	}
	return f.Close() //nolint:wrapcheck // names the file
}

// write writes the report in all forms that were asked for.
func (t *botsForms) write(c console, outcome *report.Report) error {
	if t.JSON != "-" {
		if err := outcome.WriteText(c.out); err != nil {
			return err //nolint:wrapcheck // says what failed
		}
	}
	if t.JSON == "-" {
		if err := outcome.WriteJSON(c.out); err != nil {
			return fmt.Errorf("--json: %w", err)
		}
	}
	for _, form := range []struct {
		flag, file string
		write      func(io.Writer) error
	}{
		{"--json", t.JSON, outcome.WriteJSON},
		{"--html", t.HTML, func(w io.Writer) error { return html.Write(w, outcome) }},
		{"--csv", t.CSV, outcome.WriteCSV}, {"--junit", t.JUnit, outcome.WriteJUnit},
	} {
		if form.file == "" || form.file == "-" {
			continue
		}
		if err := writeFile(form.file, form.write); err != nil {
			return fmt.Errorf("%s: %w", form.flag, err)
		}
	}
	return nil
}

// writeFile makes a file. Reports hold figures, no secrets.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err //nolint:wrapcheck // names the file
	}
	return errors.Join(write(f), f.Close())
}
