package auth

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
)

// Routes returns the routes under /api/auth. The request's context must hold what ClientIPMiddleware puts there; without a
// client address they refuse.
func (s *Service) Routes() chi.Router {
	r := chi.NewRouter()
	r.Use(s.rateLimit)
	r.Post("/code", s.postCode)
	r.Post("/verify", s.postVerify)
	r.Post("/guest", s.postGuest)
	r.Get("/session", s.getSession)
	r.Post("/logout", s.postLogout)
	return r
}

var errNoClientIP = errors.New("no client address")

// newRateLimit bounds all requests of a client to the sign-in routes.
func (s *Service) newRateLimit() func(http.Handler) http.Handler {
	key := func(r *http.Request) (string, error) {
		ip, ok := ClientIPFrom(r.Context())
		if !ok {
			return "", errNoClientIP
		}
		return ip.LimitKey().Reveal().String(), nil
	}
	return httprate.LimitBy(s.cfg.Limits.AuthRequestsPerMinute, time.Minute, key,
		httprate.WithLimitHandler(func(w http.ResponseWriter, _ *http.Request) {
			s.deps.Count(EventRequestLimited)
			writeRateLimited(w, "Too many requests.", time.Minute)
		}),
		httprate.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, _ error) {
			WriteError(w, http.StatusForbidden, "not_allowed", "Your network address could not be determined.", 0)
		}),
		// Its own headers would tell more than Retry-After needs to.
		httprate.WithResponseHeaders(httprate.ResponseHeaders{}),
	)
}

func writeRateLimited(w http.ResponseWriter, what string, retryAfter time.Duration) {
	WriteError(w, http.StatusTooManyRequests, "rate_limited",
		fmt.Sprintf("%s Try again in %s.", what, humanDuration(retryAfter)), retryAfter)
}

func humanDuration(d time.Duration) string {
	s := max(seconds(d), 1)
	switch {
	case s == 1:
		return "1 second"
	case s <= 120:
		return fmt.Sprintf("%d seconds", s)
	case s <= 7200:
		return fmt.Sprintf("%d minutes", (s+59)/60)
	}
	return fmt.Sprintf("%d hours", (s+3599)/3600)
}

