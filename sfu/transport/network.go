package transport

import (
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"

	"conclave/sfu/batch"
	"conclave/sfu/stream"
)

// Config configures a Network.
type Config struct {
	// Listen are the UDP addresses to serve media on, one socket per address and worker. Unspecified addresses are
	// refused: name each one (a datagram must leave from the address it came to).
	Listen []netip.AddrPort
	// Sockets are used instead of opening Listen: by address, then by worker, at least one each. The Network owns and
	// closes them, also if Open fails.
	Sockets [][]batch.Conn
	// Streams carries what comes over TCP and TURN, as one more local address. The Network owns and closes it, also if
	// Open fails. nil: UDP only.
	Streams *stream.Hub
	// TCP are the addresses of the listener whose connections stream.ServeTCP serves, told to clients as passive TCP
	// candidates (RFC 6544), the preferred first. Advertise applies to them as it does to UDP.
	TCP []netip.AddrPort
	// Relay takes the datagrams on the media port that are TURN's. nil: they are dropped.
	Relay stream.Relay
	// Advertise are further addresses told to clients, for a machine behind 1:1 NAT. Same port as the first address.
	Advertise []netip.Addr
	// Workers is the number of sockets per address; 0 means one per core.
	Workers int
	// GCMOnly refuses the SRTP profile AES-CM with HMAC-SHA1: clients without AES-GCM get no media.
	GCMOnly bool
	// Log receives operational messages, never anything about users; nil discards.
	Log *slog.Logger
}

// Network is the server's end of all transports: its sockets, its identity in DTLS, and the tables that say whose a
// datagram is. Safe for concurrent use.
type Network struct {
	log        *slog.Logger
	identity   identity
	profiles   []dtls.SRTPProtectionProfile // the preferred first
	locals     []Local
	candidates []netip.AddrPort
	tcp        []netip.AddrPort // candidates
	streams    *stream.Hub
	relay      stream.Relay
	tables     tables
	asker      *asker
	tieBreaker uint64 // of our checks (RFC 8445 §5.2); a lite agent never wins

	mu      sync.Mutex // guards closing, so that nothing is added to wg once Close waits
	closing bool
	wg      sync.WaitGroup
}

// Local is one of the server's addresses, with a socket for each worker.
type Local struct {
	Addr  netip.AddrPort
	Conns []batch.Conn
	// RTCP is where a peer's RTCP comes, one beside each of Conns. Empty: it comes to Conns.
	RTCP []batch.Polled
}

// Open opens the sockets, or takes those given.
func Open(cfg Config) (*Network, error) {
	sockets := cfg.Sockets
	var err error
	if sockets == nil {
		if sockets, err = listen(cfg.Listen, cfg.Workers); err != nil {
			return nil, errors.Join(err, closeStreams(cfg.Streams))
		}
	}
	n := &Network{log: cfg.Log, profiles: profiles(cfg.GCMOnly), tables: newTables(cfg.Streams), asker: newAsker(),
		tieBreaker: mathrand.Uint64(), streams: cfg.Streams, relay: cfg.Relay}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if n.identity, err = newIdentity(time.Now()); err != nil {
		err = fmt.Errorf("transport: certificate: %w", err)
		return nil, errors.Join(err, closeAll(sockets), closeStreams(cfg.Streams))
	}
	for _, conns := range sockets {
		n.locals = append(n.locals, Local{Addr: conns[0].LocalAddr(), Conns: conns, RTCP: n.steer(conns, cfg.Sockets == nil)})
		n.candidates = append(n.candidates, conns[0].LocalAddr())
	}
	n.candidates = advertise(n.candidates, cfg.Advertise)
	n.tcp = advertise(cfg.TCP, cfg.Advertise)
	if n.streams != nil {
		n.locals = append(n.locals, Local{Addr: n.streams.Conns()[0].LocalAddr(), Conns: n.streams.Conns()})
		n.streams.OnDetach(n.detached)
	}
	return n, nil
}

// steer gives RTCP sockets of its own, if the sockets are ours and the system can. Else it comes with all the rest.
func (n *Network) steer(conns []batch.Conn, ours bool) []batch.Polled {
	if !ours {
		return nil
	}
	polled, err := batch.SteerRTCP(conns)
	if err != nil {
		n.log.Warn("RTCP has no sockets of its own", "error", err)
	}
	return polled
}

// advertise puts further addresses, with the port of the first, before the candidates.
func advertise(candidates []netip.AddrPort, further []netip.Addr) []netip.AddrPort {
	if len(candidates) == 0 {
		return nil
	}
	list := make([]netip.AddrPort, 0, len(further)+len(candidates))
	for _, a := range slices.Backward(further) {
		list = append(list, netip.AddrPortFrom(a, candidates[0].Port()))
	}
	return append(list, candidates...)
}

// closeStreams closes a hub that may be nil.
func closeStreams(hub *stream.Hub) error {
	if hub == nil {
		return nil
	}
	return closeAll([][]batch.Conn{hub.Conns()})
}

// listen opens one socket per address and worker.
func listen(addrs []netip.AddrPort, workers int) (sockets [][]batch.Conn, err error) {
	if len(addrs) == 0 {
		return nil, errors.New("transport: no address to listen on")
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(sockets))
		}
	}()
	for _, addr := range addrs {
		if !addr.IsValid() || addr.Addr().IsUnspecified() {
			return sockets, fmt.Errorf("transport: cannot listen on %s: name an address of this machine", addr)
		}
		conns, err := batch.ListenAll(addr, workers)
		if err != nil {
			return sockets, fmt.Errorf("transport: %w", err)
		}
		sockets = append(sockets, conns)
	}
	return sockets, nil
}

func closeAll(sockets [][]batch.Conn) (err error) {
	for _, conns := range sockets {
		for _, c := range conns {
			if e := c.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
				err = errors.Join(err, e)
			}
		}
	}
	return err
}

// Locals are the server's addresses. They do not change.
func (n *Network) Locals() []Local { return n.locals }

// Streams is the hub of what comes over TCP and TURN, nil if there is none.
func (n *Network) Streams() *stream.Hub { return n.streams }

// Relay takes what is TURN's, nil if there is none.
func (n *Network) Relay() stream.Relay { return n.relay }

// TCPCandidates are the addresses told to clients for ICE-TCP, the preferred first. They do not change.
func (n *Network) TCPCandidates() []netip.AddrPort { return n.tcp }

// Candidates are the UDP addresses told to clients, the preferred first. They do not change.
func (n *Network) Candidates() []netip.AddrPort { return n.candidates }

// Fingerprint is that of the server's certificate as an answer says it (RFC 8122 §5).
func (n *Network) Fingerprint() string { return n.identity.fingerprint }

// Close waits until the transports, which their owners have closed, have said goodbye; then it closes the sockets. What
// reads from a socket gets net.ErrClosed.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closing = true
	n.mu.Unlock()
	n.wg.Wait()
	sockets := make([][]batch.Conn, len(n.locals))
	var err error
	for i, l := range n.locals {
		sockets[i] = l.Conns
		for _, p := range l.RTCP {
			if e := p.Close(); !errors.Is(e, net.ErrClosed) {
				err = errors.Join(err, e)
			}
		}
	}
	return errors.Join(err, closeAll(sockets))
}

// background runs f on a goroutine that Close waits for; once closing, on the caller's.
func (n *Network) background(f func()) {
	n.mu.Lock()
	closing := n.closing
	if !closing {
		n.wg.Add(1)
	}
	n.mu.Unlock()
	if closing {
		f()
		return
	}
	go func() {
		defer n.wg.Done()
		f()
	}()
}
