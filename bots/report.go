package bots

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/protocol"
)

// Verdict is the outcome of a run.
type Verdict string

// The verdicts. Invalid means that nothing can be said of the server, because the generator itself was overloaded.
const (
	Passed  Verdict = "passed"
	Failed  Verdict = "failed"
	Invalid Verdict = "invalid"
)

// ExitCode is what the command exits with: 0 passed, 1 failed, 2 invalid.
func (v Verdict) ExitCode() int {
	switch v {
	case Passed:
		return 0
	case Invalid:
		return 2
	default:
		return 1
	}
}

// Report is the outcome of a run. Its JSON form is stable: fields are added, never renamed.
type Report struct {
	Verdict Verdict `json:"verdict"`
	// Failures say what made the run fail, Invalid what made it invalid.
	Failures []string  `json:"failures,omitempty"`
	Invalid  []string  `json:"invalid,omitempty"`
	Started  time.Time `json:"started"`
	Count    int       `json:"count"`
	// Publishers is how many of the bots published.
	Publishers int              `json:"publishers"`
	Join       map[string]Phase `json:"join"`
	Total      Total            `json:"total"`
	Window     Window           `json:"window"`
	Generator  Generator        `json:"generator"`
	Bots       []BotReport      `json:"bots"`
	// E2EE says that the meeting was end-to-end encrypted; Rekeys are its leaves, in order.
	E2EE   bool    `json:"e2ee"`
	Rekeys []Rekey `json:"rekeys,omitempty"`
}

// Phase is the distribution of one phase of joining, over all bots.
type Phase = Quantiles

// Total sums all bots up.
type Total struct {
	Traffic
	AudioDelay Quantiles `json:"audio_delay"`
	VideoDelay Quantiles `json:"video_delay"`
}

// Traffic counts what was sent, what came, and what should have come.
type Traffic struct {
	SentPackets     uint64 `json:"sent_packets"`
	SentBytes       uint64 `json:"sent_bytes"`
	ReceivedPackets uint64 `json:"received_packets"`
	ReceivedBytes   uint64 `json:"received_bytes"`
	// Expected is the number of packets that the received sequence numbers tell of.
	Expected uint64 `json:"expected_packets"`
	// LostBefore and LostAfter count those that did not come, before and after retransmission.
	LostBefore uint64 `json:"lost_before_rtx"`
	LostAfter  uint64 `json:"lost_after_rtx"`
	Duplicates uint64 `json:"duplicates"`
	Reordered  uint64 `json:"reordered"`
	// UndecodedPackets failed authentication or were malformed; UnknownPackets had an SSRC no answer named.
	UndecodedPackets uint64 `json:"undecoded_packets"`
	UnknownPackets   uint64 `json:"unknown_packets"`

	ExpectedAudio int `json:"expected_audio_streams"`
	ArrivedAudio  int `json:"arrived_audio_streams"`
	ExpectedVideo int `json:"expected_video_streams"`
	ArrivedVideo  int `json:"arrived_video_streams"`

	Frames       uint64  `json:"frames"`
	KeyFrames    uint64  `json:"key_frames"`
	LostFrames   uint64  `json:"lost_frames"`
	Freezes      uint64  `json:"freezes"`
	FreezeMS     float64 `json:"freeze_ms"`
	PLIsSent     uint64  `json:"plis_sent"`
	PLIsReceived uint64  `json:"plis_received"`
	NACKsSent    uint64  `json:"nacks_sent"`
	// Sealed is what became of end-to-end encrypted frames.
	Sealed Opened `json:"e2ee"`
	// CatchUpSamples are delays left out because the server was playing kept media into a newly assigned slot.
	CatchUpSamples uint64 `json:"catch_up_samples"`
}

func (t *Traffic) add(o *Traffic) {
	t.SentPackets += o.SentPackets
	t.SentBytes += o.SentBytes
	t.ReceivedPackets += o.ReceivedPackets
	t.ReceivedBytes += o.ReceivedBytes
	t.Expected += o.Expected
	t.LostBefore += o.LostBefore
	t.LostAfter += o.LostAfter
	t.Duplicates += o.Duplicates
	t.Reordered += o.Reordered
	t.UndecodedPackets += o.UndecodedPackets
	t.UnknownPackets += o.UnknownPackets
	t.ExpectedAudio += o.ExpectedAudio
	t.ArrivedAudio += o.ArrivedAudio
	t.ExpectedVideo += o.ExpectedVideo
	t.ArrivedVideo += o.ArrivedVideo
	t.Frames += o.Frames
	t.KeyFrames += o.KeyFrames
	t.LostFrames += o.LostFrames
	t.Freezes += o.Freezes
	t.FreezeMS += o.FreezeMS
	t.PLIsSent += o.PLIsSent
	t.PLIsReceived += o.PLIsReceived
	t.NACKsSent += o.NACKsSent
	t.CatchUpSamples += o.CatchUpSamples
	t.Sealed.add(&o.Sealed)
}

