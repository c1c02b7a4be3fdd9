package auth

import (
	"errors"
	"net/http"
	"time"
)

// postGuest gives somebody without an address a session. It opens little: a guest creates no meeting and waits in the lobby of
// those that take guests. Somebody who is signed in already keeps the session they have: nobody becomes less by it.
func (s *Service) postGuest(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Guests {
		WriteError(w, http.StatusForbidden, "not_allowed", "This server takes no guests. Sign in with your e-mail address.", 0)
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
	client, ok := ClientIPFrom(r.Context())
	if !ok {
		WriteError(w, http.StatusForbidden, "not_allowed", "Your network address could not be determined.", 0)
		return
	}
	t, who, retryAfter, err := s.openGuest(client)
	switch {
	case retryAfter > 0:
		s.deps.Count(EventGuestLimited)
		writeRateLimited(w, "Too many guests from your network.", retryAfter)
	case errors.Is(err, errTooManySessions):
		WriteError(w, http.StatusServiceUnavailable, "server_full", "Too many guests are here. Try again later.", time.Minute)
	case err != nil:
		s.deps.Log.Error("a session could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	default:
		s.deps.Count(EventGuest)
		http.SetCookie(w, s.cookie(s.sessionCookieName(), t.encode(), s.cfg.SessionTTL, http.SameSiteLaxMode))
		WriteJSON(w, http.StatusOK, newSessionBody(who))
	}
}

// openGuest decides and opens a session.
func (s *Service) openGuest(client ClientIP) (t token, who Identity, retryAfter time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	if ok, retry := s.limits.guests.Check(now, client.LimitKey()); !ok {
		return t, who, retry, nil
	}
	t, ses, err := s.sessions.create(now, Email{})
	if err != nil {
		return t, who, 0, err
	}
	s.limits.guests.Take(now, client.LimitKey())
	return t, s.identity(ses), 0, nil
}
