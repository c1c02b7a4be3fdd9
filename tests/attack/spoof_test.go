package attack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
)

// spoofer sends UDP datagrams from addresses of others.
type spoofer struct {
	t  *testing.T
	fd int
}

func newSpoofer(t *testing.T) *spoofer {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_RAW)
	if err != nil {
		t.Fatalf("a raw socket: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	return &spoofer{t, fd}
}

// send sends one datagram that says it is from the given address.
func (s *spoofer) send(from, to netip.AddrPort, payload []byte) {
	s.t.Helper()
	const ipHeader, udpHeader = 20, 8
	b := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(payload))
	b[0], b[8], b[9] = 0x45, 64, syscall.IPPROTO_UDP // the kernel fills in length, id and checksum (raw(7))
	src, dst := from.Addr().As4(), to.Addr().As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	udp := b[ipHeader:]
	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpHeader+len(payload))) // checksum 0: none
	if err := syscall.Sendto(s.fd, append(b, payload...), 0, &syscall.SockaddrInet4{Addr: dst}); err != nil {
		s.t.Fatalf("sending a spoofed datagram: %v", err)
	}
}

// sink is the address of somebody who takes part in nothing, and counts what comes to it.
type sink struct {
	addr           netip.AddrPort
	bytes, packets atomic.Int64
}

func newSink(t *testing.T) *sink {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(strangerIP)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	_ = socket.SetReadBuffer(4 << 20) // best effort
	s := &sink{addr: netip.MustParseAddrPort(socket.LocalAddr().String())}
	go func() { // ends with the socket
		for b := make([]byte, 2048); ; {
			n, err := socket.Read(b)
			if err != nil {
				return
			}
			s.bytes.Add(int64(n))
			s.packets.Add(1)
		}
	}()
	return s
}
