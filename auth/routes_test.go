package auth

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// runCleanups is the runtime's own, seen only while it is at work.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.runCleanups"))
}

// outbox is a mailer that keeps what it is given.
type outbox struct {
	mu    sync.Mutex
	codes map[string][]string // by address
	fail  error
}

func (o *outbox) Send(_ context.Context, m Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	o.codes[m.To.Reveal()] = append(o.codes[m.To.Reveal()], m.Code)
	return nil
}

func (o *outbox) last(address string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.codes[address]; len(c) > 0 {
		return c[len(c)-1]
	}
	return ""
}

// site is a Service behind its routes, in virtual time.
type site struct {
	t    *testing.T
	svc  *Service
	mail *outbox
	h    http.Handler
}

// inSite runs f with a site in a bubble of virtual time.
func inSite(t *testing.T, cfg Config, f func(*site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mail := &outbox{codes: map[string][]string{}}
		svc, err := New(cfg, Deps{Mailer: mail})
		if err != nil {
			t.Fatal(err)
		}
		defer svc.Close()
		r := chi.NewRouter()
		r.Use(ClientIPMiddleware(nil))
		r.Mount("/api/auth", svc.Routes())
		f(&site{t, svc, mail, r})
	})
}

func openLimits() Config { return Config{Limits: unlimited()} }

// browser is a client with cookies.
type browser struct {
	*site
	addr    string
	cookies map[string]string
	header  http.Header
}

func (s *site) browser() *browser {
	return &browser{s, "192.0.2.1:1000", map[string]string{}, http.Header{}}
}

func (b *browser) do(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = b.addr
	r.Header = b.header.Clone()
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	return w
}

func (b *browser) ask(address string) *httptest.ResponseRecorder {
	w := b.do("POST", "/api/auth/code", fmt.Sprintf(`{"email": %q}`, address))
	synctest.Wait() // the mail is out
	return w
}

func (b *browser) verify(code string) *httptest.ResponseRecorder {
	return b.do("POST", "/api/auth/verify", fmt.Sprintf(`{"code": %q}`, code))
}

// prove solves the puzzle of an answer and brings the proof from now on.
func (b *browser) prove(w *httptest.ResponseRecorder) {
	b.t.Helper()
	var body proofBody
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Puzzle == "" {
		b.t.Fatalf("no puzzle: %d %s", w.Code, w.Body)
	}
	b.header.Set(proofHeader, solve(body.Puzzle, body.Parts, body.Bits))
}

func (b *browser) signIn(address string) {
	b.t.Helper()
	if w := b.ask(address); w.Code != http.StatusAccepted {
		b.t.Fatalf("asking: %d %s", w.Code, w.Body)
	}
	if w := b.verify(b.mail.last(address)); w.Code != http.StatusOK {
		b.t.Fatalf("verifying: %d %s", w.Code, w.Body)
	}
}

func errorID(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct{ Error, Message string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Message == "" {
		t.Fatalf("not an error body: %s", w.Body)
	}
	return body.Error
}

func expect(t *testing.T, w *httptest.ResponseRecorder, status int, id string) {
	t.Helper()
	if w.Code != status || errorID(t, w) != id {
		t.Errorf("got %d %s, want %d %s", w.Code, w.Body, status, id)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("may be cached")
	}
}

func TestSignInAndOut(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
		w := b.ask("Ana@Example.org")
		const answer = `{"expires_in_s":600,"resend_in_s":0,"digits":6,"delivery":"mail"}`
		if w.Code != 202 || strings.TrimSpace(w.Body.String()) != answer {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		w = b.verify(s.mail.last("ana@example.org"))
		want := fmt.Sprintf(
			`{"email":"ana@example.org","expires_at":%q,"can_host":true}`,
			time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339),
		)
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Fatalf("%d %s, want %s", w.Code, w.Body, want)
		}
		if w = b.do("GET", "/api/auth/session", ""); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w = b.do("POST", "/api/auth/logout", ""); w.Code != 204 || len(b.cookies) != 0 {
			t.Fatalf("%d, cookies %v", w.Code, b.cookies)
		}
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
	})
}

