package sfu

import (
	"cmp"
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/quality"
)

// publishGrace is how long after a publisher was asked for an encoding its absence says nothing.
const publishGrace = 5 * time.Second

// aliveFor is how long after the latest authentic packet a connection whose checks stay unanswered counts as lost.
const aliveFor = 3 * time.Second

// rateConnections tells whose media has stopped or is back, and, if all are to be rated, whose connection has become
// better or worse.
func (r *state) rateConnections(now time.Time, all bool) {
	var changed []media.Quality
	for _, p := range r.peers {
		if p.connection == nil || p.connection.Transport().Keys() == nil {
			continue // never connected, or connecting anew: what was told still holds
		}
		if news := p.connection.listen(now); !news && !all {
			continue
		}
		if bars, news := p.quality.Update(p.connection.sample(now)); news {
			changed = append(changed, media.Quality{Participant: p.id, Bars: bars})
		}
	}
	if len(changed) > 0 {
		slices.SortFunc(changed, func(a, b media.Quality) int { return cmp.Compare(a.Participant, b.Participant) })
		r.room.tell(media.Event{Kind: media.EventQuality, Quality: changed})
	}
}

// listen looks whether media still comes from the peer, and says whether that is news.
func (c *connection) listen(now time.Time) (news bool) {
	fromMedia, fromAny := c.Heard()
	stopped := c.pulse.Look(now, fromMedia, fromAny)
	if !c.sending() {
		c.pulse.Forget()
		stopped = false
	}
	news = stopped != c.silenced
	c.silenced = stopped
	return news
}

// sending says whether a voice or a picture is to come from the peer. A shared screen may stand still.
func (c *connection) sending() bool {
	for _, t := range c.tracks {
		if t.Live() && (t.Source == media.Mic || t.Source == media.Camera && t.demand.reported != 0) {
			return true
		}
	}
	return false
}

// sample is the last second of the connection.
func (c *connection) sample(now time.Time) quality.Sample {
	h := c.Health(now)
	lost := c.silenced || h.Disconnected && c.pulse.Silent() >= aliveFor
	return quality.Sample{Lost: lost, Loss: h.Loss, RTT: h.RTT, Jitter: h.Jitter,
		Distance: max(c.peer.viewer.distance(), c.missing(now))}
}

// distance is how many layers below the right one the viewer is given for lack of bandwidth, in the mean over what it
// wants.
func (v *viewerState) distance() float64 {
	total := 0
	for i, a := range v.allotted {
		if i < len(v.sources) {
			total += max(0, v.sources[i].Right()-a.Ask)
		}
	}
	return float64(total) / float64(max(1, len(v.allotted)))
}

// missing is how many layers, from the highest down, the peer was asked for and does not send, in the mean over its
// video.
func (c *connection) missing(now time.Time) float64 {
	total, tracks := 0, 0
	for _, t := range c.tracks {
		if !t.Source.Video() || !t.Live() || t.demand.reported == 0 || now.Sub(t.demand.since) < publishGrace {
			continue
		}
		tracks++
		layers := t.Layers()
		for i := len(layers) - 1; i >= 0 && !layers[i].Active(now); i-- {
			if t.demand.reported&(1<<i) != 0 {
				total++
			}
		}
	}
	return float64(total) / float64(max(1, tracks))
}
