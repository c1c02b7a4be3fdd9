// Package wire is a bot's UDP socket: datagrams are read in batches with the kernel's time of arrival; STUN and DTLS go
// to one function, RTP and RTCP to another. Streams that carry datagrams stand beside it as further addresses.
package wire

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"conclave/bots/network"
)

const (
	// MaxDatagram bounds what is read: a path MTU and some.
	MaxDatagram = 2048
	// recvBatch is how many datagrams one system call may bring.
	recvBatch = 32
	// socketBuffer is asked of the kernel for each direction; it grants up to net.core.{r,w}mem_max.
	socketBuffer = 1 << 20
)

// Arrival is one received media datagram. Data is valid during the call that hands it over.
type Arrival struct {
	Data []byte
	At   int64 // ns since 1970, by the kernel where it tells
}

// Wire is one bot's UDP socket. All that comes is handed over straight from the reading goroutine: no copies, no
// queues, no goroutine per stream.
type Wire struct {
	conn *net.UDPConn
	Config
	up   *network.Line[outgoing] // nil: nothing is done to the network
	down *network.Line[incoming] // likewise

	mu      sync.Mutex
	streams []*streamWay // each has a goroutine that reads; at most maxStreams

	remote   atomic.Pointer[netip.AddrPort]
	closing  sync.Once
	done     chan struct{}
	overflow atomic.Uint64 // datagrams the kernel dropped because the socket's buffer was full
	sendErrs atomic.Uint64
}

// Config says what a Wire does with what comes.
type Config struct {
	// Local is the address the server is reached from; every bot has a port of its own.
	Local net.IP
	// Poll, when not zero, is a rest after each batch of media: packets gather in the socket and cost one wake-up
	// together.
	Poll time.Duration
	// Media is called with each batch of RTP and RTCP, by one goroutine.
	Media func([]Arrival)
	// Signal is called with each other datagram, STUN and DTLS, by the same goroutine. Data is valid during the call.
	Signal func(data []byte, from netip.AddrPort)
	// Buffers are shared by the bots of a process; nil: the wire has its own.
	Buffers *Buffers
	// Network is what is done to all datagrams of both directions; nil: nothing.
	Network *network.Conditions
	// Sample has the kernel discard incoming RTP but for the packets whose sequence number it divides: a power of two, up
	// to 1<<15; 0: nothing is discarded. Everything else comes. See CanSample.
	Sample int
}

// Buffers are what sockets are read into. A socket that has nothing to read holds none. Safe for concurrent use.
type Buffers struct{ sync.Pool }

// outgoing and incoming are datagrams on a network that something is done to.
type outgoing struct {
	data []byte
	to   netip.AddrPort
}

type incoming struct {
	data []byte
	from netip.AddrPort
}

// Listen opens the socket.
func Listen(cfg Config) (*Wire, error) {
	protocol := "udp4"
	if cfg.Local.To4() == nil {
		protocol = "udp6"
	}
	// Bound to all addresses: the server's media address need not be that of its web page.
	conn, err := net.ListenUDP(protocol, nil)
	if err != nil {
		return nil, fmt.Errorf("bots: socket: %w", err)
	}
	w := &Wire{conn: conn, Config: cfg, done: make(chan struct{})}
	// Both fail only where the system's limits are lower; what was lost by that is counted.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	if cfg.Sample > 0 {
		if err := attachSample(conn, cfg.Sample); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	r, err := newBatchReader(conn, cmp.Or(cfg.Buffers, &Buffers{}))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if c := cfg.Network; c != nil {
		now := time.Now()
		w.up = network.NewLine(network.NewLink(*c, rand.Uint64(), now), func(d outgoing,
			_ time.Time) {
			w.write(d.data, d.to)
		})
		w.down = network.NewLine(network.NewLink(*c, rand.Uint64(), now), w.arrived)
	}
	go w.read(r)
	return w, nil
}

func (w *Wire) read(r *batchReader) {
	defer close(w.done)
	media := make([]Arrival, 0, recvBatch)
	for {
		n, err := r.read()
		if err != nil {
			return
		}
		media = media[:0]
		signals := 0
		for i := range n {
			data := r.data(i)
			if w.down != nil {
				w.down.Put(incoming{append([]byte(nil), data...), r.from(i)}, len(data), time.Unix(0, r.at(i)))
				continue
			}
			if IsRTP(data) || IsRTCP(data) {
				media = append(media, Arrival{Data: data, At: r.at(i)})
				continue
			}
			w.Signal(data, r.from(i))
			signals++
		}
		if w.Sample == 0 { // the kernel's count holds what its filter discards
			w.overflow.Store(r.overflow())
		}
		if len(media) > 0 {
			w.Media(media)
		}
		if w.Poll > 0 && signals < n { // a handshake does not wait
			r.release()
			time.Sleep(w.Poll)
		}
	}
}

// arrived takes a datagram off a network that something is done to.
func (w *Wire) arrived(d incoming, at time.Time) {
	if IsRTP(d.data) || IsRTCP(d.data) {
		w.Media([]Arrival{{Data: d.data, At: at.UnixNano()}})
		return
	}
	w.Signal(d.data, d.from)
}

// Send sends one media datagram to the server.
func (w *Wire) Send(b []byte) {
	if to := w.remote.Load(); to != nil {
		w.SendTo(b, *to)
	}
}

// SendTo sends one datagram.
func (w *Wire) SendTo(b []byte, to netip.AddrPort) {
	if w.up != nil && !standsForStream(to) {
		w.up.Put(outgoing{append([]byte(nil), b...), to}, len(b), time.Now())
		return
	}
	w.write(b, to)
}

func (w *Wire) write(b []byte, to netip.AddrPort) {
	var err error
	if s := w.stream(to); s != nil {
		err = s.Send(b)
	} else {
		_, err = w.conn.WriteToUDPAddrPort(b, to)
	}
	// A check of a candidate that no route leads to is no loss: only what goes to the server's chosen address counts.
	if at := w.remote.Load(); err != nil && !errors.Is(err, net.ErrClosed) && at != nil && *at == to {
		w.sendErrs.Add(1)
	}
}

// Follow sends media to addr from now on.
func (w *Wire) Follow(addr netip.AddrPort) { w.remote.Store(&addr) }

// Drops counts the datagrams that the kernel dropped because the socket's buffer was full. With a sample they are not
// known: what is missed is in the loss of the sample.
func (w *Wire) Drops() uint64 { return w.overflow.Load() }

// Reaches says whether the socket can send to an address: a socket of IPv4 reaches none of IPv6.
func (w *Wire) Reaches(a netip.AddrPort) bool {
	return standsForStream(a) || a.Addr().Unmap().Is4() == (w.Local.To4() != nil)
}

// SendErrors counts the datagrams to the address followed that could not be sent.
func (w *Wire) SendErrors() uint64 { return w.sendErrs.Load() }

// Close closes the socket and waits for its reader. It may be called more than once.
func (w *Wire) Close() error {
	w.closing.Do(func() {
		_ = w.conn.Close()
		<-w.done
		w.closeStreams()
		if w.up != nil {
			w.up.Close()
			w.down.Close()
		}
	})
	return nil
}
