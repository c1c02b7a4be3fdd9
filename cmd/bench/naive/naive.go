// Package naive is a media engine as one writes it first with Pion: a PeerConnection a participant with Pion's
// default codecs and interceptors, a goroutine a received track, and a TrackLocalStaticRTP for each slot of each
// subscriber. Pion decrypts every packet, runs it through its interceptors, copies it, encrypts it and sends it with
// a system call of its own.
//
// It is the baseline that cmd/bench measures the sfu package against, behind the same meetings and signalling, and is
// kept simple on purpose. What it leaves out: ranking of speakers, simulcast (the first encoding that comes is
// forwarded), switching at key frames, and a new PeerConnection for a client that comes back.
//
// Start reading at Server, then room.go (who gets what), then peer.go (Pion).
package naive

import (
	"fmt"
	"net"
	"sync/atomic"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/meeting"
)

// Server makes rooms. It listens on loopback only. Safe for concurrent use.
type Server struct {
	api       *webrtc.API
	forwarded atomic.Uint64
}

// New makes a Server.
func New() (*Server, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil { // the bots take no other
		return nil, fmt.Errorf("naive: %w", err)
	}
	return &Server{api: webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(s))}, nil
}

// Forwarded is how many packets were given to Pion to send.
func (s *Server) Forwarded() uint64 { return s.forwarded.Load() }

// NewRoom implements meeting.Media.
// It knows neither SFrame nor audio levels.
func (s *Server) NewRoom(_ media.RoomConfig, tell func(media.Event)) meeting.Room {
	return &room{server: s, tell: tell, peers: map[media.ParticipantID]*peer{}, tracks: map[trackKey]*track{}}
}

var _ meeting.Media = (*Server)(nil)
