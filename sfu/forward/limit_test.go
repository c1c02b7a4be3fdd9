package forward

import (
	"testing"
	"time"

	"conclave/sfu/allocation"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/wiretest"
)

// frameOf is the first packet of a frame.
func frameOf(tid uint8, sync, key bool) *packet {
	return &packet{info: codec.Info{TID: tid, Sync: sync, FrameStart: true, KeyStart: key}, newest: true}
}

func TestTemporalLimits(t *testing.T) {
	type step struct {
		limit      int8
		tid        uint8
		sync, key  bool
		want       bool
		wantReason drop.Reason
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"everything passes", []step{{allTemporal, 0, false, true, true, 0}, {allTemporal, 2, false, false, true, 0}}},
		{"down at once", []step{{allTemporal, 0, false, true, true, 0}, {0, 2, true, false, false, drop.Temporal},
			{0, 0, false, false, true, 0}}},
		{"up at a frame that needs nothing dropped", []step{
			{0, 0, false, true, true, 0}, {1, 1, false, false, false, drop.Temporal}, {1, 1, true, false, true, 0},
			{1, 1, false, false, true, 0},
		}},
		{"up one by one", []step{
			{0, 0, false, true, true, 0}, {allTemporal, 2, true, false, false, drop.Temporal},
			{allTemporal, 1, true, false, true, 0}, {allTemporal, 2, true, false, true, 0},
		}},
		{"up at a key frame", []step{{0, 0, false, true, true, 0}, {allTemporal, 0, false, true, true, 0},
			{allTemporal, 2, false, false, true, 0}}},
		{"after a pause only from a key frame on", []step{
			{allTemporal, 0, false, true, true, 0}, {paused, 0, false, false, false, drop.Congested},
			{allTemporal, 0, false, false, false, drop.Congested},
			{allTemporal, 1, true, false, false, drop.Congested}, {allTemporal, 0, false, true, true, 0},
		}},
		{"paused at a key frame", []step{{paused, 0, false, true, false, drop.Congested},
			{allTemporal, 0, false, false, false, drop.Congested}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Slot{egress: &Egress{}}
			for i, st := range c.steps {
				s.temporal = st.limit
				why, ok := s.passes(frameOf(st.tid, st.sync, st.key))
				if ok != st.want || !ok && why != st.wantReason {
					t.Fatalf("step %d: %v, %s", i, ok, why)
				}
			}
		})
	}
}

// A frame whose beginning went out goes out whole, whatever the limit has become.
func TestAFrameIsNotCutInTwo(t *testing.T) {
	s := Slot{egress: &Egress{}, temporal: allTemporal}
	s.passes(frameOf(0, false, true))
	s.passes(frameOf(2, false, false))
	s.temporal = 0
	rest := &packet{info: codec.Info{TID: 2}, newest: true}
	if _, ok := s.passes(rest); !ok {
		t.Error("the rest of the frame was dropped")
	}
	if _, ok := s.passes(frameOf(1, true, false)); ok {
		t.Error("the next frame passed")
	}
}

// While the key frame of a lower layer is awaited, the old layer is sent with what fits the lower one's rate; alone, it
// is left as it is.
func TestTheOldLayerIsCutDownOnlyWhereItIsTooMuch(t *testing.T) {
	now := time.Now()
	measured := func(kbit uint64) *Layer {
		l := &Layer{track: &Track{layers: make([]*Layer, 3)}}
		var bytes [allocation.MaxTemporal]uint64
		for i := range 12 {
			for tid := range 3 {
				bytes[tid] += kbit * 1000 / 8 / 5 * [...]uint64{40, 20, 40}[tid] / 100
			}
			l.meter.Observe(now.Add(time.Duration(i)*200*time.Millisecond), bytes)
		}
		return l
	}
	old, lower := measured(1200), measured(150)
	after := now.Add(3 * time.Second)
	for _, c := range []struct {
		name    string
		rate    int64
		pressed bool
		want    int8
	}{
		{"not pressed", 150_000, false, allTemporal},
		{"nothing of it fits", 150_000, true, paused},
		{"its lowest frame rate fits", 500_000, true, 0},
		{"two of three fit", 800_000, true, 1},
		{"all of it fits", 2_000_000, true, allTemporal},
	} {
		s := Slot{egress: &Egress{}, cur: &output{layer: old}, passing: allTemporal}
		s.Limit(lower, allocation.Decision{Send: allocation.Step{Layer: 0, Temporal: 2}, Rate: c.rate, Pass: 2}, c.pressed,
			after)
		if s.meanwhile != c.want || s.temporal != allTemporal {
			t.Errorf("%s: meanwhile %d, then %d, want %d", c.name, s.meanwhile, s.temporal, c.want)
		}
	}
}

// While a queue is being let go, nothing passes of what is to wait: neither of the old layer nor of the new one.
func TestNothingPassesWhileAQueueIsLetGo(t *testing.T) {
	now := time.Now()
	l := &Layer{track: &Track{layers: make([]*Layer, 3)}}
	s := Slot{egress: &Egress{}, Video: true, cur: &output{layer: l}, passing: allTemporal}
	s.Limit(l, allocation.Decision{Pass: -1}, false, now)
	if _, ok := s.passes(frameOf(0, false, false)); ok {
		t.Error("a frame of the old layer passed")
	}
	if !s.held() || s.stopped(time.Now()) {
		t.Error("a key frame would be asked for too early")
	}
	s.Limit(l, allocation.Decision{Pass: 0}, false, now)
	if s.held() || !s.stopped(time.Now()) {
		t.Error("no key frame would be asked for")
	}
}

// Temporal layers come back without a key frame, where the encoder says that they may, and what arrives can be decoded.
func TestTemporalLayersComeBackWhereTheyCanBeDecoded(t *testing.T) {
	r := newRig(t)
	publisher := r.join(1, options{}).live()
	viewer := r.join(2, options{}).watch(publisher)
	slot := viewer.c.out.slots[0]
	src := &wiretest.VideoSource{Height: 180, Packets: 1, Temporal: true}
	out := &segments{}
	w := testWorker(r.engine, out)
	passed := map[uint8]int{}
	last := [3]int{-1, -1, -1} // the latest picture that passed up to each temporal layer
	for n := range 320 {
		if n%40 == 0 {
			slot.temporal = []int8{allTemporal, 0, 2, 1}[n/40%4]
		}
		p := src.Frame(n == 0)[0]
		p.SSRC, p.PayloadType = 5, 96
		_ = p.SetExtension(wiretest.ExtMID, []byte("1"))
		_ = p.SetExtension(wiretest.ExtRID, []byte("q"))
		info, err := codec.Parse(codec.VP8, p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		before := viewer.shown()
		w.feed(publisher, time.Now(), publisher.Sealed(p))
		if viewer.shown() == before {
			continue
		}
		tid := int(info.TID)
		passed[info.TID]++
		needs, back := tid, 4>>tid
		if info.Sync {
			needs, back = 0, 2
			if tid == 2 {
				back = 1
			}
		}
		if n > 0 && last[needs] != n-back {
			t.Errorf("picture %d of temporal layer %d passed: it comes after %v and needs %d", n, tid, last, n-back)
		}
		for i := tid; i < len(last); i++ {
			last[i] = n
		}
	}
	if passed[0] != 80 || passed[1] < 40 || passed[1] == 80 || passed[2] < 60 || passed[2] > 120 {
		t.Errorf("passed by temporal layer: %v", passed)
	}
}
