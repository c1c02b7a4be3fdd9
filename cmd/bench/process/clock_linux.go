package process

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the CPU time that all threads of a process have used, in nanoseconds: its CPU clock
// (clock_getcpuclockid(3)), which is finer than the 10 ms of /proc and can be read from outside.
func CPU(pid int) (time.Duration, error) {
	const cpuClockSched = 2
	return clock(int32(^pid<<3 | cpuClockSched))
}

// ThreadCPU is the CPU time of the calling thread.
func ThreadCPU() (time.Duration, error) { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, fmt.Errorf("clock_gettime: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// SleepThread sleeps without giving the thread back to Go's scheduler, as a C program would.
func SleepThread(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // interrupted: a little early
}
