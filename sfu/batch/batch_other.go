//go:build !linux

package batch

import (
	"fmt"
	"net"
	"net/netip"
)

// Listen opens a UDP socket on addr. Without SO_REUSEPORT there is one socket an address: a second Listen on it fails.
func Listen(addr netip.AddrPort) (Conn, error) {
	uc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return FromPacketConn(uc), nil
}

type rawAddr struct{}

func newRawAddr(netip.AddrPort) rawAddr { return rawAddr{} }
