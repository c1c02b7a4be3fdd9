package sfu

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"conclave/sfu/batch"
)

// handoffQueue bounds the STUN and DTLS datagrams waiting for Pion on one address. 1,024 is a burst of 250 people joining in
// the same instant (STUN and a handshake flight each); what is over it is lost, and both protocols repeat.
const handoffQueue = 1024

// handoff is the net.PacketConn Pion's ICE mux reads: it gets what is not media, and writes to the shared socket.
type handoff struct {
	conn  batch.Conn
	queue chan handedDatagram
	done  chan struct{}
	once  sync.Once
	pool  sync.Pool
}

type handedDatagram struct {
	buf  *[batch.MaxDatagram]byte
	n    int
	from netip.AddrPort
}

func newHandoff(conn batch.Conn) *handoff {
	h := &handoff{conn: conn, queue: make(chan handedDatagram, handoffQueue), done: make(chan struct{})}
	h.pool.New = func() any { return new([batch.MaxDatagram]byte) }
	return h
}

// deliver copies a datagram into the queue; false if it is full.
func (h *handoff) deliver(d batch.Datagram) bool {
	buf, _ := h.pool.Get().(*[batch.MaxDatagram]byte)
	select {
	case h.queue <- handedDatagram{buf: buf, n: copy(buf[:], d.Data), from: d.From}:
		return true
	default:
		h.pool.Put(buf)
		return false
	}
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (h *handoff) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-h.queue:
		n := copy(b, d.buf[:d.n])
		h.pool.Put(d.buf)
		return n, d.from, nil
	case <-h.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (h *handoff) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return h.conn.WriteTo(b, to)
}

// ReadFrom implements net.PacketConn.
func (h *handoff) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := h.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

// WriteTo implements net.PacketConn.
func (h *handoff) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, os.ErrInvalid
	}
	ap := a.AddrPort()
	return h.conn.WriteTo(b, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
}

// LocalAddr implements net.PacketConn.
func (h *handoff) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(h.conn.LocalAddr()) }

// Close ends reading; the socket belongs to the worker.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Deadlines are not needed: reads end with Close, writes never wait.

// SetDeadline implements net.PacketConn.
func (h *handoff) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (h *handoff) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (h *handoff) SetWriteDeadline(time.Time) error { return nil }
