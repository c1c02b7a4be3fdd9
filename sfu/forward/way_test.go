package forward

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/bwe"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/rtpview"
	"conclave/sfu/stream"
	"conclave/sfu/transport"
	"conclave/sfu/wiretest"
)

// late is the sink of a stream that is behind by as much as a test says.
type late struct {
	behind atomic.Int64

	mu   sync.Mutex
	seqs map[uint8][]uint16 // of what was sent, by payload type
}

func (l *late) Deliver(data []byte, segment int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(data) > 0 {
		if v, err := rtpview.Parse(data[:min(segment, len(data))]); err == nil && rtpview.IsRTP(data) {
			l.seqs[v.PT] = append(l.seqs[v.PT], v.Seq)
		}
		data = data[min(segment, len(data)):]
	}
	return true
}

func (l *late) Flush() {}

func (l *late) Behind(time.Time) time.Duration { return time.Duration(l.behind.Load()) }

func (l *late) got(pt uint8) []uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]uint16(nil), l.seqs[pt]...)
}

// overStream is a publisher, and a viewer of it that comes over a stream, on a worker that nobody else runs.
func overStream(t *testing.T, opt options) (w *worker, publisher, viewer *peer, sink *late) {
	t.Helper()
	hub := stream.NewHub(1, 10)
	network, err := transport.Open(transport.Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Workers: 1, Streams: hub})
	if err != nil {
		t.Fatal(err)
	}
	r := rigOn(t, network)
	publisher = r.join(1, options{}).live()
	viewer = r.join(2, opt)
	sink = &late{seqs: map[uint8][]uint16{}}
	s, err := hub.Attach(netip.MustParseAddrPort("198.51.100.1:1"), 54, sink)
	if err != nil {
		t.Fatal(err)
	}
	viewer.c.transport.Adopt(viewer.c.transport.Keys(), &transport.Path{From: s.Key(), Local: 1})
	viewer.watch(publisher)
	w = testWorker(r.engine, nil)
	w.out = nil
	if err := w.open(network, 0, arenaBytes); err != nil {
		t.Fatal(err)
	}
	return w, publisher, viewer, sink
}

// picture is one packet of a camera: a whole frame.
func picture(p *peer, seq uint16, key bool) []byte {
	v := wiretest.Video(5, seq, "q")
	if !key {
		v.Payload[5] = 1
	}
	return p.Sealed(v)
}

// A viewer whose TCP connection is behind is sent no more pictures, from the next frame on, and goes on with the next
// key frame once it has caught up. Sound goes on. What was left out makes no gap in its numbers, so it asks for no
// repeats.
func TestAStreamThatIsBehindIsSkippedByFrames(t *testing.T) {
	w, publisher, _, sink := overStream(t, options{})
	now := time.Now()
	seq := uint16(0)
	send := func(key bool) (pictures, sounds int) {
		seq++
		now = now.Add(20 * time.Millisecond)
		before, beforeSound := len(sink.got(96)), len(sink.got(111))
		w.feed(publisher, now, picture(publisher, seq, key), publisher.Sealed(wiretest.Audio(seq, 20)))
		return len(sink.got(96)) - before, len(sink.got(111)) - beforeSound
	}
	for _, step := range []struct {
		behind           time.Duration
		key              bool
		pictures, sounds int
	}{
		{0, true, 1, 1}, {0, false, 1, 1}, {videoBehind, false, 1, 1},
		{videoBehind + 1, false, 0, 1}, {0, false, 0, 1}, // what was left out is missing: only a key frame helps
		{soundBehind, true, 0, 1}, {soundBehind + 1, true, 0, 0},
		{0, true, 1, 1}, {0, false, 1, 1},
	} {
		sink.behind.Store(int64(step.behind))
		if p, s := send(step.key); p != step.pictures || s != step.sounds {
			t.Errorf("packet %d, behind by %v: %d pictures and %d sounds, want %d and %d", seq, step.behind, p, s,
				step.pictures, step.sounds)
		}
	}
	for pt, seqs := range map[uint8][]uint16{96: sink.got(96), 111: sink.got(111)} {
		for i := 1; i < len(seqs); i++ {
			if seqs[i] != seqs[i-1]+1 {
				t.Errorf("type %d: a gap between %d and %d", pt, seqs[i-1], seqs[i])
			}
		}
	}
	if n := w.counters.Drops[drop.StreamBehind].Load(); n != 5 {
		t.Errorf("%d packets are counted as left out, want 5", n)
	}
}