// TestAnswerDoesNotTellWhoIsKnown compares every byte of the answers for a known, an unknown and a disallowed address.
func TestAnswerDoesNotTellWhoIsKnown(t *testing.T) {
	cfg := openLimits()
	cfg.SignInDomains = []string{"example.org"}
	inSite(t, cfg, func(s *site) {
		s.browser().signIn("known@example.org")
		var answers []string
		for _, address := range []string{"known@example.org", "unknown@example.org", "eve@elsewhere.example"} {
			b := s.browser()
			w := b.ask(address)
			challenge := b.cookies[secureChallengeCookie]
			dump := fmt.Sprint(w.Code, w.Header(), w.Body)
			answers = append(answers, strings.ReplaceAll(dump, challenge, "CHALLENGE"))
			wrong := b.verify("000000")
			answers[len(answers)-1] += fmt.Sprint(wrong.Code, wrong.Header(), wrong.Body)
		}
		if answers[0] != answers[1] || answers[0] != answers[2] {
			t.Errorf("answers differ:\n%s", strings.Join(answers, "\n"))
		}
		if s.mail.last("eve@elsewhere.example") != "" {
			t.Error("a disallowed address got mail")
		}
	})
}

func TestHundredParallelGuessesCountAsHundred(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.ask("ana@example.org")
		code := s.mail.last("ana@example.org")
		var wrong, gone atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			guess := *b
			guess.cookies = map[string]string{secureChallengeCookie: b.cookies[secureChallengeCookie]}
			wg.Go(func() {
				w := guess.verify(other(code))
				switch {
				case strings.Contains(w.Body.String(), "invalid_code"):
					wrong.Add(1)
				case strings.Contains(w.Body.String(), "code_expired"):
					gone.Add(1)
				default:
					t.Errorf("guess %d: %d %s", i, w.Code, w.Body)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 4 || gone.Load() != 96 {
			t.Errorf("%d guesses were compared and left open, %d refused; want 4 and 96", wrong.Load(), gone.Load())
		}
		if n, _ := s.svc.otp.wrong.state(time.Now(), struct{}{}); n != 5 {
			t.Errorf("%d guesses at a live code were counted, want 5", n)
		}
		expect(t, b.verify(code), 400, "code_expired")
	})
}

func TestOldCodeAfterResendDoesNotWork(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.ask("ana@example.org")
		first, old := b.cookies[secureChallengeCookie], s.mail.last("ana@example.org")
		b.ask("ana@example.org")
		if s.mail.last("ana@example.org") == old {
			t.Skip("one in a million: the same code again")
		}
		expect(t, b.verify(old), 400, "invalid_code")
		newest := b.cookies[secureChallengeCookie]
		b.cookies[secureChallengeCookie] = first
		expect(t, b.verify(old), 400, "code_expired")
		b.cookies[secureChallengeCookie] = newest
		if w := b.verify(s.mail.last("ana@example.org")); w.Code != 200 {
			t.Errorf("the new code: %d %s", w.Code, w.Body)
		}
	})
}

func TestCodeIsUselessInAnotherBrowser(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b, thief := s.browser(), s.browser()
		b.ask("ana@example.org")
		code := s.mail.last("ana@example.org")
		expect(t, thief.verify(code), 400, "code_expired")
		thief.ask("eve@example.org")
		if s.mail.last("eve@example.org") != code {
			expect(t, thief.verify(code), 400, "invalid_code")
		}
		if w := b.verify(code); w.Code != 200 {
			t.Errorf("Ana's own browser: %d %s", w.Code, w.Body)
		}
		expect(t, b.verify(code), 400, "code_expired")
	})
}

