package signaling

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"conclave/meeting"
	"conclave/protocol"
)

// Config configures a Handler. A zero field means the default (DefaultConfig). The fields with a group are the
// operator's options. A client IP counts by its /64 if it is IPv6.
type Config struct {
	// WebSockets at once.
	MaxSockets int `name:"max-sockets" group:"Meetings" min:"1"`
	// WebSockets of one client IP (IPv6: /64) at once. Raise it for offices behind one address.
	SocketsPerClient int `name:"sockets-per-client" group:"Meetings" min:"1"`
	// Meetings that one address may create in an hour.
	MeetingsPerAddressHour int `name:"meetings-per-address-hour" group:"Meetings" min:"1"`
	// Attempts of one client IP to join one meeting, in a minute.
	JoinsPerMinute int `name:"joins-per-minute" group:"Meetings" min:"1"`
	// Wrong passwords of one person at one meeting, in a minute. A client IP (IPv6: /64) has three times as many.
	WrongPasswordsPerMinute int `name:"wrong-passwords-per-minute" group:"Meetings" min:"1"`

	// WebSockets of one bot token at once. Each bot has one.
	SocketsPerBotToken int `name:"sockets-per-bot-token" group:"Meetings" min:"1"`

	// SocketsPerSession bounds the WebSockets of one session at once, SessionPerMinute those that it opens in a minute and
	// its attempts to join.
	SocketsPerSession int `kong:"-"`
	SessionPerMinute  int `kong:"-"`
	// PasswordsPerMinute bounds the passwords of one client IP, right or wrong, at all meetings.
	PasswordsPerMinute int `kong:"-"`
	// UnknownPerMinute bounds the requests of one client IP for meetings that do not exist.
	UnknownPerMinute int `kong:"-"`
	// InfoPerMinute bounds the requests of one client IP for GET /api/meetings/{id}.
	InfoPerMinute int `kong:"-"`
	// StreamsPerMinute bounds the requests of one client IP for streams (WHIP and WHEP), right or wrong.
	StreamsPerMinute int `kong:"-"`
	// WaitsPerMinute bounds the requests of one client IP for GET /api/meetings/{id}/opened.
	WaitsPerMinute int `kong:"-"`
	// LimiterKeys is how many keys each limiter remembers.
	LimiterKeys int `kong:"-"`

	// A client has JoinTimeout from the upgrade to its first join, and RetryTimeout from each answer to the next: a
	// person types a password. Neither runs while the server works on a join.
	JoinTimeout  time.Duration `kong:"-"`
	RetryTimeout time.Duration `kong:"-"`
	// MessageTimeout bounds a message from its first byte to its last.
	MessageTimeout time.Duration `kong:"-"`
	// PingEvery is the time between two pings, and how long one waits for its answer.
	PingEvery time.Duration `kong:"-"`
	// WriteTimeout bounds the writing of one message.
	WriteTimeout time.Duration `kong:"-"`

	// Secure says that the page's own origin is an https one.
	Secure bool `kong:"-"`
	// Origins may open WebSockets beside the page's own, for example "https://meet.example.org".
	Origins []string `kong:"-"`
	// RoleNames are names to show for the roles host, cohost, participant and viewer; nil for none.
	RoleNames map[string]string `kong:"-"`
	// Reserve takes capacity of the machine for a new participant. ok is false if there is none; then only those who have
	// a seat, or a place in a lobby, come in. release gives it back when no participant came. Both are called on many
	// goroutines; Reserve may wait for a few seconds, release must not. Nil means that there is always capacity.
	Reserve func(context.Context) (release func(), ok bool) `kong:"-"`
	// Elsewhere returns what GET /api/meetings/{id} tells the asking person of a meeting that an older version of the
	// server still has; ok is false if there is none, err says that it did not answer. Nil: no older version runs.
	Elsewhere func(r *http.Request, id meeting.ID) (about protocol.MeetingInfo, ok bool, err error) `kong:"-"`
	// Check makes what a client needs to try each way to the media port without a meeting. ok is false when too many try.
	// It must not block. Nil: there is no such route.
	Check func(now time.Time) (check protocol.PathCheck, ok bool) `kong:"-"`
	// ChecksPerMinute bounds the requests of one client IP for POST /api/check.
	ChecksPerMinute int `kong:"-"`
	// Log takes messages without anything about people; nil discards.
	Log *slog.Logger `kong:"-"`
	// Metrics takes the metrics; nil for none.
	Metrics prometheus.Registerer `kong:"-"`
	// Now is the clock of the limits; nil means time.Now.
	Now func() time.Time `kong:"-"`
}

// DefaultConfig is what applies where an operator sets nothing else.
func DefaultConfig() Config {
	return Config{
		MaxSockets: 20_000, SocketsPerClient: 1024, MeetingsPerAddressHour: 30, JoinsPerMinute: 600,
		WrongPasswordsPerMinute: 10, SocketsPerBotToken: 5_000, SocketsPerSession: 32, SessionPerMinute: 120,
		PasswordsPerMinute: 600, UnknownPerMinute: 30,
		InfoPerMinute: 600, StreamsPerMinute: 120, ChecksPerMinute: 20, WaitsPerMinute: 1200, LimiterKeys: 100_000,
		JoinTimeout: 10 * time.Second, RetryTimeout: 3 * time.Minute, MessageTimeout: 10 * time.Second,
		PingEvery: 15 * time.Second, WriteTimeout: 10 * time.Second,
	}
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	c.MaxSockets = cmp.Or(c.MaxSockets, d.MaxSockets)
	c.SocketsPerClient = cmp.Or(c.SocketsPerClient, d.SocketsPerClient)
	c.MeetingsPerAddressHour = cmp.Or(c.MeetingsPerAddressHour, d.MeetingsPerAddressHour)
	c.JoinsPerMinute = cmp.Or(c.JoinsPerMinute, d.JoinsPerMinute)
	c.WrongPasswordsPerMinute = cmp.Or(c.WrongPasswordsPerMinute, d.WrongPasswordsPerMinute)
	c.SocketsPerBotToken = cmp.Or(c.SocketsPerBotToken, d.SocketsPerBotToken)
	c.SessionPerMinute = cmp.Or(c.SessionPerMinute, d.SessionPerMinute)
	c.SocketsPerSession = cmp.Or(c.SocketsPerSession, d.SocketsPerSession)
	c.PasswordsPerMinute = cmp.Or(c.PasswordsPerMinute, d.PasswordsPerMinute)
	c.UnknownPerMinute = cmp.Or(c.UnknownPerMinute, d.UnknownPerMinute)
	c.InfoPerMinute = cmp.Or(c.InfoPerMinute, d.InfoPerMinute)
	c.StreamsPerMinute = cmp.Or(c.StreamsPerMinute, d.StreamsPerMinute)
	c.ChecksPerMinute = cmp.Or(c.ChecksPerMinute, d.ChecksPerMinute)
	c.WaitsPerMinute = cmp.Or(c.WaitsPerMinute, d.WaitsPerMinute)
	c.LimiterKeys = cmp.Or(c.LimiterKeys, d.LimiterKeys)
	c.JoinTimeout = cmp.Or(c.JoinTimeout, d.JoinTimeout)
	c.RetryTimeout = cmp.Or(c.RetryTimeout, d.RetryTimeout)
	c.MessageTimeout = cmp.Or(c.MessageTimeout, d.MessageTimeout)
	c.PingEvery = cmp.Or(c.PingEvery, d.PingEvery)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, d.WriteTimeout)
	if c.Reserve == nil {
		c.Reserve = func(context.Context) (func(), bool) { return func() {}, true }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
