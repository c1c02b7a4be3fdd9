// Package batch sends and receives UDP datagrams many at a time: recvmmsg, sendmmsg and UDP_SEGMENT (generic
// segmentation offload) on Linux, one by one elsewhere and on any other net.PacketConn (a virtual network in tests).
package batch

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"time"
)

const (
	// MaxDatagram is the largest datagram received; longer ones are cut, and then fail authentication. WebRTC keeps to
	// about 1,200 bytes, the Ethernet MTU bounds what arrives in one piece.
	MaxDatagram = 1600
	// MaxSegments bounds the datagrams of one message: with UDP_SEGMENT the kernel takes 64 (UDP_MAX_SEGMENTS).
	MaxSegments = 60
	// MaxMessage bounds the bytes of one message: with UDP_SEGMENT the kernel takes 65,507.
	MaxMessage = 64000
	// MaxMessages is how many messages go into one sendmmsg.
	MaxMessages = 64
	// MaxReceive is how many datagrams are received at a time.
	MaxReceive = 64
	// maxPolled is how many batches of MaxReceive one Poll takes at most: the rest can wait for the next.
	maxPolled = 8
)

// ErrFull is returned by Send when the socket's buffer, or the system's, has no room: what is left has to wait or be
// dropped.
var ErrFull = errors.New("batch: socket buffer is full")

// Datagram is a received datagram. Data is valid until the function it was given to returns.
type Datagram struct {
	Data []byte
	From netip.AddrPort
	// Arrived is when the kernel took it from the network, in Unix nanoseconds of the clock that time.Now reads; 0 where
	// the system does not say.
	Arrived int64
}

// Age is how long d has waited to be received at now, 0 where that is not known. The clock may have been set meanwhile:
// it is never negative.
func (d *Datagram) Age(now time.Time) time.Duration {
	if d.Arrived == 0 {
		return 0
	}
	return max(0, time.Duration(now.UnixNano()-d.Arrived))
}

// Message is one or more equal-sized datagrams to one destination, adjacent in Data; the last may be shorter.
type Message struct {
	Data    []byte
	Segment int // size of each datagram
	To      *Addr
}

// Segments is how many datagrams m is.
func (m Message) Segments() int { return (len(m.Data) + m.Segment - 1) / m.Segment }

// Addr is a destination in the form the system wants it. Immutable.
type Addr struct {
	netip.AddrPort
	raw rawAddr
}

// NewAddr prepares a destination.
func NewAddr(ap netip.AddrPort) *Addr {
	ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	return &Addr{AddrPort: ap, raw: newRawAddr(ap)}
}

// Receiver reads from one socket. One goroutine.
type Receiver interface {
	// Run gives what comes to handle, at most MaxReceive datagrams at a time, until handle returns false or receiving
	// fails: with net.ErrClosed when the socket is closed.
	Run(handle func([]Datagram) bool) error
}

// Polled is a socket that wakes no one: what comes waits until it is asked for. Safe for concurrent use.
type Polled interface {
	// Poll gives what has come to handle, MaxReceive datagrams at a time, and doesn't wait. After Close it returns
	// net.ErrClosed.
	Poll(handle func([]Datagram)) error
	// Close waits for a Poll.
	Close() error
}

// Sender writes to one socket. One goroutine a Sender, any number of Senders a socket.
type Sender interface {
	// Send writes up to MaxMessages messages and returns how many left. It does not wait: a full socket buffer ends it
	// early with ErrFull. An error that is neither ErrFull nor net.ErrClosed is about messages[sent] alone (its
	// destination cannot be reached): those behind it can still be sent.
	Send(messages []Message) (sent int, err error)
	// MaxSegments is how many datagrams a message may be now: 1 once the kernel or device refused UDP_SEGMENT.
	MaxSegments() int
}

// Conn is a socket.
type Conn interface {
	NewReceiver() (Receiver, error)
	NewSender() (Sender, error)
	// WriteTo sends one datagram. Safe for concurrent use.
	WriteTo(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() netip.AddrPort
	// Close makes Run return net.ErrClosed. It waits for what is being handled: it must not be called by the one who
	// handles.
	Close() error
}

// ListenAll opens so many sockets that share addr; where the system shares no address, one. If addr has no port, all
// get the same. When it fails none stays open.
func ListenAll(addr netip.AddrPort, n int) (conns []Conn, err error) {
	open := Listen // of the first: another process's socket would take some of what comes
	for range n {
		c, err := open(addr)
		if err != nil {
			if len(conns) > 0 && runtime.GOOS != "linux" {
				break
			}
			for _, c := range conns {
				err = errors.Join(err, c.Close())
			}
			return nil, err
		}
		conns = append(conns, c)
		open, addr = Share, c.LocalAddr()
	}
	return conns, nil
}

// FromPacketConn makes a Conn of any net.PacketConn, one datagram at a time.
func FromPacketConn(pc net.PacketConn) Conn { return &portableConn{pc: pc} }

type portableConn struct{ pc net.PacketConn }

func (c *portableConn) NewReceiver() (Receiver, error) {
	return &portableReceiver{pc: c.pc, buf: make([]byte, MaxDatagram), out: make([]Datagram, 1)}, nil
}

func (c *portableConn) NewSender() (Sender, error) { return &portableSender{pc: c.pc}, nil }

func (c *portableConn) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	return c.pc.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func (c *portableConn) LocalAddr() netip.AddrPort {
	if a, ok := c.pc.LocalAddr().(*net.UDPAddr); ok {
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

func (c *portableConn) Close() error { return c.pc.Close() }

type portableReceiver struct {
	pc  net.PacketConn
	buf []byte
	out []Datagram
}

// Run handles one datagram at a time: there is no way to look for more without waiting.
func (r *portableReceiver) Run(handle func([]Datagram) bool) error {
	for {
		n, from, err := r.pc.ReadFrom(r.buf)
		if err != nil {
			return err
		}
		ap := netip.AddrPort{}
		if a, ok := from.(*net.UDPAddr); ok {
			ap = a.AddrPort()
		}
		r.out[0] = Datagram{Data: r.buf[:n], From: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}
		if !handle(r.out) {
			return nil
		}
	}
}

type portableSender struct{ pc net.PacketConn }

func (s *portableSender) MaxSegments() int { return 1 }

func (s *portableSender) Send(messages []Message) (int, error) {
	for i, m := range messages {
		to := net.UDPAddrFromAddrPort(m.To.AddrPort)
		for rest := m.Data; len(rest) > 0; {
			n := min(m.Segment, len(rest))
			if _, err := s.pc.WriteTo(rest[:n], to); err != nil {
				return i, err
			}
			rest = rest[n:]
		}
	}
	return len(messages), nil
}
