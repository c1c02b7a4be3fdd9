package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
)

// everyVerb are the verbs of package fmt with the flags that change how a struct prints.
func everyVerb() []string {
	var verbs []string
	for _, v := range "vTtbcdoOqxXUeEfFgGsp" {
		if v == 'T' {
			continue // the type's name, not the value
		}
		for _, flags := range []string{"", "+", "#", "-20", "020", ".3"} {
			verbs = append(verbs, "%"+flags+string(v))
		}
	}
	return verbs
}

type exported struct{ Value any }

type unexported[T any] struct{ value T }

func TestNoVerbPrintsUserData(t *testing.T) {
	email := mustEmail(t, "canary@canary.example")
	ip := NewClientIP(netip.MustParseAddr("203.0.113.77"))
	check(t, email, unexported[Email]{email}, map[Email]int{email: 1}, "canary")
	check(t, ip, unexported[ClientIP]{ip}, map[ClientIP]int{ip: 1}, "203.0", "[203", "cb00714d", "3405803853",
		fmt.Sprint(0xffffcb00714d), "ffffcb00714d")
	check(t, Identity{Email: email}, unexported[Identity]{Identity{Email: email}}, []Email{email}, "canary")
}

func check(t *testing.T, value, hidden, collection any, canaries ...string) {
	t.Helper()
	for _, v := range []any{value, &value, exported{value}, &exported{value}, hidden, []any{value}, collection} {
		for _, verb := range everyVerb() {
			got := fmt.Sprintf(verb, v)
			for _, c := range canaries {
				if strings.Contains(strings.ToLower(got), c) || strings.Contains(got, fmt.Sprintf("%x", c)) {
					t.Errorf("%T with %s prints %q", v, verb, got)
				}
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "k", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "k", v)
		asJSON, _ := json.Marshal(v)
		for _, c := range canaries {
			if strings.Contains(log.String()+string(asJSON), c) {
				t.Errorf("%T is encoded as %q %q", v, log.String(), asJSON)
			}
		}
	}
}

func TestSessionIDPrintsNothing(t *testing.T) {
	id, err := newSessionID(strings.NewReader("canarycanarycana"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, id, unexported[SessionID]{id}, map[SessionID]int{id: 1}, "canary", "63616e617279", id.Key(), "99 97 110")
}

func mustEmail(t testing.TB, s string) Email {
	t.Helper()
	e, err := ParseEmail(s)
	if err != nil {
		t.Fatalf("parsing an address: %v", err)
	}
	return e
}
