package transport

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	pionstun "github.com/pion/stun/v4"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/transport/stun"
)

// checks is the client's side of ICE, without sockets.
type checks struct {
	t          *testing.T
	network    *Network
	transport  *Transport
	ufrag, pwd string // the server's
	told       chan string
}

// Connected, Failed and Stuck implement Owner.
func (c *checks) Connected()         { c.told <- "connected" }
func (c *checks) Failed(cause Cause) { c.told <- string(cause) }
func (c *checks) Stuck(cause Cause)  { c.told <- "stuck: " + string(cause) }

func testNetwork(t *testing.T) *Network {
	t.Helper()
	n, err := Open(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func newChecks(t *testing.T) *checks {
	t.Helper()
	return newChecksOn(t, testNetwork(t))
}

func newChecksOn(t *testing.T, n *Network) *checks {
	t.Helper()
	c := &checks{t: t, network: n, told: make(chan string, 9)}
	c.transport = n.New("", c)
	c.ufrag, c.pwd = c.transport.Negotiate("theirs", peerPassword)
	t.Cleanup(c.transport.Close)
	return c
}

// peerPassword is the ICE password of the client's offers.
const peerPassword = "abcdefghijklmnopqrstuvwx"

func checkMessage(t *testing.T, username, password string, nominate bool) []byte {
	t.Helper()
	setters := []pionstun.Setter{pionstun.BindingRequest, pionstun.TransactionID, pionstun.NewUsername(username),
		pionstun.RawAttribute{Type: pionstun.AttrICEControlling, Value: make([]byte, 8)},
		pionstun.RawAttribute{Type: pionstun.AttrPriority, Value: make([]byte, 4)}}
	if nominate {
		setters = append(setters, pionstun.RawAttribute{Type: pionstun.AttrUseCandidate})
	}
	m, err := pionstun.Build(append(setters, pionstun.NewShortTermIntegrity(password), pionstun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// answerMessage is the client's answer to a check of ours.
func answerMessage(t *testing.T, check []byte, password string) []byte {
	t.Helper()
	m := &pionstun.Message{Raw: append([]byte(nil), check...)}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	answer, err := pionstun.Build(pionstun.NewTransactionIDSetter(m.TransactionID), pionstun.BindingSuccess,
		&pionstun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 200), Port: 1}, pionstun.NewShortTermIntegrity(password),
		pionstun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Raw
}

// send hands a STUN message to the network as if it came from addr, and returns what is sent there.
func (c *checks) send(raw []byte, addr string, now time.Time) (out replies, ok bool) {
	c.t.Helper()
	from := Path{netip.MustParseAddrPort(addr), 0}
	if stun.IsAnswer(raw) {
		out, _, ok = c.network.answered(raw, make([]byte, 2048), from, now)
	} else {
		out, _, ok = c.network.checked(raw, make([]byte, 2048), from, now)
	}
	return out, ok
}

func (c *checks) message(nominate bool) []byte {
	c.t.Helper()
	return checkMessage(c.t, c.ufrag+":theirs", c.pwd, nominate)
}

// from makes a check from an address where the client is, so that it answers ours, and says whether its own is
// answered.
func (c *checks) from(addr string, nominate bool, now time.Time) bool {
	c.t.Helper()
	out, ok := c.send(c.message(nominate), addr, now)
	if !ok {
		return false
	}
	answered := len(out.answer) > 0
	if len(out.check) > 0 {
		more, _ := c.send(answerMessage(c.t, out.check, peerPassword), addr, now)
		answered = answered || len(more.answer) > 0
	}
	return answered
}

func (c *checks) sendsTo() string {
	if r := c.transport.remote.Load(); r != nil {
		return r.To.AddrPort.String()
	}
	return ""
}

func TestMediaGoesWhereTheClientNominated(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	for _, step := range []struct {
		addr     string
		nominate bool
		want     string
	}{
		{"192.0.2.1:1", false, "192.0.2.1:1"}, // the first will do until one is nominated
		{"192.0.2.2:2", false, "192.0.2.1:1"},
		{"192.0.2.2:2", true, "192.0.2.2:2"},
		{"192.0.2.1:1", false, "192.0.2.2:2"},
		{"192.0.2.1:1", true, "192.0.2.1:1"},
		{"192.0.2.3:3", true, "192.0.2.3:3"},
	} {
		now = now.Add(time.Second)
		if !c.from(step.addr, step.nominate, now) || c.sendsTo() != step.want {
			t.Fatalf("after %+v: sends to %s", step, c.sendsTo())
		}
		if c.network.Lookup(netip.MustParseAddrPort(step.addr)) != c.transport {
			t.Errorf("media from %s is not known", step.addr)
		}
	}
}

// Firefox nominates every path that works, and uses one of them. Media goes there; but what was on its way over another
// path when it changed its mind moves nothing, nor does what comes over a path that it has not nominated with its
// present credentials.
func TestMediaFollowsTheClientToAPathItNominated(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	c.from("192.0.2.1:1", true, now)
	c.from("192.0.2.2:2", true, now)
	c.from("192.0.2.3:3", false, now)
	for _, step := range []struct {
		from  string
		after time.Duration
		want  string
	}{
		{"192.0.2.1:1", settleAfter - time.Millisecond, "192.0.2.2:2"}, // it may have been on its way
		{"192.0.2.3:3", settleAfter, "192.0.2.2:2"},                    // not nominated
		{"192.0.2.4:4", settleAfter, "192.0.2.2:2"},                    // not proven
		{"192.0.2.1:1", settleAfter, "192.0.2.1:1"},
		{"192.0.2.2:2", settleAfter, "192.0.2.1:1"}, // as before
		{"192.0.2.2:2", 2 * settleAfter, "192.0.2.2:2"},
		{"192.0.2.1:1", 3 * settleAfter, "192.0.2.1:1"},
	} {
		c.transport.Follow(Path{From: netip.MustParseAddrPort(step.from)}, now.Add(step.after))
		if c.sendsTo() != step.want {
			t.Fatalf("after %+v: sends to %s", step, c.sendsTo())
		}
	}
	c.from("192.0.2.2:2", false, now.Add(10*time.Second)) // consent is no nomination
	if c.sendsTo() != "192.0.2.1:1" {
		t.Fatalf("after a check it sends to %s", c.sendsTo())
	}
	c.ufrag, c.pwd = c.transport.Negotiate("theirs", peerPassword)
	now = now.Add(20 * time.Second)
	c.from("192.0.2.5:5", true, now)
	c.transport.Follow(Path{From: netip.MustParseAddrPort("192.0.2.1:1")}, now.Add(settleAfter))
	if c.sendsTo() != "192.0.2.5:5" {
		t.Errorf("after a restart it sends to %s, the path of before", c.sendsTo())
	}
}

func TestChecksThatAreNotAuthenticChangeNothing(t *testing.T) {
	c := newChecks(t)
	for name, raw := range map[string][]byte{
		"another password":        checkMessage(t, c.ufrag+":theirs", "another", true),
		"another client":          checkMessage(t, c.ufrag+":others", c.pwd, true),
		"no client":               checkMessage(t, c.ufrag, c.pwd, true),
		"another server fragment": checkMessage(t, "x:theirs", c.pwd, true),
	} {
		if _, ok := c.send(raw, "192.0.2.1:1", time.Now()); ok || c.sendsTo() != "" || len(c.network.tables.addrs) != 0 {
			t.Errorf("%s: answered %v, sends to %q", name, ok, c.sendsTo())
		}
	}
}

// After an ICE restart the old credentials hold until the new are used; then they are gone.
func TestARestartReplacesCredentials(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	old := *c
	if !c.from("192.0.2.1:1", true, now) {
		t.Fatal("not answered")
	}
	c.ufrag, c.pwd = c.transport.Negotiate("theirs", peerPassword)
	if !old.from("192.0.2.1:1", true, now) {
		t.Error("the old ones do not hold until the new are used")
	}
	if !c.from("192.0.2.9:9", true, now) || c.sendsTo() != "192.0.2.9:9" {
		t.Error("the new ones do not hold")
	}
	if old.from("192.0.2.1:1", true, now) {
		t.Error("the old ones still hold")
	}
	for range 10 {
		c.transport.Negotiate("theirs", peerPassword)
	}
	if n, m := len(c.transport.ice.credentials), len(c.network.tables.ufrags); n != 2 || m != 2 {
		t.Errorf("%d credentials, %d in the table", n, m)
	}
}

func TestAddressesOfOnePeerAreBounded(t *testing.T) {
	c := newChecks(t)
	for i := range 1000 {
		if !c.from(fmt.Sprintf("192.0.2.1:%d", i+1), i == 0, time.Now()) {
			t.Fatal("not answered")
		}
	}
	if n, m := len(c.transport.ice.paths.proven), len(c.network.tables.addrs); n != maxPaths || m != maxPaths {
		t.Errorf("%d paths, %d addresses", n, m)
	}
	if c.sendsTo() != "192.0.2.1:1" || c.network.Lookup(netip.MustParseAddrPort("192.0.2.1:1")) != c.transport {
		t.Error("the nominated path was pushed out")
	}
	c.transport.Close()
	if n, m := len(c.network.tables.ufrags), len(c.network.tables.addrs); n != 0 || m != 0 {
		t.Errorf("after the end %d fragments and %d addresses", n, m)
	}
	if c.from("192.0.2.1:1", true, time.Now()) {
		t.Error("answered after the end")
	}
}

// An address that comes to be another peer's is not the former's any more, and a reader of copies can notice.
func TestAnAddressChangesItsOwner(t *testing.T) {
	c := newChecks(t)
	d := newChecksOn(t, c.network)
	const text = "192.0.2.1:1"
	addr, now := netip.MustParseAddrPort(text), time.Now()
	c.from(text, true, now)
	if c.network.Lookup(addr) != c.transport {
		t.Fatal("not known")
	}
	before := c.network.Generation()
	d.from(text, true, now.Add(disconnectedAfter+time.Second))
	if c.network.Lookup(addr) != d.transport {
		t.Error("the one is still taken for the other")
	}
	if c.network.Generation() == before {
		t.Error("copies of the table cannot be known to be old")
	}
	c.transport.Close()
	if c.network.Lookup(addr) != d.transport {
		t.Error("the end of the one took the other's address")
	}
}

// A peer that answers no checks any more is disconnected, then lost; the owner is told once.
func TestSilenceMeansLost(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	c.from("192.0.2.1:1", true, now)
	if c.transport.Disconnected(now) || !c.transport.Disconnected(now.Add(disconnectedAfter+time.Second)) {
		t.Error("silence is not told from presence")
	}
	c.transport.Watch(now.Add(failedAfter - time.Second))
	if told := <-c.told; told != "stuck: dtls_timeout" {
		t.Errorf("told %q", told)
	}
	for range 3 {
		c.transport.Watch(now.Add(failedAfter + time.Second))
	}
	if cause := <-c.told; cause != string(CauseICETimeout) {
		t.Errorf("failed for %q", cause)
	}
	c.transport.Watch(now.Add(2 * failedAfter))
	c.transport.Close()
	if err := c.network.Close(); err != nil { // waits for what runs in the background
		t.Fatal(err)
	}
	if len(c.told) != 0 {
		t.Error("told twice")
	}
}

// Before ICE has proven an address, nothing from it reaches a handshake.
func TestNoHandshakeBeforeAnAddressIsProven(t *testing.T) {
	c := newChecks(t)
	from := netip.MustParseAddrPort("192.0.2.1:1")
	record := &batch.Datagram{Data: record(handshakeRecord, 0, make([]byte, 60)...), From: from}
	if why, ok := c.network.Handshake(record); ok || why != drop.UnknownAddress || c.transport.dtls != nil {
		t.Errorf("a stranger's record was taken: %v, %v", why, ok)
	}
	c.from(from.String(), true, time.Now())
	for range 3 * dtlsQueue {
		c.network.Handshake(record)
	}
	if c.transport.dtls == nil {
		t.Error("the peer's record was not taken")
	}
	c.transport.Close()
	if why, ok := c.network.Handshake(record); ok || why != drop.UnknownAddress {
		t.Errorf("taken after the end: %v, %v", why, ok)
	}
}

// Keys and an address may come from elsewhere than a handshake and a check.
func TestATransportAdoptsKeysAndAnAddress(t *testing.T) {
	c := newChecks(t)
	if _, _, ok := c.transport.Ready(); ok {
		t.Fatal("ready without keys")
	}
	k, err := NewKeys(srtp.AES128GCM, make([]byte, materialLen(srtp.AES128GCM)))
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort("192.0.2.1:1")
	c.transport.Adopt(k, &Path{From: addr})
	if got := <-c.told; got != "connected" {
		t.Errorf("the owner is told %q", got)
	}
	if got, to, ok := c.transport.Ready(); !ok || got != k || to.To.AddrPort != addr ||
		c.network.Lookup(addr) != c.transport {
		t.Errorf("ready %v, sends to %v", ok, to)
	}
	c.transport.Close()
	if _, _, ok := c.transport.Ready(); ok {
		t.Error("ready after the end")
	}
	if _, err := NewKeys(srtp.AES128GCM, make([]byte, materialLen(srtp.AES128GCM)-1)); err == nil {
		t.Error("too little keying material is taken")
	}
}
