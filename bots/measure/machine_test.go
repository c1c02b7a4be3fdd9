package measure

import (
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const procStat = `cpu  100 20 30 400 50 6 7 8 9 0
cpu0 50 10 15 200 25 3 3 4 4 0
cpu1 50 10 15 200 25 3 4 4 5 0
intr 1 2 3
ctxt 99
procs_running 5
procs_blocked 0
`

func TestProcessorTimesAreThoseOfProc(t *testing.T) {
	p, err := parseProcStat(procStat)
	if err != nil {
		t.Fatal(err)
	}
	want := Processors{Busy: 1.63, Idle: 4.5, Steal: 0.08, Cores: 2, Runnable: 5}
	if math.Abs(p.Busy-want.Busy)+math.Abs(p.Idle-want.Idle)+math.Abs(p.Steal-want.Steal) > 1e-9 ||
		p.Cores != want.Cores || p.Runnable != want.Runnable {
		t.Errorf("%+v, want %+v", p, want)
	}
	for _, bad := range []string{
		"", "cpu  1 2 3\ncpu0 1\n", strings.Replace(procStat, "400", "x", 1),
		strings.Replace(procStat, "running 5", "running x", 1),
		"cpu  100 20 30 400 50 6 7 8\n", "cpu0 50 10 15 200 25 3 3 4 4 0\n",
	} {
		if p, err := parseProcStat(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, p)
		}
	}
}

func TestMachineUseIsThatOfTheSpan(t *testing.T) {
	var m MachineMeter
	if _, ok := m.Use(); ok {
		t.Error("figures of nothing")
	}
	m.Add(Processors{Busy: 1000, Idle: 500, Steal: 7, Cores: 2, Runnable: 2})
	if _, ok := m.Use(); ok {
		t.Error("figures of one moment")
	}
	m.Add(Processors{Busy: 1003, Idle: 501, Steal: 7, Cores: 2, Runnable: 6})
	m.Add(Processors{Busy: 1015, Idle: 503, Steal: 9, Cores: 2, Runnable: 10})
	u, ok := m.Use()
	want := MachineUse{Cores: 2, Busy: 0.75, Steal: 0.1, Runnable: 3, Seconds: 20}
	if !ok || math.Abs(u.Busy-want.Busy)+math.Abs(u.Steal-want.Steal)+math.Abs(u.Runnable-want.Runnable) > 1e-9 ||
		u.Cores != want.Cores || u.Seconds != want.Seconds {
		t.Errorf("%+v %v, want %+v", u, ok, want)
	}
	m.Add(Processors{Busy: 10, Cores: 2}) // another machine: resumed elsewhere
	if u, ok := m.Use(); ok {
		t.Errorf("figures of clocks that went back: %+v", u)
	}
}

func TestThisMachineCanBeRead(t *testing.T) {
	if _, err := os.Stat("/proc/stat"); err != nil {
		if _, err := ReadProcessors(); err == nil {
			t.Error("read what is not there")
		}
		return
	}
	p, err := ReadProcessors()
	if err != nil || p.Cores < 1 || p.Busy <= 0 {
		t.Errorf("%+v %v", p, err)
	}
}

func TestTheListenerOfAPortIsFound(t *testing.T) {
	const table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n" +
		"   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n"
	for port, want := range map[int]string{8080: "4711", 8081: "", 80: ""} {
		if got := listenerInode(table, port); got != want {
			t.Errorf("port %d: inode %q, want %q", port, got, want)
		}
	}
	proc := t.TempDir()
	for pid, target := range map[string]string{"17": "/dev/null", "42": "socket:[4711]", "43": "socket:[4712]"} {
		if err := os.MkdirAll(filepath.Join(proc, pid, "fd"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(proc, pid, "fd", "3")); err != nil {
			t.Fatal(err)
		}
	}
	if pid := socketOwner(proc, "4711"); pid != 42 {
		t.Errorf("process %d", pid)
	}
	if pid := socketOwner(proc, "1"); pid != 0 {
		t.Errorf("process %d owns a socket that is not there", pid)
	}
}

func TestAProcessFindsItsOwnListener(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Logf("no /proc/net/tcp here: %v", err)
		if pid := ListenerPID(80); pid != 0 {
			t.Errorf("process %d out of nothing", pid)
		}
		return
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	if pid := ListenerPID(port); pid != os.Getpid() {
		t.Errorf("process %d, not %d, listens on %s", pid, os.Getpid(), l.Addr())
	}
	if own := CPUSeconds(os.Getpid()); own < 0 || RSSMiB(os.Getpid()) < 1 {
		t.Errorf("own CPU time %v, memory %v MiB", own, RSSMiB(os.Getpid()))
	}
	if CPUSeconds(0) != 0 || CPUSeconds(1<<30) != 0 || RSSMiB(1<<30) != 0 {
		t.Error(fmt.Sprint("figures of no process: ", CPUSeconds(0), CPUSeconds(1<<30), RSSMiB(1<<30)))
	}
}
