package auth

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
)

// Routes returns the routes under /api/auth. The request's context must hold what ClientIPMiddleware puts there;
// without a client address they refuse.
func (s *Service) Routes() chi.Router {
	r := chi.NewRouter()
	r.Use(s.limitRequests)
	r.Post("/code", s.postCode)
	r.Get("/code", s.getCode)
	r.Post("/verify", s.postVerify)
	r.Post("/guest", s.postGuest)
	r.Get("/session", s.getSession)
	r.Post("/logout", s.postLogout)
	return r
}

// limitRequests bounds all requests of a client to the sign-in routes.
func (s *Service) limitRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, ok := s.clientOf(w, r)
		if !ok {
			return
		}
		if ok, retryAfter := s.requests.allow(s.deps.Now(), client); !ok {
			s.deps.Count(EventRequestLimited)
			writeRateLimited(w, "Too many requests.", retryAfter)
			return
		}
		next.ServeHTTP(w, r)
	})
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

// postCode sends a code. Whether the address is known, allowed or real changes nothing that the asking side can see:
// the same work, the same answer; the mail leaves later.
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
	client, ok := s.clientOf(w, r)
	if !ok {
		return
	}
	mark, _ := oneCookie(r, s.knownCookieName())
	earlier, _ := oneCookie(r, s.challengeCookieName())
	replaces, _ := parseChallengeID(earlier)
	sent, refused, err := s.requestCode(client, email, mark, replaces, r.Header.Get(proofHeader))
	switch {
	case err != nil:
		s.deps.Log.Error("a code could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	case refused.retryAfter > 0:
		s.deps.Count(EventCodeLimited)
		writeRateLimited(w, "Too many codes asked for.", refused.retryAfter)
	case refused.level > 0:
		s.askProof(w, refused.level)
	case !s.record(w, r, ActionChallenge, email): // the challenge is void: its id is not told
	default:
		s.deps.Count(EventCodeIssued)
		http.SetCookie(w, s.cookie(s.challengeCookieName(), sent.id.encode(), s.cfg.CodeTTL, http.SameSiteStrictMode))
		WriteJSON(w, http.StatusAccepted, codeBody{
			seconds(s.cfg.CodeTTL), seconds(sent.resend), sent.digits, s.mail.delivery(),
		})
	}
}

// getCode tells a person who waits for a code how codes reach people now. It says nothing of their own message: that
// would tell whether the address may sign in.
func (s *Service) getCode(w http.ResponseWriter, r *http.Request) {
	cookie, _ := oneCookie(r, s.challengeCookieName())
	id, ok := parseChallengeID(cookie)
	s.mu.Lock()
	ok = ok && s.otp.isOpen(s.deps.Now(), id)
	s.mu.Unlock()
	if !ok {
		writeCodeGone(w)
		return
	}
	WriteJSON(w, http.StatusOK, struct {
		Delivery Delivery `json:"delivery"`
	}{s.mail.delivery()})
}

// clientOf returns the client's address; ok is false when there is none and the request has been answered.
func (s *Service) clientOf(w http.ResponseWriter, r *http.Request) (client ClientIP, ok bool) {
	if client, ok = ClientIPFrom(r.Context()); !ok {
		WriteError(w, http.StatusForbidden, "not_allowed", "Your network address could not be determined.", 0)
	}
	return client, ok
}

type codeBody struct {
	ExpiresInS int64 `json:"expires_in_s"`
	ResendInS  int64 `json:"resend_in_s"`
	Digits     int   `json:"digits"`

	Delivery Delivery `json:"delivery"`
}

// sentCode is a code on its way.
type sentCode struct {
	id     challengeID
	digits int
	resend time.Duration
}

// requestCode decides, opens a challenge and queues the mail. It is one step under the lock.
func (s *Service) requestCode(
	client ClientIP, email Email, mark string, replaces challengeID, proof string,
) (sent sentCode, no refusal, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	mailbox := email.Mailbox()
	req := codeRequest{client, recipient{mailbox, s.known.browser(now, mark, mailbox)}}
	beyond, retryAfter := s.limits.check(now, req)
	if retryAfter > 0 {
		return sent, refusal{retryAfter: retryAfter}, nil
	}
	p := place{req.knownBrowser() || s.known.network(now, client), s.limits.rank(now, req)}
	ahead, room := s.mail.room(p)
	if level := proofLevel(p.known, beyond, ahead); level > 0 && !s.proved(now, proof) {
		return sent, refusal{level: level}, nil
	}
	if !room {
		return sent, refusal{retryAfter: time.Minute}, nil
	}
	id, code, err := s.otp.issue(now, email, replaces)
	if errors.Is(err, errTooManyChallenges) {
		return sent, refusal{retryAfter: time.Minute}, nil
	}
	if err != nil {
		return sent, no, err
	}
	dropped, ok := s.mail.add(mailJob{
		message: Message{To: email, Code: code, ValidFor: s.cfg.CodeTTL}, challenge: id, place: p,
		discard: !s.maySignIn(email),
	})
	s.otp.drop(dropped)
	if !ok { // full, or closed
		s.otp.drop(id)
		return sent, refusal{retryAfter: time.Minute}, nil
	}
	s.limits.take(now, req)
	return sentCode{id, len(code), s.limits.resendWait(now, req.to)}, no, nil
}

