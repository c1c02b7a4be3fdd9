package reach

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// A flood closes its own connections: at a network's bound its oldest, at the bound of all those of the network that
// has most. A client of another network keeps its place.
func TestAFloodClosesItsOwnConnections(t *testing.T) {
	g := newGate(20, 8)
	var closed []string
	enter := func(ip string) *place {
		return g.enter(netip.MustParseAddr(ip), func() { closed = append(closed, ip) })
	}
	victim := enter("192.0.2.1")
	for i := range 30 {
		enter(fmt.Sprintf("198.51.100.%d", i))
	}
	if len(closed) != 22 || closed[0] != "198.51.100.0" || closed[21] != "198.51.100.21" || g.len() != 9 {
		t.Errorf("%d places, closed %v", g.len(), closed)
	}
	closed = nil
	for i := range 18 {
		enter(fmt.Sprintf("2001:db8:%d::1", i))
	}
	if g.len() != 20 || len(closed) != 7 || closed[0] != "198.51.100.22" {
		t.Errorf("%d places, closed %v", g.len(), closed)
	}
	if !g.leave(victim) || g.leave(victim) {
		t.Error("the victim has lost its place, or leaves twice")
	}
}

func TestNetworksAreWhatOnePartyMayHave(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.7": "192.0.2.0/24", "::ffff:192.0.2.7": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48",
		"fe80::1%eth0": "fe80::/48",
	} {
		if got := network(netip.MustParseAddr(a)).String(); got != want {
			t.Errorf("%s: %s", a, got)
		}
	}
}

// Strangers over UDP get a bounded number of answers, each network its share, and the table of networks does not grow.
func TestStrangersOverUDPGetSoManyAnswers(t *testing.T) {
	var u udpTable
	u.init()
	now := time.Unix(1_800_000_000, 0)
	answers := func(ip string) (n int) {
		for range 3 * networkBurst {
			if u.answers(now, netip.MustParseAddr(ip)) {
				n++
			}
		}
		return n
	}
	if n := answers("198.51.100.1"); n != networkBurst {
		t.Errorf("%d answers at once", n)
	}
	if n := answers("198.51.100.2"); n != 0 {
		t.Errorf("%d answers for the same network", n)
	}
	if n := answers("192.0.2.1"); n != networkBurst {
		t.Errorf("%d answers for another network", n)
	}
	now = now.Add(time.Second)
	if n := answers("198.51.100.1"); n != networkPerSecond {
		t.Errorf("%d answers a second later", n)
	}
	for i := range 3 * maxMeters {
		u.answers(now, netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}))
	}
	if len(u.networks) > maxMeters {
		t.Errorf("%d networks are remembered", len(u.networks))
	}
}

func TestConnectionsAreToldApartByTheirFirstBytes(t *testing.T) {
	const cookie = "\x21\x12\xa4\x42"
	for b, want := range map[string]content{
		"": undecided, "\x16": isTLS, "G": isHTTP, "P": isHTTP, "g": isUnknown, "\x80": isUnknown, "\x40\x00": isUnknown,
		"\x00\x03": undecided, "\x00\x03\x00\x08" + cookie: undecided, "\x00\x03\x00\x08" + cookie + "ab": isTURN,
		"\x00\x1c\x00\x01\x00\x08" + cookie: isFramed, "\x00\x03\x00\x08\x00\x00\x00\x00ab": isUnknown,
	} {
		if got := classify([]byte(b)); got != want {
			t.Errorf("%q: %v, want %v", b, got, want)
		}
	}
}

// Allocations over UDP, each of which may be from another address, are bounded in all.
func TestAllocationsOverUDPAreBounded(t *testing.T) {
	var u udpTable
	u.init()
	now := time.Unix(1_800_000_000, 0)
	u.swept = now
	client := func(i int) *udpClient {
		return &udpClient{key: udpKey{from: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i))}}
	}
	for i := range maxUDPClients {
		if !u.add(now, client(i)) {
			t.Fatalf("%d are too many", i)
		}
	}
	if u.add(now, client(maxUDPClients)) {
		t.Error("one more than may be")
	}
}

// The echo answers those it gave credentials to, until these are over.
func TestEchoCredentialsAreGoodForAWhileOnly(t *testing.T) {
	e, now := NewEcho(), time.Unix(1_800_000_000, 0)
	ufrag, _ := e.Issue(now.Add(time.Minute))
	if !e.good(now, []byte(ufrag)) || e.good(now.Add(time.Minute), []byte(ufrag)) {
		t.Error("not good, or for ever")
	}
	if NewEcho().good(now, []byte(ufrag)) {
		t.Error("another's")
	}
	for i := range ufrag {
		other := []byte(ufrag)
		other[i] ^= 1
		if e.good(now, other) {
			t.Errorf("good with another byte %d", i)
		}
	}
}

func TestCredentialsAreBounded(t *testing.T) {
	c, now := NewCredentials(), time.Unix(1_800_000_000, 0)
	for range maxChecks {
		if _, err := c.Check(now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Check(now); err == nil {
		t.Error("too many checks")
	}
	seat, end, err := c.Seat(now.Add(time.Hour))
	if err != nil {
		t.Fatalf("checks leave no room for seats: %v", err)
	}
	if _, ok := c.Key(now, seat.Username); !ok {
		t.Error("a seat's is not good")
	}
	if _, ok := c.Key(now.Add(time.Hour), seat.Username); ok {
		t.Error("a seat's is good for ever")
	}
	end()
	end()
	if _, ok := c.Key(now, seat.Username); ok || c.seats != 0 {
		t.Error("a seat's outlasts the seat")
	}
	c.seats = maxSeats
	if _, _, err := c.Seat(now.Add(time.Hour)); err == nil {
		t.Error("too many seats")
	}
	if _, err := c.Check(now.Add(CheckLifetime)); err != nil || len(c.users) != 1 {
		t.Errorf("%d checks that are over are kept: %v", len(c.users), err)
	}
}
