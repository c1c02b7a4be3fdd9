package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/sdp"
	"conclave/sfu/sframe"
)

// ErrBadOffer is wrapped by Peer.Negotiate when the offer cannot be answered; the text says why and names no user data.
var ErrBadOffer = sdp.ErrBadOffer

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
	// Log receives operational messages, never anything about users; nil discards.
	Log *slog.Logger
}

// Server owns the sockets and workers. Safe for concurrent use.
type Server struct {
	log        *slog.Logger
	identity   identity
	locals     []*local
	workers    []*worker
	candidates []netip.AddrPort
	ssrc       uint32 // of our receiver reports and feedback
	closing    atomic.Bool
	wg         sync.WaitGroup
	stop       chan struct{}
	wake       chan struct{} // a room has work for control before its next tick
	clock      *clock
	stats      controlStats
	frames     [sframe.Results]atomic.Uint64 // of rooms that require end-to-end encryption
	events     eventQueue
	replayer   replayer
	pacer      pacer

	addrMu sync.RWMutex
	addrs  map[netip.AddrPort]*transport
	ufrags map[string]*transport // by our user name fragments
	// generation counts addresses that are somebody else's or nobody's now, so that workers know when their copies of addrs are out of date.
	generation atomic.Uint64
	sessions   atomic.Uint64 // made so far

	roomMu sync.Mutex
	rooms  map[*Room]struct{}
}

// local is one of our addresses: a socket a worker.
type local struct {
	addr  netip.AddrPort
	conns []batch.Conn
}

// Listen opens the sockets and starts the workers.
func Listen(cfg Config) (*Server, error) {
	if len(cfg.Listen) == 0 {
		return nil, errors.New("sfu: no address to listen on")
	}
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var sockets [][]batch.Conn
	closeAll := func() {
		for _, conns := range sockets {
			for _, c := range conns {
				_ = c.Close() // already failing
			}
		}
	}
	for _, addr := range cfg.Listen {
		if !addr.IsValid() || addr.Addr().IsUnspecified() {
			closeAll()
			return nil, fmt.Errorf("sfu: cannot listen on %s: name an address of this machine", addr)
		}
		var conns []batch.Conn
		for range workers {
			c, err := batch.Listen(addr)
			if err != nil {
				if len(conns) > 0 && runtime.GOOS != "linux" {
					break // one socket an address is all there is
				}
				sockets = append(sockets, conns)
				closeAll()
				return nil, fmt.Errorf("sfu: %w", err)
			}
			conns = append(conns, c)
			addr = c.LocalAddr() // the same port for the rest, had 0 been asked for
		}
		sockets = append(sockets, conns)
	}
	s, err := newServer(cfg, sockets)
	if err != nil {
		closeAll()
	}
	return s, err
}

// newServer runs on the given sockets, by address, then by worker.
func newServer(cfg Config, sockets [][]batch.Conn) (*Server, error) {
	s := &Server{
		log:   cfg.Log,
		addrs: map[netip.AddrPort]*transport{}, ufrags: map[string]*transport{},
		rooms: map[*Room]struct{}{},
		stop:  make(chan struct{}),
		wake:  make(chan struct{}, 1),
		ssrc:  random32(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.identity, err = newIdentity(time.Now()); err != nil {
		return nil, fmt.Errorf("sfu: certificate: %w", err)
	}
	for _, conns := range sockets {
		l := &local{addr: conns[0].LocalAddr(), conns: conns}
		s.locals = append(s.locals, l)
		s.candidates = append(s.candidates, l.addr)
	}
	for _, a := range cfg.Advertise {
		s.candidates = append([]netip.AddrPort{netip.AddrPortFrom(a, s.locals[0].addr.Port())}, s.candidates...)
	}
	for i, l := range s.locals {
		for j, c := range l.conns {
			w, err := s.newWorker(i, j, c)
			if err != nil {
				return nil, err
			}
			s.workers = append(s.workers, w)
		}
	}
	if err := s.newReplayer(); err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	if s.clock, err = newClock(); err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
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
	w := &worker{server: s, index: len(s.workers), local: local, conn: conn, cache: map[netip.AddrPort]*transport{}}
	w.stats.latency.base = 1.0 / 8192
	w.stats.batchSize.base = 1
	w.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	w.rtcpBuf = make([]byte, 0, batch.MaxDatagram)
	var err error
	if w.recv, err = conn.NewReceiver(); err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	for _, l := range s.locals {
		box := &outbox{worker: w, arena: make([]byte, 0, arenaBytes), messages: make([]batch.Message, 0, 2*batch.MaxMessages)}
		if box.sender, err = l.conns[index%len(l.conns)].NewSender(); err != nil {
			return nil, fmt.Errorf("sfu: %w", err)
		}
		w.out = append(w.out, box)
	}
	return w, nil
}

// Addresses are the candidates told to clients.
func (s *Server) Addresses() []netip.AddrPort { return s.candidates }

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
	for _, l := range s.locals {
		for _, c := range l.conns {
			if e := c.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
				err = errors.Join(err, e)
			}
		}
	}
	s.wg.Wait()
	return err
}

// inBackground runs f on a goroutine that Close waits for; once closing, on the caller's.
func (s *Server) inBackground(f func()) {
	s.roomMu.Lock()
	closing := s.closing.Load()
	if !closing {
		s.wg.Add(1)
	}
	s.roomMu.Unlock()
	if closing {
		f()
		return
	}
	go func() {
		defer s.wg.Done()
		f()
	}()
}

// NewRoom makes a room: a set of peers among which media may flow.
func (s *Server) NewRoom(events RoomEvents) *Room {
	r := &Room{server: s, notify: &notifier{server: s, room: events}, peers: map[media.ParticipantID]*Peer{}, tracks: map[trackKey]*track{}}
	s.roomMu.Lock()
	defer s.roomMu.Unlock()
	s.rooms[r] = struct{}{}
	return r
}

// silentFactory keeps Pion from logging: its messages name addresses, and nothing of them may reach a log.
type silentFactory struct{}

func (silentFactory) NewLogger(string) logging.LeveledLogger { return silentLogger{} }

type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}
