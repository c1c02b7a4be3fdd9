package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"conclave/bots"
	"conclave/bots/report"
)

// botsCmd loads a server with bots. Options are explained in docs/bots.md.
type botsCmd struct {
	URL          string        `name:"url" aliases:"server" required:"" placeholder:"URL" help:"The server's address: https://meet.example.org."`
	Token        string        `env:"CONCLAVE_BOT_TOKEN" placeholder:"HEX" help:"Token that the server's operator issued (better: the environment or --token-file)."`
	TokenFile    string        `placeholder:"FILE" help:"File that holds the token."`
	Meeting      string        `env:"CONCLAVE_BOT_MEETING" placeholder:"ID" help:"Meeting to join: its id, or the whole link (in quotes) if it is end-to-end encrypted. Default: a new one without a lobby."`
	E2EE         bool          `name:"e2ee" default:"true" negatable:"" help:"Make the bots' own meeting end-to-end encrypted."`
	Purpose      string        `default:"Testing this server" placeholder:"TEXT" help:"Why people should let the bots receive them; empty: they are not asked."`
	Password     string        `name:"meeting-password" placeholder:"TEXT" help:"The meeting's password."`
	BotName      string        `default:"Bot" help:"What the display names begin with."`
	Count        int           `short:"n" default:"3" help:"How many bots."`
	Publishers   string        `default:"all" help:"How many of them publish; the others listen."`
	Screens      int           `help:"How many of the publishers share a screen too."`
	MuteAudio    bool          `help:"Publish no sound."`
	MuteVideo    bool          `help:"Publish no camera."`
	NoSimulcast  bool          `help:"Publish the camera as one encoding (720p) instead of three."`
	View         string        `default:"all" help:"How many cameras each bot wants to see."`
	Height       int           `default:"180" help:"How high it shows them, in pixels."`
	SlotsAudio   int           `default:"4" help:"Audio slots each bot asks for."`
	SlotsVideo   int           `default:"9" help:"Video slots each bot asks for."`
	Profile      string        `enum:"normal,bench" default:"normal" help:"bench: one encoding of 120 packets of 1,100 bytes a second, and receivers that mostly count."`
	Feedback     bool          `default:"true" negatable:"" help:"Send transport-wide congestion feedback, as browsers do."`
	Verify       int           `placeholder:"N" help:"Decrypt and authenticate every n-th received packet. Default: 1 (all); with --profile bench 16."`
	Poll         time.Duration `placeholder:"DURATION" help:"Let packets gather this long in a bot's socket between reads. Default: 0; with --profile bench 5ms."`
	Duration     time.Duration `short:"d" default:"20s" help:"How long to stay once all are in."`
	Settle       time.Duration `default:"2s" help:"Time between the last arrival and the measured window."`
	Ramp         time.Duration `default:"20ms" help:"Time between two joins."`
	JoinTimeout  time.Duration `default:"30s" help:"How long one join may take, without the waiting room."`
	LobbyTimeout time.Duration `default:"5m" help:"How long a bot waits to be let in."`
	FlipInterval time.Duration `placeholder:"DURATION" help:"Turn the page of what each bot views this often."`
	Churn        time.Duration `placeholder:"DURATION" help:"Make one bot leave and come back this often."`
	Away         time.Duration `placeholder:"DURATION" help:"How long it stays away."`
	ServerPID    int           `name:"server-pid" placeholder:"PID" help:"The server's process on this machine: report its CPU time per packet delivered."`
	Threshold    []string      `sep:"none" placeholder:"METRIC<VALUE" help:"Fail unless this holds, for example join.p99<2s or loss<=0.1%. May be repeated."`
	Defaults     bool          `name:"default-limits" default:"true" negatable:"" help:"Fail when joins are slow, media late or pictures frozen (docs/bots.md)."`
	JSON         string        `name:"json" placeholder:"FILE" help:"Write the whole report there. - is the standard output, without the text."`
	Quiet        bool          `short:"q" help:"No progress lines."`
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
func (cmd *botsCmd) Run(c console) error {
	cfg, err := cmd.config()
	if err != nil {
		return startError{err}
	}
	if !cmd.Quiet {
		cfg.Progress = c.err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	outcome, err := bots.Run(ctx, *cfg)
	if err != nil {
		return startError{err}
	}
	if err := cmd.write(c, outcome); err != nil {
		return err
	}
	if outcome.Verdict != report.Passed {
		return verdictError{outcome.Verdict}
	}
	return nil
}

func (cmd *botsCmd) config() (*bots.Config, error) {
	token := cmd.Token
	if cmd.TokenFile != "" {
		raw, err := os.ReadFile(cmd.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		token = strings.TrimSpace(string(raw))
	}
	publishers, err := allOr(cmd.Publishers, "--publishers")
	if err != nil {
		return nil, err
	}
	view, err := allOr(cmd.View, "--view")
	if err != nil {
		return nil, err
	}
	cfg := &bots.Config{
		URL: cmd.URL, Token: token, Meeting: cmd.Meeting, Password: cmd.Password, Name: cmd.BotName,
		Count: cmd.Count, Publishers: publishers, Screens: cmd.Screens, MuteAudio: cmd.MuteAudio, MuteVideo: cmd.MuteVideo,
		Simulcast: !cmd.NoSimulcast, AudioSlots: cmd.SlotsAudio, VideoSlots: cmd.SlotsVideo, View: view, Height: cmd.Height,
		Duration: cmd.Duration, Settle: cmd.Settle, Ramp: cmd.Ramp, JoinTimeout: cmd.JoinTimeout,
		LobbyTimeout: cmd.LobbyTimeout, NoDefaultLimits: !cmd.Defaults,
		Flip: cmd.FlipInterval, Churn: cmd.Churn, Verify: cmd.Verify, Feedback: cmd.Feedback, Poll: cmd.Poll,
		Away: cmd.Away, E2EE: cmd.E2EE, Purpose: cmd.Purpose, ServerPID: cmd.ServerPID, Thresholds: cmd.Threshold,
	}
	if cmd.Profile == "bench" {
		cfg.Bench = true
		if cmd.Verify == 0 {
			cfg.Verify = 16
		}
		if cmd.Poll == 0 {
			cfg.Poll = 5 * time.Millisecond
		}
	}
	return cfg, nil
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

func (cmd *botsCmd) write(c console, report *report.Report) error {
	if cmd.JSON != "-" {
		if err := report.WriteText(c.out); err != nil {
			return err
		}
	}
	if cmd.JSON == "" {
		return nil
	}
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	raw = append(raw, '\n')
	if cmd.JSON == "-" {
		_, err = c.out.Write(raw)
	} else {
		err = os.WriteFile(cmd.JSON, raw, 0o644) //nolint:gosec // figures, no secrets
	}
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	return nil
}
