package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"
)

func testSessions() *sessionStore {
	return newSessionStore(sessionConfig{ttl: 24 * time.Hour, maxSessions: 1000}, rand.Reader)
}

func signIn(t testing.TB, s *sessionStore, now time.Time) (token, *session) {
	t.Helper()
	tok, ses, err := s.create(now, mustEmail(t, "ana@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	return tok, ses
}

func TestSessionEndsAfterTwentyFourHoursWhateverHappens(t *testing.T) {
	s := testSessions()
	tok, ses := signIn(t, s, epoch())
	for h := range 24 {
		if s.lookup(epoch().Add(time.Duration(h)*time.Hour), tok) == nil {
			t.Fatalf("gone after %d h", h)
		}
	}
	s.touch(epoch().Add(24*time.Hour-1), ses.id)
	if s.lookup(epoch().Add(24*time.Hour), tok) != nil {
		t.Error("activity prolonged the absolute limit")
	}
}

func TestIdleSessionEndsAndActivityKeepsIt(t *testing.T) {
	s := testSessions()
	s.cfg.idle = time.Hour
	tok, ses := signIn(t, s, epoch())
	s.touch(epoch().Add(50*time.Minute), ses.id)
	if s.lookup(epoch().Add(100*time.Minute), tok) == nil {
		t.Error("gone in spite of Touch")
	}
	if s.lookup(epoch().Add(160*time.Minute), tok) != nil {
		t.Error("alive after an hour without activity")
	}
	s.touch(epoch().Add(161*time.Minute), ses.id)
	if s.lookup(epoch().Add(161*time.Minute), tok) != nil {
		t.Error("Touch brought a session back")
	}
}

func TestOnlyTheHashOfATokenIsKept(t *testing.T) {
	s := testSessions()
	tok, ses := signIn(t, s, epoch())
	if ses.hash != sha256.Sum256(tok[:]) {
		t.Error("not SHA-256 of the token")
	}
	if [32]byte(ses.hash) == [32]byte(tok) || len(tok.encode()) != 64 {
		t.Error("the token itself is kept, or is not 32 bytes")
	}
	if _, ok := s.byHash[tokenHash(tok)]; ok {
		t.Error("found by the token itself")
	}
}

func TestRevokeEndsTheSessionAtOnceAndReturnsItsHooks(t *testing.T) {
	s := testSessions()
	tok, ses := signIn(t, s, epoch())
	closed := 0
	for range 3 {
		s.addHook(epoch(), ses.id, func() { closed++ })
	}
	cancelled, _ := s.addHook(epoch(), ses.id, func() { t.Error("a cancelled hook ran") })
	s.removeHook(ses.id, cancelled)
	run(s.revoke(ses.id))
	if closed != 3 || s.lookup(epoch(), tok) != nil {
		t.Errorf("%d hooks of 3 ran", closed)
	}
	if len(s.revoke(ses.id)) != 0 || len(s.byHash)+len(s.byID) != 0 {
		t.Error("something is left")
	}
}

func TestSweepEndsWhatIsOverAndNothingElse(t *testing.T) {
	s := testSessions()
	_, old := signIn(t, s, epoch())
	fresh, _ := signIn(t, s, epoch().Add(time.Hour))
	closed := 0
	s.addHook(epoch(), old.id, func() { closed++ })
	ended, hooks := s.sweep(epoch().Add(24 * time.Hour))
	run(hooks)
	if len(ended) != 1 || closed != 1 || len(s.byHash) != 1 || s.lookup(epoch().Add(24*time.Hour), fresh) == nil {
		t.Errorf("%d closed, %d left", closed, len(s.byHash))
	}
}

func TestSessionsAndHooksAreBounded(t *testing.T) {
	s := testSessions()
	s.cfg.maxSessions = 2
	_, ses := signIn(t, s, epoch())
	_, other := signIn(t, s, epoch())
	s.addHook(epoch(), other.id, func() {})
	s.addHook(epoch(), ses.id, func() {})
	if _, _, err := s.create(epoch(), mustEmail(t, "ana@example.org")); !errors.Is(err, errTooManySessions) {
		t.Errorf("third of two that are in use: %v", err)
	}
	for i := 1; i < maxHooks+1; i++ {
		if _, ok := s.addHook(epoch(), ses.id, func() {}); ok != (i < maxHooks) {
			t.Errorf("hook %d: %v", i+1, ok)
		}
	}
}

// TestASessionTakesLessThanOneKiB holds 100,000 sessions of different people and weighs them.
func TestASessionTakesLessThanOneKiB(t *testing.T) {
	const n = 100_000
	if perSession := weigh(t, n); perSession > 1024 {
		t.Errorf("%d bytes a session at %d sessions, bound 1024", perSession, n)
	} else {
		t.Logf("%d bytes a session at %d sessions", perSession, n)
	}
}

func weigh(t testing.TB, n int) uint64 {
	t.Helper()
	before := heap()
	s := newSessionStore(sessionConfig{ttl: 24 * time.Hour, maxSessions: n, maxGuests: n}, rand.Reader)
	for i := range n {
		if _, _, err := s.create(epoch(), mustEmail(t, fmt.Sprintf("somebody.%d@department.example.org", i))); err != nil {
			t.Fatal(err)
		}
	}
	after := heap()
	runtime.KeepAlive(s)
	return (after - before) / uint64(n) //nolint:gosec // positive
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkSessionBytes(b *testing.B) {
	for range b.N {
		b.ReportMetric(float64(weigh(b, 100_000)), "B/session")
	}
}

func BenchmarkSessionLookup(b *testing.B) {
	s := newSessionStore(sessionConfig{ttl: 24 * time.Hour, maxSessions: 100_000}, rand.Reader)
	tokens := make([]token, 100_000)
	for i := range tokens {
		tokens[i], _ = signIn(b, s, epoch())
	}
	b.ResetTimer()
	for i := range b.N {
		if s.lookup(epoch(), tokens[i%len(tokens)]) == nil {
			b.Fatal("lost")
		}
	}
}

// TestAFullStoreEndsAnIdleSession: strangers who sign in and do nothing keep no one out, and end no session that is
// in use.
func TestAFullStoreEndsAnIdleSession(t *testing.T) {
	s := newSessionStore(sessionConfig{ttl: 24 * time.Hour, maxSessions: 12, maxGuests: 3}, rand.Reader)
	_, used := signIn(t, s, epoch())
	s.addHook(epoch(), used.id, func() {})
	for range 3 {
		if _, _, err := s.create(epoch().Add(time.Hour), Email{}); err != nil {
			t.Fatal(err)
		}
	}
	recent, _ := signIn(t, s, epoch().Add(2*time.Hour))
	for len(s.byID) < 12 {
		signIn(t, s, epoch().Add(time.Minute))
	}
	if _, _, err := s.create(epoch().Add(time.Hour), Email{}); err != nil || s.guests != 3 || len(s.byID) != 12 {
		t.Errorf("a guest in the place of an idle one: %v, %d guests of %d", err, s.guests, len(s.byID))
	}
	for i := range 10 { // three guests' places, then the seven of those idle for longest
		now := epoch().Add(3 * time.Hour)
		token, ses := signIn(t, s, now)
		s.addHook(now, ses.id, func() {})
		if s.lookup(now, token) == nil || len(s.byID) != 12 || s.guests != max(0, 2-i) {
			t.Fatalf("session %d: %d sessions, %d of guests", i, len(s.byID), s.guests)
		}
		if s.byID[used.id] == nil {
			t.Fatal("a session in use was ended")
		}
	}
	if s.lookup(epoch().Add(3*time.Hour), recent) == nil {
		t.Error("the most recent one was ended before the others")
	}
}

// TestGuestsTakePlacesOfIdleGuestsOnly: strangers who come as guests and do nothing keep no guest out, and no guest
// takes a place from one who is there, or from a person.
func TestGuestsTakePlacesOfIdleGuestsOnly(t *testing.T) {
	s := newSessionStore(sessionConfig{ttl: 24 * time.Hour, maxSessions: 12, maxGuests: 3}, rand.Reader)
	signIn(t, s, epoch())
	for i := range 10 {
		_, ses, err := s.create(epoch().Add(time.Duration(i)*time.Minute), Email{})
		if err != nil || s.guests > 3 {
			t.Fatalf("guest %d: %v, %d guests", i, err, s.guests)
		}
		if i >= 7 {
			s.addHook(epoch(), ses.id, func() {})
		}
	}
	if _, _, err := s.create(epoch().Add(time.Hour), Email{}); !errors.Is(err, errTooManySessions) {
		t.Errorf("a guest took the place of one who is there, or of a person: %v", err)
	}
	if len(s.byID) != 4 {
		t.Errorf("%d sessions, want three guests and a person", len(s.byID))
	}
}
