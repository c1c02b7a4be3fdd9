package child

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"conclave/bots"
	"conclave/bots/report"
)

// Generate is the child with the bots: its configuration is a bots.Config, its output a bots.Report.
type Generate struct{}

// Run runs the bots.
func (Generate) Run(parent context.Context) error {
	var cfg bots.Config
	ctx, cancel, err := inheritance(parent, &cfg)
	if err != nil {
		return err
	}
	defer cancel()
	cfg.Progress = os.Stderr
	report, err := bots.Run(ctx, cfg)
	if err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	return tell(report)
}

// StartBots starts bots against a server.
func StartBots(ctx context.Context, s *Server, cfg bots.Config, onLine func(string)) (*Process, error) {
	cfg.URL, cfg.Token, cfg.NoDefaultLimits = s.Ready.URL, s.Ready.Token, true
	return Start(ctx, "generate", cfg, onLine)
}

// RunBots runs bots against a server to their end.
func RunBots(ctx context.Context, s *Server, cfg bots.Config, onLine func(string)) (*report.Report, error) {
	c, err := StartBots(ctx, s, cfg, onLine)
	if err != nil {
		return nil, err
	}
	return reported(c)
}

// RunBotsUnder is RunBots with the bots started by another command, which brings them into a network of their own.
func RunBotsUnder(ctx context.Context, under []string, s *Server, cfg bots.Config,
	onLine func(string)) (*report.Report, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	cfg.URL, cfg.Token, cfg.NoDefaultLimits, cfg.PlainHTTP = s.Ready.URL, s.Ready.Token, true, true
	c, err := StartProgram(ctx, "generate", append(slices.Clone(under), self, "generate"), cfg, onLine)
	if err != nil {
		return nil, err
	}
	return reported(c)
}

func reported(c *Process) (*report.Report, error) {
	var report report.Report
	if err := c.Next(&report); err != nil {
		return nil, err
	}
	return &report, c.Stop()
}

// BenchBots is the configuration of bots that load a server at little cost of their own: see docs/bots.md, --profile
// bench.
func BenchBots(count, publishers, slots int, window time.Duration) bots.Config {
	return bots.Config{
		Count: count, Publishers: publishers, AudioSlots: slots, VideoSlots: slots, View: -1, Bench: true, Verify: 16,
		Poll: 5 * time.Millisecond, Ramp: 20 * time.Millisecond, Duration: window,
		// The server takes some seconds to see that these bots will not say what arrives, and to give them all there is.
		Settle: 5 * time.Second,
	}
}
