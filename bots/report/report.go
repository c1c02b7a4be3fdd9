// Package report sums a run up: it adds the bots' figures, checks thresholds, decides the verdict and writes it for
// people. Pure: a run goes in as values, and the report comes out.
package report

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conclave/bots/measure"
	"conclave/bots/publish"
	"conclave/bots/receive"
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

// Schema names the JSON form of a report and its version. Fields are added without a new version; one that changes its
// meaning or goes away makes a new one. docs/bots-report.md lists the fields.
const Schema = "conclave-bots-report/1"

// Report is the outcome of a run.
type Report struct {
	// Schema is the form that the file has.
	Schema string `json:"schema"`
	// Configuration tells runs of one configuration from others: a hash of the plan and of how it is measured.
	Configuration string `json:"configuration"`
	// Label is what the person who ran it called this run.
	Label string `json:"label,omitempty"`
	// Verdict is passed, failed or invalid.
	Verdict Verdict `json:"verdict"`
	// Failures say what made the run fail, Invalid what made it invalid.
	Failures []string  `json:"failures,omitempty"`
	Invalid  []string  `json:"invalid,omitempty"`
	Started  time.Time `json:"started"`
	Count    int       `json:"count"`
	// Scenario is the name of the scenario, if there was one.
	Scenario string `json:"scenario,omitempty"`
	// Meetings is how many meetings they joined.
	Meetings int `json:"meetings"`
	// Publishers is how many of the bots published.
	Publishers int `json:"publishers"`
	// Sampled is how many of the bots read a sample of what they receive. Frames, freezes, concealed sound, PLIs, NACKs
	// and the first packets of joins are of the others only.
	Sampled int `json:"sampled,omitempty"`
	// Joins counts the bots that joined. With churn, a bot that takes another's place is one more.
	Joins     Joins            `json:"joins"`
	Join      map[string]Phase `json:"join"`
	Total     Total            `json:"total"`
	Window    Window           `json:"window"`
	Generator Generator        `json:"generator"`
	// Machine is nil where the system does not tell, and when nothing was measured.
	Machine *Machine `json:"machine,omitempty"`
	// Joining is the same while the bots of the first stage joined.
	Joining *Machine `json:"machine_joining,omitempty"`
	// Series is the run over time.
	Series Series `json:"series"`
	Bots   []Bot  `json:"bots"`
	// Agents are the generators, if there were several; then Generator sums them up, and there is no Machine.
	Agents []Agent `json:"agents,omitempty"`
	// Limits are the thresholds that the run was judged by, the defaults included.
	Limits []string `json:"limits"`
	// E2EE says that the meeting was end-to-end encrypted; Rekeys are its leaves, in order.
	E2EE   bool            `json:"e2ee"`
	Rekeys []measure.Rekey `json:"rekeys,omitempty"`
}

// Joins counts joins.
type Joins struct {
	Wanted int `json:"wanted"`
	Joined int `json:"joined"`
}

// Phase is the distribution of one phase of joining, over all bots.
type Phase = measure.Quantiles

// Total sums all bots up.
type Total struct {
	Traffic
	AudioDelay measure.Quantiles `json:"audio_delay"`
	VideoDelay measure.Quantiles `json:"video_delay"`
}

// Traffic counts what was sent, what came, and what should have come.
type Traffic struct {
	SentPackets uint64 `json:"sent_packets"`
	SentBytes   uint64 `json:"sent_bytes"`
	// ReceivedPackets, ReceivedBytes, Duplicates, Reordered and the losses of a bot with a sample are estimates: each
	// packet that it read stands for so many. SampledPackets is how many it read; 0 of one that reads all.
	SampledPackets  uint64 `json:"sampled_packets,omitempty"`
	ReceivedPackets uint64 `json:"received_packets"`
	ReceivedBytes   uint64 `json:"received_bytes"`
	// Expected is the number of packets that the received sequence numbers tell of.
	Expected uint64 `json:"expected_packets"`
	// LostBefore and LostAfter count those that did not come, before and after retransmission. Sound that is lost on the
	// network and comes by a copy (docs/audio.md) is in neither.
	LostBefore uint64 `json:"lost_before_rtx"`
	LostAfter  uint64 `json:"lost_after_rtx"`
	// Duplicates count what came again: copies of sound, and retransmissions of what was not lost.
	Duplicates uint64 `json:"duplicates"`
	Reordered  uint64 `json:"reordered"`
	// UndecodedPackets failed authentication or were malformed; UnknownPackets had an SSRC no answer named.
	UndecodedPackets uint64 `json:"undecoded_packets"`
	UnknownPackets   uint64 `json:"unknown_packets"`

	ExpectedAudio int `json:"expected_audio_streams"`
	ArrivedAudio  int `json:"arrived_audio_streams"`
	ExpectedVideo int `json:"expected_video_streams"`
	ArrivedVideo  int `json:"arrived_video_streams"`

	Frames     uint64  `json:"frames"`
	KeyFrames  uint64  `json:"key_frames"`
	LostFrames uint64  `json:"lost_frames"`
	Freezes    uint64  `json:"freezes"`
	FreezeMS   float64 `json:"freeze_ms"`
	// WatchedMS is how long pictures were watched in the measured window, freezes among it: of all slots together, from
	// the first frame of each to its last.
	WatchedMS    float64 `json:"watched_ms"`
	PLIsSent     uint64  `json:"plis_sent"`
	PLIsReceived uint64  `json:"plis_received"`
	NACKsSent    uint64  `json:"nacks_sent"`
	// PlayedMS is how much sound was there in time, ConcealedMS how much a browser would have had to make up. Both are 0
	// where not every packet was looked into.
	PlayedMS    float64 `json:"played_ms"`
	ConcealedMS float64 `json:"concealed_ms"`
	// Opened is what became of end-to-end encrypted frames.
	Opened receive.Opened `json:"e2ee"`
	// CatchUpSamples are delays left out because the server was playing kept media into a newly assigned slot.
	CatchUpSamples uint64 `json:"catch_up_samples"`
}

