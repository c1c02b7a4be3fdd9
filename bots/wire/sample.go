//go:build linux && (amd64 || arm64)

package wire

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// CanSample says whether Config.Sample works here: it needs Linux's socket filters, and its times of arrival.
const CanSample = true

// attachSample has the kernel discard RTP at the socket, before it is queued, but for the packets whose sequence number
// n divides. Which are kept is the sequence number's choice, not chance: those that should have come are known, and so
// is which of them did not. n divides 65536, so this holds where the number wraps.
func attachSample(conn *net.UDPConn, n int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("bots: socket: %w", err)
	}
	if err := Filter(raw, sampleProgram(n)); err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	return nil
}

// sampleProgram is a classic BPF program that returns how many bytes of a datagram to keep. What IsRTP says of the
// first two bytes, it says (RFC 7983, RFC 5761 §4).
func sampleProgram(n int) []unix.SockFilter {
	const (
		header = 8 // of UDP: the filter of a socket sees it first
		load   = unix.BPF_LD | unix.BPF_ABS
		jump   = unix.BPF_JMP | unix.BPF_K
		keep   = 0xFFFF
	)
	return []unix.SockFilter{
		{Code: load | unix.BPF_B, K: header},
		{Code: jump | unix.BPF_JGE, K: 128, Jf: 7}, // STUN, DTLS
		{Code: jump | unix.BPF_JGT, K: 191, Jt: 6},
		{Code: load | unix.BPF_B, K: header + 1},
		{Code: jump | unix.BPF_JGE, K: 192, Jf: 1},
		{Code: jump | unix.BPF_JGT, K: 223, Jf: 3}, // RTCP
		{Code: load | unix.BPF_H, K: header + 2},
		{Code: jump | unix.BPF_JSET, K: uint32(n - 1), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: keep},
	}
}
