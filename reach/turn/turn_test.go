package turn

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	pion "github.com/pion/stun/v4"
)

func TestAClientAllocatesPermitsAndSends(t *testing.T) {
	c := newTester(t)
	c.allocate()
	if r := c.client.Relayed(); r.Addr() != ours.Addr() || r.Port() < 49152 {
		t.Errorf("relayed address %v", r)
	}
	if _, relayed := c.send(ours); relayed {
		t.Error("relayed without permission")
	}
	if got := c.request(methodCreatePermission, toPeer(ours)); got != 0 {
		t.Fatalf("permission: %d", got)
	}
	if peer, relayed := c.send(ours2); !relayed || peer != 1 { // a permission is for the address, not the port
		t.Errorf("peer %d, %v", peer, relayed)
	}
	if got := c.request(methodChannelBind, channel(0x4001), toPeer(ours2)); got != 0 {
		t.Fatalf("channel: %d", got)
	}
	if peer, relayed := c.channelData(0x4001); !relayed || peer != 1 {
		t.Errorf("peer %d, %v", peer, relayed)
	}
	if _, relayed := c.channelData(0x4002); relayed {
		t.Error("relayed over a channel that is not bound")
	}
}

// The relay reaches no third address, whatever a client asks for: it would be an open relay into our own network.
func TestNoThirdAddressIsReached(t *testing.T) {
	for name, third := range map[string]netip.AddrPort{
		"another host": netip.MustParseAddrPort("192.0.2.1:443"), "loopback": netip.MustParseAddrPort("127.0.0.1:443"),
		"another port of ours": netip.AddrPortFrom(ours.Addr(), 22),
		"as IPv6":              netip.MustParseAddrPort("[::ffff:127.0.0.1]:443"),
	} {
		c := newTester(t)
		c.allocate()
		c.request(methodCreatePermission, toPeer(ours)) // so that the address is permitted, if not the port
		sameHost := third.Addr() == ours.Addr()
		if got := c.request(methodCreatePermission, toPeer(third)); (got == 0) != sameHost {
			t.Errorf("%s: permission: %d", name, got)
		}
		if got := c.request(methodCreatePermission, toPeer(ours), toPeer(third)); (got == 0) != sameHost {
			t.Errorf("%s: permission beside one of ours: %d", name, got)
		}
		if got := c.request(methodChannelBind, channel(0x4000), toPeer(third)); got == 0 {
			t.Errorf("%s: bound", name)
		}
		if _, relayed := c.channelData(0x4000); relayed {
			t.Errorf("%s: relayed over a channel", name)
		}
		if _, relayed := c.send(third); relayed {
			t.Errorf("%s: relayed", name)
		}
	}
}

func TestTCPRelaysReservationsAndUnknownMethodsAreRefused(t *testing.T) {
	udp := transport(transportUDP)
	for name, want := range map[string]struct {
		code    int
		setters []pion.Setter
	}{
		"TCP (RFC 6062)":    {unsupportedTransport, []pion.Setter{transport(6)}},
		"no transport":      {badRequest, nil},
		"EVEN-PORT":         {insufficientCapacity, []pion.Setter{udp, raw(attrEvenPort, 0x80)}},
		"RESERVATION-TOKEN": {insufficientCapacity, []pion.Setter{udp, raw(attrReservationToken, make([]byte, 8)...)}},
		"family 3":          {familyNotSupported, []pion.Setter{udp, raw(attrRequestedFamily, 3, 0, 0, 0)}},
		"unknown attribute": {unknownAttribute, []pion.Setter{udp, raw(0x7f01, 1)}},
	} {
		if got := newTester(t).request(methodAllocate, want.setters...); got != want.code {
			t.Errorf("%s: %d, want %d", name, got, want.code)
		}
	}
	for _, m := range []uint16{0x00a, 0x00b} { // Connect, ConnectionBind
		c := newTester(t)
		c.allocate()
		if got := c.request(m, toPeer(ours)); got != badRequest {
			t.Errorf("method %#x: %d", m, got)
		}
	}
}

