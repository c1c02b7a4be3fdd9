package receive

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/bots/measure"
	"conclave/protocol"
)

// Summary is all that a receiver knows. The histograms are copies.
type Summary struct {
	// Packets and Bytes are, of a sample, what it stands for; Sampled is how many packets that was, 0 if all came.
	Packets, Bytes, Sampled uint64
	// Unknown packets had an SSRC that the answer does not name, undecoded ones failed authentication.
	Unknown, Undecoded uint64
	// CatchUps are delays left out because the server was playing stored media into a newly assigned slot.
	CatchUps uint64
	Opened   Opened
	Streams  []Stats
	Timeline []Moment
	// FirstRTP and firstKey are when the first packet and the first whole key frame came; zero if none did.
	FirstRTP, FirstKey time.Time
	Audio, Video       *hdrhistogram.Histogram // of delays in µs
}

// Stats is one slot as one bot received it. Of a bot with a sample, packets, bytes, duplicates and losses are
// estimates: each packet that was read stands for so many.
type Stats struct {
	MID   string `json:"mid"`
	Video bool   `json:"video"`
	// Participant is the one that the slot carried last, Owners how often that changed on the wire.
	Participant protocol.Participant `json:"participant"`
	Owners      uint64               `json:"owners"`
	Packets     uint64               `json:"packets"`
	Bytes       uint64               `json:"bytes"`
	LostBefore  uint64               `json:"lost_before_rtx"`
	LostAfter   uint64               `json:"lost_after_rtx"`
	RTXPackets  uint64               `json:"rtx_packets"`
	JitterMS    float64              `json:"jitter_ms"`
	KbitPerS    float64              `json:"kbit_per_s"`
	DelayMS     float64              `json:"delay_mean_ms"`
	DelayMaxMS  float64              `json:"delay_max_ms"`
	Expected    uint64               `json:"expected_packets"`
	Duplicates  uint64               `json:"duplicates,omitempty"`
	Reordered   uint64               `json:"reordered,omitempty"`
	NACKs       uint64               `json:"nacks,omitempty"`
	Frames      uint64               `json:"frames,omitempty"`
	KeyFrames   uint64               `json:"key_frames,omitempty"`
	LostFrames  uint64               `json:"lost_frames,omitempty"`
	Freezes     uint64               `json:"freezes,omitempty"`
	FreezeMS    float64              `json:"freeze_ms,omitempty"`
	LongestMS   float64              `json:"longest_freeze_ms,omitempty"`
	// WatchedMS is how long its pictures were watched in the measured window.
	WatchedMS float64 `json:"watched_ms,omitempty"`
	PLIs      uint64  `json:"plis,omitempty"`
	// PlayedMS is how much sound was there in time, ConcealedMS how much a browser would have had to make up.
	PlayedMS    float64 `json:"played_ms,omitempty"`
	ConcealedMS float64 `json:"concealed_ms,omitempty"`
	// Arrived says that the stream came, with a whole key frame if it is video and no sample, and was still coming at
	// the end.
	Arrived bool `json:"arrived"`
}

// describe describes one slot at time now.
func (s *stream) describe(now time.Time) Stats {
	before, after := s.log.lost()
	each := uint64(1) << s.log.shift
	r := Stats{
		MID: s.mid, Video: s.video, Participant: s.owner, Owners: s.csrcChanges,
		Packets: each * (s.log.Direct + s.log.Recovered), Bytes: s.bytes, LostBefore: before, LostAfter: after,
		RTXPackets: s.rtxPackets, JitterMS: s.jitter.jitter / float64(s.clockRate) * 1000,
		DelayMaxMS: float64(s.delayMax) / 1e6, PLIs: s.plis,
		Frames: s.frames.Frames, KeyFrames: s.frames.KeyFrames, LostFrames: s.frames.Lost,
		Expected: s.log.expected(), Duplicates: each * s.log.Duplicates, Reordered: each * s.log.Reordered, NACKs: s.nacks,
		Freezes: s.frames.freeze.Count, FreezeMS: float64(s.frames.freeze.Duration) / 1e6,
		LongestMS: float64(s.frames.freeze.Longest) / 1e6, WatchedMS: float64(s.frames.freeze.Watched) / 1e6,
		Arrived: s.alive(now),
	}
	if s.voice != nil {
		r.PlayedMS, r.ConcealedMS = float64(s.voice.Played)/1e6, float64(s.voice.Concealed)/1e6
	}
	if s.delayCount > 0 {
		r.DelayMS = float64(s.delaySum) / float64(s.delayCount) / 1e6
	}
	if d := s.lastAt - s.firstAt; d > 0 {
		r.KbitPerS = float64(s.bytes) * 8 / 1000 / (float64(d) / 1e9)
	}
	return r
}

// alive says whether the stream came and is still coming.
func (s *stream) alive(now time.Time) bool {
	within := LiveWindow
	if s.log.shift > 0 {
		within = LiveFor(1 << s.log.shift)
	} else if s.video && s.frames.KeyFrames == 0 {
		return false
	}
	return s.firstAt != 0 && now.UnixNano()-s.lastAt < int64(within)
}

// Arrived counts the slots that carry something at time now.
func (r *Receiver) Arrived(now time.Time) (audio, video int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.list {
		switch {
		case !s.alive(now):
		case s.video:
			video++
		default:
			audio++
		}
	}
	return audio, video
}

// copyOf copies a histogram, which may be nil.
func copyOf(h *hdrhistogram.Histogram) *hdrhistogram.Histogram {
	if h == nil {
		return measure.NewHistogram()
	}
	return hdrhistogram.Import(h.Export())
}

// Summary says what the receiver knows at time now.
func (r *Receiver) Summary(now time.Time) Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Summary{
		Packets: r.packets, Bytes: r.bytes, Unknown: r.unknown, Undecoded: r.undecoded, CatchUps: r.catchUps,
		Streams: []Stats{}, Timeline: r.timeline, FirstRTP: r.firstRTP, FirstKey: r.firstKey,
		Audio: copyOf(r.audioDelay), Video: copyOf(r.videoDelay),
	}
	if r.Sample > 0 {
		s.Sampled = r.read
	}
	if r.opener != nil {
		s.Opened = r.opener.counts
	}
	for _, x := range r.list {
		s.Streams = append(s.Streams, x.describe(now))
	}
	return s
}
