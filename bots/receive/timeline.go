package receive

import (
	"time"

	"conclave/protocol"
)

// maxMoments bounds one bot's timeline: over half an hour of ten a second.
const maxMoments = 20_000

// Moment is what one bot had received by a moment: for runs that change the network under it. Counters count from the
// beginning.
type Moment struct {
	At      int64          `json:"at_ms"` // since 1970
	Bytes   uint64         `json:"bytes"` // of RTP datagrams
	Freezes uint64         `json:"freezes"`
	Streams []MomentStream `json:"streams"` // of the video slots that carry something
	// Withheld is how many of what the bot wants it is not sent.
	Withheld int `json:"withheld"`
}

// MomentStream is one video slot at a moment.
type MomentStream struct {
	Participant protocol.Participant `json:"participant"`
	Height      int                  `json:"height"` // as the server said
	Frames      uint64               `json:"frames"` // complete and decodable, so far
	// FreezeMS is the longest freeze that ended since the moment before.
	FreezeMS float64 `json:"freeze_ms,omitempty"`
}

// Moment adds a moment to the timeline if one is due.
func (r *Receiver) Moment(now time.Time, every time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if every == 0 || now.Before(r.nextMoment) || len(r.timeline) >= maxMoments {
		return
	}
	r.nextMoment = now.Add(every)
	m := Moment{At: now.UnixMilli(), Bytes: r.bytes, Streams: []MomentStream{}, Withheld: r.withheld}
	for _, s := range r.list {
		f := &s.frames.freeze
		m.Freezes += f.Count
		if s.video && s.owner != 0 {
			m.Streams = append(m.Streams, MomentStream{
				Participant: s.owner, Height: s.height, Frames: s.frames.Frames, FreezeMS: float64(f.recent) / 1e6,
			})
		}
		f.recent = 0
	}
	r.timeline = append(r.timeline, m)
}