func TestCookiesCannotBeReadPlantedOrSentInTheClear(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		cfg := openLimits()
		cfg.Insecure = insecure
		inSite(t, cfg, func(s *site) {
			b := s.browser()
			asked := b.ask("ana@example.org")
			verified := b.verify(s.mail.last("ana@example.org"))
			want := map[string]http.SameSite{
				"__Host-conclave-challenge": http.SameSiteStrictMode,
				"__Host-conclave":           http.SameSiteLaxMode,
				"__Host-conclave-known":     http.SameSiteStrictMode,
			}
			if insecure {
				want = map[string]http.SameSite{
					"conclave-challenge": http.SameSiteStrictMode,
					"conclave":           http.SameSiteLaxMode,
					"conclave-known":     http.SameSiteStrictMode,
				}
			}
			for _, c := range append(asked.Result().Cookies(), verified.Result().Cookies()...) {
				if site, ok := want[c.Name]; !ok || c.SameSite != site {
					t.Errorf("cookie %s SameSite %v", c.Name, c.SameSite)
				}
				if !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.Secure == insecure ||
					c.MaxAge > 86400 && !strings.HasSuffix(c.Name, "-known") {
					t.Errorf("cookie %s: %+v", c.Name, c)
				}
			}
			if strings.Contains(verified.Body.String(), b.cookies[s.svc.sessionCookieName()]) {
				t.Error("the token is in the body, where scripts read")
			}
		})
	}
}

func TestNewSignInTakesThePlaceOfTheOld(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		old := b.cookies[secureSessionCookie]
		b.signIn("ben@example.org")
		if b.cookies[secureSessionCookie] == old {
			t.Error("the token was kept")
		}
		b.cookies[secureSessionCookie] = old
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
	})
}

func TestLogoutClosesWebSocketsBeforeItAnswers(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		id := s.identity(b)
		closed := false
		s.svc.OnRevoke(id.Session, func() { closed = true })
		b.do("POST", "/api/auth/logout", "")
		if !closed {
			t.Error("not called")
		}
		late := false
		s.svc.OnRevoke(id.Session, func() { late = true })
		if !late {
			t.Error("a WebSocket that is opened while its session ends stays")
		}
	})
}

func (s *site) identity(b *browser) Identity {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/ws", nil)
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	id, err := s.svc.Authenticate(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func TestExpiryAndIdlenessCloseWebSockets(t *testing.T) {
	for name, tt := range map[string]struct {
		idle, after time.Duration
	}{"absolute": {0, 24*time.Hour + sweepInterval}, "idle": {time.Hour, time.Hour + sweepInterval}} {
		t.Run(name, func(t *testing.T) {
			cfg := openLimits()
			cfg.SessionIdle = tt.idle
			inSite(t, cfg, func(s *site) {
				b := s.browser()
				b.signIn("ana@example.org")
				var closed atomic.Bool
				s.svc.OnRevoke(s.identity(b).Session, func() { closed.Store(true) })
				time.Sleep(tt.after - 2*sweepInterval)
				if closed.Load() {
					t.Error("too early")
				}
				time.Sleep(3 * sweepInterval)
				if !closed.Load() {
					t.Error("never called")
				}
			})
		})
	}
}

func TestTouchKeepsAnOpenWebSocketSignedIn(t *testing.T) {
	cfg := openLimits()
	cfg.SessionIdle = time.Hour
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		id := s.identity(b).Session
		for range 5 {
			time.Sleep(50 * time.Minute)
			s.svc.Touch(id)
		}
		s.identity(b)
	})
}

func TestBearerTokens(t *testing.T) {
	const bot = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"
	cfg := openLimits()
	cfg.BotTokens = []string{bot}
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		session := b.cookies[secureSessionCookie]
		for name, tt := range map[string]struct {
			header string
			ok     bool
		}{
			"session_token": {"Bearer " + session, true}, "bot_token": {"Bearer " + bot, true}, "scheme_any_case": {"bEARER " + bot, true},
			"unknown": {"Bearer " + strings.Repeat("cd", 32), false}, "basic": {"Basic " + bot, false}, "empty": {"Bearer ", false},
			"upper_case": {"Bearer " + strings.ToUpper(bot), false}, "prefix": {"Bearer " + bot[:63], false},
			"longer": {"Bearer " + bot + "a", false}, "huge": {"Bearer " + strings.Repeat("a", 1<<16), false}, "bare": {bot, false},
		} {
			c := s.browser()
			c.header.Set("Authorization", tt.header)
			if w := c.do("GET", "/api/auth/session", ""); (w.Code == 200) != tt.ok {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
		b.header.Set("Authorization", "Bearer nonsense")
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated") // the cookie does not help
	})
}

