package auth

import (
	"errors"
	"net/http"
	"time"
)

// postGuest gives a session to a person without an address. It opens little: a guest creates no meeting and waits in
// the lobby of those that take guests. A person who is signed in keeps their session.
func (s *Service) postGuest(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Guests {
		WriteError(w, http.StatusForbidden, "not_allowed",
			"This server takes no guests. Sign in with your e-mail address.", 0)
		return
	}
	if err := decodeEmpty(w, r); err != nil {
		writeBodyError(w, err)
		return
	}
	if id, err := s.Authenticate(r); err == nil {
		WriteJSON(w, http.StatusOK, newSessionBody(id))
		return
	}
	client, ok := s.clientOf(w, r)
	if !ok {
		return
	}
	t, who, no, err := s.openGuest(client, r.Header.Get(proofHeader))
	switch {
	case no.retryAfter > 0:
		s.deps.Count(EventGuestLimited)
		writeRateLimited(w, "Too many guests from your network.", no.retryAfter)
	case no.level > 0:
		s.askProof(w, no.level)
	case errors.Is(err, errTooManySessions):
		WriteError(w, http.StatusServiceUnavailable, "server_full", "Too many guests are here. Try again later.", time.Minute)
	case err != nil:
		s.deps.Log.Error("a session could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	case !s.record(w, r, ActionGuest, Email{}):
		s.Revoke(who.Session) // no one has its token
	default:
		s.deps.Count(EventGuest)
		http.SetCookie(w, s.cookie(s.sessionCookieName(), t.encode(), s.cfg.SessionTTL, http.SameSiteLaxMode))
		WriteJSON(w, http.StatusOK, newSessionBody(who))
	}
}

// openGuest decides and opens a session.
func (s *Service) openGuest(client ClientIP, proof string) (t token, who Identity, no refusal, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	beyond, retryAfter := s.limits.guests.check(now, client)
	if retryAfter > 0 {
		return t, who, refusal{retryAfter: retryAfter}, nil
	}
	if beyond && !s.proved(now, proof) {
		return t, who, refusal{level: 1}, nil
	}
	t, ses, err := s.sessions.create(now, Email{})
	if err != nil {
		return t, who, no, err
	}
	s.limits.guests.take(now, client)
	return t, s.identity(ses), no, nil
}