// Temporal layers above the lowest are left out one by one: the frames after them go on without a key frame.
func TestAFrameThatNoOtherNeedsIsSkippedAlone(t *testing.T) {
	s := Slot{egress: &Egress{}, Video: true, temporal: allTemporal, cur: &output{}, passing: allTemporal}
	at := func(behind time.Duration) { s.egress.way.behind = behind }
	if _, ok := s.passes(frameOf(0, false, true)); !ok {
		t.Fatal("a key frame does not pass")
	}
	at(time.Second)
	if why, ok := s.passes(frameOf(2, false, false)); ok || why != drop.Temporal {
		t.Errorf("%v, %v", why, ok)
	}
	at(0)
	for _, f := range []*packet{frameOf(0, false, false), frameOf(1, true, false), frameOf(2, true, false)} {
		if why, ok := s.passes(f); !ok {
			t.Errorf("layer %d does not pass: %v", f.info.TID, why)
		}
	}
	at(time.Second)
	rest := &packet{info: codec.Info{TID: 2}, newest: true}
	if _, ok := s.passes(rest); !ok {
		t.Error("a frame that has begun is cut in two")
	}
}

// A slow viewer does not make its publishers send key frames all the time: one is asked for when it has caught up, and
// a second after it was left out at the earliest.
func TestAKeyFrameIsAskedForOnceAStreamHasCaughtUp(t *testing.T) {
	_, _, viewer, sink := overStream(t, options{})
	s := viewer.c.out.Slots()[0]
	now := time.Now()
	skipped := frameOf(0, false, false)
	skipped.arrived = now
	s.cur, s.next = s.next, nil
	s.egress.way.behind = time.Second
	s.passes(skipped)
	for _, c := range []struct {
		after, behind time.Duration
		want          bool
	}{{skipLasts / 2, 0, false}, {2 * skipLasts, videoBehind + 1, false}, {2 * skipLasts, 0, true}} {
		sink.behind.Store(int64(c.behind))
		if got := s.stopped(now.Add(c.after)); got != c.want {
			t.Errorf("after %v, behind by %v: %v", c.after, c.behind, got)
		}
	}
}

// Over a stream packets count with its own overhead, and nothing is sent to probe it.
func TestAStreamIsNotProbed(t *testing.T) {
	w, publisher, viewer, _ := overStream(t, options{twcc: true})
	now := time.Now()
	viewer.c.out.Useful(8_000_000)
	for seq := uint16(1); seq <= 100; seq++ {
		now = now.Add(20 * time.Millisecond)
		w.feed(publisher, now, picture(publisher, seq, seq == 1))
		if seq%10 == 0 {
			_ = viewer.c.out.feedback(wiretest.AllReceived(nil, seq-10, 10, uint32(seq)/3), now)
		}
	}
	if n := viewer.c.engine.pacer.counters.Probes.Load(); n != 0 || viewer.c.out.paced.Load() && viewer.c.out.rested() {
		t.Errorf("%d probes", n)
	}
	if viewer.c.out.way.overhead != 54 || !viewer.c.out.way.stream {
		t.Errorf("%+v", viewer.c.out.way)
	}
}

// What UDP has lost before is repeated over a stream, but not behind a queue.
func TestNothingIsRepeatedOnAStreamThatIsBehind(t *testing.T) {
	w, publisher, viewer, sink := overStream(t, options{})
	now := time.Now()
	for seq := uint16(1); seq <= 10; seq++ {
		w.feed(publisher, now, picture(publisher, seq, seq == 1))
	}
	repeat := func() bool {
		viewer.c.out.mu.Lock()
		defer viewer.c.out.mu.Unlock()
		s := viewer.c.out.slots[0]
		seqs := sink.got(96)
		_, ok := s.retransmit(make([]byte, 0, batch.MaxDatagram+64), seqs[len(seqs)-1], now, &w.seal)
		return ok
	}
	viewer.c.out.way.behind = repeatBehind + 1
	if repeat() {
		t.Error("a repeat is queued behind what waits")
	}
	viewer.c.out.way.behind = 0
	if !repeat() {
		t.Error("nothing is repeated at all")
	}
}

// What was learned of UDP says nothing of a stream: after a blackout the estimate is at its lowest.
func TestTheEstimateBeginsAnewOnAStream(t *testing.T) {
	w, publisher, viewer, sink := overStream(t, options{twcc: true})
	now := time.Now()
	w.feed(publisher, now, picture(publisher, 1, true))
	e := &viewer.c.out
	e.mu.Lock()
	e.path.bwe.REMB(now, bwe.Min)
	e.mu.Unlock()
	before := sink.got(96)
	udp := &transport.Remote{To: batch.NewAddr(viewer.Address()), Overhead: 28}
	e.mu.Lock()
	e.reach(udp, now)
	udpWay := e.way
	_, to, _ := viewer.c.transport.Ready()
	e.reach(to, now)
	streamWay := e.way
	e.mu.Unlock()
	if udpWay.stream || udpWay.overhead != 28 || !streamWay.stream || streamWay.overhead != 54 {
		t.Errorf("%+v, %+v", udpWay, streamWay)
	}
	if e.Estimate() != bwe.Initial || len(before) == 0 {
		t.Errorf("the estimate is %d", e.Estimate())
	}
}
