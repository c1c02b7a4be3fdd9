package main

import (
	_ "embed"
	"errors"
	"time"

	"conclave/auth"
	"conclave/config"
)

// settings holds every option of the server, each declared in the package that uses it.
type settings struct {
	config.Config
	Auth     auth.Config    `embed:""`
	Meetings meetings       `embed:""`
	Running  config.Running `embed:""`
}

// defaultSettings is what applies where an operator sets nothing else.
func defaultSettings() *settings {
	s := &settings{
		Config: config.Default(), Auth: auth.DefaultConfig(), Meetings: defaultMeetings(), Running: config.DefaultRunning(),
	}
	s.SMTPTimeout = auth.DefaultSMTPTimeout
	return s
}

// help holds the comments of the options' fields; TestHelpIsWhatTheFieldsSay keeps it so.
//
//go:embed help.txt
var help string

// optionList describes every option.
func optionList() []config.Option { return config.Options(defaultSettings(), config.ParseHelp(help)) }

// deploy checks the options and derives what follows from them. Errors say what to set.
func (s *settings) deploy() (*config.Deployment, error) {
	d, err := s.Config.Deploy()
	err = errors.Join(err, config.Check(s, optionList()), s.authConfig().Validate(), s.Meetings.validate())
	if err != nil {
		return nil, err
	}
	return d, nil
}

// authConfig is the configuration of signing in, with the secrets in it.
func (s *settings) authConfig() auth.Config {
	c := s.Auth
	for _, t := range s.BotTokens {
		c.BotTokens = append(c.BotTokens, t.Reveal())
	}
	return c
}

// meetings holds the options of meetings and their WebSockets.
type meetings struct {
	// Hard end of a meeting, at least a minute.
	MaxMeeting time.Duration `name:"max-meeting" group:"Meetings"`
	// Asks a participant who shows no activity for this long whether they are there. Without an answer they leave the
	// meeting and are signed out. 0 for never.
	ParticipantIdle time.Duration `name:"participant-idle" group:"Meetings"`
	// Participants in one meeting, and people in its lobby.
	MaxParticipants int `name:"max-participants" group:"Meetings" min:"1"`
	// Meetings at once. Beyond it, creating one fails with server_full.
	MaxMeetings int `name:"max-meetings" group:"Meetings" min:"1"`
	// Meetings that one address may create in an hour.
	MeetingsPerAddressHour int `name:"meetings-per-address-hour" group:"Meetings" min:"1"`
	// Meetings of one address at once.
	MeetingsPerAddress int `name:"meetings-per-address" group:"Meetings" min:"1"`
	// WebSockets at once.
	MaxSockets int `name:"max-sockets" group:"Meetings" min:"1"`
	// WebSockets of one client IP (IPv6: /64) at once. Raise it for offices behind one address.
	SocketsPerClient int `name:"sockets-per-client" group:"Meetings" min:"1"`
	// Attempts of one client IP to join one meeting, in a minute.
	JoinsPerMinute int `name:"joins-per-minute" group:"Meetings" min:"1"`
	// Wrong passwords of one client IP at one meeting, in a minute.
	WrongPasswordsPerMinute int `name:"wrong-passwords-per-minute" group:"Meetings" min:"1"`
}

func defaultMeetings() meetings {
	return meetings{
		MaxMeeting: 2 * time.Hour, MaxParticipants: 500, MaxMeetings: 10_000, MeetingsPerAddressHour: 30,
		MeetingsPerAddress: 20, MaxSockets: 20_000, SocketsPerClient: 256, JoinsPerMinute: 120, WrongPasswordsPerMinute: 10,
	}
}

func (m meetings) validate() error {
	if m.MaxMeeting < time.Minute {
		return errors.New("max_meeting must be at least 1m")
	}
	return nil
}
