package bots

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
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

// Run makes the bots join, measures, and reports. An error means that there is nothing to report: the configuration is
// wrong, or the server refused before the first bot. What went wrong later is in the report's verdict.
func Run(ctx context.Context, cfg Config) (*report.Report, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	clip, err := clip.Load()
	if err != nil {
		return nil, err
	}
	if cfg.Bench {
		clip = clip.Bench(cfg.E2EE)
	}
	web, err := client.NewAPI(cfg.URL, cfg.Token, cfg.PlainHTTP)
	if err != nil {
		return nil, err
	}
	defer web.Client.CloseIdleConnections()
	local, err := localAddress(ctx, web.Base.Hostname())
	if err != nil {
		return nil, err
	}
	r := &runner{
		cfg: &cfg, api: web, clip: clip, local: local, lag: measure.NewLag(), rekeys: &measure.RekeyLog{},
		quiet: make(chan struct{}), gone: make(chan struct{}), started: time.Now(),
		active: map[*client.Bot]int{}, places: make([]place, cfg.Count), joins: make(chan struct{}, maxJoins),
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
	joins   chan struct{}

	quiet chan struct{} // closed: publishers stop
	gone  chan struct{} // closed: all leave

	mu     sync.Mutex
	active map[*client.Bot]int // in the meeting, with its place
	places []place
	left   tally // of bots that are no longer active
	joined atomic.Int64
}

// place is that of bot number i: with churn, several bots take it one after another.
type place struct {
	current  *client.Bot
	reports  []report.Bot // of bots that are done
	failures []string
	cancel   context.CancelFunc // makes the current bot leave, for churn
}

func (r *runner) signIn(ctx context.Context) error {
	at := time.Now()
	if err := r.api.SignIn(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	r.signed = time.Since(at)
	r.meeting = protocol.MeetingID(r.cfg.Meeting)
	if r.meeting != "" {
		return nil
	}
	var err error
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
	r.awaitJoins(ctx)
	r.awaitArrivals(ctx)
	wait(ctx, r.cfg.Settle)
	window := r.openWindow()
	if r.cfg.Churn > 0 {
		background.Go(func() { r.churn(ctx) })
	}
	wait(ctx, r.cfg.Duration)
	window.close(r)
	end := time.Now()
	arrivals := r.arrivals(end)
	close(r.quiet)
	r.rekeys.End()
	wait(ctx, drainTime)
	r.collect(end, arrivals)
	interrupted := ctx.Err()
	close(r.gone)
	places.Wait()
	cancel()
	background.Wait()
	return r.report(window, interrupted)
}

// wait sleeps for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// fill runs the bots of one place, one after another if there is churn.
func (r *runner) fill(ctx context.Context, i int) {
	wait(ctx, time.Duration(i)*r.cfg.Ramp)
	for r.fillOnce(ctx, i) && ctx.Err() == nil {
		wait(ctx, r.cfg.Away)
	}
}

func (r *runner) fillOnce(ctx context.Context, i int) (again bool) {
	b := client.New(r.api, r.botConfig(i))
	defer b.Close()
	leave, cancel := context.WithCancel(ctx)
	defer cancel()
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // interrupted, it still says goodbye: see leave
	defer end()
	joined := context.AfterFunc(ctx, end)
	err := r.admit(life, b)
	joined()
	if err != nil {
		r.failed(i, b, err)
		return false
	}
	r.enter(i, b, cancel)
	err = b.Stay(life, r.quiet, either(leave.Done(), r.gone))
	churned := r.exit(i, b, err)
	return churned && err == nil
}

func (r *runner) botConfig(i int) client.Config {
	c := r.cfg
	return client.Config{
		Meeting: r.meeting, Name: fmt.Sprintf("%s %d", c.Name, i+1), Password: c.Password, Link: c.link, Purpose: c.Purpose,
		Sources: c.sources(i), Clip: r.clip, Simulcast: c.Simulcast && !c.Bench,
		AudioSlots: c.AudioSlots, VideoSlots: c.VideoSlots, View: c.View, Height: c.Height, Stage: c.Stage, Flip: c.Flip,
		Local: r.local, Verify: c.Verify, Feedback: c.Feedback, Poll: c.Poll, Lag: r.lag, Rekeys: r.rekeys,
	}
}

// admit lets a bounded number of bots join at once.
func (r *runner) admit(ctx context.Context, b *client.Bot) error {
	select {
	case r.joins <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.joins }()
	// The WebSocket must outlive the join, so its time limit ends the join only while it lasts.
	join, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(r.cfg.JoinTimeout, func() { cancel(errJoinTimeout) })
	err := b.Join(join)
	if !timer.Stop() && err != nil && errors.Is(context.Cause(join), errJoinTimeout) {
		return errJoinTimeout
	}
	if err != nil {
		cancel(nil)
	}
	context.AfterFunc(ctx, func() { cancel(nil) })
	return err
}

var errJoinTimeout = errors.New("bots: the join took too long")

// either returns a channel that is closed when a or b is.
func either(a, b <-chan struct{}) <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		select {
		case <-a:
		case <-b:
		}
	}()
	return out
}

