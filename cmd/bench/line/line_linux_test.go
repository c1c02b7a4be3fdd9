package line

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"conclave/bots/network"
)

// Datagrams through a real line between two namespaces. They are never early, and what a busy machine adds is not
// judged; `ping` through a line on a quiet one is in docs/bandwidth.md.
func TestALineDelaysAndLosesWhatItWasTold(t *testing.T) {
	const delay, count = 40 * time.Millisecond, 500
	near, far := namespace(t), namespace(t)
	c := network.Conditions{Delay: delay, Loss: 0.1}
	l, err := Open(t.Context(), End{near, "line0", "10.78.0.1/24"}, End{far, "line0", "10.78.0.2/24"}, c, 7)
	if err != nil {
		t.Fatal(err)
	}
	receiver := listen(t, far, "10.78.0.2:9000")
	sender := listen(t, near, "10.78.0.1:9000")
	started := time.Now()
	go func() {
		for i := range count {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(time.Since(started)))
			_, _ = sender.WriteTo(b[:], &net.UDPAddr{IP: net.IPv4(10, 78, 0, 2), Port: 9000})
			if i%10 == 9 {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}()
	var took []time.Duration
	for handled(l.ToFar.Counts()) < count || uint64(len(took)) < l.ToFar.Counts().Passed {
		var b [8]byte
		_ = receiver.SetReadDeadline(time.Now().Add(10 * time.Second)) // a socket has deadlines
		if _, _, err := receiver.ReadFrom(b[:]); err != nil {
			t.Fatalf("after %d of %+v: %v", len(took), l.ToFar.Counts(), err)
		}
		took = append(took, time.Since(started)-time.Duration(binary.BigEndian.Uint64(b[:])))
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	slices.Sort(took)
	t.Logf("one way, told %v: least %v, median %v, 95 %% %v, most %v", delay, took[0], took[len(took)/2],
		took[len(took)*95/100], took[len(took)-1])
	if took[0] < delay {
		t.Errorf("a datagram took %v of %v", took[0], delay)
	}
	if lost := count - len(took); lost < count/20 || lost > count/5 {
		t.Errorf("%d of %d were lost where a tenth is", lost, count)
	}
}

func handled(c network.Counts) uint64 { return c.Passed + c.Lost }

// namespace makes a network namespace for the test.
func namespace(t *testing.T) string {
	t.Helper()
	file, err := newNamespace()
	if err == nil {
		t.Cleanup(func() { _ = file.Close() }) // it was only read
		_, err = exec.LookPath("nsenter")
	}
	if err == nil {
		_, err = exec.LookPath("ip")
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("in the CI this test must run: %v", err)
		}
		t.Skipf("needs root, ip and nsenter: %v", err)
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
}

func listen(t *testing.T, namespace, address string) (conn net.PacketConn) {
	t.Helper()
	err := InNamespace(namespace, func() (err error) {
		conn, err = net.ListenPacket("udp4", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
