package reach_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"conclave/reach"
	"conclave/sfu/wiretest"
)

func dial(t testing.TB, to netip.AddrPort) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func dialTLS(t testing.TB, to netip.AddrPort, protocols ...string) *tls.Conn {
	t.Helper()
	conn := tls.Client(dial(t, to), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}) //nolint:gosec // a test
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return conn
}

// hello says what a handler knows of its request.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "%s tls=%v", r.Proto, r.TLS != nil)
})

// get makes a request on a connection, twice: it is kept alive.
func get(t *testing.T, conn net.Conn) (body string) {
	t.Helper()
	in := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		body = string(b)
	}
	return body
}

// HTTP is served as before the port was shared: HTTP/2, connections kept alive, with and without ALPN, and without TLS.
func TestHTTPGoesOnBesideStreams(t *testing.T) {
	s := newServer(t, "127.0.0.1", hello)
	if got := get(t, dial(t, s.tcp)); got != "HTTP/1.1 tls=false" {
		t.Errorf("plain: %s", got)
	}
	if got := get(t, dialTLS(t, s.tcp)); got != "HTTP/1.1 tls=true" {
		t.Errorf("without ALPN: %s", got)
	}
	if got := get(t, dialTLS(t, s.tcp, "http/1.1")); got != "HTTP/1.1 tls=true" {
		t.Errorf("with ALPN: %s", got)
	}
	c := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a test
	defer c.CloseIdleConnections()
	r, err := c.Get("https://" + s.tcp.String())
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if string(body) != "HTTP/2.0 tls=true" {
		t.Errorf("HTTP/2: %s", body)
	}
}

func TestWhatIsNeitherHTTPNorMediaIsClosed(t *testing.T) {
	s := newServer(t, "127.0.0.1", hello)
	for name, b := range map[string]string{
		"SSH": "\x01SSH-2.0-x\r\n", "noise": "\xff\xfe\xfd", "a STUN message with a wrong cookie": string(make([]byte, 20)),
		"lower case": "get / http/1.1\r\n", "no TLS": "\x16\x03\x01\x00\x02zz",
		"a frame longer than any datagram": "\x3f\xff\x00\x01\x00\x00\x21\x12\xa4\x42",
	} {
		conn := dial(t, s.tcp)
		if _, err := io.WriteString(conn, b); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(wiretest.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: still open", name)
		}
	}
	n := s.port.Stats().Connections
	if n[reach.Unknown] != 5 || n[reach.Failed] != 1 {
		t.Errorf("counted as %v", n)
	}
}

// A connection that says nothing, or says what it is and no more, is closed within 10 s, and counted by kind.
func TestConnectionsThatSayNothingAreClosed(t *testing.T) {
	t.Parallel()
	s := newServer(t, "127.0.0.1", hello)
	frame := make([]byte, 22)
	copy(frame, []byte{0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
	conns := map[string]net.Conn{"nothing": dial(t, s.tcp), "a frame": dial(t, s.tcp), "half a frame": dial(t, s.tcp),
		"half a TURN message": dial(t, s.tcp), "TLS and nothing": dialTLS(t, s.tcp)}
	for name, b := range map[string][]byte{
		"a frame": frame, "half a frame": frame[:12], "half a TURN message": frame[2:14],
	} {
		if _, err := conns[name].Write(b); err != nil {
			t.Fatal(err)
		}
	}
	for name, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(wiretest.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: still open", name)
		}
	}
	wiretest.Eventually(t, "no place is held", func() bool { return s.port.Stats().Pending == 0 })
	wiretest.Eventually(t, "each is counted", func() bool {
		n := s.port.Stats().Connections
		return n[reach.Silent] == uint64(len(conns)) && n[reach.ICETCP] == 1 && n[reach.TURN] == 1
	})
}

// A drained port takes no connection more, and goes on with those it has.
func TestADrainedPortKeepsItsConnections(t *testing.T) {
	s := newServer(t, "127.0.0.1", hello)
	web, relay := dial(t, s.tcp), dial(t, s.tcp)
	ask := func() (answered bool) {
		t.Helper()
		m := pion.MustBuild(pion.TransactionID, pion.NewType(pion.MethodAllocate, pion.ClassRequest),
			pion.RawAttribute{Type: pion.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}})
		_, _ = relay.Write(m.Raw)
		answer := readSTUN(t, relay)
		return answer != nil && answer.TransactionID == m.TransactionID
	}
	if get(t, web); !ask() {
		t.Fatal("no challenge")
	}
	s.port.Drain()
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.tcp.String()); err == nil {
		_ = conn.Close()
		t.Error("a connection is taken")
	}
	if get(t, web); !ask() {
		t.Error("a connection is closed")
	}
	if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", s.tcp.String()); err != nil {
		t.Errorf("the next process cannot listen: %v", err)
	} else if err := s.port.Serve(l, true); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it listens again: %v", err)
	}
}

