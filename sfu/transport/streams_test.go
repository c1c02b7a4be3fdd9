package transport

import (
	"net/netip"
	"testing"
	"time"

	pionstun "github.com/pion/stun/v4"

	"conclave/sfu/stream"
)

// nowhere is the sink of a stream to which nothing is sent.
type nowhere struct{}

func (nowhere) Deliver([]byte, int) bool               { return true }
func (nowhere) Flush()                                 {}
func (nowhere) Behind(now time.Time) (d time.Duration) { return d }

var mappedPeer = netip.MustParseAddrPort("198.51.100.7:4321")

// streamChecks is a client that can also come over streams.
func streamChecks(t *testing.T) (c *checks, hub *stream.Hub) {
	t.Helper()
	hub = stream.NewHub(1, 100)
	n, err := Open(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Workers: 1, Streams: hub})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return newChecksOn(t, n), hub
}

func attach(t *testing.T, hub *stream.Hub) *stream.Stream {
	t.Helper()
	s, err := hub.Attach(mappedPeer, 54, nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// over sends a STUN message as if it came over a stream.
func (c *checks) over(s *stream.Stream, raw []byte, now time.Time) (out replies, ok bool) {
	c.t.Helper()
	from := Path{s.Key(), 1}
	if pionstun.IsMessage(raw) && raw[0] == 1 {
		out, _, ok = c.network.answered(raw, make([]byte, 2048), from, now)
	} else {
		out, _, ok = c.network.checked(raw, make([]byte, 2048), from, now)
	}
	return out, ok
}

// prove has the client prove to be there over a stream, and returns the answer to its check.
func (c *checks) prove(s *stream.Stream, nominate bool, now time.Time) (answer []byte) {
	c.t.Helper()
	out, ok := c.over(s, c.message(nominate), now)
	if !ok || len(out.check) == 0 {
		c.t.Fatal("not asked")
	}
	more, ok := c.over(s, answerMessage(c.t, out.check, peerPassword), now)
	if !ok {
		c.t.Fatal("an answer proves nothing")
	}
	return more.answer
}

// Over a stream too nothing counts before the peer has answered. It is told the address that the stream's owner says.
func TestAStreamIsProvenByAnAnswerOnly(t *testing.T) {
	c, hub := streamChecks(t)
	now := time.Now()
	s := attach(t, hub)
	if _, ok := c.over(s, c.message(true), now); !ok || s.Proven() || c.sendsTo() != "" {
		t.Fatal("a check alone proves something")
	}
	answer := c.prove(s, true, now.Add(time.Second))
	if !s.Proven() || c.sendsTo() != s.Key().String() {
		t.Fatalf("sends to %q", c.sendsTo())
	}
	m := &pionstun.Message{Raw: answer}
	var mapped pionstun.XORMappedAddress
	if m.Decode() != nil || mapped.GetFrom(m) != nil || mapped.String() != mappedPeer.String() {
		t.Errorf("told %v", mapped)
	}
	if r := c.transport.remote.Load(); r.Stream != s || r.Overhead != 54 {
		t.Errorf("%+v", r)
	}
}

// When a stream ends, media goes to another proven path at once; without one, nowhere.
func TestADetachedStreamIsSentToNoMore(t *testing.T) {
	c, hub := streamChecks(t)
	now := time.Now()
	first, second := attach(t, hub), attach(t, hub)
	c.from("192.0.2.1:1", true, now)
	c.prove(first, true, now)
	c.prove(second, true, now.Add(time.Millisecond))
	for _, step := range []struct {
		ends *stream.Stream
		then string
	}{{second, first.Key().String()}, {first, "192.0.2.1:1"}} {
		if c.sendsTo() != step.ends.Key().String() {
			t.Fatalf("sends to %s", c.sendsTo())
		}
		step.ends.Detach()
		if c.network.Lookup(step.ends.Key()) != nil {
			t.Error("the stream is still in the table")
		}
		if got := c.sendsTo(); got != step.then && step.ends == first || got == step.ends.Key().String() {
			t.Errorf("sends to %s, want %s", got, step.then)
		}
		if step.ends == second { // the freshest is taken: either will do
			c.prove(first, true, now.Add(3*time.Second))
		}
	}
	third := attach(t, hub)
	out, _ := c.over(third, c.message(true), now)
	third.Detach()
	if _, ok := c.over(third, answerMessage(t, out.check, peerPassword), now); ok || third.Proven() {
		t.Error("a detached stream can be proven")
	}
	if c.sendsTo() != "192.0.2.1:1" || c.network.Lookup(third.Key()) != nil {
		t.Errorf("sends to %s", c.sendsTo())
	}
}

// The engine has no use for the streams of a peer that has left, or that does not consent any more.
func TestStreamsEndWithTheirPeerOrItsConsent(t *testing.T) {
	isDone := func(s *stream.Stream) bool {
		select {
		case <-s.Done():
			return true
		default:
			return false
		}
	}
	c, hub := streamChecks(t)
	now := time.Now()
	s := attach(t, hub)
	c.prove(s, true, now)
	c.transport.Watch(now.Add(consentLasts))
	if isDone(s) {
		t.Error("it ends while consent lasts")
	}
	c.transport.Watch(now.Add(consentLasts + time.Second))
	if !isDone(s) || c.sendsTo() != "" {
		t.Error("it lasts without consent")
	}
	again := attach(t, hub)
	c.prove(again, true, now)
	c.transport.Close()
	if !isDone(again) {
		t.Error("it lasts without its peer")
	}
}

// After an ICE restart media goes to the first address that answers with the new credentials, nominated or not; an
// address that has not answered is not waited for, nor sent to.
func TestAfterARestartTheFirstAddressThatAnswersIsSentTo(t *testing.T) {
	c, hub := streamChecks(t)
	now := time.Now()
	c.from("192.0.2.1:1", true, now)
	c.ufrag, c.pwd = c.transport.Negotiate("theirs", peerPassword)
	now = now.Add(time.Second)
	if _, ok := c.send(c.message(false), "192.0.2.66:6", now); !ok || c.sendsTo() != "192.0.2.1:1" {
		t.Fatalf("without an answer it sends to %s", c.sendsTo())
	}
	s := attach(t, hub)
	c.prove(s, false, now)
	if c.sendsTo() != s.Key().String() {
		t.Errorf("sends to %s", c.sendsTo())
	}
	other := attach(t, hub)
	c.prove(other, false, now.Add(time.Second))
	if c.sendsTo() != s.Key().String() {
		t.Error("a second address is sent to though it is not nominated")
	}
	c.prove(other, true, now.Add(4*time.Second))
	if c.sendsTo() != other.Key().String() {
		t.Error("it is not sent to where the client nominates")
	}
}

// The restart holds for an address that was proven before it, too.
func TestAfterARestartAnAddressKnownBeforeIsAskedAnew(t *testing.T) {
	c, _ := streamChecks(t)
	now := time.Now()
	c.from("192.0.2.2:2", false, now)
	c.from("192.0.2.1:1", true, now)
	c.ufrag, c.pwd = c.transport.Negotiate("theirs", peerPassword)
	now = now.Add(time.Second)
	if !c.from("192.0.2.2:2", false, now) || c.sendsTo() != "192.0.2.2:2" {
		t.Errorf("sends to %s", c.sendsTo())
	}
}
