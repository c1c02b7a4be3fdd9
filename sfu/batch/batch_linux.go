package batch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket buffers: 4 MiB hold 50 ms of 600 Mbit/s. The kernel may grant less (net.core.rmem_max) without the privilege
// to force it; that is not fatal.
const socketBuffer = 4 << 20

// Listen opens a UDP socket on addr. It fails if any other socket is there, of this process or another one. Share
// opens further ones.
func Listen(addr netip.AddrPort) (Conn, error) { return openSocket(addr, false) }

// Share opens one more socket on the address of one that Listen has opened. Sockets of one address share it
// (SO_REUSEPORT): the kernel gives each remote address to one of them, always the same.
func Share(addr netip.AddrPort) (Conn, error) { return openSocket(addr, true) }

// openSocket opens a socket. The kernel lets sockets with SO_REUSEPORT share an address if they are of one user, of
// whichever process. So the first is bound without it, which fails if the address is taken, and gets it afterwards.
func openSocket(addr netip.AddrPort, share bool) (Conn, error) {
	var ctlErr error
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		err := rc.Control(func(fd uintptr) { ctlErr = setOptions(int(fd), share) })
		return errors.Join(err, ctlErr)
	}}
	network := "udp4"
	if addr.Addr().Unmap().Is6() {
		network = "udp6"
	}
	pc, err := lc.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	uc, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("batch: unexpected socket type %T", pc)
	}
	rc, err := uc.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, uc.Close())
	}
	c := &linuxConn{uc: uc, rc: rc}
	var noGSO error
	if err := rc.Control(func(fd uintptr) {
		ctlErr = reusePort(int(fd))
		_, noGSO = unix.GetsockoptInt(int(fd), unix.SOL_UDP,
			unix.UDP_SEGMENT)
	}); err != nil || ctlErr != nil {
		return nil, errors.Join(err, ctlErr, c.Close())
	}
	c.gso.Store(noGSO == nil) // Linux 4.18 and later
	return c, nil
}

func reusePort(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("SO_REUSEPORT: %w", err)
	}
	return nil
}

func setOptions(fd int, share bool) error {
	if share {
		if err := reusePort(fd); err != nil {
			return err
		}
	}
	for forced, plain := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, forced, socketBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, socketBuffer) // best effort: the kernel caps it
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) // best effort: else Arrived stays 0
	return nil
}

type linuxConn struct {
	uc  *net.UDPConn
	rc  syscall.RawConn
	gso atomic.Bool // the kernel knows UDP_SEGMENT and no device has refused it
}

// WriteTo does not wait. Like the other calls here it is one the scheduler is not told of: being told, it would wake
// its monitor thread, which then looks for blocked calls every 20 microseconds. That costs more than the call.
func (c *linuxConn) WriteTo(b []byte, to netip.AddrPort) (n int, err error) {
	addr := NewAddr(to)
	var errno syscall.Errno
	if err := c.rc.Write(func(fd uintptr) bool {
		var sent uintptr
		sent, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&addr.raw.in6)), uintptr(addr.raw.len))
		n = int(sent)
		return true
	}); err != nil {
		return 0, err
	}
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

func (c *linuxConn) LocalAddr() netip.AddrPort {
	a, ok := c.uc.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func (c *linuxConn) Close() error { return c.uc.Close() }

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// arrival is the ancillary data of one datagram received: SCM_TIMESTAMPNS.
type arrival struct {
	hdr unix.Cmsghdr
	at  unix.Timespec
}

// nanoseconds are since 1970; 0 if the kernel gave none.
func (a *arrival) nanoseconds() int64 {
	if a.hdr.Level != unix.SOL_SOCKET || a.hdr.Type != unix.SCM_TIMESTAMPNS {
		return 0
	}
	return a.at.Nano()
}

type receiver struct {
	rc    syscall.RawConn
	hdrs  [MaxReceive]mmsghdr
	iovs  [MaxReceive]unix.Iovec
	names [MaxReceive]unix.RawSockaddrInet6
	ctls  [MaxReceive]arrival
	bufs  []byte
	out   [MaxReceive]Datagram

	handle func([]Datagram) bool
	err    error
	call   func(fd uintptr) bool // made once, so that a call allocates nothing
}

func (c *linuxConn) NewReceiver() (Receiver, error) {
	r := &receiver{rc: c.rc, bufs: make([]byte, MaxReceive*MaxDatagram)}
	for i := range r.hdrs {
		r.iovs[i].Base = &r.bufs[i*MaxDatagram]
		r.iovs[i].SetLen(MaxDatagram)
		r.hdrs[i].hdr.Iov = &r.iovs[i]
		r.hdrs[i].hdr.Iovlen = 1
		r.hdrs[i].hdr.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		r.hdrs[i].hdr.Control = (*byte)(unsafe.Pointer(&r.ctls[i]))
	}
	r.call = r.whileReady
	return r, nil
}

// Run stays within one call of the poller's Read: leaving it between batches would mean to ask for more each time
// before waiting, as an arrival meanwhile is forgotten when Read is entered.
func (r *receiver) Run(handle func([]Datagram) bool) error {
	r.handle, r.err = handle, nil
	if err := r.rc.Read(r.call); err != nil {
		return err
	}
	return r.err
}

// whileReady handles what is there. It returns false to wait in Go's poller for an arrival after that, true to end.
func (r *receiver) whileReady(fd uintptr) bool {
	for {
		n, errno := r.receive(fd)
		switch errno {
		case 0:
			if !r.handle(r.collect(n)) {
				return true
			}
			if n < MaxReceive {
				return false
			}
		case unix.EAGAIN:
			return false
		case unix.EINTR, unix.ECONNREFUSED: // ECONNREFUSED: an ICMP error for something sent earlier: not ours to act on
		default:
			r.err = errno
			return true
		}
	}
}

func (r *receiver) receive(fd uintptr) (int, syscall.Errno) {
	for i := range r.hdrs {
		r.hdrs[i].hdr.Namelen = uint32(unsafe.Sizeof(r.names[i]))
		r.hdrs[i].hdr.SetControllen(int(unsafe.Sizeof(r.ctls[i])))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs[0])), MaxReceive,
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func (r *receiver) collect(n int) []Datagram {
	for i := range n {
		r.out[i] = Datagram{
			Data: r.bufs[i*MaxDatagram : i*MaxDatagram+int(r.hdrs[i].n)],
			From: r.names4or6(i),
		}
		if r.hdrs[i].hdr.Controllen != 0 {
			r.out[i].Arrived = r.ctls[i].nanoseconds()
		}
	}
	return r.out[:n]
}

func (r *receiver) names4or6(i int) netip.AddrPort {
	name := &r.names[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), port)
}

