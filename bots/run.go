package bots

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"conclave/bots/client"
	"conclave/bots/measure"
	"conclave/bots/receive"
	"conclave/bots/report"
)

const (
	pulseInterval = 20 * time.Millisecond
	drainTime     = 500 * time.Millisecond // between the last packet sent and the count
	// maxJoins bounds the joins going on at once: a handshake is work for this machine too.
	maxJoins = 32
)

// Run makes the bots join, measures, and reports. An error means that there is nothing to report: the configuration
// is wrong, the server cannot be reached or refuses the token, or there is no such meeting. What goes wrong later is
// in the report's verdict.
func Run(ctx context.Context, cfg Config) (*report.Report, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	web, err := client.NewAPI(cfg.URL, cfg.Token, cfg.PlainHTTP)
	if err != nil {
		return nil, err
	}
	defer web.Client.CloseIdleConnections()
	local, err := localAddress(ctx, web.Host())
	if err != nil {
		return nil, err
	}
	if cfg.ServerPID == 0 {
		cfg.ServerPID = serverHere(web.LocalPort())
	}
	r := &runner{
		cfg: &cfg, api: web, local: local, lag: measure.NewLag(), rekeys: &measure.RekeyLog{},
		quiet: make(chan struct{}), gone: make(chan struct{}), over: make(chan struct{}), begun: time.Now(),
		active: map[*client.Bot]int{}, joining: map[*client.Bot]bool{}, joins: make(chan struct{}, maxJoins),
	}
	for i := range cfg.Plan.Bots {
		r.places = append(r.places, place{bot: &cfg.Plan.Bots[i]})
	}
	if err := r.signIn(ctx); err != nil {
		return nil, err
	}
	return r.run(ctx)
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
	cfg    *Config
	api    *client.API
	local  net.IP
	lag    *measure.Lag
	rekeys *measure.RekeyLog
	// meetings are those of the plan, in its order.
	meetings []meeting
	signed   time.Duration
	begun    time.Time
	joins    chan struct{} // a value for each join going on

	quiet chan struct{} // closed: publishers stop
	gone  chan struct{} // closed: all leave
	over  chan struct{} // closed: no bot is left, and none will join

	started int            // places that a bot has begun to fill; of the goroutine of run
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
	background.Go(func() { r.progress(ctx) })
	stages := r.cfg.Plan.Stages
	r.stage(ctx, stages[0])
	r.awaitJoins(ctx)
	r.awaitArrivals(ctx)
	r.rest(ctx, r.cfg.Settle)
	window := r.openWindow(ctx)
	for _, st := range stages[1:] {
		r.stage(ctx, st)
	}
	interrupted := ctx.Err() != nil
	window.close(r)
	end := time.Now()
	arrivals := r.arrivals(end)
	close(r.quiet)
	r.rekeys.End()
	r.rest(ctx, drainTime)
	r.collect(end, arrivals)
	close(r.gone)
	r.running.Wait()
	cancel()
	background.Wait()
	return r.report(window, interrupted)
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
	for ctx.Err() == nil && r.settled.Load() < int64(r.started) {
		r.rest(ctx, pulseInterval)
	}
}

// pulse gives every bot the chance to send its RTCP.
func (r *runner) pulse(ctx context.Context) {
	tick := time.NewTicker(pulseInterval)
	defer tick.Stop()
	var nextReports time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		reports := now.After(nextReports)
		if reports {
			nextReports = now.Add(receive.ReportInterval)
		}
		for _, b := range r.bots() {
			b.Pulse(now, reports, r.cfg.Timeline)
		}
	}
}
