package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// carrier is a Service on a clock that tests set.
func carrier(t *testing.T, tweak func(*Config)) (*Service, *time.Time) {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	cfg := DefaultConfig()
	if tweak != nil {
		tweak(&cfg)
	}
	s, err := New(cfg, Deps{Mailer: NewConsoleMailer(&strings.Builder{}), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, &now
}

func open(t *testing.T, s *Service, address string) (token, SessionID) {
	t.Helper()
	var email Email
	if address != "" {
		var err error
		if email, err = ParseEmail(address); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tok, ses, err := s.sessions.create(s.deps.Now(), email)
	if err != nil {
		t.Fatal(err)
	}
	return tok, ses.id
}

func withToken(tok token) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+tok.encode())
	return r
}

func carry(t *testing.T, from, to *Service, w *Watch) {
	t.Helper()
	parts, _ := from.Hand(w)
	for _, p := range parts {
		if len(p.Reveal()) > 32<<10 {
			t.Errorf("a part of %d bytes", len(p.Reveal()))
		}
		if err := to.Take(p); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSessionsAndCodesGoToTheNextVersion, whole: who is who, until when, and which codes are open.
func TestSessionsAndCodesGoToTheNextVersion(t *testing.T) {
	first, _ := carrier(t, nil)
	second, _ := carrier(t, nil)
	tokens := map[string]token{}
	for i := range 1000 {
		address := fmt.Sprintf("p%d@example.org", i)
		tokens[address], _ = open(t, first, address)
	}
	guest, _ := open(t, first, "")
	email, _ := ParseEmail("late@example.org")
	first.mu.Lock()
	id, code, err := first.otp.issue(first.deps.Now(), email, challengeID{})
	first.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	carry(t, first, second, &Watch{})
	for address, tok := range tokens {
		a, err1 := first.Authenticate(withToken(tok))
		b, err2 := second.Authenticate(withToken(tok))
		if err1 != nil || err2 != nil || a.Session != b.Session || a.Email.Reveal() != address || b.Email != a.Email ||
			!a.ExpiresAt.Equal(b.ExpiresAt) {
			t.Fatal(address, err1, err2)
		}
	}
	if who, err := second.Authenticate(withToken(guest)); err != nil || !who.Guest {
		t.Error(err)
	}
	if _, err := second.verifyCode(ClientIP{}, id, code); err != nil {
		t.Error("the code is not known:", err)
	}
}

// TestSignInsAndSignOutsAreToldAfterwards.
func TestSignInsAndSignOutsAreToldAfterwards(t *testing.T) {
	first, now := carrier(t, func(c *Config) { c.SessionIdle = time.Hour })
	second, _ := carrier(t, func(c *Config) { c.SessionIdle = time.Hour })
	tok, id := open(t, first, "ana@example.org")
	var touched []string
	carry(t, first, second, &Watch{
		Opened: func(c Carried) {
			if err := second.Take(c); err != nil {
				t.Error(err)
			}
		},
		Ended: second.EndSession, Touched: func(key string) { touched = append(touched, key) },
	})
	late, _ := open(t, first, "ben@example.org")
	if _, err := second.Authenticate(withToken(late)); err != nil {
		t.Error("signed in at the first version only")
	}
	for range 5 {
		*now = now.Add(20 * time.Second)
		first.Touch(id)
	}
	if len(touched) != 2 || touched[0] != id.Key() {
		t.Errorf("%d touches in 100 s", len(touched))
	}
	ended := make(chan struct{})
	second.OnRevoke(id, func() { close(ended) })
	first.Revoke(id)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the second version does not end the session")
	}
	if _, err := second.Authenticate(withToken(tok)); err == nil {
		t.Error("signed out at the first version only")
	}
	first.Yield()
	*now = now.Add(2 * time.Hour)
	if _, err := first.Authenticate(withToken(late)); err != nil {
		t.Error("a version that has yielded ends idle sessions")
	}
}

// TestOnlyWhatAVersionGivesIsTaken: a session that lasts longer than any may, one that is over, and what is malformed
// at any length.
func TestOnlyWhatAVersionGivesIsTaken(t *testing.T) {
	first, now := carrier(t, nil)
	tok, id := open(t, first, "ana@example.org")
	first.mu.Lock()
	ses := first.sessions.byID[id]
	good := ses.pack()
	ses.expires = now.Add(48 * time.Hour)
	forever := ses.pack()
	ses.expires = now.Add(-time.Second)
	over := ses.pack()
	first.mu.Unlock()
	for name, record := range map[string][]byte{"forever": forever, "over": over} {
		second, _ := carrier(t, nil)
		_ = second.Take(CarriedFrom(record))
		if _, err := second.Authenticate(withToken(tok)); err == nil {
			t.Errorf("a session that is %s was taken", name)
		}
	}
	second, _ := carrier(t, func(c *Config) { c.MaxSessions = 4 })
	for n := 1; n < len(good); n++ {
		if second.Take(CarriedFrom(good[:n])) == nil {
			t.Errorf("%d of %d bytes were taken", n, len(good))
		}
	}
	if second.TakeRequestSession("x") == nil || second.TakeRequestSession("") == nil {
		t.Error("nonsense was taken")
	}
	third, _ := carrier(t, func(c *Config) { c.MaxSessions = 4 })
	for i := range 10 {
		tok, _ := open(t, first, fmt.Sprintf("p%d@example.org", i))
		if err := third.TakeRequestSession(first.RequestSession(withToken(tok))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(third.sessions.byID); n != 4 {
		t.Errorf("%d sessions in a store of 4", n)
	}
}

// TestClocksOfTwoVersionsMayDiffer, by hours: sessions and codes last as long as they would have.
func TestClocksOfTwoVersionsMayDiffer(t *testing.T) {
	idle := func(c *Config) { c.SessionIdle = time.Hour }
	for _, ahead := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		first, now := carrier(t, idle)
		second, later := carrier(t, idle)
		*later = now.Add(ahead)
		tok, id := open(t, first, "ana@example.org")
		email, _ := ParseEmail("late@example.org")
		first.mu.Lock()
		challenge, code, err := first.otp.issue(*now, email, challengeID{})
		first.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		*now, *later = now.Add(time.Minute), later.Add(time.Minute)
		carry(t, first, second, &Watch{})
		second.mu.Lock()
		ses := second.sessions.byID[id]
		second.mu.Unlock()
		if ses == nil || ses.expires.Sub(*later) != 24*time.Hour-time.Minute ||
			ses.lastSeen != later.Add(-time.Minute).UnixNano() {
			t.Errorf("ahead by %v: %+v", ahead, ses)
		}
		if _, err := second.verifyCode(ClientIP{}, challenge, code); err != nil {
			t.Errorf("ahead by %v: the code is not known: %v", ahead, err)
		}
		third, latest := carrier(t, idle)
		*latest = now.Add(ahead)
		if third.TakeRequestSession(first.RequestSession(withToken(tok))) != nil {
			t.Fatal("not taken")
		}
		if _, err := third.Authenticate(withToken(tok)); err != nil {
			t.Errorf("ahead by %v: %v", ahead, err)
		}
	}
}

// TestWhoHasAWebSocketAtTheVersionBeforeIsNotIdle: a full store forgets another one.
func TestWhoHasAWebSocketAtTheVersionBeforeIsNotIdle(t *testing.T) {
	full := func(c *Config) { c.MaxSessions = 3 }
	first, now := carrier(t, full)
	second, later := carrier(t, full)
	before, id := open(t, first, "ana@example.org")
	first.OnRevoke(id, func() {})
	passed, _ := open(t, first, "ben@example.org")
	*now, *later = now.Add(time.Minute), later.Add(time.Minute)
	carry(t, first, second, &Watch{})
	stop := second.Watch(&Watch{})
	r := withToken(passed)
	r.Header.Set("Upgrade", "websocket")
	second.RequestSession(r)
	for i := range 5 {
		*later = later.Add(time.Minute)
		open(t, second, fmt.Sprintf("p%d@example.org", i))
	}
	for _, tok := range []token{before, passed} {
		if second.sessions.byHash[tok.hash()] == nil {
			t.Error("a session in use was ended")
		}
	}
	stop()
	open(t, second, "last@example.org")
	open(t, second, "very.last@example.org")
	if second.sessions.byHash[before.hash()] != nil && second.sessions.byHash[passed.hash()] != nil {
		t.Error("they count as in use after the version before has ended")
	}
}

// TestWhatIsForgottenForRoomIsNotEndedElsewhere, nor is what ends by itself told: all versions know when.
func TestWhatIsForgottenForRoomIsNotEndedElsewhere(t *testing.T) {
	first, _ := carrier(t, nil)
	second, now := carrier(t, func(c *Config) { c.MaxSessions = 2 })
	t.Cleanup(second.Watch(&Watch{Ended: func(string) { t.Error("told") }}))
	for i := range 5 {
		tok, _ := open(t, first, fmt.Sprintf("p%d@example.org", i))
		if err := second.TakeRequestSession(first.RequestSession(withToken(tok))); err != nil {
			t.Fatal(err)
		}
	}
	*now = now.Add(25 * time.Hour)
	second.sweep(t.Context())
	if n := len(second.sessions.byID); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestASignedOutSessionIsNotBroughtBack by a request that was on its way.
func TestASignedOutSessionIsNotBroughtBack(t *testing.T) {
	first, _ := carrier(t, nil)
	second, _ := carrier(t, nil)
	t.Cleanup(second.Watch(&Watch{}))
	tok, id := open(t, first, "ana@example.org")
	text := first.RequestSession(withToken(tok))
	for range 2 {
		if err := second.TakeRequestSession(text); err != nil {
			t.Fatal(err)
		}
		second.EndSession(id.Key())
	}
	if err := second.TakeRequestSession(text); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Authenticate(withToken(tok)); err == nil {
		t.Error("it is back")
	}
	for range goneSweeps {
		second.sweep(t.Context())
	}
	if len(second.sessions.gone) != 0 {
		t.Error("it is remembered for ever")
	}
	for i := range maxGone + 10 {
		_, id := open(t, second, fmt.Sprintf("p%d@example.org", i))
		second.Revoke(id)
	}
	if n := len(second.sessions.gone); n != maxGone {
		t.Errorf("%d are remembered", n)
	}
}

func TestWhatIsCarriedCannotBePrinted(t *testing.T) {
	c := CarriedFrom([]byte("canary"))
	text := fmt.Sprintf("%v %+v %#v %s %x %v", c, c, c, c, c, struct{ c Carried }{c})
	if strings.Contains(text, "canary") ||
		strings.Contains(text, "63616e617279") {
		t.Error(text)
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte{carriedSession})
	f.Add(packTime(time.Unix(0, 1)))
	f.Add(append([]byte{carriedKeys}, make([]byte, 64)...))
	f.Add(append([]byte{carriedChallenge}, make([]byte, 80)...))
	s, err := New(Config{MaxSessions: 8}, Deps{Mailer: NewConsoleMailer(&strings.Builder{})})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = s.Take(CarriedFrom(b))
		if len(s.sessions.byID) > 8 || len(s.sessions.byID) != len(s.sessions.byHash) {
			t.Fatal("the store's bound")
		}
	})
}
