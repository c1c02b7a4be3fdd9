package signaling

import (
	"slices"
	"testing"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// What goes to many is encoded once: all queues hold the same bytes, those of the lobby and of the end too. Only what
// answers a join is each client's own.
func TestWhatGoesToManyIsEncodedOnce(t *testing.T) {
	h := &Handler{cfg: Config{}.withDefaults()}
	sockets := make([]*socket, 3)
	for i := range sockets {
		s := newSocket(h, auth.Identity{}, auth.ClientIP{})
		s.out = newQueue(&queued{}, &h.queued)
		s.joinID.Store(uint32(7 + i))
		sockets[i] = s
	}
	tell := func(m protocol.ServerMessage) (frames [][]byte) {
		d := &meeting.Delivery{Message: m}
		for _, s := range sockets {
			s.Deliver(d)
			frame, ok, _ := s.out.next()
			if !ok {
				t.Fatalf("%T is not queued", m)
			}
			frames = append(frames, frame)
		}
		return frames
	}
	shared := func(frames [][]byte) bool {
		return !slices.ContainsFunc(frames, func(f []byte) bool { return &f[0] != &frames[0][0] })
	}
	lobby := &protocol.Lobby{Title: "Weekly", Waiting: 3}
	if answers := tell(lobby); shared(answers) || string(answers[0]) == string(answers[1]) {
		t.Errorf("a join is answered with another's id: %s", answers[0])
	}
	for _, m := range []protocol.ServerMessage{
		lobby, &protocol.Roster{}, &protocol.Speakers{}, &protocol.Bye{Reason: protocol.ByeEnded},
	} {
		if !shared(tell(m)) {
			t.Errorf("%T is encoded more than once", m)
		}
	}
}
