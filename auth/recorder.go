package auth

import (
	"context"
	"net/http"
	"time"
)

// Action is something that an audited deployment records.
type Action string

// The actions.
const (
	ActionChallenge Action = "signin_challenge" // a code is on its way to the address
	ActionVerified  Action = "signin_verified"
	ActionFailed    Action = "signin_failed" // a wrong code for an open challenge
	ActionGuest     Action = "guest_signed_in"
	ActionSignedOut Action = "signed_out"
	ActionExpired   Action = "session_expired" // at its end, or for idleness
)

// Recorder keeps the audit log. Safe for concurrent use.
type Recorder interface {
	// Record returns once it is on disk that an address did something; a guest has the zero address. An error means
	// that the action must not be acknowledged. It must not keep the address in any other form.
	Record(ctx context.Context, what Action, who Email) error
}

// recordTimeout bounds how long a request waits for its record.
const recordTimeout = 10 * time.Second

// record keeps what happened, or answers that it cannot; ok is false then.
func (s *Service) record(w http.ResponseWriter, r *http.Request, what Action, who Email) (ok bool) {
	if s.deps.Recorder == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), recordTimeout)
	defer cancel()
	if s.deps.Recorder.Record(ctx, what, who) == nil {
		return true
	}
	WriteError(w, http.StatusServiceUnavailable, "audit_unavailable",
		"The server cannot write its audit log. Nothing is done until it can.", time.Minute)
	return false
}

// recordExpired keeps whose sessions have ended by time. They have ended whether it succeeds or not: a log that cannot
// be written keeps no one signed in. Those after one that could not be recorded are not tried. It stops when ctx ends.
func (s *Service) recordExpired(ctx context.Context, ended []Email) {
	if s.deps.Recorder == nil {
		return
	}
	for _, who := range ended {
		if err := s.deps.Recorder.Record(ctx, ActionExpired, who); err != nil {
			s.deps.Log.Error("ended sessions could not be recorded", "error", err)
			return
		}
	}
}