func TestWithoutTheRightCredentialsNothingIsAllocated(t *testing.T) {
	c := newTester(t)
	try := func(username, password string) int {
		setters := append([]pion.Setter{transport(transportUDP)}, c.credentials(username, password)...)
		return code(t, c.handle(build(t, method(methodAllocate, classRequest), setters...)))
	}
	c.handle(build(t, method(methodAllocate, classRequest), transport(transportUDP)))
	if c.last.Wrong {
		t.Error("a first request counts as wrong")
	}
	if got := try(user, "wrong"); got != unauthorized || !c.last.Wrong {
		t.Errorf("wrong password: %d", got)
	}
	if got := try("ben", password); got != unauthorized || !c.last.Wrong {
		t.Errorf("unknown user: %d", got)
	}
	if c.client.Wrong() != 2 || c.client.Relayed().IsValid() {
		t.Errorf("%d wrong, relayed %v", c.client.Wrong(), c.client.Relayed())
	}
	other := c.server.NewClient(owner{}, netip.AddrPortFrom(client.Addr(), 40001), ours.Addr(), false)
	stolen := build(t, method(methodAllocate, classRequest),
		append([]pion.Setter{transport(transportUDP)}, c.credentials(user, password)...)...)
	m := &pion.Message{Raw: other.Handle(start, stolen, nil).Reply}
	if err := m.Decode(); err != nil || code(t, m) != staleNonce {
		t.Errorf("a nonce of another address: %d, %v", code(t, m), err)
	}
	c.now = start.Add(nonceLifetime)
	if got := try(user, password); got != staleNonce {
		t.Errorf("an old nonce: %d", got)
	}
	c.users.gone = true
	if got := try(user, password); got != unauthorized {
		t.Errorf("a user who is gone: %d", got)
	}
}

// Once a user is gone, no request about an allocation is answered with success.
func TestAGoneUserCannotRefresh(t *testing.T) {
	c := newTester(t)
	c.allocate()
	c.users.gone = true
	for _, m := range []uint16{methodRefresh, methodCreatePermission, methodChannelBind} {
		if got := c.request(m, toPeer(ours), channel(0x4000)); got != unauthorized {
			t.Errorf("method %#x: %d", m, got)
		}
	}
}

// An allocation is its user's: another's good credentials change nothing of it (RFC 8656 §4).
func TestAnAllocationIsItsUsersAlone(t *testing.T) {
	c := newTester(t)
	c.allocate()
	for _, m := range []uint16{methodRefresh, methodCreatePermission, methodChannelBind} {
		b := build(t, method(m, classRequest), append([]pion.Setter{toPeer(ours), channel(0x4000)},
			c.credentials(user2, password)...)...)
		if got := code(t, c.handle(b)); got != wrongCredentials {
			t.Errorf("method %#x: %d", m, got)
		}
	}
	if _, relayed := c.send(ours); relayed {
		t.Error("another has permitted a peer")
	}
}

func TestAUserHasNoMoreAllocationsThanItsQuota(t *testing.T) {
	c := newTester(t)
	for i := range quota + 1 {
		c.client = c.server.NewClient(owner{}, netip.AddrPortFrom(client.Addr(), uint16(50000+i)), ours.Addr(), true)
		c.nonce = nil
		want := 0
		if i == quota {
			want = quotaReached
		}
		if got := c.request(methodAllocate, transport(transportUDP)); got != want {
			t.Errorf("allocation %d: %d", i, got)
		}
	}
}

func TestALostAnswerIsRepeatedAndASecondAllocationRefused(t *testing.T) {
	c := newTester(t)
	c.request(methodAllocate)
	b := build(t, method(methodAllocate, classRequest),
		append([]pion.Setter{transport(transportUDP)}, c.credentials(user, password)...)...)
	for i := range 2 {
		if got := code(t, c.handle(b)); got != 0 || c.last.Opened != (i == 0) {
			t.Errorf("%d: %d, opened %v", i, got, c.last.Opened)
		}
	}
	if got := c.request(methodAllocate, transport(transportUDP)); got != allocationMismatch || c.users.owned != 1 {
		t.Errorf("%d, %d allocations", got, c.users.owned)
	}
}

