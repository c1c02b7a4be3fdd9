package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"conclave/bots"
	"conclave/bots/agent"
	"conclave/bots/report"
)

// botsAgentCmd runs bots for a conductor on another machine.
type botsAgentCmd struct {
	Connect    string `required:"" placeholder:"HOST:PORT" help:"The conductor's address."`
	SecretFile string `required:"" placeholder:"FILE" help:"File that holds the secret of this run."`
	Target     string `required:"" placeholder:"URL" help:"The only server to which the bots go."`

	ClockAhead time.Duration `hidden:"" help:"For tests: the agent's clock shows so much more."`
}

// Run does one job.
func (cmd *botsAgentCmd) Run(c console) error {
	keepSmall()
	raw, err := os.ReadFile(cmd.SecretFile)
	if err != nil {
		return startError{fmt.Errorf("--secret-file: %w", err)}
	}
	secret, err := agent.ParseSecret(string(raw))
	if err != nil {
		return startError{fmt.Errorf("--secret-file: %w", err)}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = agent.Serve(ctx, agent.Config{
		Connect: cmd.Connect, Secret: secret, Target: cmd.Target, ClockAhead: cmd.ClockAhead,
		Say: func(text string) { _, _ = fmt.Fprintln(c.err, text) },
	})
	if err != nil {
		return startError{err}
	}
	return nil
}

// botsAgents are the options of a run on several machines.
type botsAgents struct {
	Agents     int    `placeholder:"N" help:"Run the bots on so many agents, not here: conclave bots agent."`
	Listen     string `placeholder:"HOST:PORT" help:"Address to which the agents connect."`
	SecretFile string `placeholder:"FILE" help:"File to make with the secret that the agents need."`
}

// check says which options are missing.
func (a *botsAgents) check() error {
	if a.Agents < 0 || a.Agents > agent.MaxAgents {
		return fmt.Errorf("--agents: between 1 and %d", agent.MaxAgents)
	}
	if given := a.Listen != "" && a.SecretFile != ""; given != (a.Agents > 0) || !given && a.Listen+a.SecretFile != "" {
		return errors.New("--agents, --listen and --secret-file go together")
	}
	return nil
}

// conduct runs the bots on agents. The secret is made for this run, and its file removed at the end.
func (a *botsAgents) conduct(ctx context.Context, c console, cfg *bots.Config) (rep *report.Report, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	secret := agent.NewSecret()
	f, err := os.OpenFile(a.SecretFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--secret-file: the secret is new for each run: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(a.SecretFile)) }()
	if _, err := fmt.Fprintln(f, secret); err != nil {
		return nil, errors.Join(fmt.Errorf("--secret-file: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("--secret-file: %w", err)
	}
	return agent.Conduct(ctx, agent.Conducting{
		Bots: *cfg, Secret: secret, Agents: a.Agents, Listener: listener,
		Say: func(text string) { _, _ = fmt.Fprintln(c.err, text) },
	})
}
