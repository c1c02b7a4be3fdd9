package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/sdp"
	"conclave/sfu/sframe"
	"conclave/sfu/transport"
)

// ErrBadOffer is wrapped by Peer.Negotiate when the offer cannot be answered; the text says why and names no user data.
var ErrBadOffer = sdp.ErrBadOffer

// ErrClosed is returned by operations on a closed Server, Room or Peer.
var ErrClosed = errors.New("sfu: closed")

// Config configures a Server: its sockets, and what it tells clients of them.
type Config = transport.Config

// Server owns the sockets and workers. Safe for concurrent use.
type Server struct {
	log      *slog.Logger
	network  *transport.Network
	workers  []*worker
	ssrc     uint32 // of our receiver reports and feedback
	closing  atomic.Bool
	wg       sync.WaitGroup
	stop     chan struct{}
	wake     chan struct{} // a room has work for control before its next tick
	clock    *clock
	stats    controlStats
	frames   [sframe.Results]atomic.Uint64 // of rooms that require end-to-end encryption
	events   eventQueue
	replayer replayer
	pacer    pacer

	sessions atomic.Uint64 // made so far

	roomMu sync.Mutex
	rooms  map[*Room]struct{}
}

// Listen opens the sockets and starts the workers.
func Listen(cfg Config) (*Server, error) {
	network, err := transport.Open(cfg)
	if err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	s, err := newServer(cfg.Log, network)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sfu: %w", err), network.Close())
	}
	return s, nil
}

func newServer(log *slog.Logger, network *transport.Network) (*Server, error) {
	s := &Server{
		log:     log,
		network: network,
		rooms:   map[*Room]struct{}{},
		stop:    make(chan struct{}),
		wake:    make(chan struct{}, 1),
		ssrc:    random32(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for i, l := range network.Locals() {
		for j, c := range l.Conns {
			w, err := s.newWorker(i, j, c)
			if err != nil {
				return nil, err
			}
			s.workers = append(s.workers, w)
		}
	}
	if err := s.newReplayer(); err != nil {
		return nil, err
	}
	var err error
	if s.clock, err = newClock(); err != nil {
		return nil, err
	}
	s.events.signal = make(chan struct{}, 1)
	s.pacer.signal = make(chan struct{}, 1)
	s.wg.Add(len(s.workers) + 4)
	for _, w := range s.workers {
		go w.run()
	}
	go s.control()
	go s.follow()
	go s.dispatch()
	go s.pace()
	return s, nil
}

func (s *Server) newWorker(local, index int, conn batch.Conn) (*worker, error) {
	w := &worker{server: s, index: len(s.workers), local: local, conn: conn, cache: map[netip.AddrPort]*session{}}
	w.stats.latency.base = 1.0 / 8192
	w.stats.batchSize.base = 1
	w.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	w.rtcpBuf = make([]byte, 0, batch.MaxDatagram)
	var err error
	if w.recv, err = conn.NewReceiver(); err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	for _, l := range s.network.Locals() {
		box := &outbox{worker: w, arena: make([]byte, 0, arenaBytes), messages: make([]batch.Message, 0, 2*batch.MaxMessages)}
		if box.sender, err = l.Conns[index%len(l.Conns)].NewSender(); err != nil {
			return nil, fmt.Errorf("sfu: %w", err)
		}
		w.out = append(w.out, box)
	}
	return w, nil
}

// Addresses are the candidates told to clients.
func (s *Server) Addresses() []netip.AddrPort { return s.network.Candidates() }

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
		r.Close()
	}
	close(s.stop)
	err := s.clock.ticker.Close()
	err = errors.Join(err, s.network.Close())
	s.wg.Wait()
	return err
}

// NewRoom makes a room: a set of peers among which media may flow.
func (s *Server) NewRoom(events RoomEvents) *Room {
	r := &Room{server: s, notify: &notifier{server: s, room: events}, peers: map[media.ParticipantID]*Peer{}, tracks: map[trackKey]*track{}}
	s.roomMu.Lock()
	defer s.roomMu.Unlock()
	s.rooms[r] = struct{}{}
	return r
}
