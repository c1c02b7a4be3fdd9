package transport

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	pionstun "github.com/pion/stun/v4"

	"conclave/sfu/transport/stun"
)

// Return routability: an authentic check proves nothing of the address it came from. Nothing is kept, sent to or known
// there until a check of ours was answered from it.
func TestAnAddressIsProvenByAnAnswerOnly(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	raw := c.message(true)
	out, ok := c.send(raw, "192.0.2.1:1", now)
	if !ok || len(out.answer) != 0 || len(out.check) == 0 || len(out.check) > len(raw) {
		t.Fatalf("%d bytes are answered with %d and asked with %d", len(raw), len(out.answer), len(out.check))
	}
	if c.sendsTo() != "" || len(c.network.tables.addrs) != 0 || len(c.transport.ice.paths.proven) != 0 {
		t.Fatalf("an address without an answer counts: sends to %q", c.sendsTo())
	}
	answer := answerMessage(t, out.check, peerPassword)
	more, ok := c.send(answer, "192.0.2.1:1", now)
	if !ok || c.sendsTo() != "192.0.2.1:1" {
		t.Fatal("an answer proves nothing")
	}
	m := &pionstun.Message{Raw: more.answer}
	if m.Decode() != nil || stun.ID(m.TransactionID) != stun.ID(raw[8:20]) ||
		len(out.check)+len(more.answer) > len(raw)+len(answer) {
		t.Error("the first check is not answered then, or with more than came in")
	}
}

func TestAnswersThatProveNothing(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	other := newChecksOn(t, c.network)
	theirs, _ := other.send(other.message(true), "192.0.2.1:1", now)
	ours, _ := c.send(c.message(true), "192.0.2.1:1", now)
	guess := answerMessage(t, ours.check, peerPassword)
	guess[19]++ // the last byte of the id; sealed anew below
	m := &pionstun.Message{Raw: guess}
	if m.Decode() != nil {
		t.Fatal("no STUN")
	}
	for name, try := range map[string]struct {
		raw  []byte
		from string
		at   time.Time
	}{
		"from another address":  {answerMessage(t, ours.check, peerPassword), "192.0.2.2:1", now},
		"from another port":     {answerMessage(t, ours.check, peerPassword), "192.0.2.1:2", now},
		"with another password": {answerMessage(t, ours.check, "another"), "192.0.2.1:1", now},
		"with our own password": {answerMessage(t, ours.check, c.pwd), "192.0.2.1:1", now},
		"too late": {answerMessage(t, ours.check, peerPassword), "192.0.2.1:1",
			now.Add(answerWithin + time.Second)},
		"before it was asked": {answerMessage(t, ours.check, peerPassword), "192.0.2.1:1", now.Add(-time.Second)},
		"an hour and 49 minutes late": {answerMessage(t, ours.check, peerPassword), "192.0.2.1:1",
			now.Add(1 << 16 * askUnit)},
		"to a check of our own": {answerMessage(t, c.message(true), peerPassword), "192.0.2.1:1", now},
		"with a guessed id":     {answerMessage(t, m.Raw, peerPassword), "192.0.2.1:1", now},
		"of another transport":  {renumbered(t, theirs.check, c.transport.number), "192.0.2.1:1", now},
	} {
		if _, ok := c.send(try.raw, try.from, try.at); ok || c.sendsTo() != "" || len(c.network.tables.addrs) != 0 {
			t.Errorf("%s: sends to %q", name, c.sendsTo())
		}
	}
	c.send(answerMessage(t, ours.check, peerPassword), "192.0.2.1:1", now)
	if c.sendsTo() != "192.0.2.1:1" {
		t.Error("nor does the right one")
	}
}

// renumbered is the answer to a check with the number of another transport in its id.
func renumbered(t *testing.T, check []byte, n uint32) []byte {
	t.Helper()
	forged := append([]byte(nil), check...)
	forged[8], forged[9], forged[10], forged[11] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return answerMessage(t, forged, peerPassword)
}

