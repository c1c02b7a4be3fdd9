package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"conclave/sfu/forward"
	"conclave/sfu/machine"
	"conclave/sfu/sdp"
	"conclave/sfu/transport"
)

// ErrBadOffer is wrapped by Peer.Negotiate when the offer cannot be answered; the text says why and names no user data.
var ErrBadOffer = sdp.ErrBadOffer

// ErrClosed is returned by operations on a closed Server, Room or Peer.
var ErrClosed = errors.New("sfu: closed")

// Config configures a Server: its sockets, and what it tells clients of them.
type Config = transport.Config

// The limits of one peer's connection.
const (
	// maxStreams bounds the SSRCs of one connection: three layers and their RTX of two video sources, two audio sources.
	maxStreams = 2*2*maxLayers + 2
	// maxRebinds bounds how often a source may come with a new SSRC: browsers do so when they re-create a sender.
	maxRebinds = 256
	// publishPacketsPerSecond is what one peer may send, all sources and retransmissions together: four times a 1080p
	// screen with a 3-layer camera. Beyond, packets are dropped unopened.
	publishPacketsPerSecond = 4000
	// rtcpPerSecond bounds the RTCP datagrams one peer may have opened: 49 slots' reports and feedback.
	rtcpPerSecond = 600
	// MaxAudioSlots and MaxVideoSlots bound the receiving m-lines of one peer.
	MaxAudioSlots = 50
	MaxVideoSlots = 50
)

func limits() forward.Limits {
	return forward.Limits{Streams: maxStreams, Rebinds: maxRebinds, PacketsPerSecond: publishPacketsPerSecond,
		RTCPPerSecond: rtcpPerSecond, AudioSlots: MaxAudioSlots, VideoSlots: MaxVideoSlots}
}

// Server owns the engine and the rooms. Safe for concurrent use.
type Server struct {
	log     *slog.Logger
	network *transport.Network
	engine  *forward.Engine
	closing atomic.Bool
	wg      sync.WaitGroup
	stop    chan struct{}
	wake    chan struct{} // a room has work for control before its next tick
	clock   *clock
	egress  egressRate
	load    load
	// how connections failed
	troubles troubles
	pulsed   []*forward.Connection // scratch of control's; as many as there are peers

	roomMu sync.Mutex
	rooms  map[*Room]struct{}
}

// Listen opens the sockets and starts the workers.
func Listen(cfg Config) (*Server, error) {
	network, err := transport.Open(cfg)
	if err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	engine, err := forward.New(network, limits(), cfg.Log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sfu: %w", err), network.Close())
	}
	s := &Server{
		log: cfg.Log, network: network, engine: engine,
		rooms:    map[*Room]struct{}{},
		stop:     make(chan struct{}),
		wake:     make(chan struct{}, 1),
		troubles: newTroubles(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.clock, err = newClock(); err != nil {
		return nil, errors.Join(fmt.Errorf("sfu: %w", err), engine.Close())
	}
	s.load.delays, s.load.limits = engine.Delays(), machine.ReadLimits()
	s.wg.Add(2)
	go s.control()
	go s.follow()
	return s, nil
}

// Addresses are the UDP candidates told to clients.
func (s *Server) Addresses() []netip.AddrPort { return s.network.Candidates() }

// TCPAddresses are the TCP candidates told to clients.
func (s *Server) TCPAddresses() []netip.AddrPort { return s.network.TCPCandidates() }

// Candidates are the server's UDP and TCP candidates, as the attributes of an answer without "a=".
func (s *Server) Candidates() []string {
	return sdp.Candidates(s.network.Candidates(), s.network.TCPCandidates())
}

// Knows says whether an ICE user name fragment is of one of the server's connections.
func (s *Server) Knows(ufrag []byte) bool { return s.network.Knows(ufrag) }

// Fingerprint is that of the server's certificate, as the attribute of an answer (RFC 8122 §5).
func (s *Server) Fingerprint() string { return s.network.Fingerprint() }

// Close ends all rooms, workers and sockets and waits for their goroutines.
func (s *Server) Close() error {
	s.roomMu.Lock()
	if s.closing.Swap(true) {
		s.roomMu.Unlock()
		return nil
	}
	rooms := make([]*Room, 0, len(s.rooms))
	for r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.roomMu.Unlock()
	for _, r := range rooms {
		r.end()
	}
	close(s.stop)
	err := s.clock.ticker.Close()
	err = errors.Join(err, s.engine.Close())
	s.wg.Wait()
	return err
}
