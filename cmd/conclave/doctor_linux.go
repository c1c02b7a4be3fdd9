package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"conclave/cmd/conclave/doctor"
)

// portHolder finds the process that has a port. Processes of other users are seen by root only.
func portHolder(network, address string) (who doctor.Process) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return who
	}
	sockets := socketsOf(fs, network, portOf(address))
	processes, err := fs.AllProcs()
	if err != nil {
		return who
	}
	for _, p := range processes {
		files, _ := p.FileDescriptorTargets() // one that may not be read has none
		if slices.ContainsFunc(files, func(f string) bool { return slices.Contains(sockets, f) }) {
			name, _ := p.Comm()
			return doctor.Process{Name: name, PID: p.PID, Ours: name == ownName(fs)}
		}
	}
	return who
}

// ownName is how the kernel calls this program, and so a running server.
func ownName(fs procfs.FS) string {
	self, err := fs.Self()
	if err != nil {
		return "conclave"
	}
	name, _ := self.Comm()
	return name
}

// socketsOf lists the sockets that listen on a port, as links of /proc name them.
func socketsOf(fs procfs.FS, network string, port uint64) (names []string) {
	const listening = 0x0a // TCP_LISTEN of include/net/tcp_states.h
	if network == "udp" {
		for _, read := range []func() (procfs.NetUDP, error){fs.NetUDP, fs.NetUDP6} {
			lines, _ := read() // a machine without IPv6 has no such file
			for _, l := range lines {
				if l.LocalPort == port {
					names = append(names, fmt.Sprintf("socket:[%d]", l.Inode))
				}
			}
		}
		return names
	}
	for _, read := range []func() (procfs.NetTCP, error){
		fs.NetTCP, fs.NetTCP6, //nolint:staticcheck // deprecated for being slow with many sockets; this is one look
	} {
		lines, _ := read()
		for _, l := range lines {
			if l.LocalPort == port && l.St == listening {
				names = append(names, fmt.Sprintf("socket:[%d]", l.Inode))
			}
		}
	}
	return names
}

// socketBuffers are the greatest that the kernel gives to a socket, in bytes; 0 if that is not known.
func socketBuffers() (receive, send int) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, 0
	}
	read := func(name string) int {
		values, err := fs.SysctlInts(strings.ReplaceAll(name, ".", "/"))
		if err != nil || len(values) == 0 {
			return 0
		}
		return values[0]
	}
	return read("net.core.rmem_max"), read("net.core.wmem_max")
}

// filesOf is how many files a process may have open; of this one if there is no such process.
func filesOf(pid int) int {
	if p, err := procfs.NewProc(pid); pid != 0 && err == nil {
		if limits, err := p.Limits(); err == nil && limits.OpenFiles < math.MaxInt32 {
			return int(limits.OpenFiles)
		}
	}
	return openFiles()
}

// clockSynchronized asks the kernel.
func clockSynchronized() (synchronized, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, true
}
