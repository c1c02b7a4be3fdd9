package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// processCPU is the CPU time that all threads of a process have used, in nanoseconds: its CPU clock
// (clock_getcpuclockid(3)), which is finer than the 10 ms of /proc and can be read from outside.
func processCPU(pid int) (time.Duration, error) {
	const cpuClockSched = 2
	return clock(int32(^pid<<3 | cpuClockSched))
}

// threadCPU is the CPU time of the calling thread.
func threadCPU() (time.Duration, error) { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, fmt.Errorf("clock_gettime: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// sleepThread sleeps without giving the thread back to Go's scheduler, as a C program would.
func sleepThread(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // interrupted: a little early
}

// discardMedia has the kernel drop RTP and RTCP (first byte 128 to 191, RFC 7983) at the socket, before it is queued:
// a receiver that costs nothing.
func discardMedia(c syscall.RawConn) error {
	program := []unix.SockFilter{ // the filter of a UDP socket sees the UDP header, 8 bytes, first
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 8},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 128, Jt: 0, Jf: 2},
		{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: 191, Jt: 1, Jf: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
	}
	var filterErr error
	err := c.Control(func(fd uintptr) {
		filterErr = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	if err == nil {
		err = filterErr
	}
	if err != nil {
		return fmt.Errorf("SO_ATTACH_FILTER: %w", err)
	}
	return nil
}

// drainBatch is how many datagrams one system call of a drain takes.
const drainBatch = 64

// drain returns a function that waits for datagrams on a socket, takes up to drainBatch of them with one system call, and says how
// many they were. It waits in Go's poller, as the bots do. What the datagrams hold is cut off.
func drain(conn *net.UDPConn) (func() (int, error), error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("drain: %w", err)
	}
	type message struct {
		header unix.Msghdr
		length uint32
		_      [4]byte
	}
	var (
		messages [drainBatch]message
		vectors  [drainBatch]unix.Iovec
		head     [64]byte // all write here
		n        int
		failure  error
	)
	for i := range messages {
		vectors[i].Base = &head[0]
		vectors[i].SetLen(len(head))
		messages[i].header.Iov = &vectors[i]
		messages[i].header.SetIovlen(1)
	}
	read := func(fd uintptr) bool {
		r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&messages[0])), drainBatch, unix.MSG_DONTWAIT, 0, 0)
		n, failure = int(r), nil
		if errno == unix.EAGAIN {
			return false
		}
		if errno != 0 {
			n, failure = 0, errno
		}
		return true
	}
	return func() (int, error) {
		if err := raw.Read(read); err != nil {
			return 0, err //nolint:wrapcheck // ends the drain
		}
		if errors.Is(failure, unix.EINTR) {
			failure = nil
		}
		return n, failure
	}, nil
}