// Window is the measured part of the run: all bots in, nobody joining or leaving (but for churn).
type Window struct {
	Start           time.Time `json:"start"`
	Seconds         float64   `json:"seconds"`
	ReceivedPackets uint64    `json:"received_packets"`
	ReceivedBytes   uint64    `json:"received_bytes"`
	PacketsPerS     float64   `json:"packets_per_s"`
	MbitPerS        float64   `json:"mbit_per_s"`
	// ServerCPUSeconds (user and system) and ServerCPUMicrosPerPacket are there when the server's process was named.
	ServerCPUSeconds         float64 `json:"server_cpu_s,omitempty"`
	ServerCPUMicrosPerPacket float64 `json:"server_cpu_us_per_packet,omitempty"`
	ServerRSSMiB             float64 `json:"server_rss_mib,omitempty"`
}

// Generator tells how the bots' own process did.
type Generator struct {
	// Lag is how late media was sent.
	Lag Quantiles `json:"lag"`
	// CPUSeconds is the process's own over the window, Cores those it could use.
	CPUSeconds float64 `json:"cpu_s"`
	Cores      int     `json:"cores"`
	// SocketDrops are datagrams that the kernel dropped because a bot did not read them in time.
	SocketDrops uint64 `json:"socket_drops"`
	SendErrors  uint64 `json:"send_errors"`
}

// BotReport is one bot's part.
type BotReport struct {
	Bot         int                  `json:"bot"`
	Participant protocol.Participant `json:"participant,omitempty"`
	Error       string               `json:"error,omitempty"`
	Lobby       bool                 `json:"lobby,omitempty"`
	// JoinMS are the durations of the join's phases; see docs/bots.md.
	JoinMS map[string]float64 `json:"join_ms"`
	Traffic
	AudioDelay    Quantiles                `json:"audio_delay"`
	VideoDelay    Quantiles                `json:"video_delay"`
	RequestErrors map[protocol.ErrorID]int `json:"request_errors,omitempty"`
	Sent          []SentStream             `json:"sent"`
	Received      []ReceivedStream         `json:"received"`
	Timeline      []Moment                 `json:"timeline,omitempty"`

	audio, video *hdrhistogram.Histogram
}

// ReceivedStream is one slot as one bot received it.
type ReceivedStream struct {
	MID   string `json:"mid"`
	Video bool   `json:"video"`
	// Participant is whom the slot carried last, Owners how often that changed on the wire.
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
	Frames      uint64               `json:"frames,omitempty"`
	KeyFrames   uint64               `json:"key_frames,omitempty"`
	LostFrames  uint64               `json:"lost_frames,omitempty"`
	Freezes     uint64               `json:"freezes,omitempty"`
	LongestMS   float64              `json:"longest_freeze_ms,omitempty"`
	PLIs        uint64               `json:"plis,omitempty"`
	// Arrived says that the stream came, with a whole key frame if it is video, and was still coming at the end.
	Arrived bool `json:"arrived"`
}

// describe describes one slot at time now.
func (s *stream) describe(now time.Time) ReceivedStream {
	before, after := s.log.lost()
	r := ReceivedStream{
		MID: s.mid, Video: s.video, Participant: s.owner, Owners: s.csrcChanges,
		Packets: s.log.Direct + s.log.Recovered, Bytes: s.bytes, LostBefore: before, LostAfter: after,
		RTXPackets: s.rtxPackets, JitterMS: s.jitter.jitter / float64(s.clockRate) * 1000,
		DelayMaxMS: float64(s.delayMax) / 1e6, PLIs: s.plis,
		Frames: s.frames.Frames, KeyFrames: s.frames.KeyFrames, LostFrames: s.frames.Lost,
		Freezes: s.frames.freeze.Count, LongestMS: float64(s.frames.freeze.Longest) / 1e6,
		Arrived: s.alive(now),
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
	return s.firstAt != 0 && (!s.video || s.frames.KeyFrames > 0) && now.UnixNano()-s.lastAt < int64(liveWindow)
}

// arrived counts the slots that carry something at time now.
func (r *receiver) arrived(now time.Time) (audio, video int) {
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

// report fills in what the receiver knows, and returns when media first came. now is the moment the publishers stopped.
func (r *receiver) report(b *BotReport, now time.Time) (firstRTP, firstKey time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.ReceivedPackets, b.ReceivedBytes = r.packets, r.bytes
	b.CatchUpSamples = r.catchUps
	b.Timeline = r.timeline
	b.UnknownPackets, b.UndecodedPackets = r.unknown, r.undecoded
	if r.sealed != nil {
		b.Sealed = r.sealed.counts
	}
	b.Received = []ReceivedStream{}
	for _, s := range r.list {
		d := s.describe(now)
		b.Received = append(b.Received, d)
		b.Expected += s.log.expected()
		b.LostBefore += d.LostBefore
		b.LostAfter += d.LostAfter
		b.Duplicates += s.log.Duplicates
		b.Reordered += s.log.Reordered
		b.Frames += d.Frames
		b.KeyFrames += d.KeyFrames
		b.LostFrames += d.LostFrames
		b.Freezes += d.Freezes
		b.FreezeMS += float64(s.frames.freeze.Duration) / 1e6
		b.PLIsSent += d.PLIs
		b.NACKsSent += s.nacks
	}
	b.audio, b.video = hdrhistogram.Import(r.audioDelay.Export()), hdrhistogram.Import(r.videoDelay.Export())
	b.AudioDelay, b.VideoDelay = quantiles(r.audioDelay), quantiles(r.videoDelay)
	return r.firstRTP, r.firstKey
}