func TestAnAllocationEndsUnlessItIsRefreshed(t *testing.T) {
	c := newTester(t)
	c.allocate()
	c.request(methodCreatePermission, toPeer(ours))
	c.now = start.Add(allocationLifetime - time.Second)
	if got := c.request(methodRefresh); got != 0 {
		t.Fatalf("refresh: %d", got)
	}
	if _, relayed := c.send(ours); relayed {
		t.Error("a permission outlasts its time")
	}
	c.now = c.now.Add(allocationLifetime)
	if got := c.request(methodRefresh); got != allocationMismatch || !c.last.Closed || c.users.owned != 0 {
		t.Errorf("%d, closed %v, %d allocations", got, c.last.Closed, c.users.owned)
	}
	c.nonce = nil
	c.allocate()
	c.now = c.now.Add(allocationLifetime - time.Second)
	c.request(methodCreatePermission, toPeer(ours))
	if _, relayed := c.send(ours); !relayed {
		t.Error("nothing is relayed in its last second")
	}
	c.now = c.now.Add(time.Second)
	if _, relayed := c.send(ours); relayed {
		t.Error("a permission outlasts its allocation")
	}
	c.request(methodRefresh)
	c.nonce = nil
	c.allocate()
	if got := c.request(methodRefresh, raw(0x000d, 0, 0, 0, 0)); got != 0 || !c.last.Closed || c.users.owned != 0 {
		t.Errorf("given up: %d, %v", got, c.last.Closed)
	}
}

func TestAChannelStaysWithItsPeer(t *testing.T) {
	c := newTester(t)
	c.allocate()
	bind := func(n uint16, to netip.AddrPort) int { return c.request(methodChannelBind, channel(n), toPeer(to)) }
	for _, n := range []uint16{0, 0x3fff, 0x5000, 0xffff} {
		if got := bind(n, ours); got != badRequest {
			t.Errorf("channel %#x: %d", n, got)
		}
	}
	if first, again := bind(0x4000, ours), bind(0x4000, ours); first != 0 || again != 0 {
		t.Error("not bound, or not again")
	}
	if bind(0x4000, ours2) != badRequest || bind(0x4001, ours) != badRequest {
		t.Error("bound to two")
	}
	if got := bind(0x4002, ours6); got != familyMismatch {
		t.Errorf("the other family: %d", got)
	}
}

// A channel carries data, either way, while it is bound and its peer is permitted: a permission ends first.
func TestAChannelCarriesWhileItIsBoundAndPermitted(t *testing.T) {
	c := newTester(t)
	c.allocate()
	f := c.client.Framing(0, func() time.Time { return c.now })
	c.request(methodChannelBind, channel(0x4000), toPeer(ours))
	expect := func(when string, up bool, down byte) {
		t.Helper()
		var first byte
		if got := f.Append(nil, []byte("hello")); len(got) > 0 {
			first = got[0]
		}
		if _, relayed := c.channelData(0x4000); relayed != up || first != down {
			t.Errorf("%s: relayed %v, brings what begins with %#x", when, relayed, first)
		}
	}
	expect("at first", true, 0x40)
	c.now = start.Add(permissionLifetime)
	expect("once the permission is over", false, 0)
	c.request(methodCreatePermission, toPeer(ours))
	c.request(methodRefresh)
	expect("permitted again", true, 0x40)
	c.now = start.Add(channelLifetime)
	c.nonce = nil
	c.request(methodCreatePermission, toPeer(ours))
	expect("once the binding is over", false, (methodData|classIndication)>>8)
}

// An answer over UDP to a stranger may go to another's address: it must not be much longer than what was sent.
func TestAStrangersAnswerIsAtMostTwiceTheRequest(t *testing.T) {
	for _, m := range []uint16{
		methodBinding, methodAllocate, methodRefresh, methodCreatePermission, methodChannelBind, 0x00a,
	} {
		for _, setters := range [][]pion.Setter{{}, {transport(transportUDP)}, {pion.Fingerprint}} {
			c := newTester(t)
			b := build(t, method(m, classRequest), setters...)
			if c.handle(b); len(c.last.Reply) > 2*len(b) {
				t.Errorf("method %#x, %d bytes: %d bytes", m, len(b), len(c.last.Reply))
			}
		}
	}
}

