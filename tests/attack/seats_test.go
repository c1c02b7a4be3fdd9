package attack

import (
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
)

// signIn is a browser whose person has signed in with a code.
func (s *server) signIn(t *testing.T, email string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: patience}
	post := func(path, body string, want int) {
		t.Helper()
		resp, err := browser.Post(s.url+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Fatalf("%s: %s", path, resp.Status)
		}
	}
	post("/api/auth/code", `{"email": "`+email+`"}`, http.StatusAccepted)
	code := ""
	eventually(t, "the code is printed", func() bool {
		m := regexp.MustCompile(`sign-in code for ` + regexp.QuoteMeta(email) + `: (\d+)`).FindStringSubmatch(s.out.String())
		if m != nil {
			code = m[1]
		}
		return m != nil
	})
	post("/api/auth/verify", `{"code": "`+code+`"}`, http.StatusOK)
	return browser
}

// TestAStolenResumeTokenIsWorthless: it takes a seat back for the person it was given to, and for no other.
func TestAStolenResumeTokenIsWorthless(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	origin := http.Header{"Origin": {s.url}}
	alice := s.socket(t, s.signIn(t, "alice@example.org"), origin)
	alice.enter(message{"meeting": meeting})
	alice.open(aliceIP)
	alice.offer()
	alice.connect()
	bob := s.join(t, meeting, bobIP)
	bob.publish(t.Context(), 0)
	alice.needsFlow("before the theft")

	thief := s.socket(t, s.signIn(t, "mallory@example.org"), origin)
	refused := thief.request(message{"type": "join", "version": 1, "meeting": meeting, "name": "Ana",
		"resume": alice.resume}, "error")
	if refused["error"] != "resume_failed" {
		t.Errorf("the thief is told %v", refused)
	}
	if _, gone := alice.event(func(m message) bool { return m["type"] == "bye" }); gone {
		t.Error("the theft ended the seat's socket")
	}
	alice.needsFlow("after the theft")
	alice.request(message{"type": "media", "sources": []string{"mic"}}, "ok")
}
