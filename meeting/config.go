package meeting

import (
	"cmp"
	"errors"
	"log/slog"
	"time"
)

// Config configures a Registry. A zero field means the default (DefaultConfig). The fields with a group are the
// operator's options.
type Config struct {
	// Hard end of a meeting, at least a minute.
	MaxMeeting time.Duration `name:"max-meeting" group:"Meetings"`
	// Asks a participant who shows no activity for this long whether they are there. Without an answer they leave the
	// meeting and are signed out. 0 for never.
	ParticipantIdle time.Duration `name:"participant-idle" group:"Meetings"`
	// Participants in one meeting, and people in its lobby.
	MaxParticipants int `name:"max-participants" group:"Meetings" min:"1"`
	// Meetings at once. Beyond it, creating one fails with server_full.
	MaxMeetings int `name:"max-meetings" group:"Meetings" min:"1"`
	// Meetings of one address at once.
	MeetingsPerAddress int `name:"meetings-per-address" group:"Meetings" min:"1"`

	// Makes every meeting confidential: end-to-end encrypted, with a lobby, without guests. Participants who show no
	// activity for 15 minutes are asked whether they are there. Without it, the creator of a meeting may choose so.
	Confidential bool `name:"confidential" group:"Meetings"`
	// Allows the chat in confidential meetings.
	ConfidentialChat bool `name:"confidential-chat" group:"Meetings"`

	// ConfidentialIdle is the most that ParticipantIdle is in confidential meetings.
	ConfidentialIdle time.Duration `kong:"-"`
	// EmptyAfter is how long a meeting without participants lasts.
	EmptyAfter time.Duration `kong:"-"`
	// ResumeGrace is how long a seat waits for its socket.
	ResumeGrace time.Duration `kong:"-"`
	// MediaGrace is how long a seat whose media failed waits for a new offer.
	MediaGrace time.Duration `kong:"-"`
	// IdleAnswer is how long the question waits that ParticipantIdle has asked.
	IdleAnswer time.Duration `kong:"-"`
	// Guests lets people without a verified address wait in the lobby of a meeting whose creator allows it.
	Guests bool `kong:"-"`

	// Media is the media server; required.
	Media Media `kong:"-"`
	// Relay gives each seat what its client needs to be relayed; nil for none.
	Relay Relay `kong:"-"`
	// Recorder keeps the audit log; nil for none.
	Recorder Recorder `kong:"-"`
	// Now is the clock; nil means time.Now.
	Now func() time.Time `kong:"-"`
	// Log takes messages without anything about people; nil discards.
	Log *slog.Logger `kong:"-"`
}

// DefaultConfig is what applies where an operator sets nothing else.
func DefaultConfig() Config {
	return Config{
		MaxMeeting: 2 * time.Hour, MaxParticipants: 1000, MaxMeetings: 10_000, MeetingsPerAddress: 20,
		ConfidentialIdle: 15 * time.Minute, EmptyAfter: 5 * time.Minute, ResumeGrace: 45 * time.Second, MediaGrace: 30 * time.Second, IdleAnswer: time.Minute,
	}
}

// Validate checks the options. Its errors name the option, as the operator knows it.
func (c Config) Validate() error {
	switch {
	case c.MaxMeeting < time.Minute:
		return errors.New("max_meeting must be at least 1m")
	case c.ParticipantIdle < 0:
		return errors.New("participant_idle must not be negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	c.MaxMeeting = cmp.Or(c.MaxMeeting, d.MaxMeeting)
	c.MaxParticipants = cmp.Or(c.MaxParticipants, d.MaxParticipants)
	c.MaxMeetings = cmp.Or(c.MaxMeetings, d.MaxMeetings)
	c.MeetingsPerAddress = cmp.Or(c.MeetingsPerAddress, d.MeetingsPerAddress)
	c.ConfidentialIdle = cmp.Or(c.ConfidentialIdle, d.ConfidentialIdle)
	c.EmptyAfter = cmp.Or(c.EmptyAfter, d.EmptyAfter)
	c.ResumeGrace = cmp.Or(c.ResumeGrace, d.ResumeGrace)
	c.MediaGrace = cmp.Or(c.MediaGrace, d.MediaGrace)
	c.IdleAnswer = cmp.Or(c.IdleAnswer, d.IdleAnswer)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
