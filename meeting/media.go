package meeting

import (
	"context"

	"conclave/media"
	"conclave/sfu"
)

// Media is the media server as a meeting needs it. Its implementations are safe for concurrent use.
type Media interface {
	// NewRoom makes a room among whose peers media may flow.
	NewRoom(events sfu.RoomEvents) Room
}

// Room is a set of peers among which media may flow; see sfu.Room.
type Room interface {
	Join(id media.ParticipantID, events sfu.PeerEvents) (Peer, error)
	// RequireSFrame has the room forward nothing but SFrame (RFC 9605). It is called before the first Join or never.
	RequireSFrame()
	// PrivateAudio has the room ask nobody how loud they are. It is called before the first Join or never.
	PrivateAudio()
	Close()
}

// Peer is one participant's media connection; see sfu.Peer.
type Peer interface {
	Negotiate(ctx context.Context, sdp string, tracks []media.Track) (answer string, err error)
	SetView(wants []media.Want)
	SetLive(sources media.SourceSet)
	Close()
}

// FromSFU returns s as Media.
func FromSFU(s *sfu.Server) Media { return sfuMedia{s} }

type sfuMedia struct{ server *sfu.Server }

func (m sfuMedia) NewRoom(events sfu.RoomEvents) Room { return sfuRoom{m.server.NewRoom(events)} }

type sfuRoom struct{ *sfu.Room }

// Join hides sfu's concrete peer behind the interface, without making a nil pointer look like a peer.
func (r sfuRoom) Join(id media.ParticipantID, events sfu.PeerEvents) (Peer, error) {
	p, err := r.Room.Join(id, events)
	if err != nil {
		return nil, err //nolint:wrapcheck // an adapter adds nothing
	}
	return p, nil
}
