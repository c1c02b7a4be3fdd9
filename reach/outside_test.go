package reach

import (
	"net/netip"
	"testing"
)

func TestOnlyChecksFromOtherMachinesCountAsOutside(t *testing.T) {
	e := NewEcho(netip.MustParseAddr("203.0.113.7"))
	for _, own := range []string{"127.0.0.1", "::1", "203.0.113.7", "::ffff:203.0.113.7"} {
		e.note(echoUDP, netip.MustParseAddr(own))
	}
	if n := e.outside[echoUDP].Load(); n != 0 {
		t.Errorf("%d of its own", n)
	}
	e.note(echoRelay, netip.MustParseAddr("198.51.100.1"))
	if e.outside[echoRelay].Load() != 1 || e.outside[echoUDP].Load() != 0 {
		t.Error("a check from outside is not counted by its way")
	}
}
