package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// period is the time over which a quota of the processor counts, in microseconds: the kernel's default.
const period = 100_000

// Confine holds a process, with all its threads, to so many cores by a control group of its own, of either version.
// release removes the group; the process must have ended. It needs root.
func Confine(pid int, cores float64) (release func() error, err error) {
	const root = "/sys/fs/cgroup"
	quota := strconv.Itoa(int(cores * period))
	dir, files := filepath.Join(root, "cpu"), [][2]string{{"cpu.cfs_period_us", strconv.Itoa(period)},
		{"cpu.cfs_quota_us", quota}}
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		dir, files = root, [][2]string{{"cpu.max", quota + " " + strconv.Itoa(period)}}
	}
	dir = filepath.Join(dir, "conclave-bench-"+strconv.Itoa(pid))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("a control group, as root: %w", err)
	}
	release = func() error { return os.Remove(dir) }
	for _, f := range append(files, [2]string{"cgroup.procs", strconv.Itoa(pid)}) {
		if err := os.WriteFile(filepath.Join(dir, f[0]), []byte(f[1]), 0o644); err != nil {
			return nil, errors.Join(fmt.Errorf("control group: %w", err), release())
		}
	}
	return release, nil
}
