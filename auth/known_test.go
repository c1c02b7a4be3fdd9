package auth

import (
	"crypto/rand"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func testKnown(t *testing.T) *known {
	t.Helper()
	k, err := newKnown(1000, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestABrowsersMarkIsGoodForItsMailboxOnly changes each part of a mark.
func TestABrowsersMarkIsGoodForItsMailboxOnly(t *testing.T) {
	k, others := testKnown(t), testKnown(t)
	ana := mustEmail(t, "ana@example.org").Mailbox()
	mark, err := k.mark(epoch(), ana)
	if err != nil {
		t.Fatal(err)
	}
	id := k.browser(epoch(), mark, ana)
	if id == (browserID{}) || k.browser(epoch().Add(knownBrowserFor-time.Second), mark, ana) != id {
		t.Fatal("the mark is not taken")
	}
	if again, _ := k.mark(epoch(), ana); k.browser(epoch(), again, ana) == id {
		t.Error("two browsers are one")
	}
	if k.browser(epoch(), mark, mustEmail(t, "eve@example.org")) != (browserID{}) {
		t.Error("taken for another mailbox")
	}
	if k.browser(epoch().Add(knownBrowserFor), mark, ana) != (browserID{}) {
		t.Error("taken after its end")
	}
	if others.browser(epoch(), mark, ana) != (browserID{}) {
		t.Error("taken by another process")
	}
	if strings.Contains(mark, "616e61") {
		t.Error("the mark names its owner")
	}
	for i := range mark {
		flipped := []byte(mark)
		flipped[i] ^= 1
		if k.browser(epoch(), string(flipped), ana) != (browserID{}) {
			t.Errorf("taken with digit %d changed", i)
		}
	}
	for _, bad := range []string{"", mark[2:], mark + "00", strings.ToUpper(mark), strings.Repeat("0", len(mark))} {
		if k.browser(epoch(), bad, ana) != (browserID{}) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestANetworkIsKnownForADay(t *testing.T) {
	k := testKnown(t)
	at := func(s string) ClientIP { return NewClientIP(netip.MustParseAddr(s)) }
	k.noteNetwork(epoch(), at("2001:db8::1"))
	for address, want := range map[string]bool{"2001:db8::2": true, "2001:db8:0:1::1": false, "192.0.2.1": false} {
		if k.network(epoch().Add(knownNetworkFor-1), at(address)) != want {
			t.Errorf("%s known: %v", address, !want)
		}
	}
	if k.network(epoch().Add(knownNetworkFor), at("2001:db8::1")) {
		t.Error("known for ever")
	}
}
