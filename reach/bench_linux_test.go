package reach_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"testing"
	"time"

	pion "github.com/pion/stun/v4"
	"golang.org/x/sys/unix"

	"conclave/reach"
	"conclave/sfu/batch"
	"conclave/sfu/stream"
)

// benchWays are the ways by which media leaves, and how many bytes a datagram of burstSize takes on a stream.
var benchWays = []struct {
	name  string
	frame int // bytes before a datagram, and after it
	tls   bool
}{{"udp", 0, false}, {"ice-tcp", 2, false}, {"turn-tcp", 4, false}, {"turn-tls", 4, true}}

const burstPackets, burstSize = 4, 1152

// BenchmarkBurst is what a packet costs the process from the worker's socket to the peer's, sealing excluded: bursts of
// four, each read before the next is sent, as at 30 frames a second. server-ns/packet is processor time without that of
// the thread that reads; the kernel does part of the receiver's work in it, as all is on the loopback.
func BenchmarkBurst(b *testing.B) {
	for _, way := range benchWays {
		b.Run(way.name, func(b *testing.B) {
			var conn batch.Conn
			var peer io.Reader
			var to netip.AddrPort
			if way.name == "udp" {
				conn, to, peer = udpPeer(b)
			} else {
				s := newBenchServer(b)
				conn = s.hub.Conns()[0]
				peer, to = s.peer(b, way.frame, way.tls)
			}
			sender, err := conn.NewSender()
			if err != nil {
				b.Fatal(err)
			}
			m := []batch.Message{{Data: make([]byte, burstPackets*burstSize), Segment: burstSize, To: batch.NewAddr(to)}}
			buf := make([]byte, burstPackets*(burstSize+way.frame))
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var client time.Duration
			b.ReportAllocs()
			began := cpu(b, unix.CLOCK_PROCESS_CPUTIME_ID)
			for b.Loop() {
				if n, err := sender.Send(m); n != 1 || err != nil {
					b.Fatal(n, err)
				}
				before := cpu(b, unix.CLOCK_THREAD_CPUTIME_ID)
				if _, err := io.ReadFull(peer, buf); err != nil {
					b.Fatal(err)
				}
				client += cpu(b, unix.CLOCK_THREAD_CPUTIME_ID) - before
			}
			server := cpu(b, unix.CLOCK_PROCESS_CPUTIME_ID) - began - client
			b.ReportMetric(float64(server)/float64(b.N*burstPackets), "server-ns/packet")
		})
	}
}

// BenchmarkIdlePeer is the memory of a peer's connection that carries nothing, beside the peer's own in the engine:
// heap and stacks after a collection, of 400 connections: -benchtime 1x.
func BenchmarkIdlePeer(b *testing.B) {
	const peers = 400
	for _, way := range benchWays[1:] {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				s := newBenchServer(b)
				var before, after runtime.MemStats
				settle(&before)
				for range peers {
					s.peer(b, way.frame, way.tls)
				}
				settle(&after)
				if n := s.hub.Stats().Open; n != peers {
					b.Fatalf("%d streams", n)
				}
				grown := int64(after.HeapAlloc+after.StackInuse) - int64(before.HeapAlloc+before.StackInuse)
				b.ReportMetric(float64(grown)/peers/1024, "KiB/peer")
			}
		})
	}
}

func settle(m *runtime.MemStats) {
	for range 3 { // pools are emptied by the second collection
		runtime.GC()
	}
	runtime.ReadMemStats(m)
}

func cpu(b *testing.B, clock int32) time.Duration {
	b.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// fdConn is a client's socket outside of Go's poller, so that a thread that reads it waits in the kernel.
type fdConn struct {
	net.Conn // nil: what TLS does not need
	fd       int
}

func (c fdConn) Read(p []byte) (int, error) {
	n, err := unix.Read(c.fd, p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err //nolint:wrapcheck // the kernel's
}
func (c fdConn) Write(p []byte) (int, error)      { return unix.Write(c.fd, p) } //nolint:wrapcheck // the kernel's
func (c fdConn) SetWriteDeadline(time.Time) error { return nil }
func (c fdConn) SetReadDeadline(time.Time) error  { return nil }
func (c fdConn) SetDeadline(time.Time) error      { return nil }
func (c fdConn) Close() error                     { return nil }

// socket opens a client's socket on the loopback and connects it if told where to, until the benchmark ends.
func socket(b *testing.B, kind int, to netip.AddrPort) fdConn {
	b.Helper()
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(fd) })
	local := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Bind(fd, local); err != nil {
		b.Fatal(err)
	}
	if to.IsValid() {
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
			b.Fatal(err)
		}
	}
	return fdConn{fd: fd}
}

