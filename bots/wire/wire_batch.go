//go:build linux && (amd64 || arm64)

package wire

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize holds the two control messages asked for: a timestamp and the count of drops.
const controlSize = 64

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// batchReader reads up to recvBatch datagrams with one recvmmsg(2), with the kernel's time of arrival and its count of
// datagrams dropped at this socket. Used by one goroutine.
type batchReader struct {
	raw           syscall.RawConn
	pool          *Buffers
	*batchBuffers // nil while it waits
	drops         uint64
	ready         func(fd uintptr) bool
	n             int
	errno         syscall.Errno
}

// batchBuffers are what one call fills, 95 KiB. A reader that waits needs none, so the bots of a process share a few.
type batchBuffers struct {
	headers [recvBatch]mmsghdr
	iovs    [recvBatch]unix.Iovec
	names   [recvBatch]unix.RawSockaddrInet6
	buffers [recvBatch][MaxDatagram]byte
	control [recvBatch][controlSize]byte
}

func newBatchBuffers() *batchBuffers {
	r := &batchBuffers{}
	for i := range r.headers {
		r.iovs[i].Base = &r.buffers[i][0]
		r.iovs[i].SetLen(MaxDatagram)
		h := &r.headers[i].hdr
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		h.Control = &r.control[i][0]
	}
	return r
}

func newBatchReader(conn *net.UDPConn, pool *Buffers) (*batchReader, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("bots: socket: %w", err)
	}
	err = raw.Control(func(fd uintptr) {
		// Where the kernel has neither, arrival times are those of the read, and drops are not counted.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
	if err != nil {
		return nil, fmt.Errorf("bots: socket: %w", err)
	}
	r := &batchReader{raw: raw, pool: pool}
	r.ready = r.receive
	return r, nil
}

// receive is the non-blocking system call; false means: wait until the socket is readable.
func (r *batchReader) receive(fd uintptr) bool {
	if r.batchBuffers == nil {
		var ok bool
		if r.batchBuffers, ok = r.pool.Get().(*batchBuffers); !ok {
			r.batchBuffers = newBatchBuffers()
		}
	}
	for i := range r.headers {
		h := &r.headers[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), recvBatch,
		unix.MSG_DONTWAIT, 0, 0)
	r.n, r.errno = int(n), errno
	if errno == unix.EAGAIN || errno == unix.EINTR {
		r.release()
		return false
	}
	return true
}

// release gives the buffers back: what was read is of no more use.
func (r *batchReader) release() {
	if r.batchBuffers != nil {
		r.pool.Put(r.batchBuffers)
		r.batchBuffers = nil
	}
}

// read waits for datagrams and returns how many came. They are valid until the next call.
func (r *batchReader) read() (int, error) {
	for {
		if err := r.raw.Read(r.ready); err != nil {
			return 0, fmt.Errorf("bots: receive: %w", err)
		}
		switch r.errno {
		case 0:
			return r.n, nil
		case unix.ECONNREFUSED: // an ICMP error about something sent earlier
			continue
		default:
			return 0, fmt.Errorf("bots: receive: %w", os.NewSyscallError("recvmmsg", r.errno))
		}
	}
}

func (r *batchReader) data(i int) []byte { return r.buffers[i][:r.headers[i].n] }

// at returns when the kernel received datagram i, in ns since 1970. It also takes note of the drop counter.
func (r *batchReader) at(i int) int64 {
	var at int64
	b := r.control[i][:r.headers[i].hdr.Controllen]
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		if h.Len < unix.SizeofCmsghdr || int(h.Len) > len(b) {
			break
		}
		value := b[unix.SizeofCmsghdr:h.Len]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(value) >= 16:
			at = int64(binary.NativeEndian.Uint64(value))*int64(time.Second) + int64(binary.NativeEndian.Uint64(value[8:]))
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(value) >= 4:
			r.drops = uint64(binary.NativeEndian.Uint32(value))
		}
		next := (int(h.Len) + 7) &^ 7
		if next >= len(b) {
			break
		}
		b = b[next:]
	}
	if at == 0 {
		at = time.Now().UnixNano()
	}
	return at
}

func (r *batchReader) overflow() uint64 { return r.drops }

func (r *batchReader) from(i int) netip.AddrPort {
	name := &r.names[i]
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	addr := netip.AddrFrom16(name.Addr).Unmap()
	if name.Family == unix.AF_INET {
		addr = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	}
	return netip.AddrPortFrom(addr, uint16(port[0])<<8|uint16(port[1]))
}