// rawAddr is a sockaddr of either family.
type rawAddr struct {
	in6 unix.RawSockaddrInet6 // the larger of the two
	len uint32
}

func newRawAddr(ap netip.AddrPort) rawAddr {
	var r rawAddr
	if ap.Addr().Is4() {
		in4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&r.in6))
		in4.Family = unix.AF_INET
		in4.Addr = ap.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&in4.Port))[:], ap.Port())
		r.len = unix.SizeofSockaddrInet4
		return r
	}
	r.in6.Family = unix.AF_INET6
	r.in6.Addr = ap.Addr().As16()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&r.in6.Port))[:], ap.Port())
	r.len = unix.SizeofSockaddrInet6
	return r
}

// control is the ancillary data of one message: UDP_SEGMENT.
type control struct {
	hdr  unix.Cmsghdr
	size uint16
	_    [6]byte
}

// single is the sender's header for sending segments one by one; those before it are for a batch of messages.
const single = MaxMessages

type sender struct {
	conn  *linuxConn
	hdrs  [MaxMessages + 1]mmsghdr
	iovs  [MaxMessages + 1]unix.Iovec
	ctls  [MaxMessages + 1]control
	from  int
	to    int
	sent  int
	errno syscall.Errno
	call  func(fd uintptr) bool
}

func (c *linuxConn) NewSender() (Sender, error) {
	s := &sender{conn: c}
	for i := range s.hdrs {
		s.hdrs[i].hdr.Iov = &s.iovs[i]
		s.hdrs[i].hdr.Iovlen = 1
		ctl := &s.ctls[i].hdr
		ctl.Level, ctl.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		ctl.SetLen(unix.CmsgLen(2))
	}
	s.call = func(fd uintptr) bool {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.hdrs[s.from])),
			uintptr(s.to-s.from), unix.MSG_DONTWAIT, 0, 0)
		s.sent, s.errno = int(n), errno
		return true // never wait: a full socket is the caller's to handle
	}
	return s, nil
}

func (s *sender) MaxSegments() int {
	if s.conn.gso.Load() {
		return MaxSegments
	}
	return 1
}

func (s *sender) Send(messages []Message) (sent int, err error) {
	messages = messages[:min(len(messages), MaxMessages)]
	for i := range messages {
		s.fill(i, &messages[i])
	}
	for sent < len(messages) {
		n, err := s.write(sent, len(messages))
		sent += n
		switch {
		case err == nil:
			continue
		case messages[sent].Segments() > 1 && errors.Is(err, unix.EIO):
			s.conn.gso.Store(false) // the device cannot checksum what it would segment
		case messages[sent].Segments() > 1 && errors.Is(err, unix.EINVAL):
			// Segments larger than the path takes, or more than the kernel: this message's fault, not the device's.
		default:
			return sent, err
		}
		if err := s.oneByOne(messages[sent]); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// write sends the messages of headers from to to, and returns how many left before the first error.
func (s *sender) write(from, to int) (n int, err error) {
	for {
		s.from, s.to = from, to
		if err := s.conn.rc.Write(s.call); err != nil {
			return 0, err
		}
		switch s.errno {
		case 0:
			return s.sent, nil
		case unix.EINTR, unix.ECONNREFUSED: // ECONNREFUSED: an ICMP error for an earlier datagram, reported once
		case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM:
			return 0, ErrFull
		default:
			return 0, s.errno
		}
	}
}

func (s *sender) fill(i int, m *Message) {
	s.iovs[i].Base = unsafe.SliceData(m.Data)
	s.iovs[i].SetLen(len(m.Data))
	h := &s.hdrs[i].hdr
	h.Name = (*byte)(unsafe.Pointer(&m.To.raw.in6))
	h.Namelen = m.To.raw.len
	if len(m.Data) <= m.Segment {
		h.Control = nil
		h.SetControllen(0)
		return
	}
	s.ctls[i].size = uint16(m.Segment)
	h.Control = (*byte)(unsafe.Pointer(&s.ctls[i]))
	h.SetControllen(unix.CmsgSpace(2))
}

// oneByOne sends m without UDP_SEGMENT.
func (s *sender) oneByOne(m Message) error {
	for rest := m.Data; len(rest) > 0; {
		n := min(m.Segment, len(rest))
		s.fill(single, &Message{Data: rest[:n], Segment: n, To: m.To})
		if _, err := s.write(single, single+1); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}
