package meeting

import (
	"context"
	"sync"

	"conclave/media"
	"conclave/sfu"
)

// fakeMedia records what a meeting tells the media server.
type fakeMedia struct {
	mu     sync.Mutex
	rooms  []*fakeRoom
	closed int
	panics bool // SetLive panics: a bug somewhere below
}

type fakeRoom struct {
	media   *fakeMedia
	events  sfu.RoomEvents
	peers   map[media.ParticipantID]*fakePeer
	sframe  bool
	private bool
}

type fakePeer struct {
	room   *fakeRoom
	events sfu.PeerEvents
	live   media.SourceSet
	views  int
	closed bool
}

func (m *fakeMedia) NewRoom(events sfu.RoomEvents) Room {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &fakeRoom{media: m, events: events, peers: make(map[media.ParticipantID]*fakePeer)}
	m.rooms = append(m.rooms, r)
	return r
}

func (r *fakeRoom) Join(id media.ParticipantID, events sfu.PeerEvents) (Peer, error) {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	p := &fakePeer{room: r, events: events}
	r.peers[id] = p
	return p, nil
}

func (r *fakeRoom) RequireSFrame() { r.sframe = true }

func (r *fakeRoom) PrivateAudio() { r.private = true }

func (r *fakeRoom) Close() {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	r.media.closed++
}

func (r *fakeRoom) peer(id media.ParticipantID) *fakePeer {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	return r.peers[id]
}

func (p *fakePeer) Negotiate(context.Context, string, []media.Track) (string, error) {
	return "answer", nil
}

func (p *fakePeer) SetView([]media.Want) {
	p.room.media.mu.Lock()
	defer p.room.media.mu.Unlock()
	p.views++
}

func (p *fakePeer) SetLive(set media.SourceSet) {
	p.room.media.mu.Lock()
	defer p.room.media.mu.Unlock()
	if p.room.media.panics {
		panic("a bug")
	}
	p.live = set
}

func (p *fakePeer) Close() {
	p.room.media.mu.Lock()
	defer p.room.media.mu.Unlock()
	p.closed = true
}
