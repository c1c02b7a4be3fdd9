package signaling

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"conclave/meeting"
	"conclave/protocol"
)

// A company of three hundred behind one IPv4 address gets into one meeting within a minute, with the limits as they
// are.
func TestThreeHundredBehindOneAddressGetIn(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id := s.signIn("ana").create(`{"lobby": false}`)
		var all []*peer
		for i := range 300 {
			person := s.signIn(fmt.Sprint("person", i))
			person.want(http.StatusOK, "GET", "/api/meetings/"+string(id), "", nil)
			p := person.dial()
			p.ask(id)
			all = append(all, p)
		}
		for _, p := range all {
			p.in()
		}
		if g := s.registry.Gauges(); g.Participants != 300 {
			t.Fatalf("%+v", g)
		}
	})
}

// The sockets of one bot token are bounded, and leave room for persons.
func TestABotTokenHasACeiling(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.SocketsPerBotToken = 3 })
	for range 3 {
		s.bot().dial()
	}
	if _, res, err := s.bot().tryDial(nil); err == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Fatal("a fourth bot came in")
	}
	s.signIn("ana").dial()
}

// The WebSockets that one session opens, and its joins, are counted however short they live.
func TestTheSocketsOfOneSessionAreCountedOverTime(t *testing.T) {
	inVirtualTime(t, func(c *Config, _ *meeting.Config) { c.SessionPerMinute = 3 }, func(t *testing.T, s *server) {
		eve := s.signIn("eve")
		for range 3 {
			eve.dial().drop()
		}
		if _, res, err := eve.tryDial(nil); err == nil || res.StatusCode != http.StatusTooManyRequests {
			t.Fatal("a fourth socket was opened")
		}
		s.signIn("ana").dial()
		stay(61 * time.Second)
		eve.dial()
	})
}

// The requests of one person are counted over all of their sockets; another person's are not.
func TestRequestsOfOnePersonAreCountedOverTheirSockets(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id := s.signIn("ana").create(`{"lobby": false}`)
		eve, ben := s.signIn("eve"), s.signIn("ben").join(id)
		done := 0
		var all []*peer
		for range 6 {
			all = append(all, eve.join(id))
		}
		for _, p := range all {
			for range 30 {
				p.send(&protocol.Active{ID: p.id()})
			}
			for range 30 {
				switch m := match(p, answers).(type) {
				case *protocol.OK:
					done++
				case *protocol.Error:
					if m.Error != protocol.ErrRateLimited {
						t.Fatalf("%+v", m)
					}
				}
			}
		}
		if done < 100 || done > 120 {
			t.Errorf("%d of 180 requests were done", done)
		}
		ben.ok(&protocol.Active{ID: ben.id()})
	})
}

func answers(m protocol.ServerMessage) bool {
	switch m.(type) {
	case *protocol.OK, *protocol.Error:
		return true
	}
	return false
}

// What waits for one person, and for all, is bounded; those who keep up are never cut because others do not.
func TestQueuesAreBoundedTogether(t *testing.T) {
	eve, process := &queued{}, &queued{}
	frame := make([]byte, 256<<10)
	taken := 0
	for range 5 {
		for q := newQueue(eve, process); q.put(frame); taken += len(frame) {
		}
	}
	if taken > maxQueuedPerPerson+5*len(frame) {
		t.Errorf("%d bytes wait for one person", taken)
	}

	q := newQueue(&queued{}, process)
	process.bytes.Store(maxQueuedAltogether)
	for range 8 {
		if !q.put(make([]byte, littleQueued/8)) {
			t.Fatal("a short queue was cut because others are full")
		}
	}
	if q.put(make([]byte, littleQueued)) {
		t.Error("a long queue grows although all is full")
	}
	q.close()
	if have := process.bytes.Load(); have != maxQueuedAltogether {
		t.Errorf("%d bytes were not given back", have-maxQueuedAltogether)
	}
}

// The kernel keeps a bounded number of bytes for a WebSocket, over TLS too.
func TestKernelBuffersAreBounded(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	boundBuffers(tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS13}))
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		for name, option := range map[string]int{"send": syscall.SO_SNDBUF, "receive": syscall.SO_RCVBUF} {
			n, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, option)
			if err != nil || n > 2*kernelBuffer {
				t.Errorf("%s buffer: %d bytes, %v", name, n, err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
