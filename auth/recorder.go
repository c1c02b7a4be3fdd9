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
	ActionSignedOut Action = "signed_out"
)

// Recorder keeps the audit log. Safe for concurrent use.
type Recorder interface {
	// Record returns once it is on disk that an address did something. An error means that the action must not be
	// acknowledged. It must not keep the address in any other form.
	Record(ctx context.Context, what Action, who Email) error
}

// recordTimeout bounds how long a request waits for its record.
const recordTimeout = 10 * time.Second

// record keeps what happened, or answers that it cannot; ok is false then. Guests have no address to record.
func (s *Service) record(w http.ResponseWriter, r *http.Request, what Action, who Email) (ok bool) {
	if s.deps.Recorder == nil || who.IsZero() {
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
