package forward

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/wiretest"
)

// pulses are how many pulses have been sent.
func (r *rig) pulses() uint64 { return r.engine.pulse.counters.Messages.Load() }

func TestASilentPeerHearsFromUsAtEachPulse(t *testing.T) {
	r := newRig(t)
	silent := r.join(1, options{})
	list := []*Connection{silent.c}
	for range 2 {
		r.engine.Pulse(list, time.Now())
	}
	for range 2 {
		got := silent.Report("a pulse")
		if rr, ok := got[0].(*rtcp.ReceiverReport); !ok || len(rr.Reports) != 0 {
			t.Errorf("it hears %v, want an empty receiver report", got)
		}
	}
}

func TestAPeerThatWasSentMediaNeedsNoPulse(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	alice.RTP(wiretest.Video(5, 1, "q"))
	wiretest.Eventually(t, "a picture", func() bool { return bob.shown() > 0 })
	wiretest.Eventually(t, "it is noted", bob.c.spoke.Load)
	r.engine.Pulse([]*Connection{bob.c}, time.Now())
	if n := r.pulses(); n != 0 {
		t.Errorf("%d pulses to a peer that has just been sent a picture", n)
	}
	r.engine.Pulse([]*Connection{bob.c}, time.Now())
	if n := r.pulses(); n != 1 {
		t.Errorf("%d pulses after half a second of silence, want 1", n)
	}
}

func TestAPeerThatWasSentAReportNeedsNoPulse(t *testing.T) {
	r := newRig(t)
	p := r.join(1, options{})
	p.c.sendRTCP(&rtcp.ReceiverReport{})
	r.engine.Pulse([]*Connection{p.c}, time.Now())
	if n := r.pulses(); n != 0 {
		t.Errorf("%d pulses to a peer that has just been sent a report", n)
	}
}

func TestNoPulseGoesToAPathThatIsNotProven(t *testing.T) {
	r := newRig(t)
	p := r.join(1, options{})
	keyless := r.engine.Connect("", 2, p)
	t.Cleanup(keyless.transport.Close)
	pathless := r.engine.Connect("", 3, p)
	t.Cleanup(pathless.transport.Close)
	pathless.transport.Adopt(p.c.transport.Keys(), nil)
	r.engine.Pulse([]*Connection{keyless, pathless}, time.Now())
	if n := r.pulses(); n != 0 {
		t.Errorf("%d pulses to nowhere", n)
	}
}

// The cost of a meeting in which nobody speaks: for 1,000 peers 16 system calls and no allocation.
func TestPulsesToAThousandPeersLeaveTogether(t *testing.T) {
	const peers = 1000
	r := newRig(t)
	p := r.join(1, options{})
	s := &sink{}
	r.engine.pulse.out[0].sender = s
	list := make([]*Connection, peers)
	for i := range list {
		list[i] = r.engine.Connect("", media.ParticipantID(i+2), p)
		t.Cleanup(list[i].transport.Close)
		p.AdoptAt(list[i].transport, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(20000+i)))
	}
	r.engine.Pulse(list, time.Now())
	c := &r.engine.pulse.counters
	n, calls := c.Messages.Load(), c.Calls.Load()
	if n != peers || calls != (peers+batch.MaxMessages-1)/batch.MaxMessages {
		t.Errorf("%d pulses in %d system calls", n, calls)
	}
	now := time.Now()
	perPulse := testing.AllocsPerRun(10, func() { r.engine.Pulse(list, now) }) / peers
	if perPulse > 0.1 {
		t.Errorf("%.2f allocations a pulse", perPulse)
	}
}
