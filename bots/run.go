package bots

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/bots/client"
	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/path"
	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/bots/scenario"
	"conclave/bots/speech"
	"conclave/bots/wire"
)

const (
	pulseInterval = 20 * time.Millisecond
	pulseParts    = 5
	drainTime     = 500 * time.Millisecond // between the last packet sent and the count
	// maxJoins bounds the joins going on at once: a handshake is work for this machine too.
	maxJoins = 32
)

// Run makes the bots join, measures, and reports. An error means that there is nothing to report: the configuration
// is wrong, the server cannot be reached or refuses the token, or there is no such meeting. What goes wrong later is
// in the report's verdict.
func Run(ctx context.Context, cfg Config) (*report.Report, error) {
	r, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer r.api.Client.CloseIdleConnections()
	return r.run(ctx)
}

// begin checks the configuration, finds the way to the server, and signs in. The caller closes idle connections.
func begin(ctx context.Context, cfg Config) (*runner, error) {
	r, err := newRunner(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := r.signIn(ctx); err != nil {
		r.api.Client.CloseIdleConnections()
		return nil, err
	}
	return r, nil
}

// newRunner checks the configuration and finds the way to the server.
func newRunner(ctx context.Context, cfg Config) (*runner, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if !wire.CanSample && cfg.Plan.Sampled() > 0 {
		return nil, errNoSample
	}
	web, err := client.NewAPI(cfg.URL, cfg.Token, cfg.PlainHTTP)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what is wrong
	}
	local, err := localAddress(ctx, web.Host())
	if err != nil {
		return nil, err
	}
	if cfg.ServerPID == 0 {
		cfg.ServerPID = serverHere(web.LocalPort())
	}
	identity, err := path.NewIdentity()
	if err != nil {
		return nil, err
	}
	r := &runner{
		cfg: &cfg, api: web, local: local, identity: identity,
		lag: measure.NewLag(), recent: measure.NewRecent(), rekeys: &measure.RekeyLog{},
		quiet: make(chan struct{}), gone: make(chan struct{}), over: make(chan struct{}), begun: time.Now(),
		active: map[*client.Bot]int{}, joining: map[*client.Bot]bool{}, joins: make(chan struct{}, maxJoins),
	}
	for i := range cfg.Plan.Bots {
		r.places = append(r.places, place{bot: &cfg.Plan.Bots[i]})
		if !r.owns(i) {
			r.done.Add(1)
		}
	}
	if err := r.checkMetrics(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// errAttacks keeps attacks where they are allowed.
var errAttacks = errors.New("bots: the roles flooder and guesser go to a server at a loopback address, " +
	"or to one whose operator allows them (bot_attacks)")

// errNoSample is of systems that cannot discard at the socket.
var errNoSample = errors.New("bots: sample: the bots' machine must run Linux on amd64 or arm64")

// mayRun says whether a plan's bots may go to a server that does or does not let them attack it.
func mayRun(p *scenario.Plan, attacks bool) error {
	if !attacks && slices.ContainsFunc(p.Bots, func(b scenario.Bot) bool { return b.Attacks() }) {
		return errAttacks
	}
	return nil
}

// localAddress returns the address from which host is reached. Nothing is sent.
func localAddress(ctx context.Context, host string) (net.IP, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", net.JoinHostPort(host, "9"))
	if err != nil {
		return nil, fmt.Errorf("bots: address: %w", err)
	}
	defer func() { _ = conn.Close() }()
	addr, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("bots: address: %T is not UDP", conn.LocalAddr())
	}
	return addr.IP, nil
}

// serverHere returns the process that listens on a port of this machine, 0 if there is none but this one.
func serverHere(port int) int {
	if port == 0 {
		return 0
	}
	if pid := measure.ListenerPID(port); pid != os.Getpid() {
		return pid
	}
	return 0
}

// runner is one run.
type runner struct {
	cfg *Config
	api *client.API
	// guests is the API of those who are not the meetings' creators; nil if the plan has none.
	guests *client.API
	local  net.IP
	// identity is the certificate that all bots share.
	identity *path.Identity
	buffers  wire.Buffers // of their sockets
	decoder  client.Decoder

	lag    *measure.Lag
	recent *measure.Recent
	rekeys *measure.RekeyLog
	// meetings are those of the plan, in its order.
	meetings []meeting
	clips    map[playing]*clip.Clip
	// conversations say who speaks when in each meeting; nil where all do.
	conversations []*speech.Conversation
	signed        time.Duration
	begun         time.Time
	joins         chan struct{} // a value for each join going on

	quiet chan struct{} // closed: publishers stop
	gone  chan struct{} // closed: all leave
	over  chan struct{} // closed: no bot is left, and none will join

	stageNow atomic.Int64 // from 1; 0: none has begun

	started int            // places that a bot has begun to fill, or another run's bot; of the goroutine of run
	own     int            // those of this run; likewise
	running sync.WaitGroup // those that still have one
	done    atomic.Int64   // those that have none any more

	mu      sync.Mutex
	active  map[*client.Bot]int // in the meeting, with its place
	joining map[*client.Bot]bool
	places  []place
	left    tally // of bots that are no longer active
	wanted  int   // bots that began to join
	joined  int   // bots that did
	settled atomic.Int64
}

// run goes through the plan's stages. What is measured begins when those that joined in the first one have settled.
func (r *runner) run(ctx context.Context) (*report.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() { r.pulse(ctx) })
	watch := newSampler(r)
	background.Go(func() { watch.run(ctx) })
	stages := r.cfg.Plan.Stages
	if !r.gate(ctx, GateBegin) {
		cancel()
	}
	joining := watchMachine(ctx, r.cfg.ServerPID)
	r.stage(ctx, stages[0])
	r.awaitJoins(ctx)
	joining.close()
	r.awaitArrivals(ctx)
	r.rest(ctx, r.cfg.Settle)
	if !r.gate(ctx, GateOpen) {
		cancel()
	}
	window := r.openWindow(ctx)
	for _, st := range stages[1:] {
		r.stage(ctx, st)
	}
	interrupted := ctx.Err() != nil
	window.close(r)
	end := time.Now()
	arrivals := r.arrivals(end)
	r.gate(ctx, GateQuiet) // without the others: on to the end
	close(r.quiet)
	r.rekeys.End()
	r.rest(ctx, drainTime)
	r.collect(end, arrivals)
	r.gate(ctx, GateLeave)
	close(r.gone)
	r.running.Wait()
	cancel()
	background.Wait()
	return r.report(window, joining, &watch.series, interrupted)
}

// rest waits for d, until ctx ends, or until no bot is left and none will join.
func (r *runner) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.over:
	case <-ctx.Done():
	}
}

// awaitJoins returns when every bot is in or has failed.
func (r *runner) awaitJoins(ctx context.Context) {
	for ctx.Err() == nil && r.settled.Load() < int64(r.own) {
		r.rest(ctx, pulseInterval)
	}
}

// pulse gives every bot the chance to send its RTCP, each at a moment of its own within the interval: people's clients
// are not in step, and what comes in volleys costs a server less.
func (r *runner) pulse(ctx context.Context) {
	tick := time.NewTicker(pulseInterval / pulseParts)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		for i, b := range r.bots() {
			if due, reports := pulseDue(n, i); due {
				b.Pulse(now, reports, r.cfg.Timeline)
			}
		}
	}
}

// pulseDue says whether bot i has its pulse at tick n, and whether its sender reports are due then.
func pulseDue(n, i int) (due, reports bool) {
	const rounds = int(receive.ReportInterval / pulseInterval)
	return n%pulseParts == i%pulseParts, (n/pulseParts+i)%rounds == 0
}
