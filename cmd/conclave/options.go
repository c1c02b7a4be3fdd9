package main

import (
	_ "embed"
	"errors"

	"conclave/auth"
	"conclave/config"
	"conclave/meeting"
	"conclave/signaling"
)

// settings holds every option of the server, each declared in the package that uses it.
type settings struct {
	config.Config
	Auth      auth.Config      `embed:""`
	Meetings  meeting.Config   `embed:""`
	Signaling signaling.Config `embed:""`
	Auditing  auditing         `embed:""`
	Running   config.Running   `embed:""`

	acme acmeSeams
}

// defaultSettings is what applies where an operator sets nothing else.
func defaultSettings() *settings {
	s := &settings{
		Config: config.Default(), Auth: auth.DefaultConfig(), Meetings: meeting.DefaultConfig(),
		Signaling: signaling.DefaultConfig(), Auditing: defaultAuditing(), Running: config.DefaultRunning(),
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
	err = errors.Join(err, config.Check(s, optionList()), s.authConfig().Validate(), s.Meetings.Validate(),
		s.Auditing.validate())
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