func TestABotsSessionHasNoAddressAndEndsADayAhead(t *testing.T) {
	const bot = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"
	cfg := openLimits()
	cfg.BotTokens = []string{bot}
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		b.header.Set("Authorization", "Bearer "+bot)
		w := b.do("GET", "/api/auth/session", "")
		const want = `{"expires_at":"2000-01-02T00:00:00Z","can_host":true}`
		if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != want {
			t.Errorf("%d %s, want %s", w.Code, got, want)
		}
	})
	cfg.BotAttacks = true
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		if w := b.do("GET", "/api/auth/session", ""); strings.Contains(w.Body.String(), "may_attack") {
			t.Errorf("a person may attack: %s", w.Body)
		}
		c := s.browser()
		c.header.Set("Authorization", "Bearer "+bot)
		if w := c.do("GET", "/api/auth/session", ""); !strings.Contains(w.Body.String(), `"may_attack":true`) {
			t.Errorf("the operator lets bots attack: %s", w.Body)
		}
	})
}

// The guests of a bot token are somebody else than the token's own bots, by a token that is made of it: the SHA-256 of
// "conclave bot guest " and the token.
func TestABotTokenHasGuests(t *testing.T) {
	const bot = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"
	const guest = "14fd07750dd941ac3ff32ba8bd735136def89c2e07dde2f58ad5288cf0e6b46d"
	cfg := openLimits()
	cfg.BotTokens = []string{bot}
	inSite(t, cfg, func(s *site) {
		identity := func(token string) Identity {
			r := httptest.NewRequest(http.MethodGet, "/ws", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			who, err := s.svc.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			return who
		}
		if own, guests := identity(bot), identity(guest); own.Session == guests.Session || !guests.Bot {
			t.Errorf("%+v and %+v", own, guests)
		}
	})
}

func TestBotsAreNobodyInParticularAndMayHost(t *testing.T) {
	const bot = "5e3b1d7f9c0a4862e8d4b6f0a2c7139571b9f3d5c8e60a2447ad01fb6c93e85d"
	cfg := openLimits()
	cfg.BotTokens, cfg.HostDomains = []string{bot}, []string{"example.org"}
	inSite(t, cfg, func(s *site) {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.Header.Set("Authorization", "Bearer "+bot)
		one, err := s.svc.Authenticate(r)
		two, _ := s.svc.Authenticate(r)
		if err != nil || !one.Bot || !one.CanHost || !one.Email.IsZero() || one.Session.IsZero() ||
			one.Session != two.Session {
			t.Errorf("%+v %v", one, err)
		}
		s.svc.OnRevoke(one.Session, func() { t.Error("a bot's session ended") })()
		s.svc.Revoke(one.Session)
	})
}

func TestWeakBotTokensAreRefusedAtStart(t *testing.T) {
	for _, weak := range []string{
		"", "secret", strings.Repeat("a", 63), strings.Repeat("g", 64), strings.Repeat("A", 64),
		strings.Repeat("a", 64), strings.Repeat("ab", 32), strings.Repeat("deadbeef", 8), strings.Repeat("0123456789abcdef", 4),
		strings.Repeat("0", 256), "4f8b2a6c9d1e7035" + strings.Repeat("0", 48), strings.Repeat("9c1f7e3a5b8d2046e4a0c6f1937b5d28", 2),
	} {
		if _, err := New(Config{BotTokens: []string{weak}}, Deps{Mailer: &outbox{}}); err == nil {
			t.Errorf("%q accepted", weak)
		} else if weak != "" && strings.Contains(err.Error(), weak) {
			t.Error("the error repeats the token")
		}
	}
}

func TestRandomBotTokensAreAccepted(t *testing.T) {
	random := rand.New(rand.NewChaCha8([32]byte{1}))
	for range 10_000 {
		token := make([]byte, 32)
		for i := range token {
			token[i] = byte(random.Uint32())
		}
		if err := CheckBotToken(hex.EncodeToString(token)); err != nil {
			t.Fatalf("%x: %v", token, err)
		}
	}
}

func TestOnlyHostDomainsMayHost(t *testing.T) {
	cfg := openLimits()
	cfg.HostDomains = []string{"Example.org", "bücher.example"}
	inSite(t, cfg, func(s *site) {
		for address, want := range map[string]bool{
			"a@example.org": true, "a@EXAMPLE.ORG": true, "a@xn--bcher-kva.example": true,
			"a@sub.example.org": false, "a@example.org.evil.example": false, "a@notexample.org": false,
		} {
			b := s.browser()
			if w := b.ask(address); w.Code != 202 {
				t.Fatal(w.Body)
			}
			w := b.verify(s.mail.last(mustEmail(t, address).Reveal()))
			if got := strings.Contains(w.Body.String(), `"can_host":true`); got != want {
				t.Errorf("%s may host: %v", address, got)
			}
		}
	})
}

func TestTwoCookiesOfOneNameAreNone(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.AddCookie(&http.Cookie{Name: secureSessionCookie, Value: b.cookies[secureSessionCookie]})
		r.AddCookie(&http.Cookie{Name: secureSessionCookie, Value: strings.Repeat("0", 64)})
		if _, err := s.svc.Authenticate(r); err == nil {
			t.Error("one of two was taken")
		}
	})
}