func TestFramesComeAsTheClientReadsThem(t *testing.T) {
	c := newTester(t)
	c.allocate()
	f := c.client.Framing(0, func() time.Time { return c.now })
	datagram := []byte("hello")
	if got := f.Append(nil, datagram); len(got) != 0 {
		t.Errorf("without permission: %x", got)
	}
	c.request(methodCreatePermission, toPeer(ours))
	m := &pion.Message{Raw: f.Append(nil, datagram)}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	data, err := m.Get(pion.AttrData)
	var from pion.XORMappedAddress
	if e := from.GetFromAs(m, attrXORPeerAddress); err != nil || e != nil || !bytes.Equal(data, datagram) ||
		from.Port != int(ours.Port()) || m.Type.Method != pion.MethodData {
		t.Errorf("%v %q %v", m, data, from)
	}
	if n := len(m.Raw) - len(datagram); n > f.Max() {
		t.Errorf("%d bytes more", n)
	}
	c.request(methodChannelBind, channel(0x4000), toPeer(ours))
	if got := f.Append(nil, datagram); !bytes.Equal(got, []byte("\x40\x00\x00\x05hello\x00\x00\x00")) {
		t.Errorf("%x", got)
	}
	c.client.Close()
	if got := f.Append(nil, datagram); len(got) != 0 {
		t.Errorf("after the end: %x", got)
	}
}

func TestRelayingDoesNotAllocate(t *testing.T) {
	c := newTester(t)
	c.allocate()
	c.request(methodChannelBind, channel(0x4000), toPeer(ours))
	f := c.client.Framing(0, func() time.Time { return c.now })
	datagram, room := make([]byte, 1150), make([]byte, 0, 2000)
	message := append([]byte{0x40, 0, 4, 126}, datagram...)
	if n := testing.AllocsPerRun(100, func() {
		f.Append(room, datagram)
		c.client.Handle(c.now, message, room)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAStreamIsSplitAtItsMessages(t *testing.T) {
	stun := build(t, method(methodAllocate, classRequest), transport(transportUDP))
	stream := append(bytes.Clone(stun), "\x40\x00\x00\x05hello\x00\x00\x00"...)
	for cut := range stream {
		rest, n := stream[:cut], 0
		for {
			_, size, err := Next(rest)
			if err != nil {
				t.Fatal(cut, err)
			}
			if size == 0 {
				break
			}
			rest, n = rest[size:], n+1
		}
		if want := map[bool]int{true: 1}[cut >= len(stun)]; n != want {
			t.Errorf("%d bytes: %d messages", cut, n)
		}
	}
	for _, b := range []string{"\x80\x00\x00\x00", "\x00\x01\x00\x03", "\x00\x01\xff\xf0", "\x40\x00\xff\xff"} {
		if _, _, err := Next([]byte(b)); err == nil {
			t.Errorf("%x is a message", b)
		}
	}
}

// FuzzHandle gives a client with an allocation any message: no panic, and nothing for a peer that is not permitted.
func FuzzHandle(f *testing.F) {
	f.Add(build(f, method(methodAllocate, classRequest), transport(transportUDP)))
	f.Add(build(f, method(methodSend, classIndication), toPeer(ours), raw(attrData, 1, 2, 3)))
	f.Add(build(f, method(methodChannelBind, classRequest), toPeer(ours6), channel(0x4000)))
	f.Add([]byte("\x40\x00\x00\x03abc\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newTester(t)
		c.allocate()
		c.request(methodChannelBind, channel(0x4000), toPeer(ours2))
		for _, who := range []*Client{c.client, c.server.NewClient(owner{}, client, netip.Addr{}, false)} {
			r := who.Handle(c.now, b, nil)
			if r.Data != nil && (who != c.client || r.Peer > 1) {
				t.Errorf("relayed to %d", r.Peer)
			}
			if r.Opened {
				t.Error("allocated without credentials")
			}
		}
	})
}