// udpPeer is a socket of a worker, and a client's address and what it reads.
func udpPeer(b *testing.B) (batch.Conn, netip.AddrPort, io.Reader) {
	b.Helper()
	server, err := batch.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	client := socket(b, unix.SOCK_DGRAM, netip.AddrPort{})
	at, err := unix.Getsockname(client.fd)
	if err != nil {
		b.Fatal(err)
	}
	port := uint16(at.(*unix.SockaddrInet4).Port)
	return server, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), client
}

// benchServer is a port with a relay, and the engine's end of its streams.
type benchServer struct {
	*server
	from chan netip.AddrPort // of each datagram that comes to the engine
}

// engineAt is what the relay reaches.
var engineAt = netip.MustParseAddrPort("192.0.2.1:443")

func newBenchServer(b *testing.B) *benchServer {
	b.Helper()
	s := &benchServer{&server{hub: stream.NewHub(1, 1000), credentials: reach.NewCredentials(), echo: reach.NewEcho()},
		make(chan netip.AddrPort)}
	relay := reach.NewRelay(s.hub, s.credentials, s.echo, time.Now)
	relay.Open([]netip.AddrPort{engineAt})
	s.listen(b, "127.0.0.1", relay, http.NotFoundHandler())
	engine, err := s.hub.Conns()[0].NewReceiver()
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		_ = engine.Run(func(list []batch.Datagram) bool {
			for _, d := range list {
				s.from <- d.From
			}
			return true
		})
	}()
	b.Cleanup(func() { _ = s.hub.Conns()[0].Close() })
	return s
}

// peer connects a client over ICE-TCP or, if a frame takes four bytes, over TURN with a channel. It returns what the
// client reads, and its address for the engine.
func (s *benchServer) peer(b *testing.B, frame int, overTLS bool) (io.Reader, netip.AddrPort) {
	b.Helper()
	var conn net.Conn = socket(b, unix.SOCK_STREAM, s.tcp)
	if overTLS {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test
	}
	check := pion.MustBuild(pion.TransactionID, pion.BindingRequest, pion.NewUsername("engine:me")).Raw
	message := binary.BigEndian.AppendUint16(nil, uint16(len(check))) // RFC 4571
	if frame == 4 {
		s.bind(b, conn)
		message = binary.BigEndian.AppendUint16([]byte{0x40, 0}, uint16(len(check))) // ChannelData
	}
	if _, err := conn.Write(append(message, check...)); err != nil {
		b.Fatal(err)
	}
	return conn, <-s.from
}

// bind makes an allocation with a channel to the engine.
func (s *benchServer) bind(b *testing.B, conn net.Conn) {
	b.Helper()
	c, _ := s.seat(b)
	ask := func(method pion.Method, setters ...pion.Setter) *pion.Message {
		b.Helper()
		m := pion.MustBuild(append([]pion.Setter{pion.TransactionID, pion.NewType(method, pion.ClassRequest)}, setters...)...)
		if _, err := conn.Write(m.Raw); err != nil {
			b.Fatal(err)
		}
		answer := readSTUN(b, conn)
		if answer == nil {
			b.Fatal("the connection has ended")
		}
		return answer
	}
	udp := pion.RawAttribute{Type: pion.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	var nonce pion.Nonce
	var realm pion.Realm
	challenge := ask(pion.MethodAllocate, udp)
	if nonce.GetFrom(challenge) != nil || realm.GetFrom(challenge) != nil {
		b.Fatal("no challenge")
	}
	user, key := pion.NewUsername(c.Username), pion.NewLongTermIntegrity(c.Username, realm.String(), c.Password)
	if answer := ask(pion.MethodAllocate, udp, user, realm, nonce, key); answer.Type.Class != pion.ClassSuccessResponse {
		b.Fatal(answer)
	}
	at := pion.XORMappedAddress{IP: engineAt.Addr().AsSlice(), Port: int(engineAt.Port())}
	channel := pion.RawAttribute{Type: pion.AttrChannelNumber, Value: []byte{0x40, 0, 0, 0}}
	if answer := ask(pion.MethodChannelBind, channel, setterFunc(func(m *pion.Message) error {
		return at.AddToAs(m, pion.AttrXORPeerAddress)
	}), user, realm, nonce, key); answer.Type.Class != pion.ClassSuccessResponse {
		b.Fatal(answer)
	}
}

type setterFunc func(*pion.Message) error

func (f setterFunc) AddTo(m *pion.Message) error { return f(m) }
