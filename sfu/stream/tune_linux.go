package stream

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// notSent is how much a connection holds that has not been sent (TCP_NOTSENT_LOWAT). What is over it waits in the
// Writer, where its age is known.
const notSent = 16 << 10

// Tune sets a connection up for media: what is written leaves at once, and little waits in the kernel. conn may be
// anything with a raw connection; for others it does nothing.
func Tune(conn net.Conn) {
	if c, ok := conn.(syscall.Conn); ok {
		if rc, err := c.SyscallConn(); err == nil {
			_ = rc.Control(func(fd uintptr) { // best effort: without it there is more delay
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent)
			})
		}
	}
}
