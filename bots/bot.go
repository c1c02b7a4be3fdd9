package bots

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"conclave/e2ee"
	"conclave/protocol"
)

// viewInterval is the shortest time between two views: far below the request limit. The first change is told at once.
const viewInterval = 200 * time.Millisecond

// phases are the moments of a join.
type phases struct {
	start, socket, admitted, answered, ice, dtls time.Time
	lobby                                        bool
}

// bot is one participant. Its goroutine (run) owns it; peer has locks of its own.
type bot struct {
	cfg     *Config
	api     *api
	clip    *Clip
	index   int
	meeting protocol.MeetingID
	local   net.IP
	lag     *lagLog
	crowd   *crowd
	rekeys  *rekeyLog

	ws      *signalling
	peer    *peer
	secure  *secure // nil in a meeting without end-to-end encryption
	self    protocol.Participant
	roster  map[protocol.Participant]protocol.RosterEntry // bounded by the meeting's size
	times   phases
	page    int
	viewing []protocol.Want
	viewed  time.Time         // when that was told
	silent  []protocol.Source // muted by a host; each source at most once

	mu     sync.Mutex
	errors map[protocol.ErrorID]int // of requests that failed; a closed set. Owned by mu
}

// errorCounts returns a copy of what went wrong.
func (b *bot) errorCounts() map[protocol.ErrorID]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.errors)
}

func (b *bot) failedRequest(id protocol.ErrorID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors[id]++
}

// errBye is wrapped when the server ends the bot's stay.
var errBye = errors.New("bots: the server said goodbye")

// join brings the bot into the meeting, with media up.
func (b *bot) join(ctx context.Context) error {
	b.times.start = time.Now()
	if err := b.dial(ctx); err != nil {
		return err
	}
	b.times.socket = time.Now()
	if err := b.enter(ctx); err != nil {
		return err
	}
	b.times.admitted = time.Now()
	p, err := newPeer(peerConfig{
		clip: b.clip, sources: b.cfg.sources(b.index), simulcast: b.cfg.Simulcast && !b.cfg.Bench,
		audioSlots: b.cfg.AudioSlots, videoSlots: b.cfg.VideoSlots, local: b.local, poll: b.cfg.Poll,
		verify: b.cfg.Verify, feedback: b.cfg.Feedback, lag: b.lag, secure: b.secure,
	})
	if err != nil {
		return err
	}
	b.peer = p
	if b.secure != nil {
		b.secure.connect(p)
	}
	if err := b.negotiate(ctx); err != nil {
		return err
	}
	if err := b.awaitMedia(ctx); err != nil {
		return err
	}
	return b.switchOn(ctx)
}

// awaitMedia waits for ICE and DTLS. Meanwhile the bot answers what others send: they wait for it.
func (b *bot) awaitMedia(ctx context.Context) error {
	type outcome struct {
		ice, dtls time.Time
		err       error
	}
	wait, stop := context.WithCancel(ctx)
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		o.ice, o.dtls, o.err = b.peer.wait(wait)
		done <- o
	}()
	defer stop() // a bot that gives up does not wait for it
	for {
		select {
		case o := <-done:
			b.times.ice, b.times.dtls = o.ice, o.dtls
			return o.err
		case <-b.secure.due():
			b.secure.session.Tick(time.Now())
		case m, ok := <-b.ws.messages:
			if !ok {
				return b.ws.err
			}
			b.handle(m)
		}
		if err := b.act(ctx); err != nil {
			return err
		}
	}
}

// dial opens the WebSocket; told to come back later, it does.
func (b *bot) dial(ctx context.Context) error {
	for {
		ws, err := b.api.dial(ctx)
		if err == nil {
			b.ws = ws
			ws.log = b.rekeys
			go ws.read(ctx)
			return nil
		}
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.ID != protocol.ErrRateLimited {
			return err
		}
		select {
		case <-time.After(max(refused.RetryAfter, 500*time.Millisecond)):
		case <-ctx.Done():
			return err
		}
	}
}

