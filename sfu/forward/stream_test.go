package forward

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/transport"
	"conclave/sfu/wiretest"
)

// framed is a listener of one stream as a socket: datagrams are kept apart by their length (RFC 4571).
type framed struct {
	net.Conn
	mu sync.Mutex // one frame at a time
}

var streamPeer = netip.MustParseAddrPort("192.0.2.1:1")

func (f *framed) ReadFrom(b []byte) (int, net.Addr, error) {
	var size [2]byte
	if _, err := io.ReadFull(f.Conn, size[:]); err != nil {
		return 0, nil, net.ErrClosed
	}
	n, err := io.ReadFull(f.Conn, b[:binary.BigEndian.Uint16(size[:])])
	return n, net.UDPAddrFromAddrPort(streamPeer), err
}

func (f *framed) WriteTo(b []byte, _ net.Addr) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.Conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return max(0, n-2), err
}

func (f *framed) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 1} }

// A destination may be a stream: a socket that is given, with keys and an address from elsewhere than ICE and DTLS.
// Media comes and goes over it.
func TestADestinationMayBeAStream(t *testing.T) {
	near, far := net.Pipe()
	network, err := transport.Open(transport.Config{Sockets: [][]batch.Conn{{batch.FromPacketConn(&framed{Conn: near})}}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t}
	if r.engine, err = New(network, testLimits, nil); err != nil {
		t.Fatal(err)
	}
	p := r.join(1, options{}).live()
	keys := p.c.transport.Keys()
	p.c.transport.Adopt(keys, &transport.Path{From: streamPeer})
	p.watch(p) // what it publishes comes back
	defer func() {
		p.c.transport.Close()
		_ = far.Close()
		if err := r.engine.Close(); err != nil {
			t.Error(err)
		}
	}()
	client := &framed{Conn: far}
	sealed := p.Sealed(wiretest.Video(5, 1, "q"))
	if _, err := client.WriteTo(sealed, nil); err != nil {
		t.Fatal(err)
	}
	_ = far.SetReadDeadline(time.Now().Add(wiretest.Patience))
	buf := make([]byte, batch.MaxDatagram)
	n, _, err := client.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if ssrc, _, _ := p.c.out.Slots()[0].SSRCs(); binary.BigEndian.Uint32(buf[8:n]) != ssrc {
		t.Errorf("%d bytes of another stream have come", n)
	}
}
