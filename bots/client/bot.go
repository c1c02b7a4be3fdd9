package client

import (
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/network"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/e2ee"
	"conclave/protocol"
)

// Config says what one bot does.
type Config struct {
	Meeting  protocol.MeetingID
	Name     string
	Password string
	// Link is the meeting's link, nil of a meeting without end-to-end encryption; purpose is what people are asked for.
	Link    *e2ee.Link
	Purpose string

	// Sources are what it publishes, playing clip.
	Sources   []protocol.Source
	Clip      *clip.Clip
	Simulcast bool
	// AudioSlots and videoSlots are its receiving m-lines.
	AudioSlots, VideoSlots int
	// View is how many pictures it wants to see, height how high, and stage the height of the first if not 0.
	View, Height, Stage int
	// Flip turns the page of what it views every so often; 0: never.
	Flip time.Duration

	// Waiting is called when the bot begins to wait to be let in, and when it is; nil: not. It must not block.
	Waiting func(waiting bool)

	// Local is the address from which the server is reached.
	Local net.IP
	// Network is what is done to its datagrams; nil: nothing.
	Network *network.Conditions
	// Verify, feedback and poll are the receiver's and the socket's.
	Verify   int
	Feedback bool
	Poll     time.Duration
	// Lag and rekeys hear of what is measured. All bots of a process may share them.
	Lag    *measure.Lag
	Rekeys *measure.RekeyLog
}

// Bot is one participant. Its goroutine (join, then stay) owns it; what others may call says so.
type Bot struct {
	cfg Config
	api *API

	ws         *socket
	media      *connection
	encryption *encryption // nil in a meeting without end-to-end encryption
	self       protocol.Participant
	roster     map[protocol.Participant]protocol.RosterEntry // bounded by the meeting's size
	times      Phases
	waiting    atomic.Bool // to be let in
	page       int
	viewing    []protocol.Want
	viewed     time.Time         // when that was told
	silent     []protocol.Source // muted by a host; each source at most once

	mu     sync.Mutex
	errors map[protocol.ErrorID]int // of requests that failed; a closed set. Owned by mu
	since  time.Time                // when live began. Owned by mu
	live   []protocol.Source        // what is published now. Owned by mu
}

// New makes a bot that has not joined yet.
func New(api *API, cfg Config) *Bot {
	return &Bot{
		cfg: cfg, api: api,
		roster: map[protocol.Participant]protocol.RosterEntry{}, errors: map[protocol.ErrorID]int{},
	}
}

// Publishing returns what the bot publishes and since when. It may be called at any time.
func (b *Bot) Publishing() (since time.Time, sources []protocol.Source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since, b.live
}

func (b *Bot) publish(sources []protocol.Source) {
	b.media.publisher.SetLive(func(s protocol.Source) bool { return slices.Contains(sources, s) })
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since, b.live = time.Now(), sources
}

// Waiting says whether the bot waits to be let in. It may be called at any time.
func (b *Bot) Waiting() bool { return b.waiting.Load() }

// Participant returns the bot's number in the meeting, 0 before it is in.
func (b *Bot) Participant() protocol.Participant { return b.self }

// Phases returns the moments of its join; they are complete when join has returned.
func (b *Bot) Phases() Phases { return b.times }

// ErrorCounts returns a copy of what went wrong.
func (b *Bot) ErrorCounts() map[protocol.ErrorID]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.errors)
}

func (b *Bot) failedRequest(id protocol.ErrorID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors[id]++
}

// Pulse sends the RTCP that is due at now, sender reports if reports, and takes a moment for the timeline each interval
// (0: never). Call it every 20 ms or so while the bot is in the meeting; so the methods below.
func (b *Bot) Pulse(now time.Time, reports bool, timeline time.Duration) {
	b.media.receiver.Pulse(now)
	b.media.receiver.Moment(now, timeline)
	if !reports {
		return
	}
	if list := b.media.publisher.SenderReports(now); len(list) > 0 {
		b.media.publisher.SendRTCP(list)
	}
}

// Sent returns the counters of the streams that it sent.
func (b *Bot) Sent() []publish.Stats { return b.media.publisher.Sent() }

// Received says what it has received at now.
func (b *Bot) Received(now time.Time) receive.Summary { return b.media.receiver.Summary(now) }

// Arrived counts the slots that carry something at now.
func (b *Bot) Arrived(now time.Time) (audio, video int) { return b.media.receiver.Arrived(now) }

// OpenWindow begins the measured window.
func (b *Bot) OpenWindow() { b.media.receiver.OpenWindow() }

// Connected says whether the bot has media at all: the other methods about media need it.
func (b *Bot) Connected() bool { return b.media != nil }

// Traffic counts what came, what the kernel dropped at the bot's socket, and what could not be sent.
func (b *Bot) Traffic() (packets, bytes, drops, sendErrors uint64) {
	packets, bytes = b.media.receiver.Progress()
	return packets, bytes, b.media.wire.Drops(), b.media.wire.SendErrors()
}

// Close ends whatever is open.
func (b *Bot) Close() {
	if b.ws != nil {
		b.ws.close()
	}
	if b.media != nil {
		_ = b.media.close() // the bot has left: there is nothing to say about it
	}
}