func (b *bot) enter(ctx context.Context) error {
	name := fmt.Sprintf("%s %d", b.cfg.Name, b.index+1)
	join := &protocol.Join{ID: b.ws.id(), Version: protocol.Version, Meeting: b.meeting, Name: name, Password: b.cfg.Password}
	var err error
	if b.secure, err = newSecure(b.cfg, b.meeting, name, b.rekeys); err != nil {
		return err
	}
	if b.secure != nil {
		join.Name, join.Announce = "", e2ee.Encode(b.secure.session.Announce())
	}
	if err := b.ws.send(ctx, join); err != nil {
		return err
	}
	for {
		m, err := b.next(ctx)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *protocol.Lobby:
			b.times.lobby = true
		case *protocol.Welcome:
			b.self = m.Participant
			for i := range m.Participants {
				b.roster[m.Participants[i].Participant] = m.Participants[i]
			}
			if m.Meeting.E2EE != (b.secure != nil) {
				return errDowngrade
			}
			b.handle(m)
			return b.act(ctx)
		case *protocol.Error:
			return &RefusedError{ID: m.Error, Message: m.Message}
		}
		b.handle(m)
		if err := b.act(ctx); err != nil {
			return err
		}
	}
}

// next returns the next message, or why there is none.
func (b *bot) next(ctx context.Context) (protocol.ServerMessage, error) {
	select {
	case m, ok := <-b.ws.messages:
		if !ok {
			return nil, b.ws.err
		}
		if bye, ok := m.(*protocol.Bye); ok {
			return nil, fmt.Errorf("%w: %s", errBye, bye.Reason)
		}
		return m, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("bots: waiting for the server: %w", ctx.Err())
	}
}

func (b *bot) negotiate(ctx context.Context) error {
	text, tracks, err := b.peer.offer()
	if err != nil {
		return err
	}
	offer := &protocol.Offer{ID: b.ws.id(), SDP: text, Tracks: tracks}
	if err := b.ws.send(ctx, offer); err != nil {
		return err
	}
	for {
		m, err := b.next(ctx)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *protocol.Answer:
			b.times.answered = time.Now()
			return b.peer.answer(m.SDP)
		case *protocol.Error:
			if m.ID == offer.ID {
				return &RefusedError{ID: m.Error, Message: m.Message}
			}
		default:
			b.handle(m)
			if err := b.act(ctx); err != nil {
				return err
			}
		}
	}
}

// switchOn is the bot's own act of publishing.
func (b *bot) switchOn(ctx context.Context) error {
	sources := b.cfg.sources(b.index)
	if len(sources) == 0 {
		return nil
	}
	if err := b.ws.send(ctx, &protocol.Media{ID: b.ws.id(), Sources: sources}); err != nil {
		return err
	}
	b.peer.publisher.setLive(func(s protocol.Source) bool { return slices.Contains(sources, s) })
	b.crowd.publishing(b.self, sources)
	if b.secure == nil {
		return nil
	}
	b.secure.session.SetLive(time.Now(), true)
	return b.act(ctx)
}

