package sfu

import (
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/quality"
)

// publishGrace is how long after a publisher was asked for an encoding its absence says nothing.
const publishGrace = 5 * time.Second

// health gathers what is known of a session's connection within a second.
type health struct {
	// of the way to the peer, by its receiver reports: written by the worker, taken once a second
	lost, blocks atomic.Uint32 // sum of the fractions lost, in 1/256, and how many
	jitter       atomic.Int64  // the highest, nanoseconds

	// of the way from the peer, since the latest receiver report: control's
	expected, received uint64
	jitterIn           time.Duration
}

// reported takes in one report block about a slot of ours with the given clock rate in Hz.
func (h *health) reported(fractionLost uint8, jitter uint32, clockRate int64) {
	h.lost.Add(uint32(fractionLost))
	h.blocks.Add(1)
	if j := int64(jitter) * int64(time.Second) / clockRate; j > h.jitter.Load() {
		h.jitter.Store(j)
	}
}

// take returns the second's share of loss and jitter, the worse of both directions, and begins the next.
func (h *health) take() (loss float64, jitter time.Duration) {
	if blocks := h.blocks.Swap(0); blocks > 0 {
		loss = float64(h.lost.Swap(0)) / 256 / float64(blocks)
	}
	if h.expected > h.received {
		loss = max(loss, float64(h.expected-h.received)/float64(h.expected))
	}
	jitter = max(time.Duration(h.jitter.Swap(0)), h.jitterIn)
	h.expected, h.received, h.jitterIn = 0, 0, 0
	return loss, jitter
}

// rateConnections tells whose connection has become better or worse. Callers hold mu.
func (r *Room) rateConnections(now time.Time) {
	var changed []media.Quality
	for _, p := range r.peers {
		if p.session == nil || p.session.transport.Keys() == nil {
			continue // never connected, or connecting anew: what was told still holds
		}
		if bars, news := p.quality.Update(p.session.sample(now)); news {
			changed = append(changed, media.Quality{Participant: p.id, Bars: bars})
		}
	}
	if len(changed) > 0 {
		r.notify.qualities(changed)
	}
}

// sample is the last second of the session's connection. Callers hold Room.mu.
func (s *session) sample(now time.Time) quality.Sample {
	loss, jitter := s.health.take()
	return quality.Sample{
		Lost:     s.transport.Disconnected(now),
		Loss:     loss,
		RTT:      time.Duration(s.rtt.Load()),
		Jitter:   jitter,
		Distance: max(s.peer.viewer.distance(), s.missing(now)),
	}
}

// distance is how many layers below the right one the viewer is given for lack of bandwidth, in the mean over what it wants.
func (v *viewerState) distance() float64 {
	total := 0
	for i, a := range v.allotted {
		if i < len(v.sources) {
			total += max(0, v.sources[i].Right()-a.Ask)
		}
	}
	return float64(total) / float64(max(1, len(v.allotted)))
}

// missing is how many layers, from the highest down, the peer was asked for and does not send, in the mean over its video.
func (s *session) missing(now time.Time) float64 {
	total, tracks := 0, 0
	for _, t := range s.tracks {
		if !t.source.Video() || !t.live.Load() || t.encode.reported == 0 || now.Sub(t.encode.since) < publishGrace {
			continue
		}
		tracks++
		for i := len(t.layers) - 1; i >= 0 && !t.layers[i].active(now); i-- {
			if t.encode.reported&(1<<i) != 0 {
				total++
			}
		}
	}
	return float64(total) / float64(max(1, tracks))
}
