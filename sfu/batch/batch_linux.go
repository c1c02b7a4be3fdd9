package batch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
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

func (c *linuxConn) NewReceiver() (Receiver, error) { return newReceiver(c.rc), nil }

func newReceiver(rc syscall.RawConn) *receiver {
	r := &receiver{rc: rc, bufs: make([]byte, MaxReceive*MaxDatagram)}
	for i := range r.hdrs {
		r.iovs[i].Base = &r.bufs[i*MaxDatagram]
		r.iovs[i].SetLen(MaxDatagram)
		r.hdrs[i].hdr.Iov = &r.iovs[i]
		r.hdrs[i].hdr.Iovlen = 1
		r.hdrs[i].hdr.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		r.hdrs[i].hdr.Control = (*byte)(unsafe.Pointer(&r.ctls[i]))
	}
	r.call = r.whileReady
	return r
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

// SteerRTCP opens a further socket beside each of conns, which are all that share an address, and has the kernel give
// it the RTCP (RFC 7983, RFC 5761 §4) of those whose other datagrams come to that one. Where the system has no such
// sockets there is none, and no error.
func SteerRTCP(conns []Conn) (polled []Polled, err error) {
	defer func() {
		if err != nil {
			for _, p := range polled {
				err = errors.Join(err, p.Close())
			}
			polled = nil
		}
	}()
	for range conns {
		c, err := Share(conns[0].LocalAddr())
		if err != nil {
			return polled, err
		}
		lc, ok := c.(*linuxConn)
		if !ok {
			return polled, errors.Join(fmt.Errorf("batch: unexpected socket type %T", c), c.Close())
		}
		p, err := lc.polled()
		if err != nil {
			return polled, err
		}
		polled = append(polled, p)
	}
	return polled, steer(conns)
}

// steer attaches the program that chooses among the sockets of an address: they are numbered as they were bound.
func steer(conns []Conn) error {
	first, ok := conns[0].(*linuxConn)
	if !ok {
		return fmt.Errorf("batch: unexpected socket type %T", conns[0])
	}
	program := steering(uint32(len(conns)), conns[0].LocalAddr().Addr().Is4())
	var setErr error
	err := first.rc.Control(func(fd uintptr) {
		setErr = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	if err == nil {
		err = setErr
	}
	if err != nil {
		return fmt.Errorf("batch: SO_ATTACH_REUSEPORT_CBPF: %w", err)
	}
	return nil
}

// steering is a classic BPF program that returns the number of a datagram's socket: a number below n by its source
// address and port, plus n if it is RTCP. It sees the payload; the IP header is at negative offsets. Where that has
// options or extensions, one of their fields is read as the port. What is too short to be told apart is for socket 0.
func steering(n uint32, v4 bool) []unix.SockFilter {
	const network = 0xfff00000 // SKF_NET_OFF: from there on the IP header is read
	address, port := uint32(network+12), uint32(network+20)
	if !v4 {
		address, port = network+20, network+40 // the lower 32 bits
	}
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: address},
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: port},
		{Code: unix.BPF_ALU | unix.BPF_XOR | unix.BPF_X},
		{Code: unix.BPF_ALU | unix.BPF_MUL | unix.BPF_K, K: 0x9E3779B1}, // the golden ratio mixes the lower bits upwards
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 16},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: n},
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 128, Jf: 7},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: 191, Jt: 6},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 1},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 192, Jf: 4},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: 223, Jt: 3},
		{Code: unix.BPF_MISC | unix.BPF_TXA},
		{Code: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_K, K: n},
		{Code: unix.BPF_RET | unix.BPF_A},
		{Code: unix.BPF_MISC | unix.BPF_TXA},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
}

// polledSocket is a socket that Go's poller doesn't know, so that an arrival wakes nothing.
type polledSocket struct {
	receiver *receiver
	mu       sync.Mutex // guards fd
	fd       int        // -1: closed
}

// polled makes c a polled socket. c is closed.
func (c *linuxConn) polled() (Polled, error) {
	p := &polledSocket{receiver: newReceiver(c.rc)}
	var dupErr error
	err := c.rc.Control(func(fd uintptr) { p.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return p, c.Close()
}

// Poll holds the lock while handling, so that the descriptor isn't closed, and another's, under way.
func (p *polledSocket) Poll(handle func([]Datagram)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return net.ErrClosed
	}
	for range maxPolled {
		n, errno := p.receiver.receive(uintptr(p.fd))
		switch errno {
		case 0:
			handle(p.receiver.collect(n))
			if n < MaxReceive {
				return nil
			}
		case unix.EAGAIN:
			return nil
		case unix.EINTR, unix.ECONNREFUSED:
		default:
			return errno
		}
	}
	return nil
}

func (p *polledSocket) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return net.ErrClosed
	}
	fd := p.fd
	p.fd = -1
	return unix.Close(fd)
}
