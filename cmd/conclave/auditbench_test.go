package main

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"conclave/audit"
	"conclave/meeting"
	"conclave/protocol"
	"conclave/sfu"
)

const (
	loadMeetings = 200                   // whose hosts act, while others join
	loadEvery    = 20 * time.Millisecond // each of them: 10,000 actions a second in all
	joinEvery    = 4 * time.Millisecond
	roundLength  = time.Second
)

// BenchmarkJoinUnderAudit measures how long a join takes to be acknowledged while the hosts of 200 other meetings lock
// and unlock them, 10,000 times a second in all. Rounds of a second with and without an audit log take turns. The log
// is on a real disk, and each action is an event of it.
//
//	go test ./cmd/conclave -run '^$' -bench JoinUnderAudit -benchtime 10x
func BenchmarkJoinUnderAudit(b *testing.B) {
	_, recipient := keygen(b)
	to, err := audit.ParseRecipients([]string{recipient})
	if err != nil {
		b.Fatal(err)
	}
	log, err := audit.OpenLog(audit.Options{Dir: b.TempDir(), Recipients: to})
	if err != nil {
		b.Fatal(err)
	}
	without, with := newCrowd(b, nil), newCrowd(b, happenings{log})
	for b.Loop() {
		without.round(b)
		with.round(b)
	}
	without.report(b, "without")
	with.report(b, "with")
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
}

// crowd is a registry with meetings whose hosts are in them.
type crowd struct {
	registry *meeting.Registry
	hosts    []*meeting.Seat
	joined   meeting.ID
	acted    atomic.Int64
	elapsed  time.Duration
	took     []time.Duration
}

// deaf hears nothing. It has a size, so that no two are the same.
type deaf struct{ _ byte }

func (*deaf) Deliver(*meeting.Delivery) {}

func newCrowd(b *testing.B, recorder meeting.Recorder) *crowd {
	b.Helper()
	media, err := sfu.Listen(sfu.Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = media.Close() })
	c := &crowd{}
	c.registry, err = meeting.NewRegistry(meeting.Config{Media: meeting.FromSFU(media), Recorder: recorder})
	if err != nil {
		b.Fatal(err)
	}
	for i := range loadMeetings + 1 {
		host := identityOf(fmt.Sprintf("host%d", i))
		id, _, err := c.registry.Create(b.Context(), meeting.Creation{Creator: host})
		if err != nil {
			b.Fatal(err)
		}
		c.joined = id
		if seat := c.join(b, host); i < loadMeetings {
			c.hosts = append(c.hosts, seat)
		}
	}
	return c
}

func identityOf(name string) meeting.Identity {
	return meeting.Identity{Session: meeting.SessionKeyOf(name), Address: meeting.NewAddress(name + "@example.org")}
}

// join joins the meeting that was made last.
func (c *crowd) join(b *testing.B, who meeting.Identity) *meeting.Seat {
	b.Helper()
	j := meeting.Join{Meeting: c.joined, Identity: who, Name: meeting.NewDisplayName("Ana"), Sink: &deaf{}}
	seat, err := c.registry.Join(b.Context(), j)
	if err != nil {
		b.Fatal(err)
	}
	return seat
}

// round joins and leaves for a while, under load.
func (c *crowd) round(b *testing.B) {
	b.Helper()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i, host := range c.hosts {
		load.Go(func() {
			time.Sleep(loadEvery * time.Duration(i) / loadMeetings)
			c.act(b, host, stop)
		})
	}
	began := time.Now()
	tick := time.NewTicker(joinEvery)
	defer tick.Stop()
	for time.Since(began) < roundLength {
		<-tick.C
		at := time.Now()
		seat := c.join(b, identityOf("participant"))
		c.took = append(c.took, time.Since(at))
		seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
	}
	c.elapsed += time.Since(began)
	close(stop)
	load.Wait()
}

// act has a host lock and unlock their meeting until stop is closed.
func (c *crowd) act(b *testing.B, host *meeting.Seat, stop <-chan struct{}) {
	tick := time.NewTicker(loadEvery)
	defer tick.Stop()
	for locked := true; ; locked = !locked {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if err := host.Do(b.Context(), &protocol.SetPolicy{Locked: &locked}); err != nil {
			b.Error(err)
			return
		}
		c.acted.Add(1)
	}
}

func (c *crowd) report(b *testing.B, side string) {
	b.Helper()
	slices.Sort(c.took)
	b.ReportMetric(float64(c.took[len(c.took)/2])/1e6, side+"-p50-ms")
	b.ReportMetric(float64(c.took[len(c.took)*99/100])/1e6, side+"-p99-ms")
	b.ReportMetric(float64(c.acted.Load())/c.elapsed.Seconds(), side+"-actions/s")
	b.ReportMetric(float64(len(c.took)), side+"-joins")
	if err := c.registry.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
