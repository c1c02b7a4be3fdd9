package signaling

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// hold takes the turn of everyone behind the memory network's one address to have passwords checked at a meeting.
func (s *server) hold(id protocol.MeetingID) (release func()) {
	s.t.Helper()
	parsed, err := meeting.ParseID(string(id))
	if err != nil {
		s.t.Fatal(err)
	}
	client := auth.NewClientIP(netip.MustParseAddr("192.0.2.1"))
	release, err = s.handler.limits.guesses.byNetwork.take(context.Background(), attempt{client.LimitKey(), parsed})
	if err != nil {
		s.t.Fatal(err)
	}
	return release
}

// A class that gives the right password to a busy server is let in, however long the passwords wait for their turn:
// neither the time to join nor an unanswered ping counts while the server works.
func TestTheWaitForThePasswordCheckIsTheServersTime(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		s.network.buffered = true // as a kernel does: an answered ping waits for its reader
		ana, class := s.signIn("ana"), s.signIn("class")
		id := ana.create(`{"lobby": false, "password": "right"}`)
		release := s.hold(id)
		var all []*peer
		for range 5 {
			p := class.dial()
			p.ask(id, password("right"))
			all = append(all, p)
		}
		stay(100 * time.Second) // ten times the time to join, and six pings
		release()
		for _, p := range all {
			p.in()
		}
		stay(5 * time.Minute)
		if have := s.handler.countSockets(); have != len(all) {
			t.Fatalf("%d of %d sockets are left", have, len(all))
		}
	})
}

// The time to join runs on while the server waits for the client, and starts again with each attempt.
func TestTheTimeToJoinRunsWhileTheClientIsAsked(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		ana, eve := s.signIn("ana"), s.signIn("eve")
		id := ana.create(`{"lobby": false, "password": "right"}`)
		began := time.Now()
		talks, tries := eve.dial(), eve.dial()
		tries.ask(id, password("wrong"))
		tries.reply(tries.lastID, protocol.ErrWrongPassword)
		for range 8 {
			stay(time.Second)
			talks.rejected(&protocol.Active{ID: talks.id()}, protocol.ErrNotJoined)
		}
		arrives(talks, began, 10*time.Second, func(b *protocol.Bye) bool { return b.Reason == protocol.ByeProtocolError })
		stay(2*time.Minute + 40*time.Second)
		tries.ask(id, password("wrong"))
		tries.reply(tries.lastID, protocol.ErrWrongPassword)
		again := time.Now()
		arrives(tries, again, 3*time.Minute, func(b *protocol.Bye) bool { return b.Reason == protocol.ByeProtocolError })
	})
}

// A client that is gone while its join waits is noticed once the server is done with it.
func TestAClientThatLeftDuringTheWaitIsNoticed(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		ana, eve := s.signIn("ana"), s.signIn("eve")
		id := ana.create(`{"lobby": false, "password": "right"}`)
		release := s.hold(id)
		p := eve.dial()
		p.ask(id, password("right"))
		stay(20 * time.Second)
		p.drop()
		stay(20 * time.Second)
		release()
		stay(time.Minute)
		if have := s.handler.countSockets(); have != 0 {
			t.Fatalf("%d sockets are left", have)
		}
	})
}
