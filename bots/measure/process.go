package measure

import (
	"os"
	"strconv"
	"strings"
)

// clockTicks is USER_HZ, in which /proc counts CPU time; it is 100 on every Linux that Go runs on.
const clockTicks = 100

// CPUSeconds returns the user and system time of a process of this machine so far, 0 where there is no /proc.
func CPUSeconds(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if pid <= 0 || err != nil {
		return 0
	}
	// The command's name is in parentheses and may hold spaces; utime and stime are fields 14 and 15 of proc(5).
	line := string(raw)
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	var ticks float64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return ticks / clockTicks
}

// RSSMiB returns the resident memory of a process.
func RSSMiB(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
