package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"conclave/auth"
)

// fakeListener hands out connections from addresses of the test's choice.
type fakeListener struct {
	net.Listener
	from chan netip.Addr
}

func (l fakeListener) Accept() (net.Conn, error) {
	a, ok := <-l.from
	if !ok {
		return nil, net.ErrClosed
	}
	c, _ := net.Pipe()
	return fakeConn{c, netip.AddrPortFrom(a, 1)}, nil
}

type fakeConn struct {
	net.Conn
	from netip.AddrPort
}

func (c fakeConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.from) }

// comes has connections arrive and returns those that were accepted.
func comes(l *fairListener, from ...string) (accepted []net.Conn) {
	addresses := make(chan netip.Addr, len(from))
	for _, f := range from {
		addresses <- netip.MustParseAddr(f)
	}
	close(addresses)
	l.Listener = fakeListener{from: addresses}
	for {
		c, err := l.Accept()
		if err != nil {
			return accepted
		}
		accepted = append(accepted, c)
	}
}

func testListener(ceiling, perClient int) *fairListener {
	return &fairListener{
		ceiling: ceiling, perClient: perClient, open: map[*clientConn]struct{}{}, clients: map[auth.ClientIP]int{},
	}
}

func isClosed(c net.Conn) bool { return c.(*clientConn).closed.Load() }

func TestOneClientCannotTakeAllConnections(t *testing.T) {
	l := testListener(100, 2)
	got := comes(l, "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
	if len(got) != 3 || l.clients[got[0].(*clientConn).client] != 2 {
		t.Fatalf("%d accepted, want two of one /64 and one of another", len(got))
	}
	_, _ = got[0].Close(), got[0].Close() // closing twice counts once
	if n := len(comes(l, "2001:db8::4", "2001:db8::5")); n != 1 {
		t.Errorf("%d places were free, want one", n)
	}
	for c := range l.open {
		_ = c.Close()
	}
	if len(l.open)+len(l.clients) != 0 {
		t.Errorf("%d connections and %d clients are remembered", len(l.open), len(l.clients))
	}
}

// TestAFullListenerTakesFromWhoHasMost: at the ceiling a flood closes its own connections, WebSockets stay, and a
// client that has as many as any other waits for its own.
func TestAFullListenerTakesFromWhoHasMost(t *testing.T) {
	l := testListener(100, 1000)
	quiet := comes(l, "192.0.2.1", "192.0.2.2")
	socket := comes(l, "198.51.100.1")[0]
	l.note(tls.Client(socket, nil), http.StateHijacked)
	flood := make([]string, 500)
	for i := range flood {
		flood[i] = "198.51.100.1"
	}
	if n := len(comes(l, flood...)); n != 97 {
		t.Errorf("%d of the flood were accepted, want 97", n)
	}
	var newcomers []string
	for i := range 50 {
		newcomers = append(newcomers, fmt.Sprintf("203.0.%d.1", i))
	}
	got := comes(l, newcomers...)
	if len(got) != 50 {
		t.Errorf("%d of 50 newcomers were accepted", len(got))
	}
	for _, c := range append(append(quiet, socket), got...) {
		if isClosed(c) {
			t.Errorf("a connection of %v was closed for the flood", c.RemoteAddr())
		}
	}
	if have := len(l.open) + l.upgraded; have != 100 {
		t.Errorf("%d connections, the ceiling is 100", have)
	}
	_ = socket.Close()
	if l.upgraded != 0 {
		t.Error("a closed WebSocket is counted")
	}
}

// TestThousandsOfIdleConnectionsKeepNoOneOut: the real binary with 256 open files, and 2,000 connections that say
// nothing and come again when they are closed. A client at another address is answered.
func TestThousandsOfIdleConnectionsKeepNoOneOut(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs a shell to lower the limit of open files")
	}
	listen := freePort(t)
	serve := doorProcess(t, "serve", "--listen", listen, "--admin-listen", "",
		"--media-listen", "127.0.0.1", "--media-port", "0")
	args := append([]string{"-c", `ulimit -n 256 && exec "$0" "$@"`}, serve.Args...)
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	out := &output{}
	cmd.Env, cmd.Stdout, cmd.Stderr = serve.Env, out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	out.wait(t, `(?m)^(media) `)
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan struct{}, 1<<16)
	var flood [500]chan struct{} // four connections each
	for i := range flood {
		flood[i] = make(chan struct{})
		go func() {
			defer close(flood[i])
			idle(ctx, listen, opened)
		}()
	}
	defer func() {
		cancel()
		for _, done := range flood {
			<-done
		}
	}()
	for range 2000 {
		select {
		case <-opened:
		case <-time.After(time.Minute):
			t.Fatal("the flood does not get through: the test proves nothing")
		}
	}
	for range 5 {
		begun := time.Now()
		client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}).DialContext,
		}}
		resp, err := client.Get("http://" + listen + "/api/config")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("after %v: %v %v", time.Since(begun), resp, err)
		}
		_ = resp.Body.Close()
	}
}

