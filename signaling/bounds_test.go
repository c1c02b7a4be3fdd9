package signaling

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"conclave/meeting"
	"conclave/protocol"
)

// idleSocket opens a WebSocket and then neither reads nor writes: what costs memory is the server's side alone.
func (s *server) idleSocket(authorization string) net.Conn {
	s.t.Helper()
	conn, err := s.network.dial(s.t.Context(), "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	go func() { // a pipe holds nothing back
		_, _ = fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
			"Sec-WebSocket-Protocol: conclave.v1\r\nAuthorization: Bearer %s\r\n\r\n", authorization)
	}()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("%v %v", answer, err)
	}
	return conn
}

func memory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// Ten thousand sockets that do nothing cost a bounded memory, hold nobody up, and are gone after the time they have
// to join.
func TestTenThousandIdleSocketsAreBoundedAndCut(t *testing.T) {
	if testing.Short() {
		t.Skip("memory test")
	}
	n := 10_000
	if raceDetector {
		n = 500 // its memory is another, and its time ten times
	}
	inVirtualTime(t, func(c *Config, _ *meeting.Config) { c.SocketsPerBotToken = n }, func(t *testing.T, s *server) {
		_, check := calm(t, s)
		goroutines, before := runtime.NumGoroutine(), memory()
		conns := make([]net.Conn, n)
		for i := range conns {
			conns[i] = s.idleSocket(botToken)
		}
		each := float64(memory()-before) / float64(n)
		t.Logf("%.0f bytes a socket, both ends of its pipe included; %d goroutines more", each,
			runtime.NumGoroutine()-goroutines)
		if each > 40<<10 && !raceDetector {
			t.Errorf("an idle socket takes %.0f bytes", each)
		}
		check()
		stay(25 * time.Second) // 10 s to join, 10 s for a bye that nobody reads, 5 s for the close
		if have := s.handler.countSockets(); have != 2 {
			t.Errorf("%d sockets are left", have)
		}
		for _, c := range conns {
			_ = c.Close()
		}
		stay(time.Second)
		if more := runtime.NumGoroutine() - goroutines; more > 10 {
			t.Errorf("%d goroutines are left", more)
		}
		check()
	})
}

// Names of any size end with the one who sent them.
func TestNamesOf64KiBAreRefused(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	for _, name := range []string{strings.Repeat("x", 64<<10), strings.Repeat("\u0301", 32<<10),
		strings.Repeat("😀", 16<<10)} {
		p := s.signIn("eve").dial()
		p.raw(fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":%q}`, id, name))
		if e := next[*protocol.Error](p); e.Error != protocol.ErrTooLarge || !e.Fatal {
			t.Fatalf("%+v", e)
		}
		p.bye(protocol.ByeProtocolError)
	}
	check()
}

// One who makes all the meetings they may does not fill the registry, and a full registry says so, takes nobody's
// meeting away, and has room again when one ends.
func TestTheRegistryCannotBeExhaustedByOne(t *testing.T) {
	s := newServer(t, func(c *Config, m *meeting.Config) {
		m.MaxMeetings, m.MeetingsPerAddress, c.MeetingsPerAddressHour = 6, 4, 100
	})
	eve, ana, ben := s.signIn("eve"), s.signIn("ana"), s.signIn("ben")
	var made []protocol.MeetingID
	for range 4 {
		made = append(made, eve.create(`{}`))
	}
	for range 20 {
		eve.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "POST", "/api/meetings", `{}`)
	}
	again := s.signIn("eve") // with another session they are the same person
	again.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "POST", "/api/meetings", `{}`)
	ana.create(`{}`)
	ben.create(`{}`)
	s.signIn("cem").refused(http.StatusServiceUnavailable, protocol.ErrServerFull, "POST", "/api/meetings", `{}`)
	for _, id := range made {
		eve.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", nil)
	}
	host := eve.join(made[0])
	host.send(&protocol.End{ID: host.id()})
	host.bye(protocol.ByeEnded)
	ana.create(`{}`)
}

