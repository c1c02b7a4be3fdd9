package reach_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conclave/reach"
	"conclave/sfu"
	"conclave/sfu/stream"
	"conclave/sfu/wiretest"
)

// server is an engine with a TCP port and a relay in front of it, as cmd/conclave wires them.
type server struct {
	sfu         *sfu.Server
	hub         *stream.Hub
	credentials *reach.Credentials
	echo        *reach.Echo
	port        *reach.Port
	tcp         netip.AddrPort
	udp         netip.AddrPort
}

// newServer serves on an address of the loopback. handler serves HTTP, inside TLS and plain. Clients are told the
// advertised addresses too.
func newServer(t testing.TB, ip string, handler http.Handler, advertised ...netip.Addr) *server {
	t.Helper()
	s := &server{hub: stream.NewHub(2, 1000), credentials: reach.NewCredentials(), echo: reach.NewEcho()}
	relay := reach.NewRelay(s.hub, s.credentials, s.echo, time.Now)
	s.listen(t, ip, relay, handler)
	var err error
	s.sfu, err = sfu.Listen(sfu.Config{
		Listen: []netip.AddrPort{netip.AddrPortFrom(s.tcp.Addr(), 0)}, Workers: 2, Streams: s.hub,
		TCP: []netip.AddrPort{s.tcp}, Relay: relay, Advertise: advertised,
	})
	if err != nil {
		t.Fatal(err)
	}
	relay.Open(s.sfu.Addresses())
	s.udp = s.sfu.Addresses()[len(advertised)]
	t.Cleanup(func() {
		s.port.Close()
		if err := s.sfu.Close(); err != nil {
			t.Error(err)
		}
		wiretest.Eventually(t, "no stream is left", func() bool { return s.hub.Stats().Open == 0 })
	})
	return s
}

// listen serves a port until the test ends.
func (s *server) listen(t testing.TB, ip string, relay *reach.Relay, handler http.Handler) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Skipf("%s cannot be listened on: %v", ip, err)
	}
	s.tcp = netip.MustParseAddrPort(l.Addr().String())
	s.port = reach.NewPort(reach.Config{
		TLS: &tls.Config{
			Certificates: []tls.Certificate{identity}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
		},
		Hub: s.hub, Echo: s.echo, Relay: relay,
	})
	var servers []*http.Server
	for _, listener := range []net.Listener{s.port.Secure(l), s.port.Plain(l)} {
		h := &http.Server{Handler: reach.WithTLS(handler), ConnContext: reach.ConnContext, ReadHeaderTimeout: 5 * time.Second,
			TLSConfig: &tls.Config{NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}}
		servers = append(servers, h)
		go func() { _ = h.Serve(listener) }()
	}
	go func() { _ = s.port.Serve(l, true) }()
	t.Cleanup(func() {
		for _, h := range servers {
			_ = h.Close()
		}
		s.port.Close()
	})
}

// identity is the certificate of all servers of this process, which trusts it: Pion verifies TURN's certificate with
// the system's roots, and those are read once.
var identity = func() (cert tls.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, IsCA: true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}()

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "reach")
	if err != nil {
		panic(err)
	}
	file := filepath.Join(dir, "roots.pem")
	der := identity.Certificate[0]
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		panic(err)
	}
	if err := os.Setenv("SSL_CERT_FILE", file); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(pionTimers); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// seat makes a credential that lasts as long as the test.
func (s *server) seat(t testing.TB) (reach.Credential, func()) {
	t.Helper()
	c, end, err := s.credentials.Seat(time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return c, end
}

// pionTimers are of Pion's TURN client, whose end waits for answers that may not come.
var pionTimers = goleak.IgnoreAnyFunction("github.com/pion/turn/v5/internal/client.(*PeriodicTimer).Start.func1")
