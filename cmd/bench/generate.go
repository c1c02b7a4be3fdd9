package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"conclave/bots"
	"conclave/bots/report"
)

// generateCmd is the child with the bots: its configuration is a bots.Config, its output a bots.Report.
type generateCmd struct{}

// Run runs the bots.
func (generateCmd) Run(parent context.Context) error {
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

// startBots starts bots against a server.
func startBots(ctx context.Context, s *server, cfg bots.Config, onLine func(string)) (*child, error) {
	cfg.URL, cfg.Token = s.ready.URL, s.ready.Token
	return startChild(ctx, "generate", cfg, onLine)
}

// botsOn runs bots against a server to their end.
func botsOn(ctx context.Context, s *server, cfg bots.Config, onLine func(string)) (*report.Report, error) {
	c, err := startBots(ctx, s, cfg, onLine)
	if err != nil {
		return nil, err
	}
	var report report.Report
	if err := c.next(&report); err != nil {
		return nil, err
	}
	return &report, c.stop()
}

// benchBots is the configuration of bots that load a server at little cost of their own: see docs/bots.md, --profile bench.
func benchBots(count, publishers, slots int, window time.Duration) bots.Config {
	return bots.Config{
		Count: count, Publishers: publishers, AudioSlots: slots, VideoSlots: slots, View: -1, Bench: true, Verify: 16,
		Poll: 5 * time.Millisecond, Ramp: 20 * time.Millisecond, Duration: window,
		// The server takes some seconds to see that these bots will not say what arrives, and to give them all there is.
		Settle: 5 * time.Second,
	}
}