// Add adds the counts of o.
func (t *Traffic) Add(o *Traffic) {
	t.SentPackets += o.SentPackets
	t.SentBytes += o.SentBytes
	t.SampledPackets += o.SampledPackets
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
	t.WatchedMS += o.WatchedMS
	t.PLIsSent += o.PLIsSent
	t.PLIsReceived += o.PLIsReceived
	t.NACKsSent += o.NACKsSent
	t.PlayedMS += o.PlayedMS
	t.ConcealedMS += o.ConcealedMS
	t.CatchUpSamples += o.CatchUpSamples
	t.Opened.Add(&o.Opened)
}

// Window is the measured part of the run: all bots are in, and none joins or leaves but for churn.
type Window struct {
	Start   time.Time `json:"start"`
	Seconds float64   `json:"seconds"`
	// Planned is how long it should have been. CutShort says that the run was interrupted before.
	Planned  float64 `json:"planned_seconds"`
	CutShort bool    `json:"cut_short,omitempty"`

	ReceivedPackets uint64  `json:"received_packets"`
	ReceivedBytes   uint64  `json:"received_bytes"`
	PacketsPerS     float64 `json:"packets_per_s"`
	MbitPerS        float64 `json:"mbit_per_s"`
	// ServerCPUSeconds (user and system) and ServerCPUMicrosPerPacket are there when the server's process was named.
	ServerCPUSeconds         float64 `json:"server_cpu_s,omitempty"`
	ServerCPUMicrosPerPacket float64 `json:"server_cpu_us_per_packet,omitempty"`
	ServerRSSMiB             float64 `json:"server_rss_mib,omitempty"`
}

// Generator tells how the bots' own process did.
type Generator struct {
	// Lag is how late media was sent.
	Lag measure.Quantiles `json:"lag"`
	// CPUSeconds is the process's own over the window, Cores those it could use.
	CPUSeconds float64 `json:"cpu_s"`
	Cores      int     `json:"cores"`
	// RSSMiB is its resident memory at the window's end, Goroutines how many it had: both are of all bots together.
	RSSMiB     float64 `json:"rss_mib"`
	Goroutines int     `json:"goroutines"`
	// SocketDrops are datagrams that the kernel dropped because a bot did not read them in time.
	SocketDrops uint64 `json:"socket_drops"`
	SendErrors  uint64 `json:"send_errors"`
}

// Bot is one bot's part.
type Bot struct {
	Bot         int                  `json:"bot"`
	Meeting     int                  `json:"meeting"` // from 1, in the order of the scenario
	Role        string               `json:"role,omitempty"`
	Participant protocol.Participant `json:"participant,omitempty"`
	Error       string               `json:"error,omitempty"`
	Lobby       bool                 `json:"lobby,omitempty"`
	// Sample is n where the bot read one packet in n of what it received; 0: all.
	Sample int `json:"sample,omitempty"`
	// JoinMS are the durations of the join's phases; see docs/bots.md.
	JoinMS map[string]float64 `json:"join_ms"`
	Traffic
	AudioDelay    measure.Quantiles        `json:"audio_delay"`
	VideoDelay    measure.Quantiles        `json:"video_delay"`
	RequestErrors map[protocol.ErrorID]int `json:"request_errors,omitempty"`
	Sent          []publish.Stats          `json:"sent"`
	Received      []receive.Stats          `json:"received"`
	Timeline      []receive.Moment         `json:"timeline,omitempty"`

	Audio *hdrhistogram.Histogram `json:"-"`
	Video *hdrhistogram.Histogram `json:"-"`
}

// AddReceived fills in what a bot's receiver knew.
func (b *Bot) AddReceived(s *receive.Summary) {
	b.ReceivedPackets, b.ReceivedBytes, b.CatchUpSamples = s.Packets, s.Bytes, s.CatchUps
	b.SampledPackets = s.Sampled
	b.UnknownPackets, b.UndecodedPackets, b.Opened = s.Unknown, s.Undecoded, s.Opened
	b.Received, b.Timeline = s.Streams, s.Timeline
	for i := range s.Streams {
		d := &s.Streams[i]
		b.Expected += d.Expected
		b.LostBefore += d.LostBefore
		b.LostAfter += d.LostAfter
		b.Duplicates += d.Duplicates
		b.Reordered += d.Reordered
		b.Frames += d.Frames
		b.KeyFrames += d.KeyFrames
		b.LostFrames += d.LostFrames
		b.Freezes += d.Freezes
		b.FreezeMS += d.FreezeMS
		b.WatchedMS += d.WatchedMS
		b.PLIsSent += d.PLIs
		b.NACKsSent += d.NACKs
		b.PlayedMS += d.PlayedMS
		b.ConcealedMS += d.ConcealedMS
	}
	b.Audio, b.Video = s.Audio, s.Video
	b.AudioDelay, b.VideoDelay = measure.QuantilesOf(s.Audio), measure.QuantilesOf(s.Video)
}

// AddSent fills in what a bot's publisher sent.
func (b *Bot) AddSent(list []publish.Stats) {
	b.Sent = list
	for i := range list {
		b.SentPackets += list[i].Packets
		b.SentBytes += list[i].Bytes
		b.PLIsReceived += list[i].PLIs
	}
}
