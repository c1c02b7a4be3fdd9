package bots

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"conclave/bots/client"
	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/e2ee"
	"conclave/protocol"
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
	played, err := clip.Load()
	if err != nil {
		return nil, err
	}
	if cfg.Bench {
		played = played.Bench(cfg.E2EE)
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
		cfg: &cfg, api: web, clip: played, local: local, lag: measure.NewLag(), rekeys: &measure.RekeyLog{},
		quiet: make(chan struct{}), gone: make(chan struct{}), over: make(chan struct{}), started: time.Now(),
		active: map[*client.Bot]int{}, joining: map[*client.Bot]bool{}, places: make([]place, cfg.Count),
		joins: make(chan struct{}, maxJoins),
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
	cfg     *Config
	api     *client.API
	clip    *clip.Clip
	local   net.IP
	lag     *measure.Lag
	rekeys  *measure.RekeyLog
	meeting protocol.MeetingID
	signed  time.Duration
	started time.Time
	joins   chan struct{} // a value for each join going on

	quiet chan struct{} // closed: publishers stop
	gone  chan struct{} // closed: all leave
	over  chan struct{} // closed: all places are over, and no bot will join any more

	mu      sync.Mutex
	active  map[*client.Bot]int // in the meeting, with its place
	joining map[*client.Bot]bool
	places  []place
	left    tally // of bots that are no longer active
	wanted  int   // bots that began to join
	joined  int   // bots that did
	settled atomic.Int64
}

// signIn checks the token and the meeting, or makes one: what is wrong with either is an error before there is any
// load.
func (r *runner) signIn(ctx context.Context) error {
	at := time.Now()
	if err := r.api.SignIn(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	r.signed = time.Since(at)
	if r.cfg.Meeting != "" {
		r.meeting = protocol.MeetingID(r.cfg.Meeting)
		return r.lookUp(ctx)
	}
	return r.create(ctx)
}

// lookUp checks that the meeting is there, and that the bots can join it with what they were given.
func (r *runner) lookUp(ctx context.Context) error {
	info, err := r.api.Meeting(ctx, r.meeting)
	if err != nil {
		return fmt.Errorf("meeting %s: %w", r.meeting, err)
	}
	switch {
	case info.E2EE && r.cfg.link == nil:
		return errNeedsLink
	case !info.E2EE && r.cfg.link != nil:
		return client.ErrDowngrade
	case info.Password && r.cfg.Password == "":
		return errNeedsPassword
	}
	if info.Lobby && r.cfg.Progress != nil {
		_, _ = fmt.Fprintln(r.cfg.Progress, "The meeting has a waiting room: a host must admit the bots. "+
			"In the meeting, open People and choose \"Admit all\".")
	}
	return nil
}

var (
	errNeedsLink = errors.New(
		"bots: the meeting is end-to-end encrypted: give its whole link, in quotes; the part behind the # is its key")
	errNeedsPassword = errors.New("bots: the meeting has a password: give it with --meeting-password")
)

// create makes a meeting of the bots' own.
func (r *runner) create(ctx context.Context) (err error) {
	if r.meeting, err = r.api.CreateMeeting(ctx, "Bots", r.cfg.E2EE); err != nil {
		return fmt.Errorf("create a meeting: %w", err)
	}
	if !r.cfg.E2EE {
		return nil
	}
	creator, err := e2ee.NewIdentity(rand.Reader)
	if err != nil {
		return fmt.Errorf("create a meeting: %w", err)
	}
	link, err := e2ee.NewLink(rand.Reader, creator.Public(), false)
	if err != nil {
		return fmt.Errorf("create a meeting: %w", err)
	}
	r.cfg.link = &link
	return nil
}

func (r *runner) run(ctx context.Context) (*report.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background, places sync.WaitGroup
	background.Go(func() { r.pulse(ctx) })
	background.Go(func() { r.progress(ctx) })
	for i := range r.places {
		places.Go(func() { r.fill(ctx, i) })
	}
	ended := make(chan struct{})
	go func() {
		places.Wait()
		close(r.over)
		close(ended)
	}()
	r.awaitJoins(ctx)
	r.awaitArrivals(ctx)
	r.rest(ctx, r.cfg.Settle)
	window := r.openWindow(ctx)
	if r.cfg.Churn > 0 {
		background.Go(func() { r.churn(ctx) })
	}
	r.rest(ctx, r.cfg.Duration)
	interrupted := ctx.Err() != nil
	window.close(r)
	end := time.Now()
	arrivals := r.arrivals(end)
	close(r.quiet)
	r.rekeys.End()
	r.rest(ctx, drainTime)
	r.collect(end, arrivals)
	close(r.gone)
	<-ended
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
	for ctx.Err() == nil && r.settled.Load() < int64(r.cfg.Count) {
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
