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

// allow is one request for a code by a stranger, counted if it passes.
func (c *codeLimits) allow(now time.Time, client ClientIP, to Email) (ok bool, retryAfter time.Duration) {
	r := codeRequest{client, recipient{mailbox: to.Mailbox()}}
	_, retryAfter = c.check(now, r)
	if retryAfter == 0 {
		c.take(now, r)
	}
	return retryAfter == 0, retryAfter
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

// TestSixtyCodesAnHourPerNetworkAreFree: sixty are free, up to five times as many cost work, then it waits; no other
// network pays for it.
func TestSixtyCodesAnHourPerNetworkAreFree(t *testing.T) {
	l := unlimited()
	l.CodesPerClientHour = 0
	c := newCodeLimits(l.withDefaults())
	for i := range 300 {
		r := codeRequest{client(1), recipient{mailbox: mustEmail(t, fmt.Sprintf("a%d@example.org", i))}}
		beyond, retryAfter := c.check(epoch(), r)
		if retryAfter > 0 || beyond != (i >= 60) {
			t.Fatalf("code %d: beyond what is free: %v, wait %v", i+1, beyond, retryAfter)
		}
		c.take(epoch(), r)
	}
	if ok, retry := c.allow(epoch(), client(1), mustEmail(t, "more@example.org")); ok || retry != time.Hour {
		t.Errorf("301st: %v, retry after %v", ok, retry)
	}
	neighbour := codeRequest{client(256), recipient{mailbox: mustEmail(t, "more@example.org")}}
	if beyond, retryAfter := c.check(epoch(), neighbour); beyond || retryAfter > 0 {
		t.Error("another network pays for it")
	}
}

// TestWiderNetworksAreLimitedToo: the holder of a /48 has 65,536 times a /64, and only four times as many codes.
func TestWiderNetworksAreLimitedToo(t *testing.T) {
	for name, tt := range map[string]struct {
		address func(i int) string
		free    int
	}{
		"one_64":        {func(i int) string { return fmt.Sprintf("2001:db8:1:1::%x", i) }, 10},
		"one_56":        {func(i int) string { return fmt.Sprintf("2001:db8:1:1%02x::1", i%256) }, 20},
		"one_48":        {func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", (i*257)%65536) }, 40},
		"one_v4":        {func(int) string { return "203.0.113.7" }, 10},
		"one_v4_24":     {func(i int) string { return fmt.Sprintf("203.0.113.%d", i%256) }, 40},
		"v4_in_v6_form": {func(i int) string { return fmt.Sprintf("::ffff:203.0.113.%d", i%256) }, 40},
	} {
		t.Run(name, func(t *testing.T) {
			l := newNetworkLimits(10, time.Hour, 1000)
			free, taken := 0, 0
			for i := range 1000 {
				c := NewClientIP(netip.MustParseAddr(tt.address(i)))
				beyond, retryAfter := l.check(epoch(), c)
				if retryAfter > 0 {
					continue
				}
				if taken++; !beyond {
					free++
				}
				l.take(epoch(), c)
			}
			if free != tt.free || taken != tt.free*hardFactor {
				t.Errorf("%d free and %d in all, want %d and %d", free, taken, tt.free, tt.free*hardFactor)
			}
			for _, far := range []string{"2001:db8:2::1", "203.0.114.7"} {
				if beyond, retryAfter := l.check(epoch(), NewClientIP(netip.MustParseAddr(far))); beyond || retryAfter > 0 {
					t.Errorf("%s pays for it", far)
				}
			}
		})
	}
}

// TestTagsShareTheirMailboxsLimit: 120 tags of one address got 120 mails.
func TestTagsShareTheirMailboxsLimit(t *testing.T) {
	l := unlimited()
	l.CodesPerAddressHour = 0
	c := newCodeLimits(l.withDefaults())
	sent := 0
	for i := range 120 {
		if ok, _ := c.allow(epoch(), client(i<<8), mustEmail(t, fmt.Sprintf("Victim+%d@example.org", i))); ok {
			sent++
		}
	}
	if sent != 5 {
		t.Errorf("%d mails to one mailbox", sent)
	}
}

// TestAKnownBrowserHasItsOwnLimit: strangers use up a mailbox's codes, and its network's, and the owner's browser
// gets its own.
func TestAKnownBrowserHasItsOwnLimit(t *testing.T) {
	l := unlimited()
	l.CodesPerAddressHour, l.CodesPerClientHour = 0, 1
	c := newCodeLimits(l.withDefaults())
	ana := mustEmail(t, "ana@example.org")
	for i := range 5 {
		c.allow(epoch(), client(i<<8), ana)
	}
	for i := range 100 { // and her network is full
		c.allow(epoch(), client(9<<8), mustEmail(t, fmt.Sprintf("a%d@example.org", i)))
	}
	own := codeRequest{client(9 << 8), recipient{ana, browserID{1}}}
	for i := range 5 {
		if beyond, retryAfter := c.check(epoch(), own); beyond || retryAfter > 0 {
			t.Errorf("code %d of the owner's browser: %v, wait %v", i+1, beyond, retryAfter)
		}
		c.take(epoch(), own)
	}
	if _, retryAfter := c.check(epoch(), own); retryAfter == 0 {
		t.Error("a known browser has no limit")
	}
	if ok, _ := c.allow(epoch(), client(10<<8), ana); ok {
		t.Error("a stranger gets past the mailbox's limit")
	}
}

// TestKnownBrowsersDoNotMultiply: each code makes one more browser known, and they share a bound and a place in the
// line.
func TestKnownBrowsersDoNotMultiply(t *testing.T) {
	l := unlimited()
	l.CodesPerAddressHour = 0
	c := newCodeLimits(l.withDefaults())
	eve := mustEmail(t, "eve@example.org")
	sent := 0
	for i := range 1000 {
		r := codeRequest{client(1), recipient{eve, browserID{1, byte(i), byte(i >> 8)}}}
		if _, retryAfter := c.check(epoch(), r); retryAfter > 0 {
			continue
		}
		if rank := c.rank(epoch(), r); rank != sent {
			t.Fatalf("code %d has rank %d", sent+1, rank)
		}
		c.take(epoch(), r)
		sent++
	}
	if sent != 20 {
		t.Errorf("%d codes in an hour, want four browsers' worth", sent)
	}
}

// TestRefusedRequestUsesUpNothing: a client over its own limit cannot use up another person's.
func TestRefusedRequestUsesUpNothing(t *testing.T) {
	l := unlimited()
	l.CodesPerClientHour, l.CodesPerAddressHour = 1, 1
	c := newCodeLimits(l)
	victim := mustEmail(t, "victim@example.org")
	for i := range hardFactor {
		c.allow(epoch(), client(1), mustEmail(t, fmt.Sprintf("eve%d@example.org", i)))
	}
	for range 100 {
		if ok, _ := c.allow(epoch(), client(1), victim); ok {
			t.Fatal("over the client's limit")
		}
	}
	if ok, _ := c.allow(epoch(), client(2), victim); !ok {
		t.Error("the victim's limit was used up")
	}
}
