package child

import (
	"syscall"

	"golang.org/x/sys/unix"

	"conclave/bots/wire"
)

// discardMedia has the kernel drop RTP and RTCP (first byte 128 to 191, RFC 7983) at the socket, before it is queued:
// a receiver that costs nothing.
func discardMedia(c syscall.RawConn) error {
	return wire.Filter(c, []unix.SockFilter{ // the filter of a UDP socket sees the UDP header, 8 bytes, first
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 8},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 128, Jt: 0, Jf: 2},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: 191, Jt: 1, Jf: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
	})
}
