package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"conclave/bots"
	"conclave/bots/measure"
	"conclave/bots/report"
)

const (
	// MaxAgents bounds the agents of one run.
	MaxAgents = 64
	// exchanges is how often an agent is asked for the time: the fastest answer counts.
	exchanges = 24
	// beat is the time between two messages to agents that wait or run.
	beat = time.Second
)

// Conducting says what a conductor does.
type Conducting struct {
	// Bots is the run. Its Plan must be set.
	Bots   bots.Config
	Secret Secret
	// Agents is how many are waited for, Listener where.
	Agents   int
	Listener net.Listener
	// Say tells a person what happens; nil: no one.
	Say func(string)
}

// Conduct waits for the agents, has them run the plan together, and returns their reports as one. The listener is
// closed when all agents are there. An error says that there is nothing to report.
func Conduct(ctx context.Context, cfg Conducting) (*report.Report, error) {
	defer func() { _ = cfg.Listener.Close() }()
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	if cfg.Agents < 1 || cfg.Agents > MaxAgents {
		return nil, fmt.Errorf("bots: agents: between 1 and %d", MaxAgents)
	}
	prepared, err := bots.Prepare(ctx, cfg.Bots)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what failed
	}
	if cfg.Agents > len(prepared.Config.Plan.Bots) {
		return nil, fmt.Errorf("bots: %d agents for %d bots", cfg.Agents, len(prepared.Config.Plan.Bots))
	}
	c := &conductor{
		cfg: &cfg, run: prepared, events: make(chan event), arrived: make(chan *link), over: make(chan struct{}),
		waiting: map[string]int{}, display: bots.Display{Out: prepared.Config.Progress, Width: prepared.Config.TerminalWidth},
	}
	rep, err := c.conduct(ctx)
	c.dismiss(err)
	return rep, err
}

// conductor is one run. The goroutine of Conduct owns it.
type conductor struct {
	cfg     *Conducting
	run     *bots.Prepared
	peers   []*peer
	arrived chan *link
	events  chan event
	over    chan struct{}  // closed: no one takes events any more
	waiting map[string]int // agents at each gate
	done    int
	display bots.Display
	server  server
}

// peer is an agent as the conductor sees it.
type peer struct {
	link  *link
	clock measure.Clock
	tick  *tick
	bots  []report.Bot // at most maxRecords
	done  *done
}

// event is a message of an agent, or the end of its connection.
type event struct {
	from *peer
	m    *message
	at   time.Time
	err  error
}

func (c *conductor) conduct(ctx context.Context) (*report.Report, error) {
	accepting, stop := context.WithCancel(ctx)
	defer stop()
	if err := c.accept(accepting); err != nil {
		return nil, err
	}
	if err := c.gather(ctx); err != nil {
		return nil, err
	}
	stop()
	for _, p := range c.peers {
		clock, err := c.ask(ctx, p)
		if err != nil {
			return nil, err
		}
		p.clock = clock
	}
	for i, p := range c.peers {
		if err := p.link.send(&message{Job: c.job(i, p)}); err != nil {
			return nil, fmt.Errorf("agent %d: %w", i+1, err)
		}
	}
	if err := c.lead(ctx); err != nil {
		return nil, err
	}
	return c.report(ctx)
}

// job is what agent i is to do.
func (c *conductor) job(i int, p *peer) *job {
	b := c.run.Config
	return &job{
		Token: b.Token, Password: b.Password, Purpose: b.Purpose, Name: b.Name, Scenario: b.Scenario, Label: b.Label,
		Bench: b.Bench, Feedback: b.Feedback, Verify: b.Verify, Poll: b.Poll, Settle: b.Settle, JoinTimeout: b.JoinTimeout,
		LobbyTimeout: b.LobbyTimeout, Plan: b.Plan, Meetings: c.run.Meetings, Index: i, Of: len(c.peers), Clock: p.clock,
	}
}

// next waits for the next event. An agent that says goodbye or goes ends the run.
func (c *conductor) next(ctx context.Context, beat <-chan time.Time) (e event, tick bool, err error) {
	select {
	case e = <-c.events:
	case <-beat:
		return e, true, nil
	case <-ctx.Done():
		return e, false, fmt.Errorf("bots: the run was interrupted: %w", ctx.Err())
	}
	switch {
	case e.err != nil:
		return e, false, fmt.Errorf("agent %d is gone: %w", c.number(e.from), e.err)
	case e.m.Bye != nil:
		return e, false, fmt.Errorf("agent %d left: %.200q", c.number(e.from), e.m.Bye.Reason)
	}
	return e, false, nil
}

func (c *conductor) number(p *peer) int {
	for i := range c.peers {
		if c.peers[i] == p {
			return i + 1
		}
	}
	return 0
}

