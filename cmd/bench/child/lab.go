package child

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"conclave/auth"
	"conclave/media"
	"conclave/meeting"
)

// lab is one room of a media engine with nothing in front of it: no WebSocket, no meeting. Clients join it by a
// request, so that the cost of media can be told apart from that of signalling.
type lab struct {
	media meeting.Media

	mu    sync.Mutex
	room  meeting.Room
	peers []meeting.Peer // as many as the parent has join
}

func newLab(media meeting.Media) *lab { return &lab{media: media} }

// labJoin is a request to join: an offer and what the peer sends and wants. Participants are numbered from 1 in the
// order they join.
type labJoin struct {
	Participant media.ParticipantID `json:"participant"`
	SDP         string              `json:"sdp"`
	Tracks      []media.Track       `json:"tracks"`
	// View lists whose cameras it wants.
	View []media.ParticipantID `json:"view"`
}

// labJoined is the answer.
type labJoined struct {
	SDP string `json:"sdp"`
}

// join takes a client in.
func (l *lab) join(w http.ResponseWriter, r *http.Request) {
	var in labJoin
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := l.enter(&in)
	answer, err := p.Negotiate(r.Context(), in.SDP, in.Tracks)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var live []media.Source
	for _, t := range in.Tracks {
		live = append(live, t.Source)
	}
	p.SetLive(media.Sources(live...), 0)
	wants := make([]media.Want, len(in.View))
	for i, id := range in.View {
		wants[i] = media.Want{Participant: id, Source: media.Camera, Height: 180}
	}
	p.SetView(wants)
	auth.WriteJSON(w, http.StatusOK, labJoined{SDP: answer})
}

func (l *lab) enter(in *labJoin) meeting.Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.room == nil {
		l.room = l.media.NewRoom(media.RoomConfig{}, func(media.Event) {})
	}
	p := l.room.Join(in.Participant)
	l.peers = append(l.peers, p)
	return p
}

// clear closes all peers and the room.
func (l *lab) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.peers {
		p.Close(0)
	}
	l.peers = nil
	if l.room != nil {
		l.room.Close()
		l.room = nil
	}
}