func (r *runner) enter(i int, b *client.Bot, leave context.CancelFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[b] = i
	r.places[i].current = b
	r.places[i].cancel = leave
	r.joined.Add(1)
}

// exit takes a bot out; churned says that it left so that another may come.
func (r *runner) exit(i int, b *client.Bot, err error) (churned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, b)
	r.left.add(b)
	s := &r.places[i]
	select {
	case <-r.gone:
	default:
		churned = err == nil
		if s.current == b {
			s.reports = append(s.reports, describe(i, b, time.Now()))
			s.current = nil
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.failures = append(s.failures, fmt.Sprintf("bot %d: %v", i+1, err))
		s.fail(i, err)
	}
	return churned
}

func (s *place) fail(i int, err error) {
	if n := len(s.reports); n > 0 {
		s.reports[n-1].Error = err.Error()
		return
	}
	s.reports = append(s.reports, report.Bot{Bot: i + 1, Error: err.Error()})
}

func (r *runner) failed(i int, b *client.Bot, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.places[i]
	s.reports = append(s.reports, describe(i, b, time.Now()))
	s.failures = append(s.failures, fmt.Sprintf("bot %d: join: %v", i+1, err))
	s.fail(i, err)
	r.joined.Add(1) // it will not come; do not wait for it
}

// awaitJoins returns when every bot is in or has failed.
func (r *runner) awaitJoins(ctx context.Context) {
	for ctx.Err() == nil && r.joined.Load() < int64(r.cfg.Count) {
		wait(ctx, pulseInterval)
	}
}

// collect takes the final counts of all who are still in.
func (r *runner) collect(end time.Time, arrivals map[*client.Bot]arrivalCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.places {
		s := &r.places[i]
		if s.current == nil {
			continue
		}
		rep := describe(i, s.current, end)
		a := arrivals[s.current]
		rep.ExpectedAudio, rep.ArrivedAudio = a.expectedAudio, min(a.audio, a.expectedAudio)
		rep.ExpectedVideo, rep.ArrivedVideo = a.expectedVideo, min(a.video, a.expectedVideo)
		s.reports = append(s.reports, rep)
		s.current = nil
	}
}

// churn makes one bot after another leave; its place is taken by another.
func (r *runner) churn(ctx context.Context) {
	tick := time.NewTicker(r.cfg.Churn)
	defer tick.Stop()
	for i := len(r.places) - 1; ; i = (i + len(r.places) - 1) % len(r.places) { // listeners, the last places, first
		select {
		case <-tick.C:
		case <-r.quiet:
			return
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		if s := &r.places[i]; s.current != nil {
			s.cancel()
		}
		r.mu.Unlock()
	}
}

// pulse gives every bot the chance to send its RTCP.
func (r *runner) pulse(ctx context.Context) {
	tick := time.NewTicker(pulseInterval)
	defer tick.Stop()
	var nextSR time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		reports := now.After(nextSR)
		if reports {
			nextSR = now.Add(receive.ReportInterval)
		}
		for _, b := range r.bots() {
			b.Pulse(now, reports, r.cfg.Timeline)
		}
	}
}
