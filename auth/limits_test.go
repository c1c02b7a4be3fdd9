package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func client(n int) ClientIP {
	return NewClientIP(netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)}))
}

// unlimited are limits that do not bite, for tests of one that does.
func unlimited() Limits {
	const many = 1 << 20
	return Limits{
		CodesPerAddressHour: many, CodesPerAddressDay: many, CodeResendAfter: []time.Duration{0}, CodesPerClientHour: many, CodesPerMinute: many,
		GuestsPerClientHour: many, FailedVerifies: many, AuthRequestsPerMinute: many, MaxKeys: many,
	}
}

func TestFiveCodesAnHourPerAddress(t *testing.T) {
	l := unlimited()
	l.CodesPerAddressHour = 0
	c := newCodeLimits(l.withDefaults())
	ana, ben := mustEmail(t, "ana@example.org"), mustEmail(t, "ben@example.org")
	for i := range 5 {
		if ok, _ := c.allow(epoch(), client(i), ana); !ok {
			t.Fatalf("code %d refused", i+1)
		}
	}
	ok, retry := c.allow(epoch().Add(time.Minute), client(9), ana)
	if ok || retry != 59*time.Minute {
		t.Errorf("sixth: %v, retry after %v", ok, retry)
	}
	if ok, _ := c.allow(epoch(), client(1), ben); !ok {
		t.Error("another address pays for it")
	}
	if ok, _ := c.allow(epoch().Add(time.Hour), client(1), ana); !ok {
		t.Error("refused after the hour")
	}
}

func TestTenCodesADayPerAddress(t *testing.T) {
	l := unlimited()
	l.CodesPerAddressDay = 0
	c := newCodeLimits(l.withDefaults())
	ana := mustEmail(t, "ana@example.org")
	for i := range 10 {
		if ok, _ := c.allow(epoch().Add(time.Duration(i)*time.Hour), client(i), ana); !ok {
			t.Fatalf("code %d refused", i+1)
		}
	}
	if ok, retry := c.allow(epoch().Add(10*time.Hour), client(1), ana); ok || retry != 14*time.Hour {
		t.Errorf("eleventh: %v, retry after %v", ok, retry)
	}
}

func TestResendWaitsThirtySixtyHundredTwentySeconds(t *testing.T) {
	l := unlimited()
	l.CodeResendAfter = nil
	c := newCodeLimits(l.withDefaults())
	ana := mustEmail(t, "ana@example.org")
	now := epoch()
	for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 2 * time.Minute} {
		if ok, _ := c.allow(now, client(i), ana); !ok {
			t.Fatalf("code %d refused", i+1)
		}
		if ok, retry := c.allow(now, client(99), ana); ok || retry != want {
			t.Errorf("after code %d: %v, retry after %v, want %v", i+1, ok, retry, want)
		}
		if ok, _ := c.allow(now.Add(want-1), client(99), ana); ok {
			t.Errorf("after code %d: allowed early", i+1)
		}
		now = now.Add(want)
	}
}

func TestTwentyCodesAnHourPerClient(t *testing.T) {
	l := unlimited()
	l.CodesPerClientHour = 0
	c := newCodeLimits(l.withDefaults())
	for i := range 20 {
		if ok, _ := c.allow(epoch(), client(1), mustEmail(t, fmt.Sprintf("a%d@example.org", i))); !ok {
			t.Fatalf("code %d refused", i+1)
		}
	}
	if ok, retry := c.allow(epoch(), client(1), mustEmail(t, "more@example.org")); ok || retry != time.Hour {
		t.Errorf("21st: %v, retry after %v", ok, retry)
	}
	if ok, _ := c.allow(epoch(), client(2), mustEmail(t, "more@example.org")); !ok {
		t.Error("another client pays for it")
	}
}

func TestClientIsLimitedByIPv6Subnet(t *testing.T) {
	l := unlimited()
	l.CodesPerClientHour = 1
	c := newCodeLimits(l)
	one := NewClientIP(netip.MustParseAddr("2001:db8::1"))
	two := NewClientIP(netip.MustParseAddr("2001:db8::2"))
	if ok, _ := c.allow(epoch(), one, mustEmail(t, "a@example.org")); !ok {
		t.Fatal("first refused")
	}
	if ok, _ := c.allow(epoch(), two, mustEmail(t, "b@example.org")); ok {
		t.Error("another address of the same /64 starts anew")
	}
}

func TestGlobalSendRate(t *testing.T) {
	l := unlimited()
	l.CodesPerMinute = 0
	c := newCodeLimits(l.withDefaults())
	for i := range 120 {
		if ok, _ := c.allow(epoch(), client(i), mustEmail(t, fmt.Sprintf("a%d@example.org", i))); !ok {
			t.Fatalf("code %d refused", i+1)
		}
	}
	if ok, retry := c.allow(epoch(), client(999), mustEmail(t, "more@example.org")); ok || retry != time.Minute {
		t.Errorf("121st: %v, retry after %v", ok, retry)
	}
}

// TestRefusedRequestUsesUpNothing: whoever is over his own limit cannot use up another person's.
func TestRefusedRequestUsesUpNothing(t *testing.T) {
	l := unlimited()
	l.CodesPerClientHour, l.CodesPerAddressHour = 1, 1
	c := newCodeLimits(l)
	victim := mustEmail(t, "victim@example.org")
	c.allow(epoch(), client(1), mustEmail(t, "eve@example.org"))
	for range 100 {
		if ok, _ := c.allow(epoch(), client(1), victim); ok {
			t.Fatal("over the client's limit")
		}
	}
	if ok, _ := c.allow(epoch(), client(2), victim); !ok {
		t.Error("the victim's limit was used up")
	}
}
