package bots

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"conclave/bots/client"
	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/bots/scenario"
)

// place is that of bot number i: with churn, several bots take it one after another.
type place struct {
	bot *scenario.Bot
	// away is how long it stays empty; dismissed says that it stays so.
	away      time.Duration
	dismissed bool

	current  *client.Bot
	reports  []report.Bot // of bots that are done
	failures []report.Failure
	cancel   context.CancelFunc // makes the current bot leave, for churn
}

// fill runs the bots of one place, one after another if there is churn.
func (r *runner) fill(ctx context.Context, i int) {
	if r.places[i].bot.Guess > 0 {
		r.guess(ctx, i)
		return
	}
	for ctx.Err() == nil && r.fillOnce(ctx, i) {
		r.mu.Lock()
		away, dismissed := r.places[i].away, r.places[i].dismissed
		r.mu.Unlock()
		if dismissed {
			break
		}
		r.rest(ctx, away)
	}
	r.leaves()
}

// leaves takes note that a place has no bot any more.
func (r *runner) leaves() {
	if r.done.Add(1) == int64(len(r.places)) {
		close(r.over)
	}
}

// guess runs a bot that tries wrong passwords until the others stop. It is not waited for, and counts as no join.
func (r *runner) guess(ctx context.Context, i int) {
	r.leaves()
	r.settled.Add(1)
	b := client.New(r.guests, r.botConfig(i, &admission{}))
	defer b.Close()
	err := b.Guess(ctx, r.places[i].bot.Guess, r.quiet)
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.places[i]
	p.reports = append(p.reports, r.describe(i, b, time.Now()))
	if err != nil && !errors.Is(err, context.Canceled) {
		p.fail(i, err.Error())
	}
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

func (r *runner) fillOnce(ctx context.Context, i int) (again bool) {
	a := &admission{limits: r.cfg, free: func() {}}
	b := client.New(r.apiOf(i), r.botConfig(i, a))
	defer b.Close()
	leave, cancel := context.WithCancel(ctx)
	defer cancel()
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // interrupted, it still says goodbye: see leave
	defer end()
	joined := context.AfterFunc(ctx, end)
	err := r.admit(life, b, a)
	joined()
	if err != nil {
		r.failed(i, b, err)
		return r.places[i].bot.Floods() && r.notOver(ctx)
	}
	r.enter(i, b, cancel)
	err = b.Stay(life, r.quiet, r.gone, leave.Done())
	churned := r.exit(i, b, err)
	if r.places[i].bot.Floods() {
		return r.notOver(ctx)
	}
	return churned && err == nil
}

// floodRest is how long a bot that floods stays away after the server has closed its connection.
const floodRest = time.Second

// notOver rests a little, and says whether the bots are still to stay.
func (r *runner) notOver(ctx context.Context) bool {
	r.rest(ctx, floodRest)
	select {
	case <-r.quiet:
		return false
	default:
		return ctx.Err() == nil
	}
}

// apiOf returns whose bot number i is.
func (r *runner) apiOf(i int) *client.API {
	if r.places[i].bot.Guest {
		return r.guests
	}
	return r.api
}

func (r *runner) botConfig(i int, a *admission) client.Config {
	c, b := r.cfg, r.places[i].bot
	m := &r.meetings[b.Meeting]
	creator := m.creator
	if b.Guest {
		creator = nil
	}
	return client.Config{
		Meeting: m.id, Name: fmt.Sprintf("%s %d", c.Name, i+1), Password: m.password,
		Root: m.root, Turns: m.turns, Outside: m.outside, Purpose: c.Purpose,
		Sources: b.Sources, Clip: r.clips[r.plays(b)], Simulcast: b.Simulcast && !c.Bench,
		AudioSlots: b.AudioSlots, VideoSlots: b.VideoSlots, View: b.View, Height: b.Height, Stage: b.Stage, Flip: b.Flip,
		Local: r.local, Identity: r.identity, Buffers: &r.buffers, Decoder: &r.decoder,
		Verify: c.Verify, Feedback: c.Feedback, Poll: c.Poll, Sample: b.Sample,
		Lag: r.lag, Recent: r.recent, Rekeys: r.rekeys, Waiting: a.waits, Up: a.up, Network: b.Network, Clock: r.clock(),
		Follow: b.Follow, Speaks: r.speaks(b), Host: b.Host, AdmitAfter: b.AdmitAfter, Creator: creator,
		Transport: b.Transport, Requests: b.Requests, Datagrams: b.Datagrams, Acts: b.Acts,
	}
}

// speaks says when a bot speaks, by the conversation of its meeting; nil: always.
func (r *runner) speaks(b *scenario.Bot) func(time.Time) bool {
	talk := r.conversations[b.Meeting]
	if talk == nil {
		return nil
	}
	clock := r.clock()
	return func(at time.Time) bool { return talk.Speaks(b.Speaker, time.Duration(clock.Common(at).UnixNano())) }
}

// admission bounds one join in time. While the bot waits to be let in, another limit holds. Then, and while it waits to
// come into the group, another bot may join.
type admission struct {
	limits *Config
	timer  *time.Timer // set before the join begins
	free   func()      // lets another bot join; more than one call is one
}

func (a *admission) waits(waiting bool) {
	if !waiting {
		a.timer.Reset(a.limits.JoinTimeout)
		return
	}
	a.timer.Reset(a.limits.LobbyTimeout)
	a.free()
}

// up is called when a bot's media is up: what is left of its join is work of others.
func (a *admission) up() { a.free() }

var (
	errJoinTimeout  = errors.New("bots: the join took too long")
	errLobbyTimeout = errors.New("bots: no host admitted the bot")
)

// admit lets a bounded number of bots join at once.
func (r *runner) admit(ctx context.Context, b *client.Bot, a *admission) error {
	r.joinBegins(b) // before the turn comes: failed takes back each join that an interruption ends
	defer r.joinEnds(b)
	select {
	case r.joins <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	a.free = sync.OnceFunc(func() { <-r.joins })
	defer a.free()
	// The WebSocket must outlive the join, so its time limit ends the join only while it lasts.
	join, cancel := context.WithCancelCause(ctx)
	a.timer = time.AfterFunc(a.limits.JoinTimeout, func() {
		if b.Waiting() {
			cancel(errLobbyTimeout)
			return
		}
		cancel(errJoinTimeout)
	})
	err := b.Join(join)
	if cause := context.Cause(join); !a.timer.Stop() && err != nil &&
		(errors.Is(cause, errJoinTimeout) || errors.Is(cause, errLobbyTimeout)) {
		return cause
	}
	if err != nil {
		cancel(nil)
	}
	context.AfterFunc(ctx, func() { cancel(nil) })
	return err
}

func (r *runner) joinBegins(b *client.Bot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joining[b] = true
	r.wanted++
}

func (r *runner) joinEnds(b *client.Bot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.joining, b)
}

// waiting counts the bots that wait to be let in.
func (r *runner) waiting() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for b := range r.joining {
		if b.Waiting() {
			n++
		}
	}
	return n
}

