// Package machine reads what this process uses of the machine, and how much of it the process may use: processor time
// and memory, with the limits of its control groups. A thin adapter; where Linux is not, it knows less.
package machine

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Limits are what the process may use.
type Limits struct {
	Cores  float64 // of processor time a second
	Memory uint64  // bytes; 0: not known
}

// quota is how many cores a control group grants, of its files; 0: no limit. Version 2 has cpu.max ("40000 100000" or
// "max 100000"), version 1 cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
func quota(dir string) float64 {
	if both := fields(filepath.Join(dir, "cpu.max")); len(both) == 2 {
		return ratio(both[0], both[1])
	}
	amount, period := fields(filepath.Join(dir, "cpu.cfs_quota_us")), fields(filepath.Join(dir, "cpu.cfs_period_us"))
	if len(amount) == 1 && len(period) == 1 {
		return ratio(amount[0], period[0])
	}
	return 0
}

func ratio(amount, period string) float64 {
	a, err := strconv.ParseFloat(amount, 64)
	if err != nil || a <= 0 { // "max", -1
		return 0
	}
	p, err := strconv.ParseFloat(period, 64)
	if err != nil || p <= 0 {
		return 0
	}
	return a / p
}

// memoryLimit is how many bytes a control group grants; 0: no limit, which version 1 says as a number beyond any
// machine.
func memoryLimit(dir string) uint64 {
	for _, name := range [...]string{"memory.max", "memory.limit_in_bytes"} {
		f := fields(filepath.Join(dir, name))
		if len(f) != 1 {
			continue
		}
		if n, err := strconv.ParseUint(f[0], 10, 64); err == nil && n < math.MaxInt64/2 {
			return n
		}
	}
	return 0
}

// maxFile bounds what is read of a file: those of interest are a line or some.
const maxFile = 64 << 10

func fields(file string) []string { return strings.Fields(read(file)) }

// read is a file's text, empty if there is none.
func read(file string) string {
	b, err := os.ReadFile(file)
	if err != nil || len(b) > maxFile {
		return ""
	}
	return string(b)
}

// groups are the directories below root of the control groups that the process is in, outer ones last, by the text of
// /proc/self/cgroup. Within a container it names a path of the machine's that is not there: then the root of the
// hierarchy is the container's own group.
func groups(root, text, controller string) (dirs []string) {
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base := root
		switch {
		case parts[0] == "0" && parts[1] == "": // version 2
		case slices.Contains(strings.Split(parts[1], ","), controller):
			base = filepath.Join(root, controller)
		default:
			continue
		}
		for at := filepath.Clean("/" + parts[2]); ; at = filepath.Dir(at) {
			dirs = append(dirs, filepath.Join(base, at))
			if at == "/" {
				break
			}
		}
	}
	return dirs
}

// limits are the smallest of what the groups grant and of what the machine has.
func limits(root, text string, cores float64, memory uint64) Limits {
	l := Limits{Cores: cores, Memory: memory}
	for _, dir := range groups(root, text, "cpu") {
		if q := quota(dir); q > 0 {
			l.Cores = min(l.Cores, q)
		}
	}
	for _, dir := range groups(root, text, "memory") {
		if m := memoryLimit(dir); m > 0 && (l.Memory == 0 || m < l.Memory) {
			l.Memory = m
		}
	}
	return l
}
