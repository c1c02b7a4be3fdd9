package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// period is the time over which a quota of the processor counts, in microseconds: the kernel's default.
const period = 100_000

// cgroups is where control groups are, of either version.
const cgroups = "/sys/fs/cgroup"

// Group is a control group of processes that come before others at the processor, up to a quota. What is measured so is
// what the quota grants, also on a machine that does other things.
type Group struct{ parent, dir string }

// NewGroup makes a group with a quota of so many cores, 0 for none. It needs root. Remove removes it.
func NewGroup(name string, cores float64) (g *Group, err error) {
	g = &Group{parent: filepath.Join(cgroups, "cpu")}
	quota := "-1"
	if cores > 0 {
		quota = strconv.Itoa(int(cores * period))
	}
	files := [][2]string{{"cpu.shares", "20480"}, {"cpu.cfs_period_us", strconv.Itoa(period)}, {"cpu.cfs_quota_us", quota}}
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers")); err == nil {
		g.parent = cgroups
		files = [][2]string{{"cpu.weight", "2000"},
			{"cpu.max", strings.Replace(quota, "-1", "max", 1) + " " + strconv.Itoa(period)}}
	}
	g.dir = filepath.Join(g.parent, name)
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("a control group, as root: %w", err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(g.dir, f[0]), []byte(f[1]), 0o644); err != nil {
			return nil, errors.Join(fmt.Errorf("control group: %w", err), g.Remove())
		}
	}
	return g, nil
}

// Add moves a process into the group, with all its threads.
func (g *Group) Add(pid int) error { return move(pid, g.dir) }

// Remove moves what is still in the group to the group around it, and removes it.
func (g *Group) Remove() error {
	left, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("control group: %w", err)
	}
	for _, text := range strings.Fields(string(left)) {
		if pid, err := strconv.Atoi(text); err == nil {
			_ = move(pid, g.parent) // it may have ended
		}
	}
	return os.Remove(g.dir) //nolint:wrapcheck // names the directory
}

func move(pid int, dir string) error {
	err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
	if err != nil {
		return fmt.Errorf("control group: %w", err)
	}
	return nil
}
