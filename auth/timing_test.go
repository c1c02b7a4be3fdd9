package auth

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
)

// deadLetters takes every mail at once.
type deadLetters struct{}

func (deadLetters) Send(context.Context, Message) error { return nil }

// TestAnswersTakeTheSameTimeWhoeverIsKnown asks for codes for people who are signed in, for addresses never heard of,
// and for those that may not sign in at all, in turns, and tries a wrong code for each. Compared is the fastest tenth
// of each: what a busy machine adds, it adds to the slower ones. A difference that could be measured through a
// network fails. There is one of 3 µs: the text of an address that has a session is in the runtime's table of unique
// values already. Five questions an hour for an address are too few to see it.
func TestAnswersTakeTheSameTimeWhoeverIsKnown(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	const rounds = 600
	cfg := openLimits()
	cfg.SignInDomains = []string{"example.org"}
	svc, err := New(cfg, Deps{Mailer: deadLetters{}})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close()
	for i := range rounds {
		email, err := ParseEmail(fmt.Sprintf("known%d@example.org", i))
		if err != nil {
			t.Fatal(err)
		}
		svc.mu.Lock()
		_, _, err = svc.sessions.create(time.Now(), email)
		svc.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := chi.NewRouter()
	r.Use(ClientIPMiddleware(nil))
	r.Mount("/api/auth", svc.Routes())
	// httptest's network is known: no proof of work is asked for.
	svc.known.noteNetwork(time.Now(), NewClientIP(netip.MustParseAddr("192.0.2.1")))
	ask, verify := make([][]time.Duration, 3), make([][]time.Duration, 3)
	for i := range rounds {
		for j := range 3 {
			kind := (i + j) % 3 // each comes first as often as the others
			address := []string{
				fmt.Sprintf("known%d@example.org", i), fmt.Sprintf("never%d@example.org", i), fmt.Sprintf("other%d@elsewhere.example", i),
			}[kind]
			took, cookie := timed(t, r, "/api/auth/code", fmt.Sprintf(`{"email": %q}`, address), "", 202)
			ask[kind] = append(ask[kind], took)
			for svc.MailHealth().Queued > maxWaiting/2 {
				time.Sleep(time.Millisecond) // on a busy machine the mail lags behind
			}
			took, _ = timed(t, r, "/api/auth/verify", `{"code": "000000"}`, cookie, 400)
			verify[kind] = append(verify[kind], took)
		}
	}
	for what, times := range map[string][][]time.Duration{"asking for a code": ask, "a wrong code": verify} {
		known, unknown, disallowed := fastest(times[0]), fastest(times[1]), fastest(times[2])
		t.Logf("%s: known %v, unknown %v, disallowed %v", what, known, unknown, disallowed)
		most := max(known, unknown, disallowed)
		if apart := most - min(known, unknown, disallowed); apart > 20*time.Microsecond && apart > most/3 {
			t.Errorf("%s: they are %v apart", what, apart)
		}
	}
}

// timed makes one request and returns how long it took, and the challenge's cookie.
func timed(t *testing.T, r *chi.Mux, path, body, cookie string, want int) (took time.Duration, set string) {
	t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	begun := time.Now()
	r.ServeHTTP(w, req)
	took = time.Since(begun)
	if w.Code != want && !strings.Contains(w.Body.String(), "code_expired") {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	for _, c := range w.Result().Cookies() {
		set = c.Name + "=" + c.Value
	}
	return took, set
}

// fastest is the time that a tenth stays below.
func fastest(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/10]
}
