package meeting

import (
	"context"
	"sync"

	"conclave/media"
)

// fakeMedia records what a meeting tells the media server, and says at once that it has taken effect.
type fakeMedia struct {
	mu     sync.Mutex
	rooms  []*fakeRoom
	closed int
	panics bool // SetLive panics: a bug somewhere below
	slow   bool // nothing takes effect until apply
}

type fakeRoom struct {
	media *fakeMedia
	cfg   media.RoomConfig
	tell  func(media.Event)
	peers map[media.ParticipantID]*fakePeer
}

type fakePeer struct {
	room       *fakeRoom
	id         media.ParticipantID
	live       media.SourceSet
	views      int
	closed     bool
	generation uint64
}

func (m *fakeMedia) NewRoom(cfg media.RoomConfig, tell func(media.Event)) Room {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &fakeRoom{media: m, cfg: cfg, tell: tell, peers: make(map[media.ParticipantID]*fakePeer)}
	m.rooms = append(m.rooms, r)
	return r
}

func (r *fakeRoom) Join(id media.ParticipantID) Peer {
	r.media.mu.Lock()
	defer r.media.mu.Unlock()
	p := &fakePeer{room: r, id: id}
	r.peers[id] = p
	return p
}

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

// tell has the media server say something about the peer.
func (p *fakePeer) tell(e media.Event) {
	e.Participant = p.id
	p.room.tell(e)
}

// apply says that all desired of the peer has taken effect.
func (p *fakePeer) apply() {
	p.room.media.mu.Lock()
	generation := p.generation
	p.room.media.mu.Unlock()
	p.tell(media.Event{Kind: media.EventApplied, Generation: generation})
}

func (p *fakePeer) Negotiate(context.Context, string, []media.Track) (string, error) {
	return "answer", nil
}

func (p *fakePeer) SetView([]media.Want) {
	p.room.media.mu.Lock()
	defer p.room.media.mu.Unlock()
	p.views++
}

func (p *fakePeer) SetLive(set media.SourceSet, generation uint64) {
	p.desired(generation, func() {
		if p.room.media.panics {
			panic("a bug")
		}
		p.live = set
	})
}

func (p *fakePeer) Close(generation uint64) { p.desired(generation, func() { p.closed = true }) }

func (p *fakePeer) desired(generation uint64, change func()) {
	m := p.room.media
	slow := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		p.generation = generation
		change()
		return m.slow
	}()
	if !slow {
		p.apply()
	}
}
