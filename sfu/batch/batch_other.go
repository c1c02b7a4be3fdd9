//go:build !linux

package batch

import (
	"fmt"
	"net"
	"net/netip"
)

// Share opens one more socket on the address of one that Listen has opened. Without SO_REUSEPORT it fails.
func Share(addr netip.AddrPort) (Conn, error) { return Listen(addr) }

// Listen opens a UDP socket on addr. It fails if any other socket is there.
func Listen(addr netip.AddrPort) (Conn, error) {
	uc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return FromPacketConn(uc), nil
}

type rawAddr struct{}

func newRawAddr(netip.AddrPort) rawAddr { return rawAddr{} }

// SteerRTCP opens no further sockets here.
func SteerRTCP([]Conn) ([]Polled, error) { return nil, nil }