// Guessing addresses, over HTTP and over sockets together, ends at the limit, however many sockets guess at once.
func TestEnumerationIsCountedOverAllWaysIn(t *testing.T) {
	s := newServer(t)
	ana, eve := s.signIn("ana"), s.signIn("eve")
	exists := ana.create(`{"lobby": false}`)
	guess := func(i int) protocol.MeetingID { return protocol.MeetingID(fmt.Sprintf("0000-0000-0000-%04d", i)) }
	for i := range 15 {
		eve.refused(http.StatusNotFound, protocol.ErrNoSuchMeeting, "GET", "/api/meetings/"+string(guess(i)), "")
	}
	sockets := make([]*peer, 30)
	for i := range sockets {
		sockets[i] = eve.dial()
	}
	for i, p := range sockets {
		p.ask(guess(100 + i))
	}
	unknown := 0
	for _, p := range sockets {
		if e := next[*protocol.Error](p); e.Error == protocol.ErrNoSuchMeeting {
			unknown++
		} else if e.Error != protocol.ErrRateLimited {
			t.Fatalf("%+v", e)
		}
	}
	if unknown != 15 {
		t.Errorf("%d of 30 guesses at once were answered, want 15", unknown)
	}
	eve.refused(http.StatusTooManyRequests, protocol.ErrRateLimited, "GET", "/api/meetings/"+string(guess(1)), "")
	eve.want(http.StatusOK, "GET", "/api/meetings/"+string(exists), "", nil) // whoever knows an address is not locked out
	s.signIn("neighbour").join(exists)
}

// While more is sent than the machine should send, nobody new comes in; who is in, was in, or waits to be let in
// loses nothing.
func TestAnOverloadedServerTakesNobodyNewAndLosesNobody(t *testing.T) {
	var overloaded atomic.Bool
	s := newServer(t, func(c *Config, _ *meeting.Config) {
		c.Reserve = func(context.Context) (func(), bool) { return func() {}, !overloaded.Load() }
	})
	ana, ben, cem := s.signIn("ana"), s.signIn("ben"), s.signIn("cem")
	id := ana.create(`{}`)
	host, waits := ana.join(id), ben.wait(id)
	first := match(host, func(w *protocol.Waiting) bool { return len(w.Waiting) == 1 }).Waiting[0].Participant
	reloads := cem.wait(id)
	empty := ana.create(`{}`)
	overloaded.Store(true)

	for _, a := range []*account{s.signIn("dora"), s.bot(), ana} {
		p := a.dial()
		p.ask(id)
		e := next[*protocol.Error](p)
		if e.Error != protocol.ErrServerFull || !e.Fatal || e.RetryAfterS < fullFor || e.RetryAfterS >= 2*fullFor {
			t.Fatalf("%s: %+v", a.name, e)
		}
		p.bye(protocol.ByeDenied)
	}
	host.ok(&protocol.Admit{ID: host.id(), Participants: []protocol.Participant{first}})
	waits.in()
	reloads.drop()
	again := cem.wait(id)
	host.ok(&protocol.Admit{ID: host.id(), All: true})
	again.in()
	waits.drop()
	resumed := ben.dial()
	resumed.ask(id, resume(waits.welcome.Resume))
	resumed.in()
	if !resumed.welcome.Resumed {
		t.Errorf("%+v", resumed.welcome)
	}

	s.signIn("ana").join(empty) // a meeting is not kept from its host

	overloaded.Store(false)
	s.signIn("dora").wait(id)
}

// The server has no place for rooms: the host who asks stays in the meeting, and has lost nothing of what they may
// create.
func TestAFullServerRefusesRoomsAndKeepsTheHost(t *testing.T) {
	s := newServer(t, func(c *Config, m *meeting.Config) { m.MaxMeetings, c.MeetingsPerAddressHour = 8, 2 })
	host := s.signIn("ana")
	ana := host.join(host.create(`{}`))
	for range 3 {
		ask := &protocol.OpenBreakouts{ID: ana.id(), Count: 3}
		ana.send(ask)
		if e := next[*protocol.Error](ana); e.ID != ask.ID || e.Error != protocol.ErrServerFull || e.Fatal {
			t.Fatalf("%+v", e)
		}
	}
	ana.send(&protocol.OpenBreakouts{ID: ana.id(), Count: 2})
	if b := next[*protocol.Breakouts](ana); len(b.Meetings) != 2 {
		t.Fatalf("%+v", b)
	}
	ana.rejected(&protocol.OpenBreakouts{ID: ana.id(), Count: 2}, protocol.ErrRateLimited)
}

// Who may create no meetings opens no rooms, as host of another's either.
func TestRoomsAreForThoseWhoMayCreateMeetings(t *testing.T) {
	s := newServer(t)
	host, other := s.signIn("ana"), s.signIn("out@elsewhere.org")
	id := host.create(`{"lobby": false}`)
	ana, out := host.join(id), other.join(id)
	ana.ok(&protocol.SetRole{ID: ana.id(), Participant: out.welcome.Participant, Role: protocol.RoleHost})
	out.rejected(&protocol.OpenBreakouts{ID: out.id(), Count: 2}, protocol.ErrNotPermitted)
	out.ok(&protocol.CloseBreakouts{ID: out.id()})
}
