package client

import (
	"context"
	"slices"
	"time"

	"conclave/protocol"
)

// viewInterval is the shortest time between two views: far below the request limit. The first change is told at once.
const viewInterval = 200 * time.Millisecond

// sendView tells what the bot shows, if that has changed.
func (b *Bot) sendView(ctx context.Context) error {
	wants := b.wants()
	if slices.Equal(wants, b.viewing) {
		return nil
	}
	b.setViewing(wants)
	b.viewed = time.Now()
	return b.ws.send(ctx, &protocol.View{ID: b.ws.id(), Wants: wants})
}

// wants lists the cameras to see: a page of those that are published, in the order of their numbers and
// beginning after the bot's own, so that a page smaller than the meeting is another one for each bot.
func (b *Bot) wants() []protocol.Want {
	var others []protocol.Want
	for id, sources := range b.publishers {
		for _, source := range sources {
			if id != b.self && (source == protocol.Camera || source == protocol.Screen) {
				others = append(others, protocol.Want{Participant: id, Source: source, Height: b.cfg.Height})
			}
		}
	}
	slices.SortFunc(others, func(x, y protocol.Want) int {
		if d := int64(x.Participant-b.self) - int64(y.Participant-b.self); d != 0 { // unsigned: those before it come last
			return int(max(-1, min(1, d)))
		}
		return int(x.Source) - int(y.Source)
	})
	wants := []protocol.Want{}
	for i := range min(b.cfg.View, len(others)) {
		wants = append(wants, others[(b.page*b.cfg.View+i)%len(others)])
	}
	b.showSpeaker(wants, others)
	if len(wants) > 0 && b.cfg.Stage > 0 {
		wants[0].Height = b.cfg.Stage
	}
	return wants
}

// follow takes note of who speaks; true says that what the bot shows may have changed. While all are silent, the one
// who spoke last stays.
func (b *Bot) follow(speakers []protocol.Participant) bool {
	for _, id := range speakers {
		if id != b.self {
			changed := b.cfg.Follow && b.speaker != id
			b.speaker = id
			return changed
		}
	}
	return false
}

// showSpeaker puts the picture of who speaks first, if the bot follows them: in place of the last one on the page, if
// it was not on it.
func (b *Bot) showSpeaker(wants, others []protocol.Want) {
	isSpeaker := func(w protocol.Want) bool { return w.Participant == b.speaker && w.Source == protocol.Camera }
	from := slices.IndexFunc(others, isSpeaker)
	if !b.cfg.Follow || len(wants) == 0 || from < 0 {
		return
	}
	at := slices.IndexFunc(wants, isSpeaker)
	if at < 0 {
		at = len(wants) - 1
	}
	copy(wants[1:at+1], wants[:at])
	wants[0] = others[from]
}