// allocate makes an allocation with Pion's client over TCP; the error is its.
func allocate(t *testing.T, conn net.Conn, c reach.Credential) (net.PacketConn, error) {
	t.Helper()
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: conn.RemoteAddr().String(), Conn: turn.NewSTUNConn(conn), Username: c.Username, Password: c.Password,
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relayed, err := client.Allocate()
	if err == nil {
		t.Cleanup(func() { go func() { _ = relayed.Close() }() }) // it waits for an answer that may not come
	}
	return relayed, err
}

// One seat's credential is good for 16 allocations, and when the seat ends they are gone: no connection is left open.
func TestAllocationsEndWithTheSeat(t *testing.T) {
	s := newServer(t, "127.0.0.1", hello)
	c, end := s.seat(t)
	var conns []net.Conn
	refused := 0
	for range 20 {
		conn := dial(t, s.tcp)
		if _, err := allocate(t, conn, c); err != nil {
			refused++
			continue
		}
		conns = append(conns, conn)
	}
	if len(conns) != 16 || refused != 4 {
		t.Errorf("%d allocations, %d refused", len(conns), refused)
	}
	end()
	wiretest.Eventually(t, "the connections are closed", func() bool {
		for _, conn := range conns {
			if _, err := conn.Write([]byte{0}); err == nil {
				return false
			}
		}
		return true
	})
	if _, err := allocate(t, dial(t, s.tcp), c); err == nil {
		t.Error("the credential outlasts the seat")
	}
}

func TestWrongCredentialsEndTheConnection(t *testing.T) {
	s := newServer(t, "127.0.0.1", hello)
	conn := dial(t, s.tcp)
	for range 5 {
		m := pion.MustBuild(pion.TransactionID, pion.NewType(pion.MethodAllocate, pion.ClassRequest),
			pion.RawAttribute{Type: pion.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}})
		if _, err := conn.Write(m.Raw); err != nil {
			return
		}
		answer := readSTUN(t, conn)
		if answer == nil {
			return
		}
		var nonce pion.Nonce
		if nonce.GetFrom(answer) != nil {
			t.Fatal("no nonce")
		}
		m = pion.MustBuild(pion.TransactionID, pion.NewType(pion.MethodAllocate, pion.ClassRequest),
			pion.RawAttribute{Type: pion.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}, pion.NewUsername("ana"),
			pion.NewRealm("c"), nonce, pion.NewLongTermIntegrity("ana", "c", "guess"))
		if _, err := conn.Write(m.Raw); err != nil {
			return
		}
		if readSTUN(t, conn) == nil {
			return
		}
	}
	t.Error("it may guess for ever")
}

// readSTUN reads one message; nil at the end.
func readSTUN(t testing.TB, conn net.Conn) *pion.Message {
	t.Helper()
	b := make([]byte, 2048)
	if _, err := io.ReadFull(conn, b[:20]); err != nil {
		return nil
	}
	n := 20 + int(binary.BigEndian.Uint16(b[2:]))
	if _, err := io.ReadFull(conn, b[20:n]); err != nil {
		return nil
	}
	m := &pion.Message{Raw: b[:n]}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	return m
}
