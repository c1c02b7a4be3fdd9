package sfu

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"
)

// ErrBadOffer is wrapped by Peer.Negotiate when the offer cannot be answered; the text says why and names no user data.
var ErrBadOffer = errors.New("bad offer")

// ErrClosed is returned by operations on a closed Server, Room or Peer.
var ErrClosed = errors.New("sfu: closed")

// Config configures a Server.
type Config struct {
	// Listen are the UDP addresses to serve media on, one socket per address and worker. Unspecified addresses are
	// refused: name each one (a datagram must leave from the address it came to).
	Listen []netip.AddrPort
	// Advertise are further addresses told to clients, for a machine behind 1:1 NAT. Same port as Listen.
	Advertise []netip.Addr
	// Workers is the number of receive loops per address; 0 means one per core.
	Workers int
	// BatchWindow bounds how long a worker lets packets gather before it forwards them; 0 means the default (1 ms).
	BatchWindow time.Duration
	// Log receives operational messages, never anything about users; nil discards.
	Log *slog.Logger
}

// Server owns the sockets and workers. Safe for concurrent use.
type Server struct{}

// Listen opens the sockets and starts the workers.
func Listen(cfg Config) (*Server, error) { return nil, errors.New("sfu: not built yet") }

// Close ends all rooms, workers and sockets and waits for their goroutines.
func (s *Server) Close() error { return nil }

// NewRoom makes a room: a set of peers among which media may flow.
func (s *Server) NewRoom(events RoomEvents) *Room { return nil }

// Room is a set of peers among which media may flow. Safe for concurrent use.
type Room struct{}

// Join adds a participant. No PeerConnection exists until Negotiate. id must be new in the room and not zero.
func (r *Room) Join(id ParticipantID, events PeerEvents) (*Peer, error) { return nil, nil }

// Close closes the room and every peer in it.
func (r *Room) Close() {}

// Peer is one participant's media connection. Safe for concurrent use.
type Peer struct{}

// Negotiate answers an offer: the first, one with more slots, one with new ICE credentials (ICE restart), or one with
// another DTLS fingerprint, which replaces the PeerConnection. It may take some milliseconds of CPU: call it from the
// participant's own goroutine, not from an actor. Errors that are the client's fault wrap ErrBadOffer.
func (p *Peer) Negotiate(ctx context.Context, sdp string, tracks []Track) (answer string, err error) {
	return "", nil
}

// SetView replaces what the peer wants to see, most important first. It returns at once; the outcome arrives as
// PeerEvents.Slots.
func (p *Peer) SetView(wants []Want) {}

// SetLive replaces the set of sources that may be forwarded from this peer: what the person switched on and the
// meeting permits. When it returns, no further packet of any other source is forwarded.
func (p *Peer) SetLive(sources SourceSet) {}

// Close ends the media connection. When it returns, no further packet of or to the peer is forwarded.
func (p *Peer) Close() {}