func TestPlainCookieIsWorthlessOnASecureServer(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		b.cookies = map[string]string{plainSessionCookie: b.cookies[secureSessionCookie]}
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
	})
}

func TestBadBodiesGetAClearError(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		for name, tt := range map[string]struct {
			path, contentType, body string
			status                  int
			id                      string
		}{
			"no_json":            {"code", "", `email=ana@example.org`, 400, "bad_json"},
			"form":               {"code", "application/x-www-form-urlencoded", `email=ana%40example.org`, 415, "invalid_request"},
			"text_plain":         {"code", "text/plain", `{"email": "ana@example.org"}`, 415, "invalid_request"},
			"array":              {"code", "", `["ana@example.org"]`, 400, "bad_json"},
			"trailing":           {"code", "", `{"email": "ana@example.org"} {}`, 400, "bad_json"},
			"invalid_utf8":       {"code", "", "{\"email\": \"ana\xff@example.org\"}", 400, "bad_json"},
			"deep":               {"code", "", strings.Repeat("[", 2000), 400, "bad_json"},
			"unknown_field":      {"code", "", `{"email": "ana@example.org", "x": 1}`, 400, "invalid_request"},
			"duplicate_field":    {"code", "", `{"email": "ana@example.org", "email": "eve@example.org"}`, 400, "invalid_request"},
			"duplicate_escaped":  {"code", "", `{"email": "ana@example.org", "\u0065mail": "eve@example.org"}`, 400, "invalid_request"},
			"other_case":         {"code", "", `{"Email": "ana@example.org"}`, 400, "invalid_request"},
			"number":             {"code", "", `{"email": 5}`, 400, "invalid_request"},
			"null":               {"code", "", `{"email": null}`, 400, "invalid_request"},
			"empty_object":       {"code", "", `{}`, 400, "invalid_request"},
			"null_body":          {"code", "", `null`, 400, "invalid_request"},
			"big":                {"code", "", `{"email": "` + strings.Repeat("a", 5000) + `"}`, 413, "too_large"},
			"crlf":               {"code", "", `{"email": "ana@example.org\r\nBcc: eve@example.org"}`, 400, "invalid_email"},
			"lone_surrogate":     {"code", "", `{"email": "ana@ex\ud800ample.org"}`, 400, "invalid_email"},
			"code_letters":       {"verify", "", `{"code": "abcdef"}`, 400, "invalid_code"},
			"code_short":         {"verify", "", `{"code": "12345"}`, 400, "invalid_code"},
			"code_long":          {"verify", "", `{"code": "123456789"}`, 400, "invalid_code"},
			"code_arabic_digits": {"verify", "", `{"code": "١٢٣"}`, 400, "invalid_code"},
			"code_number":        {"verify", "", `{"code": 123456}`, 400, "invalid_request"},
			"code_no_challenge":  {"verify", "", `{"code": "123456"}`, 400, "code_expired"},
		} {
			t.Run(name, func(t *testing.T) {
				b := s.browser()
				if tt.contentType != "" {
					b.header.Set("Content-Type", tt.contentType)
				}
				expect(t, b.do("POST", "/api/auth/"+tt.path, tt.body), tt.status, tt.id)
			})
		}
	})
}

