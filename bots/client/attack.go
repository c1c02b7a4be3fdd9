package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"conclave/protocol"
)

// floodTick is the time between two bursts of a flood.
const floodTick = 20 * time.Millisecond

// flood counts how much of a flood is due.
type flood struct {
	requests, datagrams, acts int // each second
	began                     time.Time
	sent, sentRaw, acted      int
}

// due returns how many requests, datagrams and acts are to be sent at now.
func (f *flood) due(now time.Time) (requests, datagrams, acts int) {
	if f.began.IsZero() {
		f.began = now
	}
	more := func(rate int, sent *int) int {
		total := int(now.Sub(f.began).Seconds() * float64(rate))
		n := total - *sent
		*sent = total
		return n
	}
	return more(f.requests, &f.sent), more(f.datagrams, &f.sentRaw), more(f.acts, &f.acted)
}

// floods says whether the bot floods the server.
func (b *Bot) floods() bool { return b.cfg.Requests > 0 || b.cfg.Datagrams > 0 || b.cfg.Acts > 0 }

// newFlood makes the ticker of a flood; it never ticks for a bot that does not flood.
func (b *Bot) newFlood() *time.Ticker {
	if !b.floods() {
		return newTicker(0)
	}
	b.flood = flood{requests: b.cfg.Requests, datagrams: b.cfg.Datagrams, acts: b.cfg.Acts}
	return time.NewTicker(floodTick)
}

// floodOn sends what is due of the flood: requests that change nothing, datagrams like RTP that no key sealed, and
// acts.
func (b *Bot) floodOn(ctx context.Context) error {
	requests, datagrams, acts := b.flood.due(time.Now())
	for range datagrams {
		junk := make([]byte, 200)
		_, _ = rand.Read(junk) // never fails: it ends the process instead
		junk[0], junk[1] = 0x80, 96
		if len(b.media.sending) > 0 {
			binary.BigEndian.PutUint32(junk[8:], b.media.sending[0].encodings[0].SSRC)
		}
		b.media.wire.Send(junk)
	}
	for range requests {
		if err := b.ws.send(ctx, &protocol.View{ID: b.ws.id(), Wants: []protocol.Want{}}); err != nil {
			return err
		}
	}
	for i := range acts {
		if err := b.ws.send(ctx, b.restless(b.flood.acted-acts+i)); err != nil {
			return err
		}
	}
	return nil
}

// restless is act n of one who does all the time what anybody may: another page of pictures, as many as a view holds;
// the hand up or down; the microphone on or off.
func (b *Bot) restless(n int) protocol.ClientMessage {
	even := n/3%2 == 0
	switch n % 3 {
	case 0:
		wants := make([]protocol.Want, 0, protocol.MaxWants)
		for id := range b.publishers { // in another order each time
			if id != b.self && len(wants) < cap(wants) {
				wants = append(wants, protocol.Want{Participant: id, Source: protocol.Camera, Height: b.cfg.Height})
			}
		}
		return &protocol.View{ID: b.ws.id(), Wants: wants}
	case 1:
		return &protocol.Hand{ID: b.ws.id(), Raised: even}
	default:
		sources := []protocol.Source{}
		if even {
			sources = b.cfg.Sources
		}
		return &protocol.Media{ID: b.ws.id(), Sources: sources}
	}
}

// ErrLetIn is a server that takes any password.
var ErrLetIn = errors.New("bots: a wrong password let the bot in")

// Guess tries to join with wrong passwords until stop is closed. What the server answers is in ErrorCounts.
func (b *Bot) Guess(ctx context.Context, every time.Duration, stop <-chan struct{}) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := b.guessOnce(ctx); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *Bot) guessOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	b.cfg.Password = "wrong " + rand.Text()
	err := b.dial(ctx)
	if err == nil {
		defer b.ws.close()
		err = b.enter(ctx)
	}
	var refused *RefusedError
	switch {
	case err == nil || b.Waiting():
		return ErrLetIn
	case errors.As(err, &refused):
		b.failedRequest(refused.ID)
	default: // the server closed the connection, or cannot be reached
		b.failedRequest(unanswered)
	}
	return nil
}

// unanswered counts guesses that got no answer.
const unanswered protocol.ErrorID = "unanswered"