// idle holds four connections that say nothing, and opens others for those that are closed, until ctx ends.
func idle(ctx context.Context, target string, opened chan<- struct{}) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: time.Second}
	var held [4]net.Conn
	for ctx.Err() == nil {
		for i, c := range held {
			if c != nil {
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
					continue
				}
				_ = c.Close()
			}
			held[i], _ = dialer.DialContext(ctx, "tcp", target)
			if held[i] != nil {
				select {
				case opened <- struct{}{}:
				default:
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, c := range held {
		if c != nil {
			_ = c.Close()
		}
	}
}

func TestTheCeilingLeavesFilesForTheRest(t *testing.T) {
	cfg := parseConfig(t, "--max-connections", "1000000000")
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if l := limitListener(nil, &cfg.Config, nil); uint64(l.ceiling) > limit.Cur/4*3 {
		t.Errorf("%d connections of %d files", l.ceiling, limit.Cur)
	}
	cfg = parseConfig(t, "--max-connections", "7")
	if l := limitListener(nil, &cfg.Config, nil); l.ceiling != 7 {
		t.Errorf("a ceiling of %d, want 7", l.ceiling)
	}
}

// slowServer is our server over TLS with its clock twenty times faster.
func slowServer(t *testing.T) (address string) {
	t.Helper()
	h := newHTTPServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }),
	)
	h.ReadHeaderTimeout, h.ReadTimeout = h.ReadHeaderTimeout/20, h.ReadTimeout/20
	h.WriteTimeout, h.IdleTimeout = h.WriteTimeout/20, h.IdleTimeout/20
	dir := t.TempDir()
	certificate(t, filepath.Join(dir, "c"), filepath.Join(dir, "k"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = h.ServeTLS(l, filepath.Join(dir, "c"), filepath.Join(dir, "k")) }()
	t.Cleanup(func() { _ = h.Close() })
	return l.Addr().String()
}

// cutOff waits until the server closes a connection, and keeps drip going meanwhile.
func cutOff(t *testing.T, c net.Conn, drip func()) {
	t.Helper()
	stop := make(chan struct{})
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				drip()
			}
		}
	}()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, bufio.NewReader(c)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("still open")
	}
	close(stop)
	<-dripped
}

func TestSlowTLSHandshakesAreCutOff(t *testing.T) {
	address := slowServer(t)
	for name, send := range map[string]func(net.Conn) func(){
		"says_nothing": func(net.Conn) func() { return func() {} },
		"half_a_hello": func(c net.Conn) func() {
			_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3})
			return func() {}
		},
		"drips_a_hello": func(c net.Conn) func() {
			_, _ = c.Write([]byte{22, 3, 1, 64, 0, 1, 0, 63, 0xfc, 3, 3})
			return func() { _, _ = c.Write([]byte{0}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			cutOff(t, c, send(c))
		})
	}
}

// TestSlowHTTP2IsCutOff: what HTTP/2 adds to the ways of being slow.
func TestSlowHTTP2IsCutOff(t *testing.T) {
	address := slowServer(t)
	headers := func(method string) []byte {
		var block strings.Builder
		e := hpack.NewEncoder(&block)
		for _, f := range [][2]string{
			{":method", method}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/"},
		} {
			_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		return []byte(block.String())
	}
	for name, send := range map[string]func(*http2.Framer) func(){
		"only_settings": func(*http2.Framer) func() { return func() {} },
		"only_pings":    func(f *http2.Framer) func() { return func() { _ = f.WritePing(false, [8]byte{}) } },
		"headers_never_end": func(f *http2.Framer) func() {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers("GET"), EndStream: true})
			return func() {}
		},
		"a_finished_request_and_no_more": func(f *http2.Framer) func() {
			_ = f.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: headers("GET"), EndStream: true, EndHeaders: true,
			})
			return func() {}
		},
		"a_body_that_drips": func(f *http2.Framer) func() {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers("POST"), EndHeaders: true})
			return func() { _ = f.WriteData(1, false, []byte{'x'}) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c *tls.Conn
			for range 20 { // on a busy machine a handshake may be cut off too
				var err error
				c, err = tls.Dial("tcp", address, &tls.Config{
					InsecureSkipVerify: true, NextProtos: []string{"h2"}, //nolint:gosec // the test's own certificate
				})
				if err == nil {
					break
				}
			}
			if c == nil {
				t.Fatal("no handshake is in time")
			}
			defer func() { _ = c.Close() }()
			if c.ConnectionState().NegotiatedProtocol != "h2" {
				t.Fatal("no HTTP/2")
			}
			_, _ = io.WriteString(c, http2.ClientPreface)
			f := http2.NewFramer(c, nil)
			_ = f.WriteSettings()
			cutOff(t, c, send(f))
		})
	}
}
