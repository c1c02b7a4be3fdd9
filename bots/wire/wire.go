// Package wire is a bot's UDP socket: datagrams are read in batches with the kernel's time of arrival; STUN and DTLS go
// to Pion, RTP and RTCP to the receiver.
package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
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
	// signalQueue bounds the STUN and DTLS datagrams waiting for Pion. Beyond it they are dropped, as UDP may.
	signalQueue = 64
	// socketBuffer is asked of the kernel for each direction; it grants up to net.core.{r,w}mem_max.
	socketBuffer = 1 << 20
)

// Arrival is one received media datagram. Data is valid during the call that hands it over.
type Arrival struct {
	Data []byte
	At   int64 // ns since 1970, by the kernel where it tells
}

// Wire is one bot's UDP socket. STUN and DTLS go to Pion (it is an ice.UDPMux), RTP and RTCP to media, straight from
// the reading goroutine: no copies, no queues, no goroutine per stream.
type Wire struct {
	conn  *net.UDPConn
	local *net.UDPAddr
	Config
	up   *network.Line[outgoing] // nil: nothing is done to the network
	down *network.Line[incoming] // likewise

	remote   atomic.Pointer[netip.AddrPort]
	signals  chan signal
	closed   chan struct{}
	closing  sync.Once
	done     chan struct{}
	overflow atomic.Uint64 // datagrams the kernel dropped because the socket's buffer was full
	sendErrs atomic.Uint64
}

// Config says what a Wire does with what comes.
type Config struct {
	// Local is the address the server is reached from; every bot has a port of its own.
	Local net.IP
	// Poll, when not zero, is a rest after each batch: packets gather in the socket and cost one wake-up together.
	Poll time.Duration
	// Media is called with each batch of RTP and RTCP, by one goroutine.
	Media func([]Arrival)
	// Sniff sees each DTLS datagram that comes.
	Sniff func([]byte)
	// Network is what is done to all datagrams of both directions; nil: nothing.
	Network *network.Conditions
}

// outgoing and incoming are datagrams on a network that something is done to.
type outgoing struct {
	data []byte
	to   netip.AddrPort
}

type incoming struct {
	data []byte
	from *net.UDPAddr
}

type signal struct {
	data []byte
	from *net.UDPAddr
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
	bound, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("bots: socket: %T is not UDP", conn.LocalAddr())
	}
	w := &Wire{
		conn: conn, local: &net.UDPAddr{IP: cfg.Local, Port: bound.Port}, Config: cfg,
		signals: make(chan signal, signalQueue), closed: make(chan struct{}), done: make(chan struct{}),
	}
	// Both fail only where the system's limits are lower; what was lost by that is counted.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	r, err := newBatchReader(conn)
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
			w.handshake(data, r.from(i))
		}
		w.overflow.Store(r.overflow())
		if len(media) > 0 {
			w.Media(media)
		}
		if w.Poll > 0 {
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
	w.handshake(d.data, d.from)
}

// handshake takes what is neither RTP nor RTCP.
func (w *Wire) handshake(data []byte, from *net.UDPAddr) {
	if len(data) > 0 && data[0] >= 20 && data[0] <= 63 {
		w.Sniff(data)
	}
	w.signal(data, from)
}

func (w *Wire) signal(data []byte, from *net.UDPAddr) {
	select {
	case w.signals <- signal{data: append([]byte(nil), data...), from: from}:
	default:
	}
}

// Send sends one media datagram to the server.
func (w *Wire) Send(b []byte) {
	to := w.remote.Load()
	if to == nil {
		return
	}
	if w.up != nil {
		w.up.Put(outgoing{append([]byte(nil), b...), *to}, len(b), time.Now())
		return
	}
	w.write(b, *to)
}

func (w *Wire) write(b []byte, to netip.AddrPort) {
	if _, err := w.conn.WriteToUDPAddrPort(b, to); err != nil && !errors.Is(err, net.ErrClosed) {
		w.sendErrs.Add(1)
	}
}

// Follow sends media to addr from now on.
func (w *Wire) Follow(addr netip.AddrPort) { w.remote.Store(&addr) }

// Drops counts the datagrams that the kernel dropped because the socket's buffer was full.
func (w *Wire) Drops() uint64 { return w.overflow.Load() }

// SendErrors counts the datagrams that could not be sent.
func (w *Wire) SendErrors() uint64 { return w.sendErrs.Load() }

// Close closes the socket and waits for its reader. It may be called more than once.
func (w *Wire) Close() error {
	w.closing.Do(func() {
		close(w.closed)
		_ = w.conn.Close()
		<-w.done
		if w.up != nil {
			w.up.Close()
			w.down.Close()
		}
	})
	return nil
}

// GetConn implements ice.UDPMux. There is one connection per bot, so every user fragment gets this one.
func (w *Wire) GetConn(string, net.Addr) (net.PacketConn, error) {
	return &iceConn{wire: w, closed: make(chan struct{}), wake: make(chan struct{}, 1)}, nil
}

// RemoveConnByUfrag implements ice.UDPMux.
func (w *Wire) RemoveConnByUfrag(string) {}

// GetListenAddresses implements ice.UDPMux.
func (w *Wire) GetListenAddresses() []net.Addr { return []net.Addr{w.local} }

// iceConn is what Pion's ICE agent reads STUN and DTLS from and writes them to.
type iceConn struct {
	wire     *Wire
	closed   chan struct{}
	closing  sync.Once
	wake     chan struct{} // a changed deadline
	deadline atomic.Int64  // ns since 1970, 0: none
}

// ReadFrom implements net.PacketConn.
func (c *iceConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		var expired <-chan time.Time
		var timer *time.Timer
		if d := c.deadline.Load(); d != 0 {
			timer = time.NewTimer(time.Until(time.Unix(0, d)))
			expired = timer.C
		}
		n, from, err := c.wait(b, expired)
		if timer != nil {
			timer.Stop()
		}
		if !errors.Is(err, errDeadlineMoved) {
			return n, from, err
		}
	}
}

var errDeadlineMoved = errors.New("bots: the deadline was changed")

func (c *iceConn) wait(b []byte, expired <-chan time.Time) (n int, from net.Addr, err error) {
	select {
	case s := <-c.wire.signals:
		return copy(b, s.data), s.from, nil
	case <-expired:
		return 0, nil, os.ErrDeadlineExceeded
	case <-c.wake:
		return 0, nil, errDeadlineMoved
	case <-c.closed:
	case <-c.wire.closed:
	}
	return 0, nil, net.ErrClosed
}

// WriteTo implements net.PacketConn.
func (c *iceConn) WriteTo(b []byte, to net.Addr) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
	}
	if addr, ok := to.(*net.UDPAddr); ok && c.wire.up != nil {
		c.wire.up.Put(outgoing{append([]byte(nil), b...), addr.AddrPort()}, len(b), time.Now())
		return len(b), nil
	}
	n, err := c.wire.conn.WriteTo(b, to)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		err = fmt.Errorf("bots: %w", err)
	}
	return n, err
}

// Close implements net.PacketConn. The socket stays open: an ICE restart gets another iceConn.
func (c *iceConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (c *iceConn) LocalAddr() net.Addr { return c.wire.local }

// SetDeadline implements net.PacketConn.
func (c *iceConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (c *iceConn) SetReadDeadline(t time.Time) error {
	var d int64
	if !t.IsZero() {
		d = t.UnixNano()
	}
	c.deadline.Store(d)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writes to a UDP socket do not wait.
func (c *iceConn) SetWriteDeadline(time.Time) error { return nil }