// stay keeps the bot in the meeting until quiet is closed, then silent until gone is closed, then leaves.
func (b *bot) stay(ctx context.Context, quiet, gone <-chan struct{}) error {
	var pacing sync.WaitGroup
	defer pacing.Wait()
	pace, stop := context.WithCancel(ctx)
	defer stop()
	pacing.Go(func() { b.pace(pace, quiet) })
	view := time.NewTimer(0)
	defer view.Stop()
	flip := newTicker(b.cfg.Flip)
	defer flip.Stop()
	for {
		select {
		case m, ok := <-b.ws.messages:
			if !ok {
				return b.ws.err
			}
			if bye, ok := m.(*protocol.Bye); ok {
				return fmt.Errorf("%w: %s", errBye, bye.Reason)
			}
			if b.handle(m) {
				view.Reset(time.Until(b.viewed.Add(viewInterval)))
			}
			if err := b.act(ctx); err != nil {
				return err
			}
			if _, ok := m.(*protocol.Idle); ok {
				if err := b.ws.send(ctx, &protocol.Active{ID: b.ws.id()}); err != nil {
					return err
				}
			}
		case <-b.secure.due():
			b.secure.session.Tick(time.Now())
			if err := b.act(ctx); err != nil {
				return err
			}
		case <-view.C:
			if err := b.sendView(ctx); err != nil {
				return err
			}
		case <-flip.C:
			b.page++
			view.Reset(0)
		case <-b.peer.failed:
			return errors.New("bots: the media connection failed")
		case <-gone:
			return b.leave(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func newTicker(every time.Duration) *time.Ticker {
	if every <= 0 {
		t := time.NewTicker(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTicker(every)
}

// pace sends media when it is due, until quiet is closed.
func (b *bot) pace(ctx context.Context, quiet <-chan struct{}) {
	if len(b.cfg.sources(b.index)) == 0 {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(time.Until(b.peer.publisher.run(time.Now())))
		case <-quiet:
			return
		case <-ctx.Done():
			return
		}
	}
}

// handle takes an event; view says that what can be seen may have changed.
func (b *bot) handle(m protocol.ServerMessage) (view bool) {
	if b.secure != nil {
		b.secure.event(m, time.Now())
	}
	switch m := m.(type) {
	case *protocol.Roster:
		for i := range m.Joined {
			b.roster[m.Joined[i].Participant] = m.Joined[i]
		}
		for i := range m.Changed {
			b.roster[m.Changed[i].Participant] = m.Changed[i]
		}
		for i := range m.Left {
			delete(b.roster, m.Left[i].Participant)
		}
		return true
	case *protocol.Slots:
		if b.peer != nil {
			b.peer.receiver.assign(m.Slots, m.Withheld, time.Now())
		}
	case *protocol.Encode:
		if b.peer != nil {
			b.peer.publisher.encode(m.Source, m.RIDs)
		}
	case *protocol.Muted:
		b.obey(m.Sources)
	case *protocol.MediaRefused:
		b.failedRequest(protocol.ErrorID(m.Reason))
	case *protocol.Error:
		b.failedRequest(m.Error)
		if m.Error == protocol.ErrRateLimited {
			b.viewing = nil // it may have been the view: send it again
			return true
		}
	}
	return false
}

// obey switches off what a host muted. A bot does not switch it on again.
func (b *bot) obey(muted []protocol.Source) {
	for _, s := range muted {
		if !slices.Contains(b.silent, s) {
			b.silent = append(b.silent, s)
		}
	}
	live := []protocol.Source{}
	for _, s := range b.cfg.sources(b.index) {
		if !slices.Contains(b.silent, s) {
			live = append(live, s)
		}
	}
	if b.peer != nil {
		b.peer.publisher.setLive(func(s protocol.Source) bool { return slices.Contains(live, s) })
		b.crowd.publishing(b.self, live)
	}
	if b.secure != nil {
		b.secure.session.SetLive(time.Now(), len(live) > 0)
	}
}

// sendView tells what the bot shows, if that has changed.
func (b *bot) sendView(ctx context.Context) error {
	wants := b.wants()
	if slices.Equal(wants, b.viewing) {
		return nil
	}
	b.viewing, b.viewed = wants, time.Now()
	return b.ws.send(ctx, &protocol.View{ID: b.ws.id(), Wants: wants})
}

// wants lists the cameras to see: a page of View of those that are published, in the order of their numbers and
// beginning after the bot's own, so that a page smaller than the meeting is another one for each bot.
func (b *bot) wants() []protocol.Want {
	var others []protocol.Want
	for id := range b.roster {
		e := b.roster[id]
		for _, source := range e.Sources {
			if id != b.self && (source == protocol.Camera || source == protocol.Screen) {
				others = append(others, protocol.Want{Participant: id, Source: source, Height: b.cfg.Height})
			}
		}
	}
	slices.SortFunc(others, func(x, y protocol.Want) int {
		if d := int64(x.Participant-b.self) - int64(y.Participant-b.self); d != 0 { // unsigned: those before it come last
			return int(max(-1, min(1, d)))
		}
		return len(x.Source) - len(y.Source)
	})
	wants := []protocol.Want{}
	for i := range min(b.cfg.View, len(others)) {
		wants = append(wants, others[(b.page*b.cfg.View+i)%len(others)])
	}
	if len(wants) > 0 && b.cfg.Stage > 0 {
		wants[0].Height = b.cfg.Stage
	}
	return wants
}

// leave says goodbye and waits for the answer, but not for long.
func (b *bot) leave(ctx context.Context) error {
	if err := b.ws.send(ctx, &protocol.Leave{ID: b.ws.id()}); err != nil {
		return err
	}
	b.rekeys.left()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for {
		m, err := b.next(ctx)
		if errors.Is(err, errBye) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bots: leaving: %w", err)
		}
		b.handle(m)
	}
}

// close ends whatever is open.
func (b *bot) close() {
	b.crowd.gone(b.self)
	if b.ws != nil {
		b.ws.close()
	}
	if b.peer != nil {
		_ = b.peer.close() // nothing is owed to anybody any more
	}
}
