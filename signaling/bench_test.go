package signaling

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"conclave/auth"
	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
)

// crowd is a server's state without its sockets: so many sessions, so many meetings. join authenticates the request
// of one session and takes it into one meeting and out again: all that a join does but for its WebSocket.
func crowd(t testing.TB, sessions, meetings int) (join func()) {
	t.Helper()
	const many = 1 << 30
	svc, err := auth.New(auth.Config{
		Insecure: true, Guests: true, MaxSessions: 4 * sessions,
		Limits: auth.Limits{GuestsPerClientHour: many, AuthRequestsPerMinute: many},
	}, auth.Deps{Mailer: &codes{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(svc.Close)
	routes := chi.NewRouter()
	routes.Use(auth.ClientIPMiddleware(nil))
	routes.Mount("/api/auth", svc.Routes())
	var cookie *http.Cookie
	for i := range sessions {
		r := httptest.NewRequest(http.MethodPost, "/api/auth/guest", strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "application/json")
		// each limiter remembers as many clients as it may
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		cookie = w.Result().Cookies()[0]
	}
	registry, err := meeting.NewRegistry(meeting.Config{Media: &fakeMedia{peers: map[media.ParticipantID]*fakePeer{}},
		MaxMeetings: meetings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close(context.Background()) })
	var id meeting.ID
	for i := range meetings {
		who := meeting.Identity{Session: meeting.SessionKeyOf(i), Address: meeting.NewAddress(fmt.Sprint(i, "@example.org"))}
		if id, _, err = registry.Create(t.Context(), meeting.Creation{Creator: who}); err != nil {
			t.Fatal(err)
		}
	}
	request := httptest.NewRequest(http.MethodGet, "/ws", nil)
	request.AddCookie(cookie)
	return func() {
		who, err := svc.Authenticate(request)
		if err != nil {
			t.Fatal(err)
		}
		as := identity(who)
		as.Address = meeting.NewAddress("ana@example.org")
		seat, err := registry.Join(t.Context(), meeting.Join{Meeting: id, Identity: as, Name: meeting.NewDisplayName("Ana"),
			Sink: quietSink{new(int)}})
		if err != nil {
			t.Fatal(err)
		}
		seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
	}
}

type quietSink struct{ *int }

func (quietSink) Deliver(*meeting.Delivery) {}

// BenchmarkJoinInACrowd shows that a join costs the same whatever else the server holds.
func BenchmarkJoinInACrowd(b *testing.B) {
	for _, size := range []struct{ sessions, meetings int }{{1, 1}, {100_000, 1}, {1, 10_000}, {100_000, 10_000}} {
		b.Run(fmt.Sprintf("sessions=%d/meetings=%d", size.sessions, size.meetings), func(b *testing.B) {
			join := crowd(b, size.sessions, size.meetings)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				join()
			}
		})
	}
}

// The work of a join, counted in allocations (its time is the benchmark's affair), does not grow with sessions or
// meetings.
func TestAJoinCostsTheSameInACrowd(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("makes many sessions")
	}
	alone := testing.AllocsPerRun(200, crowd(t, 1, 1))
	crowded := testing.AllocsPerRun(200, crowd(t, 20_000, 5_000))
	t.Logf("%.1f allocations alone, %.1f in a crowd", alone, crowded)
	if crowded > alone*1.1+1 {
		t.Fatal("a join costs more when there are more")
	}
}
