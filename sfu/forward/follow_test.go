package forward

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"conclave/sfu/batch"
	"conclave/sfu/transport"
)

// A client with several paths sends its reports over the one it uses, so that is where it is sent to. A report that
// nobody vouches for, and one that came before, move nothing.
func TestReportsSayWhereTheClientIs(t *testing.T) {
	r := newRig(t)
	p := r.join(1, options{}).live()
	other := netip.MustParseAddrPort("192.0.2.1:1")
	p.c.transport.Adopt(p.c.transport.Keys(), &transport.Path{From: other})
	sendsTo := func() netip.AddrPort {
		_, to, _ := p.c.transport.Ready()
		return to.To.AddrPort
	}
	w := testWorker(r.engine, nil)
	now := time.Now()
	report := p.SealedRTCP(&rtcp.ReceiverReport{SSRC: 1})
	forged := bytes.Clone(report)
	forged[len(forged)-1] ^= 1
	w.feed(p, now, forged)
	if sendsTo() != other {
		t.Fatal("a forged report moves the media")
	}
	w.feed(p, now, report)
	if sendsTo() != p.Address() {
		t.Fatalf("sends to %v, the client is at %v", sendsTo(), p.Address())
	}
	w.take([]batch.Datagram{{Data: report, From: other}}, now.Add(time.Minute))
	if sendsTo() != p.Address() {
		t.Error("a recorded report moves the media")
	}
}