func (r *runner) enter(i int, b *client.Bot, leave context.CancelFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[b] = i
	r.places[i].current = b
	r.places[i].cancel = leave
	r.joined++
	r.settled.Add(1)
}

// exit takes a bot out; churned says that it left so that another may come.
func (r *runner) exit(i int, b *client.Bot, err error) (churned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, b)
	r.left.add(b)
	r.left.Pictures = receive.Pictures{} // it shows none any more
	p := &r.places[i]
	select {
	case <-r.gone:
	default:
		churned = err == nil
		if p.current == b {
			p.reports = append(p.reports, r.describe(i, b, time.Now()))
			p.current = nil
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) && !p.bot.Floods() {
		p.fail(i, err.Error())
	}
	return churned
}

// failed takes note of a bot that could not join.
func (r *runner) failed(i int, b *client.Bot, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled.Add(1) // it will not come; do not wait for it
	if errors.Is(err, context.Canceled) || r.places[i].bot.Floods() {
		r.wanted-- // the run was interrupted, or the server keeps a flood out
		return
	}
	p := &r.places[i]
	p.reports = append(p.reports, r.describe(i, b, time.Now()))
	p.fail(i, "join: "+err.Error())
}

func (p *place) fail(i int, text string) {
	p.failures = append(p.failures, report.Failure{Bot: i + 1, Err: text})
	if n := len(p.reports); n > 0 {
		p.reports[n-1].Error = text
		return
	}
	p.reports = append(p.reports, report.Bot{Bot: i + 1, Error: text})
}

// collect takes the final counts of all bots that are still in.
func (r *runner) collect(end time.Time, arrivals map[*client.Bot]arrivalCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.places {
		p := &r.places[i]
		if p.current == nil {
			continue
		}
		rep := r.describe(i, p.current, end)
		a := arrivals[p.current]
		rep.ExpectedAudio, rep.ArrivedAudio = a.expectedAudio, min(a.audio, a.expectedAudio)
		rep.ExpectedVideo, rep.ArrivedVideo = a.expectedVideo, min(a.video, a.expectedVideo)
		p.reports = append(p.reports, rep)
		p.current = nil
	}
}
