package auth

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recordings is a Recorder in memory.
type recordings struct {
	mu   sync.Mutex
	list []string
	fail error
}

// take returns what was recorded since the last call.
func (r *recordings) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

// failWith has everything fail with err from now on.
func (r *recordings) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *recordings) Record(_ context.Context, what Action, who Email) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail == nil {
		r.list = append(r.list, string(what)+" "+cmp.Or(strings.TrimSuffix(who.Reveal(), "@example.org"), "guest"))
	}
	return r.fail
}

// wrong is a code of the same length that is not code.
func wrong(code string) string { return string(rune('0'+(code[0]-'0'+1)%10)) + code[1:] }

func TestSigningInIsRecorded(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		kept := &recordings{}
		s.svc.deps.Recorder = kept
		ana := s.browser()
		ana.ask("ana@example.org")
		code := s.mail.last("ana@example.org")
		ana.verify(wrong(code))
		ana.verify(code)
		ana.verify(code) // used up: nothing is known of it any more
		ana.do("POST", "/api/auth/logout", "")
		ana.do("POST", "/api/auth/logout", "") // no one is signed in
		want := []string{"signin_challenge ana", "signin_failed ana", "signin_verified ana", "signed_out ana"}
		if got := kept.take(); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	})
}

// TestGuestsAreRecorded without a name; a guest who has a session already does not sign in again.
func TestGuestsAreRecorded(t *testing.T) {
	cfg := openLimits()
	cfg.Guests = true
	inSite(t, cfg, func(s *site) {
		kept := &recordings{}
		s.svc.deps.Recorder = kept
		b := s.browser()
		b.guest()
		b.guest()
		b.do("POST", "/api/auth/logout", "")
		if got := kept.take(); !slices.Equal(got, []string{"guest_signed_in guest", "signed_out guest"}) {
			t.Errorf("%q", got)
		}
		kept.failWith(errors.New("the disk is full"))
		expect(t, b.do("POST", "/api/auth/guest", `{}`), 503, "audit_unavailable")
		if len(b.cookies) != 0 || len(s.svc.sessions.byID) != 0 {
			t.Error("there is a session")
		}
	})
}

// TestExpiryIsRecorded for sessions that end by age and by idleness. They end with a log that cannot be written, too.
func TestExpiryIsRecorded(t *testing.T) {
	for name, idle := range map[string]time.Duration{"age": 0, "idleness": time.Hour} {
		t.Run(name, func(t *testing.T) {
			cfg := openLimits()
			cfg.SessionIdle = idle
			inSite(t, cfg, func(s *site) {
				kept := &recordings{}
				s.svc.deps.Recorder = kept
				end := cmp.Or(idle, s.svc.cfg.SessionTTL)
				s.browser().signIn("ana@example.org")
				time.Sleep(end - sweepInterval)
				s.browser().signIn("ben@example.org")
				kept.take()
				time.Sleep(2 * sweepInterval)
				synctest.Wait()
				if got := kept.take(); !slices.Equal(got, []string{"session_expired ana"}) {
					t.Errorf("%q", got)
				}
				kept.failWith(errors.New("the disk is full"))
				time.Sleep(end)
				synctest.Wait()
				if len(s.svc.sessions.byID) != 0 {
					t.Error("a session goes on because the log cannot be written")
				}
			})
		})
	}
}

// TestEachWrongCodeIsRecorded includes the one that locks the challenge, and none after it.
func TestEachWrongCodeIsRecorded(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		kept := &recordings{}
		s.svc.deps.Recorder = kept
		ana := s.browser()
		ana.ask("ana@example.org")
		for range 7 {
			ana.verify(wrong(s.mail.last("ana@example.org")))
		}
		if n := len(kept.take()) - 1; n != 5 {
			t.Errorf("%d wrong codes were recorded", n)
		}
	})
}

// TestNothingIsAcknowledgedThatCannotBeRecorded: with a log that cannot be written, no step of signing in succeeds, and
// signing out takes effect but does not look as if it had been recorded.
func TestNothingIsAcknowledgedThatCannotBeRecorded(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		kept := &recordings{}
		s.svc.deps.Recorder = kept
		ana := s.browser()
		kept.failWith(errors.New("the disk is full"))
		expect(t, ana.ask("ana@example.org"), 503, "audit_unavailable")
		if len(ana.cookies) != 0 {
			t.Error("there is a challenge:", ana.cookies)
		}
		kept.failWith(nil)
		ana.ask("ana@example.org")
		kept.failWith(errors.New("the disk is full"))
		code := s.mail.last("ana@example.org")
		expect(t, ana.verify(wrong(code)), 503, "audit_unavailable")
		expect(t, ana.verify(code), 503, "audit_unavailable")
		if len(s.svc.sessions.byID) != 0 {
			t.Error("there is a session")
		}
		kept.failWith(nil)
		ana.ask("ana@example.org")
		ana.verify(s.mail.last("ana@example.org"))
		kept.failWith(errors.New("the disk is full"))
		expect(t, ana.do("POST", "/api/auth/logout", ""), 503, "audit_unavailable")
		if len(s.svc.sessions.byID) != 0 {
			t.Error("the session goes on")
		}
	})
}
