package forward

import (
	"testing"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/overload"
	"conclave/sfu/wiretest"
)

// standing is a publisher, a viewer, and a worker whose queue can be made to stand.
type standing struct {
	t                 *testing.T
	w                 *worker
	publisher, viewer *peer
	now               time.Time
	seq               uint16 // of the next packet of video
}

func newStanding(t *testing.T) *standing {
	r := newRig(t)
	s := &standing{t: t, publisher: r.join(1, options{}).live(), now: time.Now(), seq: 1}
	s.viewer = r.join(2, options{}).watch(s.publisher)
	s.w = testWorker(r.engine, &sink{})
	return s
}

// arrive has one datagram come that has waited for some time.
func (s *standing) arrive(sealed []byte, waited time.Duration) {
	s.now = s.now.Add(20 * time.Millisecond)
	s.w.forwardBatch([]batch.Datagram{{Data: sealed, From: s.publisher.Address(),
		Arrived: s.now.Add(-waited).UnixNano()}}, s.now)
}

// video has the next packet of video come, and says for what reason it was dropped, if it was.
func (s *standing) video(key bool, waited time.Duration) (why string) {
	p := wiretest.Video(5, s.seq, "q")
	if !key {
		src := &wiretest.VideoSource{Codec: codec.VP8, PictureID: s.seq, Packets: 1}
		p.Payload = src.Frame(false)[0].Payload
	}
	s.seq++
	var before [drop.Reasons]uint64
	for i := range before {
		before[i] = s.w.counters.Drops[i].Load()
	}
	s.arrive(s.publisher.Sealed(p), waited)
	for i := range before {
		if s.w.counters.Drops[i].Load() != before[i] {
			why += drop.Reason(i).String()
		}
	}
	return why
}

// next is the number that the viewer's slot of video gave last.
func (s *standing) last() uint16 {
	s.viewer.c.out.mu.Lock()
	defer s.viewer.c.out.mu.Unlock()
	last, _ := s.viewer.c.out.slots[0].rw.Last()
	return uint16(last.Seq)
}

// While pictures give way, video that no viewer has is not even opened; it counts as being sent, so that it can come
// back.
func TestVideoThatNoOneSeesIsNotOpenedWhilePicturesGiveWay(t *testing.T) {
	s := newStanding(t)
	layer := s.publisher.camera.layers[0]
	if why := s.video(true, 0); why != "" {
		t.Fatalf("dropped: %s", why)
	}
	s.viewer.c.out.slots[0].Release()
	heard := s.publisher.c.in.heard
	s.viewer.c.engine.Shed(overload.Pictures)
	if why := s.video(false, 0); why != "late" || s.publisher.c.in.heard != heard || !layer.Active(s.now) {
		t.Errorf("dropped: %q, opened %v, active %v", why, s.publisher.c.in.heard != heard, layer.Active(s.now))
	}
	s.viewer.watch(s.publisher)
	if why := s.video(true, 0); why != "" {
		t.Errorf("it does not come back: %s", why)
	}
}

// While a queue stands, video that has waited in it is left out, sound is not; after it video goes on at a key frame,
// with no gap that viewers would ask for, and the publisher is asked for none of what was left out.
func TestOldVideoIsLeftOutOfAStandingQueue(t *testing.T) {
	s := newStanding(t)
	layer := s.publisher.camera.layers[0]
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	want("a key frame", s.video(true, 0), "")
	s.arrive(s.publisher.Sealed(wiretest.Audio(1, 20)), 0)
	want("a frame that is late", s.video(false, 70*time.Millisecond), "")
	s.w.waiting = overload.Queue{}
	before := s.last()

	old := 2 * overload.Bound
	for range 5 {
		s.w.waiting.Observe(old, s.now)
		s.now = s.now.Add(overload.Stands)
	}
	want("an old frame", s.video(false, old), "late")
	want("an old key frame", s.video(true, old), "late")
	heard := s.viewer.c.out.slots[1].packets
	s.arrive(s.publisher.Sealed(wiretest.Audio(2, 20)), old)
	if s.viewer.c.out.slots[1].packets != heard+1 {
		t.Error("sound was left out")
	}
	layer.wantKey.Store(false)
	want("a frame that came in time", s.video(false, 0), "resting")
	if !layer.wantKey.Load() {
		t.Error("no key frame is asked for")
	}
	want("the next key frame", s.video(true, 0), "")
	want("what follows it", s.video(false, 0), "")
	if got := s.last() - before; got != 2 {
		t.Errorf("numbers went on by %d, want 2", got)
	}
	if due, _ := layer.receive.nack.Due(make([]uint64, 0, 8), s.now.Add(time.Second/2), time.Millisecond); len(due) > 0 {
		t.Errorf("asked again for %d", due)
	}
}
