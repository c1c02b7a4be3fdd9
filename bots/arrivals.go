package bots

import (
	"context"
	"maps"
	"time"

	"conclave/bots/client"
	"conclave/bots/receive"
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
		r.rest(ctx, 100*time.Millisecond)
	}
}

// arrival counts of one bot.
type arrivalCount struct{ expectedAudio, audio, expectedVideo, video int }

// present returns the bots that are in, with their places.
func (r *runner) present() map[*client.Bot]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.active)
}

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
	moving := moving(r.cfg.Plan)
	before := now
	if moving {
		before = now.Add(-receive.LiveWindow)
	}
	out := map[*client.Bot]arrivalCount{}
	places := r.present()
	others := r.published(places, before)
	for b, i := range places {
		does := r.places[i].bot
		if moving && b.Phases().DTLS.After(now.Add(-receive.LiveFor(does.Sample))) {
			continue // it has only just come
		}
		var c arrivalCount
		audio, video := others(b)
		c.expectedAudio = min(audio, does.AudioSlots)
		c.expectedVideo = min(video, does.VideoSlots, does.View)
		c.audio, c.video = b.Arrived(now)
		out[b] = c
	}
	return out
}

// published returns a function that counts the audio and video tracks that bots in the same meeting as the one given,
// but not that one, have published since before: bots of this run and of those that share the plan.
func (r *runner) published(places map[*client.Bot]int, before time.Time) func(*client.Bot) (audio, video int) {
	all := r.publishing(places, before)
	if r.cfg.Share != nil {
		for i, others := range r.cfg.Share.Elsewhere() {
			if i < len(all) {
				all[i].Audio += others.Audio
				all[i].Video += others.Video
			}
		}
	}
	return func(b *client.Bot) (audio, video int) {
		sum, own := all[r.places[places[b]].bot.Meeting], tracksOf(b, before)
		return sum.Audio - own.Audio, sum.Video - own.Video
	}
}
