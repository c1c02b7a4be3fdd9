package sfu

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	pionstun "github.com/pion/stun/v4"

	"conclave/sfu/batch"
	"conclave/sfu/stun"
)

// checks is the client's side of ICE, without sockets.
type checks struct {
	t          *testing.T
	srv        *Server
	transport  *transport
	ufrag, pwd string // the server's
}

func newChecks(t *testing.T) *checks {
	t.Helper()
	srv := testServer(t)
	c := &checks{t: t, srv: srv}
	c.transport = newTransport(&session{server: srv}, "", transportEvents{})
	c.ufrag, c.pwd = c.transport.negotiate("theirs")
	return c
}

func checkMessage(t *testing.T, username, password string, nominate bool) []byte {
	t.Helper()
	setters := []pionstun.Setter{pionstun.BindingRequest, pionstun.TransactionID, pionstun.NewUsername(username)}
	if nominate {
		setters = append(setters, pionstun.RawAttribute{Type: pionstun.AttrUseCandidate})
	}
	m, err := pionstun.Build(append(setters, pionstun.NewShortTermIntegrity(password), pionstun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// from makes a check from an address and says whether it is answered.
func (c *checks) from(addr string, nominate bool, now time.Time) bool {
	c.t.Helper()
	check, err := stun.Parse(checkMessage(c.t, c.ufrag+":theirs", c.pwd, nominate))
	if err != nil {
		c.t.Fatal(err)
	}
	_, ok := c.transport.check(&check, nil, route{netip.MustParseAddrPort(addr), 0}, now)
	return ok
}

func (c *checks) sendsTo() string {
	if r := c.transport.remote.Load(); r != nil {
		return r.to.AddrPort.String()
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
		if !c.from(step.addr, step.nominate, now) || c.sendsTo() != step.want {
			t.Fatalf("after %+v: sends to %s", step, c.sendsTo())
		}
		if c.srv.lookup(netip.MustParseAddrPort(step.addr)) != c.transport {
			t.Errorf("media from %s is not known", step.addr)
		}
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
		check, err := stun.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.transport.check(&check, nil, route{netip.MustParseAddrPort("192.0.2.1:1"), 0}, time.Now()); ok || c.sendsTo() != "" || len(c.srv.addrs) != 0 {
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
	c.ufrag, c.pwd = c.transport.negotiate("theirs")
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
		c.transport.negotiate("theirs")
	}
	if n, m := len(c.transport.ice.credentials), len(c.srv.ufrags); n != 2 || m != 2 {
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
	if n, m := len(c.transport.ice.paths), len(c.srv.addrs); n != maxPaths || m != maxPaths {
		t.Errorf("%d paths, %d addresses", n, m)
	}
	if c.sendsTo() != "192.0.2.1:1" || c.srv.lookup(netip.MustParseAddrPort("192.0.2.1:1")) != c.transport {
		t.Error("the nominated path was pushed out")
	}
	c.transport.close()
	if n, m := len(c.srv.ufrags), len(c.srv.addrs); n != 0 || m != 0 {
		t.Errorf("after the end %d fragments and %d addresses", n, m)
	}
	if c.from("192.0.2.1:1", true, time.Now()) {
		t.Error("answered after the end")
	}
}

// An address that comes to be another peer's is not the former's any more, also not for a worker that remembers it.
func TestAnAddressChangesItsOwner(t *testing.T) {
	c := newChecks(t)
	d := &checks{t: t, srv: c.srv, transport: newTransport(&session{server: c.srv}, "", transportEvents{})}
	d.ufrag, d.pwd = d.transport.negotiate("theirs")
	const addr = "192.0.2.1:1"
	w := testWorker(c.srv)
	c.from(addr, true, time.Now())
	if w.transportOf(netip.MustParseAddrPort(addr)) != c.transport {
		t.Fatal("not known")
	}
	d.from(addr, true, time.Now())
	w.forget()
	if w.transportOf(netip.MustParseAddrPort(addr)) != d.transport {
		t.Error("a worker still takes the one for the other")
	}
	c.transport.close()
	if c.srv.lookup(netip.MustParseAddrPort(addr)) != d.transport {
		t.Error("the end of the one took the other's address")
	}
}

// A peer that makes no checks any more is disconnected, then lost; the meeting is told once.
func TestSilenceMeansLost(t *testing.T) {
	room, publishers, _ := meet(t, 1, clientOptions{video: 1})
	failed := make(chan string, 9)
	p := publishers[0].peer
	p.notify.mu.Lock()
	p.notify.events.Failed = func(reason string) { failed <- reason }
	p.notify.mu.Unlock()
	room.mu.Lock()
	s := p.session
	now := time.Now()
	if s.sample(now).Lost || !s.sample(now.Add(iceDisconnected+time.Second)).Lost {
		t.Error("silence is not told from presence")
	}
	s.tick(now.Add(iceFailed-time.Second), reportEvery)
	s.tick(now.Add(iceFailed+time.Second), reportEvery)
	s.tick(now.Add(2*iceFailed), reportEvery)
	room.mu.Unlock()
	if reason := <-failed; reason != "ice" {
		t.Errorf("failed for %q", reason)
	}
	if len(failed) != 0 {
		t.Error("told twice")
	}
}

// Before ICE has proven an address, nothing from it reaches a handshake.
func TestNoHandshakeBeforeAnAddressIsProven(t *testing.T) {
	c := newChecks(t)
	w := testWorker(c.srv)
	from := netip.MustParseAddrPort("192.0.2.1:1")
	hello := append([]byte{22, 0xfe, 0xfd}, make([]byte, 60)...)
	w.take([]batch.Datagram{{Data: hello, From: from}}, time.Now())
	if w.stats.drops[DropUnknownAddress].Load() != 1 || c.transport.dtls != nil {
		t.Error("a stranger's record was taken")
	}
	c.from(from.String(), true, time.Now())
	for range 3 * dtlsQueue {
		w.take([]batch.Datagram{{Data: hello, From: from}}, time.Now())
	}
	if c.transport.dtls == nil {
		t.Error("the peer's record was not taken")
	}
	c.transport.close()
	w.forget()
	w.take([]batch.Datagram{{Data: hello, From: from}}, time.Now())
	if w.stats.drops[DropUnknownAddress].Load() != 2 {
		t.Error("taken after the end")
	}
}
