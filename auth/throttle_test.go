package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestRequestsAreLimitedInEveryNetwork: a minute's worth at once, then the steady rate; a wider network has more, in
// proportion.
func TestRequestsAreLimitedInEveryNetwork(t *testing.T) {
	for name, tt := range map[string]struct {
		address func(i int) string
		atOnce  int
	}{
		"one_64": {func(i int) string { return fmt.Sprintf("2001:db8:1:1::%x", i) }, 60},
		"one_56": {func(i int) string { return fmt.Sprintf("2001:db8:1:1%02x::1", i%256) }, 120},
		"one_48": {func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", (i*257)%65536) }, 240},
		"one_v4": {func(int) string { return "203.0.113.7" }, 60},
		"one_24": {func(i int) string { return fmt.Sprintf("203.0.113.%d", i%256) }, 240},
	} {
		t.Run(name, func(t *testing.T) {
			l := newThrottle(60, 10_000)
			allowed := func(now time.Time) (n int) {
				for i := range 1000 {
					if ok, _ := l.allow(now, NewClientIP(netip.MustParseAddr(tt.address(i)))); ok {
						n++
					}
				}
				return n
			}
			if n := allowed(epoch()); n != tt.atOnce {
				t.Errorf("%d at once, want %d", n, tt.atOnce)
			}
			if n := allowed(epoch().Add(10 * time.Second)); n != tt.atOnce/6 {
				t.Errorf("%d after ten seconds, want %d", n, tt.atOnce/6)
			}
			ok, retry := l.allow(epoch().Add(10*time.Second), NewClientIP(netip.MustParseAddr(tt.address(0))))
			if ok || retry <= 0 || retry > time.Second {
				t.Errorf("%v, retry after %v", ok, retry)
			}
			if ok, _ := l.allow(epoch(), NewClientIP(netip.MustParseAddr("198.51.100.1"))); !ok {
				t.Error("another network pays for it")
			}
		})
	}
}

func TestNetworksOfRequestsAreBounded(t *testing.T) {
	l := newThrottle(60, 100)
	busy := client(1)
	for range 60 {
		l.allow(epoch(), busy)
	}
	for i := range 1000 {
		l.allow(epoch(), NewClientIP(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})))
		if len(l.busy) > 100 {
			t.Fatalf("%d networks are remembered", len(l.busy))
		}
	}
	if ok, _ := l.allow(epoch(), busy); ok {
		t.Error("a flood of other networks freed a busy one")
	}
}