// postCode sends a code. Whether the address is known, allowed or real changes nothing that the asking side can see: the same work,
// the same answer; the mail leaves later.
func (s *Service) postCode(w http.ResponseWriter, r *http.Request) {
	raw, err := decodeString(w, r, "email")
	if err != nil {
		writeBodyError(w, err)
		return
	}
	email, err := ParseEmail(raw)
	if err != nil {
		WriteError(w, http.StatusBadRequest, "invalid_email", "This is not an e-mail address.", 0)
		return
	}
	client, ok := ClientIPFrom(r.Context())
	if !ok {
		WriteError(w, http.StatusForbidden, "not_allowed", "Your network address could not be determined.", 0)
		return
	}
	id, resend, retryAfter, err := s.requestCode(client, email)
	switch {
	case err != nil:
		s.deps.Log.Error("a code could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	case retryAfter > 0:
		s.deps.Count(EventCodeLimited)
		writeRateLimited(w, "Too many codes asked for.", retryAfter)
	default:
		s.deps.Count(EventCodeIssued)
		http.SetCookie(w, s.cookie(s.challengeCookieName(), id.encode(), s.cfg.CodeTTL, http.SameSiteStrictMode))
		WriteJSON(w, http.StatusAccepted, codeBody{seconds(s.cfg.CodeTTL), seconds(resend)})
	}
}

type codeBody struct {
	ExpiresInS int64 `json:"expires_in_s"`
	ResendInS  int64 `json:"resend_in_s"`
}

// requestCode decides, opens a challenge and queues the mail. retryAfter is positive if it was refused.
func (s *Service) requestCode(client ClientIP, email Email) (id challengeID, resend, retryAfter time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	if s.mail.full() {
		return id, 0, time.Minute, nil
	}
	if ok, retry := s.limits.allow(now, client, email); !ok {
		return id, 0, retry, nil
	}
	id, code, err := s.otp.issue(now, email)
	if errors.Is(err, errTooManyChallenges) {
		return id, 0, time.Minute, nil
	}
	if err != nil {
		return id, 0, 0, err
	}
	if !s.mail.add(Message{To: email, Code: code, ValidFor: s.cfg.CodeTTL}, !s.maySignIn(email)) {
		return id, 0, time.Minute, nil
	}
	return id, s.limits.resendWait(now, email), 0, nil
}

// postVerify turns a code into a session.
func (s *Service) postVerify(w http.ResponseWriter, r *http.Request) {
	code, err := decodeString(w, r, "code")
	if err != nil {
		writeBodyError(w, err)
		return
	}
	if !s.validCode(code) {
		WriteError(w, http.StatusBadRequest, "invalid_code", fmt.Sprintf("A code has %d digits.", s.cfg.CodeDigits), 0)
		return
	}
	value, _ := oneCookie(r, s.challengeCookieName())
	id, ok := parseChallengeID(value)
	if !ok {
		s.deps.Count(EventVerifyGone)
		writeCodeGone(w)
		return
	}
	old, _ := s.Authenticate(r)
	t, identity, retryAfter, err := s.verifyCode(id, code)
	switch {
	case retryAfter > 0:
		s.deps.Count(EventVerifyLimited)
		writeRateLimited(w, "Too many wrong codes on this server.", retryAfter)
	case errors.Is(err, errCodeWrong):
		s.deps.Count(EventVerifyWrong)
		WriteError(w, http.StatusBadRequest, "invalid_code", "This is not the code. Look at the newest mail and try again.", 0)
	case errors.Is(err, errCodeGone):
		s.deps.Count(EventVerifyGone)
		writeCodeGone(w)
	case errors.Is(err, errTooManySessions):
		WriteError(w, http.StatusServiceUnavailable, "server_full", "Too many people are signed in. Try again later.", time.Minute)
	case err != nil:
		s.deps.Log.Error("a session could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	default:
		s.deps.Count(EventVerifyOK)
		if !old.Bot { // a new sign-in takes the place of the old one: no token outlives a change of who one is
			s.Revoke(old.Session)
		}
		http.SetCookie(w, s.cookie(s.challengeCookieName(), "", 0, http.SameSiteStrictMode))
		http.SetCookie(w, s.cookie(s.sessionCookieName(), t.encode(), s.cfg.SessionTTL, http.SameSiteLaxMode))
		WriteJSON(w, http.StatusOK, newSessionBody(identity))
	}
}

func writeCodeGone(w http.ResponseWriter) {
	WriteError(w, http.StatusBadRequest, "code_expired", "This code can no longer be used. Ask for a new one.", 0)
}

// validCode says whether code has the form of a code. Only ASCII digits; no spaces: a client strips them.
func (s *Service) validCode(code string) bool {
	if len(code) != s.cfg.CodeDigits {
		return false
	}
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return false
		}
	}
	return true
}

// verifyCode is one step under the lock: parallel guesses are counted one by one.
func (s *Service) verifyCode(id challengeID, code string) (t token, who Identity, retryAfter time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	if ok, retry := s.limits.failures.Check(now, struct{}{}); !ok {
		return t, who, retry, nil
	}
	if len(s.sessions.byHash) >= s.cfg.MaxSessions {
		return t, who, 0, errTooManySessions // before the code is used up
	}
	email, err := s.otp.verify(now, id, code)
	if err != nil {
		s.limits.failures.Take(now, struct{}{})
		return t, who, 0, err
	}
	t, ses, err := s.sessions.create(now, email)
	if err != nil {
		return t, who, 0, err
	}
	return t, s.identity(ses), 0, nil
}

type sessionBody struct {
	Email     string    `json:"email,omitempty"`
	Guest     bool      `json:"guest,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	CanHost   bool      `json:"can_host"`
}

func newSessionBody(id Identity) sessionBody {
	return sessionBody{Email: id.Email.Reveal(), Guest: id.Guest, ExpiresAt: id.ExpiresAt.UTC().Truncate(time.Second), CanHost: id.CanHost}
}

func (s *Service) getSession(w http.ResponseWriter, r *http.Request) {
	id, err := s.Authenticate(r)
	if err != nil {
		WriteUnauthenticated(w)
		return
	}
	WriteJSON(w, http.StatusOK, newSessionBody(id))
}

// WriteUnauthenticated answers 401 `unauthenticated`.
func WriteUnauthenticated(w http.ResponseWriter) {
	WriteError(w, http.StatusUnauthorized, "unauthenticated", "Sign in first.", 0)
}

// postLogout ends the session and its WebSockets before it answers. Without a session it answers the same.
func (s *Service) postLogout(w http.ResponseWriter, r *http.Request) {
	if id, err := s.Authenticate(r); err == nil && !id.Bot {
		s.deps.Count(EventSignedOut)
		s.Revoke(id.Session)
	}
	http.SetCookie(w, s.cookie(s.sessionCookieName(), "", 0, http.SameSiteLaxMode))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
