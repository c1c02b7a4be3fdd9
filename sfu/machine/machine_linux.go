package machine

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CPU is the processor time that the process has used since its start, user and system.
func CPU() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// Memory is how many bytes of the process are resident; 0: not known.
func Memory() uint64 {
	f := fields("/proc/self/statm")
	if len(f) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(f[1], 10, 40)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// ReadLimits reads what the process may use: it may change while the process runs.
func ReadLimits() Limits {
	return limits("/sys/fs/cgroup", read("/proc/self/cgroup"), float64(runtime.GOMAXPROCS(0)), total())
}

// total is the machine's memory.
func total() uint64 {
	for line := range strings.Lines(read("/proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kib, err := strconv.ParseUint(f[1], 10, 50)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
