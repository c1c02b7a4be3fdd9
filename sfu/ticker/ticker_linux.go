package ticker

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ticker ticks at an interval. Set and Close are safe for concurrent use; one goroutine waits.
type Ticker struct {
	file *os.File
	rc   syscall.RawConn
}

// New returns a Ticker that does not tick yet.
func New() (*Ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("ticker: %w", err)
	}
	file := os.NewFile(uintptr(fd), "timerfd") // non-blocking: Go's poller waits for it
	rc, err := file.SyscallConn()
	if err != nil {
		_ = file.Close() // failing already
		return nil, fmt.Errorf("ticker: %w", err)
	}
	return &Ticker{file: file, rc: rc}, nil
}

// Set changes the interval; the next tick comes one from now, and one that was not waited for yet is forgotten. 0
// stops it.
func (t *Ticker) Set(interval time.Duration) error {
	spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(int64(interval)), Value: unix.NsecToTimespec(int64(interval))}
	var failed error
	if err := t.rc.Control(func(fd uintptr) { failed = unix.TimerfdSettime(int(fd), 0, &spec, nil) }); err != nil {
		return ErrClosed
	}
	if failed != nil {
		return fmt.Errorf("ticker: %w", failed)
	}
	return nil
}

// Wait returns at the next tick, or at once if there was one since the last Wait. Ticks that were not waited for count
// as one.
func (t *Ticker) Wait() error {
	var expirations uint64
	var errno syscall.Errno
	err := t.rc.Read(func(fd uintptr) bool {
		_, _, errno = unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&expirations)), unsafe.Sizeof(expirations))
		return errno != unix.EAGAIN && errno != unix.EINTR
	})
	switch {
	case err != nil:
		return ErrClosed
	case errno != 0:
		return fmt.Errorf("ticker: %w", errno)
	}
	return nil
}

// Close makes Wait return ErrClosed.
func (t *Ticker) Close() error { return t.file.Close() }
