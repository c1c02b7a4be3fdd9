package meeting

import (
	"context"
	"time"

	"conclave/media"
	"conclave/protocol"
	"conclave/sfu"
)

// Media is the media server as a meeting needs it. Its implementations are safe for concurrent use.
type Media interface {
	// NewRoom makes a room among whose peers media may flow. tell is called with each event, perhaps with locks held: it
	// must not block and must not call back.
	NewRoom(cfg media.RoomConfig, tell func(media.Event)) Room
}

// Room is a set of peers among which media may flow; see sfu.Room. Its methods never wait.
type Room interface {
	Join(id media.ParticipantID) Peer
	Close()
}

// Peer is one participant's media side; see sfu.Peer. All but Negotiate returns at once: what is desired takes effect
// later, and media.EventApplied tells when.
type Peer interface {
	Negotiate(ctx context.Context, sdp string, tracks []media.Track) (answer string, err error)
	SetView(wants []media.Want)
	SetLive(sources media.SourceSet, generation uint64)
	Close(generation uint64)
}

// Relay lets the clients of seats relay to the media server. Safe for concurrent use.
type Relay interface {
	// Open makes a seat's credential, which is good until the given time at the latest. The servers may be none. end ends
	// it, with all that is relayed with it. Neither waits.
	Open(until time.Time) (servers []protocol.ICEServer, end func())
}

// FromSFU returns s as Media.
func FromSFU(s *sfu.Server) Media { return sfuMedia{s} }

type sfuMedia struct{ server *sfu.Server }

func (m sfuMedia) NewRoom(cfg media.RoomConfig, tell func(media.Event)) Room {
	return sfuRoom{m.server.NewRoom(cfg, tell)}
}

type sfuRoom struct{ *sfu.Room }

// Join hides sfu's concrete peer behind the interface.
func (r sfuRoom) Join(id media.ParticipantID) Peer { return r.Room.Join(id) }