// postVerify turns a code into a session.
func (s *Service) postVerify(w http.ResponseWriter, r *http.Request) {
	code, err := decodeString(w, r, "code")
	if err != nil {
		writeBodyError(w, err)
		return
	}
	if !s.validCode(code) {
		WriteError(w, http.StatusBadRequest, "invalid_code",
			fmt.Sprintf("A code has %d to %d digits.", s.cfg.CodeDigits, longDigits), 0)
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
	client, ok := s.clientOf(w, r)
	if !ok {
		return
	}
	in, err := s.verifyCode(client, id, code)
	switch {
	case wrongCode(err) && !in.email.IsZero() && !s.record(w, r, ActionFailed, in.email): // zero: no open challenge
	case errors.Is(err, errCodeWrong):
		s.deps.Count(EventVerifyWrong)
		WriteError(w, http.StatusBadRequest, "invalid_code",
			"This is not the code. Look at the newest mail and try again.", 0)
	case errors.Is(err, errCodeGone):
		s.deps.Count(EventVerifyGone)
		writeCodeGone(w)
	case errors.Is(err, errTooManySessions):
		WriteError(w, http.StatusServiceUnavailable, "server_full",
			"Too many people are signed in. Try again later.", time.Minute)
	case err != nil:
		s.deps.Log.Error("a session could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	case !s.record(w, r, ActionVerified, in.email):
		s.Revoke(in.identity.Session) // no one has its token
	default:
		s.deps.Count(EventVerifyOK)
		if !old.Bot { // a new sign-in takes the place of the old one: no token outlives a change of who one is
			s.Revoke(old.Session)
		}
		http.SetCookie(w, s.cookie(s.challengeCookieName(), "", 0, http.SameSiteStrictMode))
		http.SetCookie(w, s.cookie(s.sessionCookieName(), in.token.encode(), s.cfg.SessionTTL, http.SameSiteLaxMode))
		http.SetCookie(w, s.cookie(s.knownCookieName(), in.mark, knownBrowserFor, http.SameSiteStrictMode))
		WriteJSON(w, http.StatusOK, newSessionBody(in.identity))
	}
}

func wrongCode(err error) bool { return errors.Is(err, errCodeWrong) || errors.Is(err, errCodeGone) }

func writeCodeGone(w http.ResponseWriter) {
	WriteError(w, http.StatusBadRequest, "code_expired", "This code can no longer be used. Ask for a new one.", 0)
}

// validCode says whether code has the form of a code. Only ASCII digits; no spaces: a client strips them.
func (s *Service) validCode(code string) bool {
	if len(code) < s.cfg.CodeDigits || len(code) > longDigits {
		return false
	}
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return false
		}
	}
	return true
}

// admitted is what a right code opens. After a wrong one it has the address only.
type admitted struct {
	email    Email
	token    token
	mark     string // of the browser, for next time
	identity Identity
}

// verifyCode is one step under the lock: parallel guesses are counted one by one. Nothing that others do can refuse a
// right code here, but that the server has no room for one session more.
func (s *Service) verifyCode(client ClientIP, id challengeID, code string) (in admitted, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	if !s.sessions.hasRoom() {
		return in, errTooManySessions // before the code is used up
	}
	if in.email, err = s.otp.verify(now, id, code); err != nil {
		return in, err
	}
	if in.mark, err = s.known.mark(now, in.email.Mailbox()); err != nil {
		return in, err
	}
	t, ses, err := s.sessions.create(now, in.email)
	if err != nil {
		return in, err
	}
	s.known.noteNetwork(now, client)
	in.token, in.identity = t, s.identity(ses)
	return in, nil
}

type sessionBody struct {
	Email     string    `json:"email,omitempty"`
	Guest     bool      `json:"guest,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	CanHost   bool      `json:"can_host"`
	MayAttack bool      `json:"may_attack,omitempty"`
}

func newSessionBody(id Identity) sessionBody {
	expires := id.ExpiresAt.UTC().Truncate(time.Second)
	return sessionBody{Email: id.Email.Reveal(), Guest: id.Guest, ExpiresAt: expires, CanHost: id.CanHost,
		MayAttack: id.MayAttack}
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
	id, err := s.Authenticate(r)
	signedIn := err == nil && !id.Bot
	if signedIn {
		s.deps.Count(EventSignedOut)
		s.Revoke(id.Session)
	}
	http.SetCookie(w, s.cookie(s.sessionCookieName(), "", 0, http.SameSiteLaxMode))
	http.SetCookie(w, s.cookie(s.knownCookieName(), "", 0, http.SameSiteStrictMode)) // signing out leaves nothing behind
	if signedIn && !s.record(w, r, ActionSignedOut, id.Email) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
