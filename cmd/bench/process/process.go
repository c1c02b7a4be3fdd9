// Package process reads CPU time and memory of processes from outside, at no cost to them, and tells what they used
// in a span of time.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

var errProcStat = errors.New("not a /proc/PID/stat line")

// parseStat reads the user and system time from a line of /proc/PID/stat (proc(5)).
func parseStat(line string) (user, system time.Duration, err error) {
	// The command's name is in parentheses and may hold spaces and parentheses; utime and stime are fields 14 and 15.
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return 0, 0, errProcStat
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 13 {
		return 0, 0, errProcStat
	}
	u, err := strconv.ParseUint(fields[11], 10, 63)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: utime", errProcStat)
	}
	s, err := strconv.ParseUint(fields[12], 10, 63)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: stime", errProcStat)
	}
	return time.Duration(u) * clockTick, time.Duration(s) * clockTick, nil
}

var errProcStatm = errors.New("not a /proc/PID/statm line")

// parseStatm reads the resident memory in bytes from /proc/PID/statm.
func parseStatm(line string, pageSize int) (int64, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, errProcStatm
	}
	pages, err := strconv.ParseInt(fields[1], 10, 63)
	if err != nil || pages < 0 {
		return 0, errProcStatm
	}
	return pages * int64(pageSize), nil
}

// Read reads a process's CPU time and resident memory now.
func Read(pid int) (r Reading, err error) {
	r.At = time.Now()
	if r.Total, err = CPU(pid); err != nil {
		return r, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return r, err //nolint:wrapcheck // names the file
	}
	if r.user, r.system, err = parseStat(string(stat)); err != nil {
		return r, err
	}
	statm, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return r, err //nolint:wrapcheck // names the file
	}
	r.RSS, err = parseStatm(string(statm), os.Getpagesize())
	return r, err
}

// sampleEvery is how often a process under measurement is looked at, from outside: it costs the process nothing.
const sampleEvery = 50 * time.Millisecond

// Watch is a running series of readings of one process.
type Watch struct {
	pid  int
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	list Series // a reading each sampleEvery; the caller stops it within minutes
}

// StartWatch reads the process until stopped, or until it ends.
func StartWatch(ctx context.Context, pid int) *Watch {
	ctx, stop := context.WithCancel(ctx)
	w := &Watch{pid: pid, stop: stop}
	w.done.Go(func() {
		Sampling(ctx, sampleEvery, func() bool {
			r, err := Read(pid)
			if err != nil {
				return false
			}
			w.mu.Lock()
			w.list = append(w.list, r)
			w.mu.Unlock()
			return true
		})
	})
	return w
}

// Sampling calls look at once and then periodically, until the context ends or look says that there is no more to see.
func Sampling(ctx context.Context, every time.Duration, look func() bool) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for look() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// End stops the watch and returns what it saw.
func (w *Watch) End() Series {
	w.stop()
	w.done.Wait()
	return w.list
}
