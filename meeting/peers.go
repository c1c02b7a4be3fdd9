package meeting

import (
	"slices"

	"conclave/media"
	"conclave/protocol"
)

// mediaPeer is a seat's media side, and what was desired of it last.
type mediaPeer struct {
	Peer
	live     media.SourceSet
	servers  []protocol.ICEServer // that relay for it
	endRelay func()               // nil if none does
}

// stopRelay ends what is relayed for a peer; nil is none.
func (p *mediaPeer) stopRelay() {
	if p != nil && p.endRelay != nil {
		p.endRelay()
	}
}

// conveyed is what has been desired of the media server and is not known to have taken effect. Owned by the working
// goroutine.
type conveyed struct {
	generation uint64 // of what was desired last
	owed       []owed // by the job at hand: what it has taken away
	// replies that wait for a seat, by seat; each request under way waits for as much as it took away
	waiting map[media.ParticipantID][]awaited
}

// owed is something that the media server has been told to stop.
type owed struct {
	seat       media.ParticipantID
	generation uint64
}

// waiting is a job whose reply waits until all that it took away is gone.
type waiting struct {
	job  job
	left int // of what it took away; zero: it is answered
}

// awaited is what a job waits for.
type awaited struct {
	generation uint64
	by         *waiting
}

// openPeer seats a participant in the media room, which is made when the first one comes. If that fails, an event
// says so.
func (a *actor) openPeer(id media.ParticipantID) {
	if a.room == nil {
		cfg := media.RoomConfig{RequireSFrame: a.state.e2ee, PrivateAudio: a.state.privateAudio}
		a.room = a.deps.cfg.Media.NewRoom(cfg, a.onMedia)
		a.peers = make(map[media.ParticipantID]*mediaPeer)
	}
	p := &mediaPeer{Peer: a.room.Join(id)}
	if relay := a.deps.cfg.Relay; relay != nil {
		p.servers, p.endRelay = relay.Open(a.state.expires)
	}
	a.peers[id] = p
}

func (a *actor) closePeer(id media.ParticipantID) {
	if p := a.peers[id]; p != nil {
		delete(a.peers, id)
		a.generation++
		a.owed = append(a.owed, owed{id, a.generation})
		p.stopRelay()
		p.Close(a.generation)
	}
}

func (a *actor) setLive(id media.ParticipantID, live media.SourceSet) {
	p := a.peers[id]
	if p == nil {
		return
	}
	a.generation++
	if p.live&^live != 0 {
		a.owed = append(a.owed, owed{id, a.generation})
	}
	p.live = live
	p.SetLive(live, a.generation)
}

// endMedia closes the room. Nothing more is heard of it: who waits for it is answered.
func (a *actor) endMedia() {
	for _, p := range a.peers {
		p.stopRelay()
	}
	if a.room != nil {
		a.room.Close()
	}
	a.room, a.peers, a.owed = nil, nil, nil
	a.answerWaiting(nil)
}

// answerWaiting answers all that wait, whatever is not gone.
func (a *actor) answerWaiting(err error) {
	for _, list := range a.waiting {
		for _, w := range list {
			if w.by.left > 0 {
				w.by.left = 0
				w.by.job.finish(err)
			}
		}
	}
	a.waiting = nil
}

// acknowledge answers a job that has been done: at once, or, if it has taken something away, when that is gone.
// "Muted" must not be said while packets still flow.
func (a *actor) acknowledge(j job) {
	if len(a.owed) == 0 || j.done == nil {
		j.finish(nil)
		return
	}
	if a.waiting == nil {
		a.waiting = make(map[media.ParticipantID][]awaited)
	}
	w := &waiting{job: j, left: len(a.owed)}
	for _, o := range a.owed {
		a.waiting[o.seat] = append(a.waiting[o.seat], awaited{o.generation, w})
	}
}

// applied answers the jobs that waited for what the media server reports. It looks at those that wait for that seat.
func (a *actor) applied(id media.ParticipantID, r *mediaReport) {
	if r.joinFailed != "" {
		a.deps.cfg.Log.Error("no media peer", "cause", r.joinFailed)
		a.peers[id].stopRelay()
		delete(a.peers, id) // offers on this seat are refused with "internal"
	}
	still := slices.DeleteFunc(a.waiting[id], func(w awaited) bool {
		if w.generation > r.applied {
			return false
		}
		if w.by.left--; w.by.left == 0 {
			w.by.job.finish(nil)
		}
		return true
	})
	if len(still) == 0 {
		delete(a.waiting, id)
	} else {
		a.waiting[id] = still
	}
}
