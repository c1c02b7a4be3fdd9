package auth

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (b *browser) guest() int { return b.do("POST", "/api/auth/guest", `{}`).Code }

func TestGuestsAreOffByDefault(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		w := b.do("POST", "/api/auth/guest", `{}`)
		expect(t, w, http.StatusForbidden, "not_allowed")
		if len(b.cookies) != 0 || len(s.svc.sessions.byID) != 0 {
			t.Error("a refused guest has a session")
		}
	})
}

func TestAGuestIsNobodyVerifiedAndMayNotHost(t *testing.T) {
	cfg := openLimits()
	cfg.Guests = true // and HostDomains empty: all who sign in may host
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		w := b.do("POST", "/api/auth/guest", `{}`)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, `"guest":true`) ||
			!strings.Contains(body, `"can_host":false`) || strings.Contains(body, "email") {
			t.Fatalf("%d %s", w.Code, body)
		}
		if id := s.identity(b); !id.Guest || id.CanHost || id.Bot || !id.Email.IsZero() || id.Session.IsZero() {
			t.Errorf("%+v", id)
		}
		if w := b.do("GET", "/api/auth/session", ""); w.Code != http.StatusOK ||
			!strings.Contains(w.Body.String(), `"guest":true`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		other := s.browser()
		if other.guest(); s.identity(other).Session == s.identity(b).Session {
			t.Error("two guests are one")
		}
		if w := b.do("POST", "/api/auth/logout", ""); w.Code != http.StatusNoContent {
			t.Errorf("%d", w.Code)
		}
		if w := b.do("GET", "/api/auth/session", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("a guest who signed out: %d", w.Code)
		}
	})
}

func TestSigningInMakesAGuestAPersonWithANewToken(t *testing.T) {
	cfg := openLimits()
	cfg.Guests = true
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		b.guest()
		before, token := s.identity(b), b.cookies[secureSessionCookie]
		b.signIn("ana@example.org")
		if id := s.identity(b); id.Guest || id.Session == before.Session || !id.CanHost ||
			b.cookies[secureSessionCookie] == token {
			t.Errorf("%+v", id)
		}
		b.cookies[secureSessionCookie] = token
		if w := b.do("GET", "/api/auth/session", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("the guest's token still works: %d", w.Code)
		}
	})
}

func TestWhoIsSignedInStaysWhoTheyAre(t *testing.T) {
	cfg := openLimits()
	cfg.Guests = true
	inSite(t, cfg, func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		before := s.identity(b)
		w := b.do("POST", "/api/auth/guest", `{}`)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "ana@example.org") ||
			s.identity(b).Session != before.Session {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestSixtyGuestsAnHourAreFree(t *testing.T) {
	cfg := openLimits()
	cfg.Guests, cfg.Limits.GuestsPerClientHour = true, 0
	inSite(t, cfg, func(s *site) {
		for i := range 61 {
			b := s.browser()
			b.addr = fmt.Sprintf("[2001:db8::%x]:1", i) // one /64
			w := b.do("POST", "/api/auth/guest", `{}`)
			if (w.Code == http.StatusOK) != (i < 60) {
				t.Errorf("guest %d: %d %s", i+1, w.Code, w.Body)
			}
		}
	})
}

// TestGuestsBeyondWhatIsFreeProveWork: up to five times as many, then it waits.
func TestGuestsBeyondWhatIsFreeProveWork(t *testing.T) {
	cfg := openLimits()
	cfg.Guests, cfg.Limits.GuestsPerClientHour = true, 2
	inSite(t, cfg, func(s *site) {
		from := func(addr string) *browser { b := s.browser(); b.addr = addr; return b }
		for i := range 10 {
			b := from("[2001:db8::1]:1")
			w := b.do("POST", "/api/auth/guest", `{}`)
			if i >= 2 {
				expect(t, w, http.StatusTooManyRequests, "proof_needed")
				b.prove(w)
				w = b.do("POST", "/api/auth/guest", `{}`)
			}
			if w.Code != http.StatusOK {
				t.Fatalf("guest %d: %d %s", i, w.Code, w.Body)
			}
			delete(b.cookies, secureSessionCookie)
			if i >= 2 { // the same proof again
				id := map[bool]string{true: "rate_limited", false: "proof_needed"}[i == 9]
				expect(t, b.do("POST", "/api/auth/guest", `{}`), http.StatusTooManyRequests, id)
			}
		}
		w := from("[2001:db8::2]:1").do("POST", "/api/auth/guest", `{}`)
		expect(t, w, http.StatusTooManyRequests, "rate_limited")
		if w.Header().Get("Retry-After") != "3600" {
			t.Error(w.Header())
		}
		if code := from("[2001:db8:1::1]:1").guest(); code != http.StatusOK {
			t.Errorf("another network: %d", code)
		}
		time.Sleep(time.Hour)
		if code := from("[2001:db8::1]:1").guest(); code != http.StatusOK {
			t.Errorf("an hour later: %d", code)
		}
	})
}

func TestGuestsCannotKeepPeopleOut(t *testing.T) {
	cfg := openLimits()
	cfg.Guests, cfg.MaxSessions = true, 8
	inSite(t, cfg, func(s *site) {
		for range 2 { // a quarter of the sessions, and both are there
			b := s.browser()
			b.guest()
			s.svc.OnRevoke(s.identity(b).Session, func() {})
		}
		expect(t, s.browser().do("POST", "/api/auth/guest", `{}`), http.StatusServiceUnavailable, "server_full")
		s.browser().signIn("ana@example.org")
	})
}

func TestAGuestsBodyIsEmpty(t *testing.T) {
	cfg := openLimits()
	cfg.Guests = true
	inSite(t, cfg, func(s *site) {
		for body, id := range map[string]string{
			`null`: "bad_json", `[]`: "bad_json", `{`: "bad_json", `{}{}`: "bad_json",
			`{"name":"x"}`: "invalid_request", `{"email":"ana@example.org"}`: "invalid_request",
		} {
			expect(t, s.browser().do("POST", "/api/auth/guest", body), http.StatusBadRequest, id)
		}
		expect(t, s.browser().do("POST", "/api/auth/guest", ""), http.StatusUnsupportedMediaType, "invalid_request")
		large := s.browser().do("POST", "/api/auth/guest", `{}`+strings.Repeat(" ", 5000))
		expect(t, large, http.StatusRequestEntityTooLarge, "too_large")
	})
}
