package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"conclave/protocol"
)

// Stay keeps the bot in the meeting until quiet is closed, then silent until gone is closed, then leaves. It leaves
// earlier when dismissed is closed.
func (b *Bot) Stay(ctx context.Context, quiet, gone, dismissed <-chan struct{}) error {
	var pacing sync.WaitGroup
	defer pacing.Wait()
	pace, stop := context.WithCancel(ctx)
	defer stop()
	pacing.Go(func() { b.pace(pace, quiet) })
	view := time.NewTimer(0)
	defer view.Stop()
	flip := newTicker(b.cfg.Flip)
	defer flip.Stop()
	flooding := b.newFlood()
	defer flooding.Stop()
	b.openDoor()
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
			b.openDoor()
			if err := b.act(ctx); err != nil {
				return err
			}
			if _, ok := m.(*protocol.Idle); ok {
				if err := b.ws.send(ctx, &protocol.Active{ID: b.ws.id()}); err != nil {
					return err
				}
			}
		case <-b.encryption.due():
			b.tick()
			if err := b.act(ctx); err != nil {
				return err
			}
		case <-b.encryption.missing():
			b.encryption.askLog(time.Now())
			if err := b.act(ctx); err != nil {
				return err
			}
		case <-view.C:
			if err := b.sendView(ctx); err != nil {
				return err
			}
		case <-b.doorOpens():
			if err := b.admit(ctx); err != nil {
				return err
			}
		case <-flooding.C:
			if err := b.floodOn(ctx); err != nil {
				return err
			}
		case <-flip.C:
			b.page++
			view.Reset(0)
		case <-b.media.failed:
			return errors.New("bots: the media connection failed")
		case <-gone:
			return b.leave(ctx)
		case <-dismissed:
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
func (b *Bot) pace(ctx context.Context, quiet <-chan struct{}) {
	if len(b.cfg.Sources) == 0 {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(time.Until(b.media.publisher.Run(time.Now())))
		case <-quiet:
			return
		case <-ctx.Done():
			return
		}
	}
}

// handle takes an event; view says that what can be seen may have changed.
func (b *Bot) handle(m protocol.ServerMessage) (view bool) {
	if b.encryption != nil {
		b.encryption.event(m, time.Now())
	}
	switch m := m.(type) {
	case *protocol.Roster:
		b.note(m.Joined)
		b.note(m.Changed)
		for i := range m.Left {
			delete(b.publishers, m.Left[i].Participant)
		}
		return true
	case *protocol.Waiting:
		b.queue = m.Waiting
	case *protocol.Speakers:
		return b.follow(m.Speakers)
	case *protocol.Slots:
		if b.media != nil {
			b.media.receiver.Assign(m.Slots, m.Withheld, time.Now())
		}
	case *protocol.Encode:
		if b.media != nil {
			b.media.publisher.Encode(m.Source, m.RIDs)
		}
	case *protocol.Muted:
		b.obey(m.Sources)
	case *protocol.MediaRefused:
		b.failedRequest(protocol.ErrorID(m.Reason))
	case *protocol.MediaFailed:
		if m.Final {
			b.failedRequest(protocol.ErrorID(m.Reason))
		}
	case *protocol.Error:
		if b.encryption.explains(m.Error, time.Now()) {
			break
		}
		b.failedRequest(m.Error)
		if m.Error == protocol.ErrRateLimited && !b.floods() {
			b.setViewing(nil) // it may have been the view: send it again
			return true
		}
	}
	return false
}

// note takes note of who publishes what. Of the others nothing is kept: a meeting of n bots would keep n² entries.
func (b *Bot) note(list []protocol.RosterEntry) {
	for i := range list {
		if e := &list[i]; len(e.Sources) > 0 {
			b.publishers[e.Participant] = e.Sources
		} else {
			delete(b.publishers, e.Participant)
		}
	}
}

// obey switches off what a host muted. A bot does not switch it on again.
func (b *Bot) obey(muted []protocol.Source) {
	for _, s := range muted {
		if !slices.Contains(b.silent, s) {
			b.silent = append(b.silent, s)
		}
	}
	live := []protocol.Source{}
	for _, s := range b.cfg.Sources {
		if !slices.Contains(b.silent, s) {
			live = append(live, s)
		}
	}
	if b.media != nil {
		b.publish(live)
	}
}

// leave says goodbye and waits for the answer, but not for long. A member of a group signs its own removal first.
func (b *Bot) leave(ctx context.Context) error {
	if b.encryption.member() {
		b.encryption.session.Leave(time.Now())
		if err := b.act(ctx); err != nil {
			return err
		}
	}
	if err := b.ws.send(ctx, &protocol.Leave{ID: b.ws.id()}); err != nil {
		return err
	}
	b.cfg.Rekeys.Left()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // 500 that leave at once take 3 s of two cores
	defer cancel()
	for {
		m, err := b.next(ctx)
		if errors.Is(err, errBye) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bots: leaving: %w", err)
		}
		// What others do is nothing to one who leaves: where a meeting ends, everybody would verify that everybody goes.
		if _, refused := m.(*protocol.Error); refused {
			b.handle(m)
		}
	}
}
