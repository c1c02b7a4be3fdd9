package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conclave/e2ee/group"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

// errBye is wrapped when the server ends the bot's stay.
var errBye = errors.New("bots: the server said goodbye")

// Join brings the bot into the meeting, with media up.
func (b *Bot) Join(ctx context.Context) error {
	b.times.Start = time.Now()
	if err := b.dial(ctx); err != nil {
		return err
	}
	b.times.Socket = time.Now()
	if err := b.enter(ctx); err != nil {
		return err
	}
	b.times.Admitted = time.Now()
	media := connectionConfig{
		clip: b.cfg.Clip, sources: b.cfg.Sources, simulcast: b.cfg.Simulcast,
		audioSlots: b.cfg.AudioSlots, videoSlots: b.cfg.VideoSlots, local: b.cfg.Local, poll: b.cfg.Poll,
		network: b.cfg.Network, identity: b.cfg.Identity, buffers: b.cfg.Buffers, clock: b.cfg.Clock,
		verify: b.cfg.Verify, feedback: b.cfg.Feedback, lag: b.cfg.Lag, recent: b.cfg.Recent,
		transport: b.cfg.Transport, relays: b.relays, speaks: b.cfg.Speaks, sample: b.cfg.Sample,
	}
	if b.encryption != nil {
		media.sealer, media.unknown = &sframe.Sealer{}, b.encryption.noEpoch
	}
	c, err := newConnection(media)
	if err != nil {
		return err
	}
	b.media = c
	if b.encryption != nil {
		b.encryption.connect(c)
	}
	if err := b.negotiate(ctx); err != nil {
		return err
	}
	if err := b.awaitMedia(ctx); err != nil {
		return err
	}
	return b.switchOn(ctx)
}

// awaitMedia waits for ICE and DTLS, and until the bot is in the group of an encrypted meeting. Meanwhile it does its
// part in the group.
func (b *Bot) awaitMedia(ctx context.Context) error {
	type outcome struct {
		ice, dtls time.Time
		err       error
	}
	wait, stop := context.WithCancel(ctx)
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		o.ice, o.dtls, o.err = b.media.wait(wait)
		done <- o
	}()
	defer stop() // a bot that gives up does not wait for it
	for up := false; !up || b.encryption.awaited(); {
		select {
		case o := <-done:
			if o.err != nil {
				return o.err
			}
			b.times.ICE, b.times.DTLS, up = o.ice, o.dtls, true
			if b.cfg.Up != nil {
				b.cfg.Up()
			}
		case <-ctx.Done():
			return fmt.Errorf("bots: waiting to come into the group: %w", ctx.Err())
		case <-b.encryption.due():
			b.tick()
		case <-b.encryption.missing():
			b.encryption.askLog(time.Now())
		case m, ok := <-b.ws.messages:
			if !ok {
				return b.ws.err
			}
			if bye, ok := m.(*protocol.Bye); ok {
				return fmt.Errorf("%w: %s", errBye, bye.Reason)
			}
			b.handle(m)
		}
		if err := b.act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// dial opens the WebSocket; told to come back later, it does.
func (b *Bot) dial(ctx context.Context) error {
	for {
		ws, err := b.api.dial(ctx, b.cfg.Meeting)
		if err == nil {
			b.ws = ws
			ws.log, ws.decoder = b.cfg.Rekeys, b.cfg.Decoder
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

func (b *Bot) enter(ctx context.Context) error {
	join := &protocol.Join{
		ID: b.ws.id(), Version: protocol.Version, Meeting: b.cfg.Meeting, Name: b.cfg.Name, Password: b.cfg.Password,
	}
	var err error
	if b.encryption, err = newEncryption(&b.cfg); err != nil {
		return err
	}
	if b.encryption != nil {
		join.Name, join.Announce = "", group.Encode(b.encryption.Announce())
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
			b.wait(true)
		case *protocol.Welcome:
			b.wait(false)
			b.self = m.Participant
			b.note(m.Participants)
			b.relays = relaysOf(m.ICEServers)
			b.queue = m.Waiting
			if m.Meeting.E2EE != (b.encryption != nil) {
				return ErrDowngrade
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

// wait takes note that the bot waits to be let in, or no longer.
func (b *Bot) wait(waiting bool) {
	if b.waiting.Swap(waiting) == waiting {
		return
	}
	if waiting {
		b.times.Lobby = time.Now()
	}
	if b.cfg.Waiting != nil {
		b.cfg.Waiting(waiting)
	}
}

// next returns the next message, or why there is none.
func (b *Bot) next(ctx context.Context) (protocol.ServerMessage, error) {
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

func (b *Bot) negotiate(ctx context.Context) error {
	text, tracks := b.media.offer()
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
			b.times.Answered = time.Now()
			return b.media.answer(ctx, m.SDP)
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
func (b *Bot) switchOn(ctx context.Context) error {
	sources := b.cfg.Sources
	if len(sources) == 0 {
		return nil
	}
	if err := b.ws.send(ctx, &protocol.Media{ID: b.ws.id(), Sources: sources}); err != nil {
		return err
	}
	b.publish(sources)
	return nil
}
