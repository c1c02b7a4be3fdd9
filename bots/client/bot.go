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
	"conclave/bots/path"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/bots/wire"
	"conclave/e2ee/group"
	"conclave/protocol"
)

// Config says what one bot does.
type Config struct {
	Meeting  protocol.MeetingID
	Name     string
	Password string
	// Root is that of the meeting's link, nil of a meeting without end-to-end encryption. All bots of a meeting share one.
	Root *group.Root
	// Turns is what all bots of a meeting have in common, beside Root.
	Turns *group.Turns
	// Outside says that the bot is no member of the group: the meeting is of people, whose consent it needs. Purpose is
	// what it asks them for.
	Outside bool
	Purpose string

	// Sources are what it publishes, playing clip.
	Sources   []protocol.Source
	Clip      *clip.Clip
	Simulcast bool
	// AudioSlots and videoSlots are its receiving m-lines.
	AudioSlots, VideoSlots int
	// View is how many pictures it wants to see, height how high, and stage the height of the first if not 0.
	View, Height, Stage int
	// Flip turns the page of what it views every so often; 0: never. Follow makes the first picture that of who speaks.
	Flip   time.Duration
	Follow bool
	// Speaks says whether the bot speaks at a time; nil: always, with the clip's pauses.
	Speaks func(time.Time) bool
	// Host lets in who waits, AdmitAfter later. Creator is the key that an encrypted meeting's admissions come from: the
	// bot is a host of the group by it, on a device of its own. nil: it is let in like others.
	Host       bool
	AdmitAfter time.Duration
	Creator    *group.Identity
	// Requests, Datagrams and Acts are what the bot floods the server with each second; 0: not.
	Requests, Datagrams, Acts int
	// Transport is how media goes: udp (also if empty), ice_tcp, turn_tcp or turn_tls.
	Transport string

	// Waiting is called when the bot begins to wait to be let in, and when it is; nil: not. It must not block.
	Waiting func(waiting bool)
	// Up is called when its media is up, while it may still wait to come into the group; nil: not. It must not block.
	Up func()

	// Local is the address from which the server is reached.
	Local net.IP
	// Network is what is done to its datagrams; nil: nothing.
	Network *network.Conditions
	// Identity is its certificate. All bots of a process may share one.
	Identity *path.Identity
	// Buffers are what all bots of a process share; nil: it has its own.
	Buffers *wire.Buffers
	// Decoder decodes what the server says, once for all bots of a process; nil: each does.
	Decoder *Decoder
	// Sample has the kernel discard all but one packet in so many of what it receives; 0: none.
	Sample int
	// Verify, feedback and poll are the receiver's and the socket's.
	Verify   int
	Feedback bool
	Poll     time.Duration
	// Lag, Recent and Rekeys hear of what is measured. All bots of a process may share them.
	Lag    *measure.Lag
	Recent *measure.Recent
	// Clock is this machine's: stamps are made in the common one.
	Clock  measure.Clock
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
	publishers map[protocol.Participant][]protocol.Source // and what; bounded by the meeting's size
	times      Phases
	waiting    atomic.Bool // to be let in
	page       int
	viewed     time.Time               // when that was told
	silent     []protocol.Source       // muted by a host; each source at most once
	speaker    protocol.Participant    // who spoke last, of the others
	queue      []protocol.WaitingEntry // who waits to be let in, if the bot may admit
	admitting  *time.Timer             // when the bot lets them in
	relays     []path.TURN
	flood      flood

	mu     sync.Mutex
	errors map[protocol.ErrorID]int // of requests that failed; a closed set. Owned by mu
	since  time.Time                // when live began. Owned by mu
	live   []protocol.Source        // what is published now. Owned by mu
	// viewing is what it last asked to see; replaced, never changed. The goroutine writes it. Owned by mu.
	viewing []protocol.Want
}

// New makes a bot that has not joined yet.
func New(api *API, cfg Config) *Bot {
	return &Bot{
		cfg: cfg, api: api,
		publishers: map[protocol.Participant][]protocol.Source{}, errors: map[protocol.ErrorID]int{},
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

// Trouble counts what the kernel dropped at the bot's socket, and what could not be sent.
func (b *Bot) Trouble() (drops, sendErrors uint64) {
	return b.media.wire.Drops(), b.media.wire.SendErrors()
}

// Glance returns what it has received so far.
func (b *Bot) Glance() receive.Glance { return b.media.receiver.Glance() }

// Wants counts the pictures that it asked for last, by height. It may be called at any time.
func (b *Bot) Wants() (p receive.Pictures) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.viewing {
		p.Count(b.viewing[i].Height)
	}
	return p
}

func (b *Bot) setViewing(wants []protocol.Want) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.viewing = wants
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