func TestRateLimitedAnswerSaysWhen(t *testing.T) {
	inSite(t, Config{}, func(s *site) {
		b := s.browser()
		if w := b.ask("ana@example.org"); w.Code != 202 || !strings.Contains(w.Body.String(), `"resend_in_s":30`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		w := b.ask("ana@example.org")
		expect(t, w, 429, "rate_limited")
		if w.Header().Get("Retry-After") != "30" || !strings.Contains(w.Body.String(), `"retry_after_s":30`) ||
			!strings.Contains(w.Body.String(), "Try again in 30 seconds.") {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
	})
}

func TestRequestsPerClientAreLimited(t *testing.T) {
	cfg := openLimits()
	cfg.Limits.AuthRequestsPerMinute = 0
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		for range 600 {
			expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
		}
		expect(t, b.do("GET", "/api/auth/session", ""), 429, "rate_limited")
		b.addr = "192.0.2.2:1"
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
		b.addr = "192.0.2.1:1"
		time.Sleep(100 * time.Millisecond) // ten a second come back
		expect(t, b.do("GET", "/api/auth/session", ""), 401, "unauthenticated")
		expect(t, b.do("GET", "/api/auth/session", ""), 429, "rate_limited")
	})
}

func TestFullSessionStoreKeepsTheCode(t *testing.T) {
	cfg := openLimits()
	cfg.MaxSessions = 1
	inSite(t, cfg, func(s *site) {
		one, two := s.browser(), s.browser()
		one.signIn("ana@example.org")
		cancel := s.svc.OnRevoke(s.identity(one).Session, func() {}) // in use
		two.ask("ben@example.org")
		expect(t, two.verify(s.mail.last("ben@example.org")), 503, "server_full")
		cancel()
		if w := two.verify(s.mail.last("ben@example.org")); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestNoClientAddressIsRefused(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.addr = "@"
		expect(t, b.do("POST", "/api/auth/code", `{"email": "ana@example.org"}`), 403, "not_allowed")
	})
}

func TestEveryRandomValueIsNeeded(t *testing.T) {
	if _, err := New(Config{}, Deps{Mailer: &outbox{}, Random: bytes.NewReader(nil)}); err == nil {
		t.Error("started without randomness")
	}
	if _, err := New(Config{}, Deps{}); err == nil {
		t.Error("started without a mailer")
	}
}

func FuzzSignInForm(f *testing.F) {
	for _, s := range []string{
		`{"code": "123456"}`, `{"code":"1","code":"2"}`, `{"c\u006fde": "1"}`, `{"code": {"a": "}:"}}`, `{}`, `null`, `{"code": "\ud800"}`, "{\"code\": \"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseStringField(body, "code")
		if err != nil {
			return
		}
		// What is accepted is exactly what a strict reading of one field gives.
		var v struct {
			Code *string `json:"code"`
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil || v.Code == nil || *v.Code != got {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func FuzzCookiesAndAuthorization(f *testing.F) {
	svc, err := New(Config{}, Deps{Mailer: &outbox{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(svc.Close)
	for _, s := range []string{
		"__Host-conclave=" + strings.Repeat("0", 64), "a=b; __Host-conclave=\"x\"", "=;;,", "__Host-conclave-challenge=" + strings.Repeat("f", 64),
	} {
		f.Add(s, "Bearer "+strings.Repeat("a", 64))
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, cookie, authorization string) {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.Header["Cookie"] = []string{cookie}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		if id, err := svc.Authenticate(r); err == nil || id != (Identity{}) {
			t.Errorf("signed in by %q %q", cookie, authorization)
		}
		value, _ := oneCookie(r, secureChallengeCookie)
		if id, ok := parseChallengeID(value); ok && id.encode() != value {
			t.Errorf("%q has two spellings", value)
		}
	})
}

// checkedMail is a mailer whose server can be asked how it is.
type checkedMail struct {
	*outbox
	checks int
	down   error // of the login
}

func (c *checkedMail) Check(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checks++
	return c.down
}

// checkedSite is a site where example.org may sign in and elsewhere.example may not.
func checkedSite(t *testing.T) (*site, *checkedMail) {
	t.Helper()
	cfg := openLimits()
	cfg.SignInDomains = []string{"example.org"}
	mail := &checkedMail{outbox: &outbox{codes: map[string][]string{}}}
	svc, err := New(cfg, Deps{Mailer: mail})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(svc.Close)
	r := chi.NewRouter()
	r.Use(ClientIPMiddleware(nil))
	r.Mount("/api/auth", svc.Routes())
	return &site{t, svc, mail.outbox, r}, mail
}

func (c *checkedMail) set(fail, down error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail, c.down = fail, down
}

func TestWhoWaitsForACodeIsToldThatMailIsDown(t *testing.T) {
	for _, domain := range []string{"example.org", "elsewhere.example"} { // who may sign in, and who gets no mail
		synctest.Test(t, func(t *testing.T) {
			s, mail := checkedSite(t)
			b := s.browser()
			ask := func() string { return b.do("POST", "/api/auth/code", `{"email": "ana@`+domain+`"}`).Body.String() }
			if w := b.do("GET", "/api/auth/code", ""); w.Code != 400 {
				t.Errorf("a stranger is told: %d %s", w.Code, w.Body)
			}
			down := errors.New("down")
			mail.set(down, down)
			if body := ask(); !strings.Contains(body, `"delivery"`) { // "failing" if the mail was tried by then
				t.Error(body)
			}
			synctest.Wait()
			if w := b.do("GET", "/api/auth/code", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"failing"`) {
				t.Errorf("%s: %d %s", domain, w.Code, w.Body)
			}
			// It is noticed without another request: both kinds of message are tried again.
			mail.set(nil, nil)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if w := b.do("GET", "/api/auth/code", ""); !strings.Contains(w.Body.String(), `"mail"`) {
				t.Errorf("%s, working again: %s", domain, w.Body)
			}
			code := mail.last("ana@" + domain)
			mail.mu.Lock()
			checks := mail.checks
			mail.mu.Unlock()
			switch {
			case domain == "example.org" && (code == "" || checks != 1):
				t.Errorf("code %q, %d checks", code, checks)
			case domain != "example.org" && (code != "" || checks != 2):
				t.Errorf("who may not sign in: code %q, %d checks", code, checks)
			}
		})
	}
}

// TestARefusedMessageDoesNotTellWhoMaySignIn has a server that takes the login and then no message.
func TestARefusedMessageDoesNotTellWhoMaySignIn(t *testing.T) {
	for _, domain := range []string{"example.org", "elsewhere.example"} {
		synctest.Test(t, func(t *testing.T) {
			s, mail := checkedSite(t)
			mail.set(errors.New("RCPT: 451"), nil)
			b := s.browser()
			for range 2 {
				_ = b.do("POST", "/api/auth/code", `{"email": "ana@`+domain+`"}`)
				synctest.Wait()
				if w := b.do("GET", "/api/auth/code", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"mail"`) {
					t.Errorf("%s: %d %s", domain, w.Code, w.Body)
				}
				time.Sleep(2 * time.Minute)
			}
			if failing := s.svc.MailHealth().Failing; failing != (domain == "example.org") {
				t.Errorf("%s: the operator is told %v", domain, failing)
			}
		})
	}
}

func TestConsoleModeSaysThatTheCodeIsInTheTerminal(t *testing.T) {
	svc, err := New(openLimits(), Deps{Mailer: NewConsoleMailer(io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	r := chi.NewRouter()
	r.Use(ClientIPMiddleware(nil))
	r.Mount("/api/auth", svc.Routes())
	b := (&site{t, svc, nil, r}).browser()
	w := b.do("POST", "/api/auth/code", `{"email": "ana@example.org"}`)
	if !strings.Contains(w.Body.String(), `"terminal"`) {
		t.Error(w.Body)
	}
}
