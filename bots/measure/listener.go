package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ListenerPID returns the process of this machine that listens on a TCP port, 0 if there is none or it cannot be seen.
func ListenerPID(port int) int {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		raw, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		if inode := listenerInode(string(raw), port); inode != "" {
			return socketOwner("/proc", inode)
		}
	}
	return 0
}

// listenerInode finds the inode of the socket that listens on port in the text of /proc/net/tcp (proc_net_tcp.txt of
// the kernel's documentation); empty if none does.
func listenerInode(text string, port int) string {
	const listening = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], suffix) {
			return fields[9]
		}
	}
	return ""
}

// socketOwner looks for a process with that socket among the processes under proc.
func socketOwner(proc, inode string) int {
	want := "socket:[" + inode + "]"
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return 0
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err != nil || target != want {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(file))))
		if err == nil {
			return pid
		}
	}
	return 0
}