// ask compares an agent's clock with this machine's.
func (c *conductor) ask(ctx context.Context, p *peer) (measure.Clock, error) {
	list := make([]measure.Exchange, 0, exchanges)
	for range exchanges {
		sent := time.Now()
		if err := p.link.send(&message{Ping: &ping{}}); err != nil {
			return measure.Clock{}, err
		}
		for answered := false; !answered; {
			e, _, err := c.next(ctx, nil)
			if err != nil {
				return measure.Clock{}, err
			}
			if answered = e.from == p && e.m.Pong != nil; answered {
				list = append(list, measure.Exchange{Sent: sent, Answered: time.Unix(0, e.m.Pong.TimeNS), Received: e.at})
			}
		}
	}
	clock, ok := measure.ClockOf(list)
	if !ok {
		return clock, errors.New("bots: agent: its clock cannot be read")
	}
	return clock, nil
}

// lead takes the agents through the run, until each has reported.
func (c *conductor) lead(ctx context.Context) error {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	c.server.begin(c.run.Config)
	defer c.server.end()
	for c.done < len(c.peers) {
		e, tick, err := c.next(ctx, ticker.C)
		switch {
		case err != nil:
			return err
		case tick:
			err = c.beat(ctx)
		default:
			err = c.take(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take takes an agent's message.
func (c *conductor) take(e event) error {
	p, m := e.from, e.m
	switch {
	case m.At != nil:
		return c.at(m.At.Point)
	case m.Tick != nil:
		p.tick = m.Tick
	case m.Bots != nil:
		if len(p.bots)+len(*m.Bots) > maxRecords {
			return fmt.Errorf("agent %d: more than %d bots in its report", c.number(p), maxRecords)
		}
		p.bots = append(p.bots, *m.Bots...)
	case m.Done != nil && p.done == nil:
		if m.Done.Error != "" {
			return fmt.Errorf("agent %d: %.200s", c.number(p), m.Done.Error)
		}
		p.done = m.Done
		c.done++
	case m.Pong != nil: // of before the run
	default:
		return fmt.Errorf("agent %d: %w", c.number(p), errMessage)
	}
	return nil
}

// at takes note that an agent is at a gate, and opens the gate when all are.
func (c *conductor) at(point string) error {
	switch point {
	case bots.GateBegin, bots.GateOpen, bots.GateQuiet, bots.GateLeave:
	default:
		return fmt.Errorf("%w: a gate", errMessage)
	}
	if c.waiting[point]++; c.waiting[point] < len(c.peers) {
		return nil
	}
	c.server.passed(point)
	return c.all(&message{Go: &gate{Point: point}})
}

// all sends a message to all agents.
func (c *conductor) all(m *message) error {
	for i, p := range c.peers {
		if err := p.link.send(m); err != nil {
			return fmt.Errorf("agent %d: %w", i+1, err)
		}
	}
	return nil
}

// beat tells each agent what the others publish, and shows how the run stands.
func (c *conductor) beat(ctx context.Context) error {
	sample := c.server.sample(ctx)
	live := &report.Live{Sample: sample}
	for i, p := range c.peers {
		if p.tick != nil {
			live.Add(p.tick.Live)
			live.Title, live.Stage, live.Count = p.tick.Live.Title, p.tick.Live.Stage, p.tick.Live.Count
		}
		if err := p.link.send(&message{Elsewhere: &elsewhere{Published: c.others(p)}}); err != nil {
			return fmt.Errorf("agent %d: %w", i+1, err)
		}
	}
	c.display.Show(live)
	return nil
}

// others sums up what the bots of all agents but one publish.
func (c *conductor) others(but *peer) []bots.Published {
	sum := make([]bots.Published, len(c.run.Meetings))
	for _, p := range c.peers {
		if p == but || p.tick == nil {
			continue
		}
		for i, n := range p.tick.Published {
			if i < len(sum) {
				sum[i].Audio += n.Audio
				sum[i].Video += n.Video
			}
		}
	}
	return sum
}

// report asks for the time once more, and puts the reports together.
func (c *conductor) report(ctx context.Context) (*report.Report, error) {
	parts := make([]report.Part, 0, len(c.peers))
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for i, p := range c.peers {
		after, err := c.ask(ctx, p)
		if err != nil {
			return nil, err
		}
		part := report.Part{Report: p.done.Report, Agent: report.Agent{
			Agent: i + 1, ClockOffsetMS: ms(p.clock.Offset), ClockErrorMS: ms(max(p.clock.Error, after.Error)),
			ClockDriftMS: ms(after.Offset - p.clock.Offset),
		}}
		part.Report.Bots = p.bots
		if part.Audio, err = p.done.Audio.histogram(); err != nil {
			return nil, err
		}
		if part.Video, err = p.done.Video.histogram(); err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	rep, failures := report.Combine(parts, c.server.seen())
	rep.Join["sign_in"] = report.Single(c.run.SignedIn)
	err := rep.Judge(report.Conditions{
		Thresholds: c.run.Config.Thresholds, NoDefaults: c.run.Config.NoDefaultLimits, Failures: failures,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // says what is wrong
	}
	return rep, nil
}

// dismiss sends the agents away; err is what they are told.
func (c *conductor) dismiss(err error) {
	close(c.over)
	m := &message{Bye: &bye{}}
	if err != nil {
		m.Bye.Reason = "the conductor met an error"
	}
	for _, p := range c.peers {
		_ = p.link.send(m)
		_ = p.link.conn.Close()
	}
}
