package bots

import (
	"context"
	"time"

	"conclave/bots/client"
	"conclave/bots/receive"
	"conclave/protocol"
)

// awaitArrivals returns when everything expected arrives, or after a while.
func (r *runner) awaitArrivals(ctx context.Context) {
	deadline := time.Now().Add(r.cfg.arrivalWait)
	for ctx.Err() == nil && time.Now().Before(deadline) {
		missing := 0
		for _, a := range r.arrivals(time.Now()) {
			missing += max(0, a.expectedAudio-a.audio) + max(0, a.expectedVideo-a.video)
		}
		if missing == 0 {
			return
		}
		wait(ctx, 100*time.Millisecond)
	}
}

// arrival counts of one bot.
type arrivalCount struct{ expectedAudio, audio, expectedVideo, video int }

func (r *runner) bots() []*client.Bot {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*client.Bot, 0, len(r.active))
	for b := range r.active {
		list = append(list, b)
	}
	return list
}

// arrivals compares what every bot receives at now with what it should.
func (r *runner) arrivals(now time.Time) map[*client.Bot]arrivalCount {
	before := now.Add(-receive.LiveWindow)
	if r.cfg.Churn == 0 {
		before = now
	}
	out := map[*client.Bot]arrivalCount{}
	bots := r.bots()
	others := published(bots, before)
	for _, b := range bots {
		if r.cfg.Churn > 0 && b.Phases().DTLS.After(before) {
			continue // it has only just come
		}
		var c arrivalCount
		audio, video := others(b)
		c.expectedAudio = min(audio, r.cfg.AudioSlots)
		c.expectedVideo = min(video, r.cfg.VideoSlots, r.cfg.View)
		c.audio, c.video = b.Arrived(now)
		out[b] = c
	}
	return out
}

// published returns a function that counts the audio and video tracks that bots other than the one given have
// published since before.
func published(bots []*client.Bot, before time.Time) func(*client.Bot) (audio, video int) {
	type tracks struct{ audio, video int }
	all, own := tracks{}, map[*client.Bot]tracks{}
	for _, b := range bots {
		since, sources := b.Publishing()
		if since.After(before) {
			continue
		}
		var t tracks
		for _, s := range sources {
			if s == protocol.Camera || s == protocol.Screen {
				t.video++
			} else {
				t.audio++
			}
		}
		own[b] = t
		all.audio += t.audio
		all.video += t.video
	}
	return func(b *client.Bot) (audio, video int) { return all.audio - own[b].audio, all.video - own[b].video }
}
