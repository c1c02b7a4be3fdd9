package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/go-chi/chi/v5"

	"conclave/auth"
)

// machineClock is a machine's clock that can be set: its times are those that time.Now would return then, with a
// monotonic part that goes on.
type machineClock struct{ by time.Duration }

func (c *machineClock) now() time.Time {
	t := time.Now()
	// A Time with a monotonic part keeps the seconds of the wall clock in bits 30 to 62 of its first word.
	word := (*uint64)(unsafe.Pointer(&t)) //nolint:gosec // there is no other way to have the clock set
	*word += uint64(int64(c.by/time.Second)) << 30
	return t
}

// lastCode is a mailer.
type lastCode struct{ code chan string }

func (m lastCode) Send(_ context.Context, msg auth.Message) error {
	m.code <- msg.Code
	return nil
}

// TestClockJumpsChangeNoLimitAndEndNoSession: while the machine's clock is set back and forth, a person signs in, asks
// for the next code when it is due, and stays signed in.
func TestClockJumpsChangeNoLimitAndEndNoSession(t *testing.T) {
	machine := &machineClock{}
	before := machine.now()
	machine.by = time.Hour
	after := machine.now()
	if d := after.Sub(before); d > time.Minute || after.Unix()-before.Unix() < 3600 {
		t.Fatalf("the clock was not set: %v, %v", d, after.Unix()-before.Unix())
	}
	for name, c := range map[string]struct {
		clock func(*machineClock) func() time.Time
		holds bool
	}{
		"steady":      {func(m *machineClock) func() time.Time { return steadyClock(m.now) }, true},
		"the machine": {func(m *machineClock) func() time.Time { return m.now }, false}, // or this would prove nothing
	} {
		t.Run(name, func(t *testing.T) {
			if got := signsInDespiteJumps(t, c.clock); got != c.holds {
				t.Errorf("held: %v", got)
			}
		})
	}
}

func signsInDespiteJumps(t *testing.T, clock func(*machineClock) func() time.Time) bool {
	t.Helper()
	machine, mail := &machineClock{}, lastCode{make(chan string, 4)}
	s, err := auth.New(auth.Config{Insecure: true, Limits: auth.Limits{CodeResendAfter: []time.Duration{time.Second}}},
		auth.Deps{Mailer: mail, Now: clock(machine)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := chi.NewRouter()
	r.Use(auth.ClientIPMiddleware([]netip.Prefix{}))
	r.Mount("/api/auth", s.Routes())
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	do := func(method, path, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/api/auth/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	held := do("POST", "code", `{"email":"ana@example.org"}`) == http.StatusAccepted
	<-mail.code
	machine.by = -time.Hour
	time.Sleep(1100 * time.Millisecond) // the jumps are of the wall clock: the time between is real
	if do("POST", "code", `{"email":"ana@example.org"}`) != http.StatusAccepted {
		return false // "try again in an hour"
	}
	code := <-mail.code
	machine.by = 9 * time.Hour
	held = held && do("POST", "verify", `{"code":"`+code+`"}`) == http.StatusOK
	machine.by = 30 * time.Hour
	held = held && do("GET", "session", "") == http.StatusOK
	machine.by = -30 * time.Hour
	return held && do("GET", "session", "") == http.StatusOK
}

// TestASteadyClockGoesOnWhenTheMachinesIsSet.
func TestASteadyClockGoesOnWhenTheMachinesIsSet(t *testing.T) {
	machine := &machineClock{}
	now := steadyClock(machine.now)
	before := now()
	for _, by := range []time.Duration{time.Hour, -100 * time.Hour, 1000 * time.Hour} {
		machine.by = by
		if d := now().UnixNano() - before.UnixNano(); d < 0 || d > int64(time.Minute) {
			t.Errorf("set by %v, it went by %v", by, time.Duration(d))
		}
	}
}
