package sfu

import (
	"sync"
	"testing"
	"time"

	"conclave/media"
)

// testRoom is a room whose events reach whoever listens for their participant, 0 for the room's own.
type testRoom struct {
	*Room
	mu        sync.Mutex
	listeners map[media.ParticipantID]func(media.Event)
}

func newRoom(s *Server, cfg media.RoomConfig) *testRoom {
	r := &testRoom{listeners: map[media.ParticipantID]func(media.Event){}}
	r.Room = s.NewRoom(cfg, func(e media.Event) {
		r.mu.Lock()
		listener := r.listeners[e.Participant]
		r.mu.Unlock()
		if listener != nil {
			listener(e)
		}
	})
	return r
}

// listen has the events about a participant go to listener alone.
func (r *testRoom) listen(id media.ParticipantID, listener func(media.Event)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners[id] = listener
}

// setLive returns when it has taken effect.
func setLive(p *Peer, sources media.SourceSet) {
	p.SetLive(sources, 0)
	for p.room.settle(time.Now()) {
	}
}

// Joining, switching and ending never wait for the room, however long control takes, and what has taken effect is told
// once it has: with the generation that was desired last.
func TestDesiredStateIsTakenAtOnceAndToldWhenItIsThere(t *testing.T) {
	room := newRoom(testServer(t), media.RoomConfig{})
	told := make(chan media.Event, 9)
	room.listen(1, func(e media.Event) { told <- e })
	room.Room.mu.Lock() // control is busy
	p := room.Join(1)
	p.SetLive(media.Sources(media.Mic), 1)
	p.SetView(wantsOf(2))
	p.SetLive(0, 2)
	if len(told) != 0 || p.live != 0 {
		t.Errorf("told %d events while the room is busy", len(told))
	}
	room.Room.mu.Unlock()
	if e := <-told; e.Kind != media.EventApplied || e.Participant != 1 || e.Generation != 2 {
		t.Errorf("told %+v", e)
	}
	p.Close(3)
	if e := <-told; e.Kind != media.EventApplied || e.Generation != 3 {
		t.Errorf("told %+v", e)
	}
	room.Room.mu.Lock()
	defer room.Room.mu.Unlock()
	if len(room.peers) != 0 {
		t.Error("the peer is still there")
	}
	if len(told) != 0 {
		t.Errorf("told %+v too", <-told)
	}
}

// Who cannot be let in is told so, and is not there; those who are stay.
func TestAJoinThatFailsIsAnEvent(t *testing.T) {
	room := newRoom(testServer(t), media.RoomConfig{})
	told := make(chan media.Event, 9)
	for _, id := range []media.ParticipantID{0, 1} {
		room.listen(id, func(e media.Event) { told <- e })
	}
	first := room.Join(1)
	room.settle(time.Now())
	for _, id := range []media.ParticipantID{0, 1} {
		p := room.Join(id)
		if e := <-told; e.Kind != media.EventJoinFailed || e.Participant != id || e.Cause == "" {
			t.Errorf("told %+v", e)
		}
		if _, err := p.current(); err == nil {
			t.Error("it can negotiate")
		}
		p.Close(7)
		if e := <-told; e.Kind != media.EventApplied || e.Generation != 7 {
			t.Errorf("told %+v", e)
		}
	}
	if _, err := first.current(); err != nil {
		t.Error("the other has gone")
	}
}

// A room that is closed lets go of its peers and of itself.
func TestAClosedRoomIsForgotten(t *testing.T) {
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	p := room.Join(1)
	room.Close()
	deadline := time.Now().Add(10 * time.Second)
	for len(srv.listRooms()) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("the server still has it")
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := p.current(); err == nil {
		t.Error("its peer is still open")
	}
}
