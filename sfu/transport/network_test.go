package transport

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"conclave/sfu/batch"
)

// Sockets may be given instead of opened; then they are the network's to close.
func TestSocketsCanBeGiven(t *testing.T) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Open(Config{Sockets: [][]batch.Conn{{batch.FromPacketConn(pc)}},
		Advertise: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	if err != nil {
		t.Fatal(err)
	}
	addr := pc.LocalAddr().(*net.UDPAddr).AddrPort()
	if got := n.Candidates(); len(got) != 2 || got[0] != netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"),
		addr.Port()) || got[1] != addr {
		t.Errorf("candidates %v", got)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := pc.WriteTo([]byte{0}, pc.LocalAddr()); err == nil {
		t.Error("the socket is still open")
	}
}

func TestUnusableAddressesAreRefused(t *testing.T) {
	for _, listen := range [][]netip.AddrPort{nil, {{}}, {netip.MustParseAddrPort("0.0.0.0:0")},
		{netip.MustParseAddrPort("[::]:0")}} {
		if n, err := Open(Config{Listen: listen}); err == nil {
			_ = n.Close()
			t.Errorf("%v is listened on", listen)
		}
	}
}

// TestAPortIsHeldByOneProcess: a second socket of the same user on the port would silently take some of our clients.
func TestAPortIsHeldByOneProcess(t *testing.T) {
	first, err := Open(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	for workers := 1; workers <= 2; workers++ {
		second, err := Open(Config{Listen: first.Candidates(), Workers: workers})
		if err == nil {
			_ = second.Close()
			t.Fatalf("the port was shared, by %d sockets", workers)
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%v", err)
		}
	}
}
