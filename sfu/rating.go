package sfu

import (
	"maps"
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/quality"
)

// publishGrace is how long after a publisher was asked for an encoding its absence says nothing.
const publishGrace = 5 * time.Second

// aliveFor is how long after the latest authentic packet a connection whose checks stay unanswered counts as lost.
const aliveFor = 3 * time.Second

// rate looks whether media still comes from p and, once a second, how good the connection is.
func (r *state) rate(p *Peer, now time.Time, all bool) {
	if p.connection == nil || p.connection.Transport().Keys() == nil {
		return // never connected, or connecting anew: what was told still holds
	}
	if news := p.connection.listen(now); !news && !all {
		return
	}
	if bars, news := p.quality.Update(p.connection.sample(now)); news {
		r.quality.note(p.id, bars, !all)
	}
}

// qualityNews gathers how good connections have become. Of those whose media has stopped or is back it is told twice a
// second, of all others once.
type qualityNews struct {
	bars   map[media.ParticipantID]int // at most one a peer
	urgent map[media.ParticipantID]int // of those whose media has stopped or is back
}

func (q *qualityNews) note(id media.ParticipantID, bars int, urgent bool) {
	if q.bars == nil {
		q.bars, q.urgent = map[media.ParticipantID]int{}, map[media.ParticipantID]int{}
	}
	if urgent {
		delete(q.bars, id)
		q.urgent[id] = bars
		return
	}
	delete(q.urgent, id)
	q.bars[id] = bars
}

// take returns what is to be told now, by participant.
func (q *qualityNews) take(all bool) (list []media.Quality) {
	if all {
		maps.Copy(q.urgent, q.bars)
		clear(q.bars)
	}
	for _, id := range slices.Sorted(maps.Keys(q.urgent)) {
		list = append(list, media.Quality{Participant: id, Bars: q.urgent[id]})
	}
	clear(q.urgent)
	return list
}

// tellQuality tells whose connection has become better or worse.
func (r *state) tellQuality(all bool) {
	if list := r.quality.take(all); len(list) > 0 {
		r.room.tell(media.Event{Kind: media.EventQuality, Quality: list})
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
