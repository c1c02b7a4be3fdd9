package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"conclave/bots"
	"conclave/bots/report"
)

// Config says what an agent does.
type Config struct {
	// Connect is the conductor's address.
	Connect string
	Secret  Secret
	// Target is the only server that the agent's bots go to.
	Target string
	// PlainHTTP is that of bots.Config.
	PlainHTTP bool
	// ClockAhead is what the agent's clock is made to show more, for tests.
	ClockAhead time.Duration
	// Say tells a person what happens; nil: no one.
	Say func(string)
}

// ErrTarget says that the conductor wants the bots elsewhere.
var ErrTarget = errors.New("bots: agent: the conductor's server is not the one named by --target")

// errLost says that the conductor is gone, so that the bots left.
var errLost = errors.New("bots: agent: the conductor is gone")

// Serve connects to a conductor, does one job, and returns. It ends when the conductor goes.
func Serve(ctx context.Context, cfg Config) error {
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	secure, err := cfg.Secret.config(agentSide, conductorSide)
	if err != nil {
		return err
	}
	dialer := tls.Dialer{Config: secure, NetDialer: &net.Dialer{Timeout: 10 * time.Second}}
	conn, err := dialer.DialContext(ctx, "tcp", cfg.Connect)
	if err != nil {
		return fmt.Errorf("bots: agent: %w", err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	a := &agent{
		cfg: &cfg, link: &link{conn: conn}, gates: make(chan string, 1), jobs: make(chan *job, 1),
		ended: make(chan struct{}),
	}
	if err := a.greet(); err != nil {
		return err
	}
	cfg.Say("connected; waiting for the others")
	var reading sync.WaitGroup
	defer reading.Wait()
	defer func() { _ = conn.Close() }()
	reading.Go(func() { cancel(a.listen()) })
	return a.work(ctx)
}

// agent is the side that runs bots.
type agent struct {
	cfg    *Config
	link   *link
	others bots.Others
	gates  chan string // that all runs have come to
	jobs   chan *job
	ended  chan struct{} // closed: the conductor said goodbye
}

// greet exchanges the first messages. The target is checked before anything else is heard.
func (a *agent) greet() error {
	if err := a.link.send(&message{Hello: &hello{Version: version}}); err != nil {
		return err
	}
	m, err := a.link.read()
	switch {
	case err != nil:
		return err
	case m.Hello == nil:
		return errMessage
	case m.Hello.Version != version:
		return fmt.Errorf("bots: agent: the conductor speaks version %d, this program %d", m.Hello.Version, version)
	case !sameServer(m.Hello.Target, a.cfg.Target):
		_ = a.link.send(&message{Bye: &bye{Reason: ErrTarget.Error()}})
		return ErrTarget
	}
	return nil
}

func sameServer(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// listen takes the conductor's messages until the connection ends. A nil error: it said goodbye.
func (a *agent) listen() error {
	for {
		m, err := a.link.read()
		if err != nil {
			return errors.Join(errLost, err)
		}
		switch {
		case m.Ping != nil:
			err = a.link.send(&message{Pong: &pong{TimeNS: time.Now().Add(a.cfg.ClockAhead).UnixNano()}})
		case m.Job != nil && len(a.jobs) == 0:
			a.jobs <- m.Job
		case m.Go != nil && len(a.gates) == 0:
			a.gates <- m.Go.Point
		case m.Elsewhere != nil:
			a.others.Set(m.Elsewhere.Published)
		case m.Bye != nil:
			close(a.ended)
			if m.Bye.Reason == "" {
				return nil
			}
			return fmt.Errorf("bots: agent: the conductor ended the run: %.200q", m.Bye.Reason)
		default:
			err = errMessage
		}
		if err != nil {
			return err
		}
	}
}

// work waits for the job, does it, and reports.
func (a *agent) work(ctx context.Context) error {
	var j *job
	select {
	case j = <-a.jobs:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	a.cfg.Say(fmt.Sprintf("running share %d of %d of %d bots", j.Index+1, j.Of, len(j.Plan.Bots)))
	rep, err := bots.Run(ctx, a.config(j))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		_ = a.link.send(&message{Done: &done{Error: err.Error()}})
		return err //nolint:wrapcheck // says what failed
	}
	if err := a.report(rep); err != nil {
		return err
	}
	<-ctx.Done() // the conductor asks for the time once more, and says goodbye
	select {
	case <-a.ended:
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			return cause
		}
		return nil
	default:
		return context.Cause(ctx)
	}
}

// config is the run of a job. The address is the agent's own.
func (a *agent) config(j *job) bots.Config {
	clock := j.Clock
	clock.Ahead = a.cfg.ClockAhead
	return bots.Config{
		URL: a.cfg.Target, PlainHTTP: a.cfg.PlainHTTP, Token: j.Token, Password: j.Password, Purpose: j.Purpose,
		Name: j.Name, Scenario: j.Scenario, Label: j.Label, Bench: j.Bench, Feedback: j.Feedback, Verify: j.Verify,
		Poll: j.Poll, Settle: j.Settle, JoinTimeout: j.JoinTimeout, LobbyTimeout: j.LobbyTimeout, Plan: j.Plan,
		NoDefaultLimits: true,
		Share: &bots.Share{
			Index: j.Index, Of: j.Of, Meetings: j.Meetings, Clock: clock, Gate: a.gate, Elsewhere: a.others.Get, Tell: a.tell,
		},
	}
}

// gate waits until all runs are at the point.
func (a *agent) gate(ctx context.Context, point string) error {
	if err := a.link.send(&message{At: &gate{Point: point}}); err != nil {
		return err
	}
	select {
	case p := <-a.gates:
		if p != point {
			return errMessage
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tell tells the conductor how the run stands. What fails, listen hears of as well.
func (a *agent) tell(l *report.Live, published []bots.Published) {
	l.Metrics = nil
	_ = a.link.send(&message{Tick: &tick{Live: l, Published: published}})
}

// report sends the report: the bots in batches, then the rest.
func (a *agent) report(rep *report.Report) error {
	audio, video := rep.Delays()
	list := rep.Bots
	for len(list) > 0 {
		n := min(len(list), maxBatch)
		batch := list[:n]
		if err := a.link.send(&message{Bots: &batch}); err != nil {
			return err
		}
		list = list[n:]
	}
	rep.Bots = nil
	return a.link.send(&message{Done: &done{Report: rep, Audio: countsOf(audio), Video: countsOf(video)}})
}