// A live path is never taken: not even by a peer that answers from the same address.
func TestALivePathIsNeverTaken(t *testing.T) {
	victim := newChecks(t)
	mallory := newChecksOn(t, victim.network)
	const text = "192.0.2.1:1"
	addr, now := netip.MustParseAddrPort(text), time.Now()
	victim.from(text, true, now)
	if mallory.from(text, true, now.Add(disconnectedAfter-time.Second)) || mallory.sendsTo() != "" ||
		victim.network.Lookup(addr) != victim.transport {
		t.Error("a live path was taken")
	}
	if !mallory.from(text, true, now.Add(disconnectedAfter+time.Second)) ||
		victim.network.Lookup(addr) != mallory.transport {
		t.Error("an address that nobody has answered from lately stays lost")
	}
}

// A recorded check is worth nothing: not from another address, and from the same one it moves nothing.
func TestRecordedChecksMoveNothing(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	recorded := c.message(true)
	out, _ := c.send(recorded, "192.0.2.1:1", now)
	c.send(answerMessage(t, out.check, peerPassword), "192.0.2.1:1", now)
	c.from("192.0.2.2:2", true, now.Add(time.Second))
	if c.sendsTo() != "192.0.2.2:2" {
		t.Fatal("not moved")
	}
	if out, ok := c.send(recorded, "192.0.2.3:3", now.Add(time.Second)); ok || len(out.check)+len(out.answer) != 0 {
		t.Error("a recorded check brings another address something")
	}
	later := now.Add(4 * time.Second)
	out, ok := c.send(recorded, "192.0.2.1:1", later)
	if !ok || len(out.answer) == 0 {
		t.Error("a check that is repeated because its answer was lost is not answered")
	}
	if len(out.check) > 0 {
		c.send(answerMessage(t, out.check, peerPassword), "192.0.2.1:1", later)
	}
	if c.sendsTo() != "192.0.2.2:2" {
		t.Error("a recorded nomination moved the media")
	}
}

// Consent is an answer less than 30 s old; it ends for each path alone, and a recorded answer does not renew it.
func TestConsentRunsOut(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	c.from("192.0.2.1:1", true, now)
	c.from("192.0.2.2:2", false, now.Add(10*time.Second))
	out, _ := c.send(c.message(true), "192.0.2.1:1", now.Add(5*time.Second))
	recorded := answerMessage(t, out.check, peerPassword)
	c.send(recorded, "192.0.2.1:1", now.Add(5*time.Second))
	c.send(recorded, "192.0.2.1:1", now.Add(14*time.Second)) // or its consent would end at 44 s
	c.transport.Watch(now.Add(34 * time.Second))
	if c.sendsTo() != "192.0.2.1:1" {
		t.Error("consent ended early")
	}
	c.send(c.message(true), "192.0.2.1:1", now.Add(34*time.Second)) // a check is no consent
	c.transport.Watch(now.Add(36 * time.Second))
	if c.sendsTo() != "192.0.2.2:2" || c.network.Lookup(netip.MustParseAddrPort("192.0.2.1:1")) != nil {
		t.Errorf("36 s later it sends to %q", c.sendsTo())
	}
	c.transport.Watch(now.Add(41 * time.Second))
	if c.sendsTo() != "" || len(c.network.tables.addrs) != 0 {
		t.Errorf("without any consent it sends to %q", c.sendsTo())
	}
	if c.from("192.0.2.1:1", false, now.Add(42*time.Second)); c.sendsTo() != "192.0.2.1:1" {
		t.Error("a peer that is back is sent nothing")
	}
}

// A check with less in it than RFC 8445 asks would bring its address more bytes than it has.
func TestChecksShorterThanOursAreRefused(t *testing.T) {
	c := newChecks(t)
	m, err := pionstun.Build(pionstun.BindingRequest, pionstun.TransactionID, pionstun.NewUsername(c.ufrag+":theirs"),
		pionstun.NewShortTermIntegrity(c.pwd), pionstun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if out, ok := c.send(m.Raw, "192.0.2.1:1", time.Now()); ok || len(out.check)+len(out.answer) != 0 {
		t.Errorf("%d bytes brought %d", len(m.Raw), len(out.check)+len(out.answer))
	}
}

func TestChecksThatWaitAreBounded(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	c.from("192.0.2.1:1", true, now)
	for i := range 1000 {
		c.send(c.message(true), fmt.Sprintf("192.0.2.9:%d", i+1), now)
	}
	if n := len(c.transport.ice.paths.waiting); n != maxWaiting {
		t.Errorf("%d checks wait", n)
	}
	if c.sendsTo() != "192.0.2.1:1" || len(c.network.tables.addrs) != 1 {
		t.Error("addresses without an answer pushed out one with")
	}
}
