package wire

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"conclave/bots/network"
)

// signalled is a datagram that was neither RTP nor RTCP.
type signalled struct {
	data []byte
	from netip.AddrPort
}

// exchange is a wire and a socket that talks to it.
type exchange struct {
	*Wire
	peer    *net.UDPConn
	media   chan Arrival
	signals chan signalled
}

func newExchange(t *testing.T, cfg Config) *exchange {
	t.Helper()
	e := &exchange{media: make(chan Arrival, 16), signals: make(chan signalled, 16)}
	cfg.Local = net.IPv4(127, 0, 0, 1)
	cfg.Media = func(list []Arrival) {
		for _, a := range list {
			e.media <- Arrival{Data: bytes.Clone(a.Data), At: a.At}
		}
	}
	cfg.Signal = func(b []byte, from netip.AddrPort) { e.signals <- signalled{append([]byte{}, b...), from} }
	var err error
	if e.Wire, err = Listen(cfg); err != nil {
		t.Fatal(err)
	}
	port := e.conn.LocalAddr().(*net.UDPAddr).Port
	if e.peer, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = e.peer.Close()
		_ = e.Close()
		_ = e.Close() // twice is allowed
	})
	return e
}

// address is where the peer is.
func (e *exchange) address() netip.AddrPort {
	return netip.MustParseAddrPort(e.peer.LocalAddr().String())
}

func (e *exchange) write(t *testing.T, list ...[]byte) {
	t.Helper()
	for _, b := range list {
		if _, err := e.peer.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// What can't be sent counts when it goes to the server: a check of a candidate that no route leads to is no loss.
func TestOnlyWhatTheServerMissesIsASendError(t *testing.T) {
	e := newExchange(t, Config{})
	elsewhere := netip.MustParseAddrPort("[2001:db8::1]:9") // a socket of IPv4 cannot send there
	if e.Reaches(elsewhere) || !e.Reaches(e.address()) || !e.Reaches(netip.AddrPortFrom(streamPrefix.Addr(), 1)) {
		t.Error("it does not know what it reaches")
	}
	e.Follow(e.address())
	e.SendTo([]byte{0}, elsewhere)
	if n := e.SendErrors(); n != 0 {
		t.Errorf("%d send errors", n)
	}
	e.Follow(elsewhere)
	e.Send([]byte{0})
	if n := e.SendErrors(); n != 1 {
		t.Errorf("%d send errors, want 1", n)
	}
}

func TestDatagramsAreSortedByTheirFirstBytes(t *testing.T) {
	e := newExchange(t, Config{})
	before := time.Now()
	rtp := append([]byte{0x80, 96, 0, 1}, make([]byte, 20)...)
	rtcp := append([]byte{0x81, 201, 0, 1}, make([]byte, 20)...)
	stun := append([]byte{0, 1, 0, 0}, make([]byte, 16)...)
	dtls := append([]byte{22, 0xFE, 0xFD}, make([]byte, 20)...)
	e.write(t, rtp, rtcp, []byte{}, []byte{1}, stun, dtls)
	for _, want := range [][]byte{{}, {1}, stun, dtls} { // what is neither RTP nor RTCP is for others to judge
		if s := <-e.signals; !bytes.Equal(s.data, want) || s.from != e.address() {
			t.Errorf("% x from %v; want % x", s.data, s.from, want)
		}
	}
	for _, want := range [][]byte{rtp, rtcp} {
		a := <-e.media
		if d := time.Unix(0, a.At).Sub(before); !bytes.Equal(a.Data, want) || d < -time.Second || d > 10*time.Second {
			t.Errorf("% x, %v after it was sent; want % x", a.Data, d, want)
		}
	}
}

// What a bad network does, it does to handshakes and media alike, in both directions.
func TestANetworkIsBetweenTheBotAndItsSocket(t *testing.T) {
	const delay = 80 * time.Millisecond
	e := newExchange(t, Config{Network: &network.Conditions{Delay: delay}})
	e.Follow(e.address())
	buf := make([]byte, MaxDatagram)
	for name, send := range map[string]func(){
		"media": func() { e.Send([]byte{0x80, 1, 2}) },
		"STUN":  func() { e.SendTo([]byte{0, 1, 2}, e.address()) },
	} {
		before := time.Now()
		send()
		if n, err := e.peer.Read(buf); err != nil || n != 3 || time.Since(before) < delay {
			t.Errorf("%s: %d bytes, %v, after %v", name, n, err, time.Since(before))
		}
	}
	before := time.Now()
	e.write(t, append([]byte{0x80, 96}, make([]byte, 20)...), []byte{0, 1, 2})
	if a := <-e.media; len(a.Data) != 22 || time.Unix(0, a.At).Sub(before) < delay-time.Millisecond {
		t.Errorf("%d bytes that arrived after %v", len(a.Data), time.Unix(0, a.At).Sub(before))
	}
	if s := <-e.signals; len(s.data) != 3 || time.Since(before) < delay-time.Millisecond {
		t.Errorf("%d bytes after %v", len(s.data), time.Since(before))
	}
	if e.SendErrors() != 0 || e.Drops() != 0 {
		t.Errorf("%d errors, %d drops", e.SendErrors(), e.Drops())
	}
}
