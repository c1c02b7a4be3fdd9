package forward

import (
	"testing"
	"time"

	"conclave/sfu/codec"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/wiretest"
)

// What is sent again goes under the RTX payload type that belongs to its codec, with the picture id it was sent with.
func TestRetransmissionsHaveTheirCodecsPayloadType(t *testing.T) {
	r := newRig(t)
	camera := r.join(1, options{codec: codec.VP9}).live()
	viewer := r.join(2, options{codec: codec.VP9}).watch(camera)
	testWorker(r.engine, &sink{}).feed(camera, time.Now(), camera.Sealed(wiretest.VideoOf(codec.VP9, 5, 40, "q")))
	slot := viewer.c.out.slots[0]
	last, ok := slot.rw.Last()
	if !ok {
		t.Fatal("nothing was forwarded")
	}
	seal := &sealer{cipher: viewer.c.transport.Keys().Out, scratch: make([]byte, 0, 2000)}
	b, ok := slot.retransmit(make([]byte, 0, 2000), uint16(last.Seq), time.Now(), seal)
	if !ok || b[1]&0x7f != 99 {
		t.Fatalf("sent again: %v, payload type %d, want 99", ok, b[1]&0x7f)
	}
	var n srtp.Scratch
	v, err := rtpview.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	size, err := seal.cipher.Open(b, v.HeaderLen(), v.SSRC, slot.rtxSeq-1, &n)
	if err != nil {
		t.Fatal(err)
	}
	info, err := codec.Parse(codec.VP9, b[v.HeaderLen()+2:v.HeaderLen()+size])
	if err != nil || info.PictureID != last.PictureID || info.TL0PicIdx != last.TL0PicIdx {
		t.Errorf("%+v, %v, sent as %+v", info, err, last)
	}
}

// A packet goes again once a round trip, however often it is asked for, and all of them within the budget.
func TestRepeatsAreOnceARoundTripAndWithinTheBudget(t *testing.T) {
	r := newRig(t)
	camera := r.join(1, options{}).live()
	viewer := r.join(2, options{}).watch(camera)
	w := testWorker(r.engine, &sink{})
	now := time.Now()
	for seq := range uint16(10) {
		w.feed(camera, now, camera.Sealed(wiretest.Video(5, seq+1, "q")))
	}
	slot := viewer.c.out.slots[0]
	last, ok := slot.rw.Last()
	if !ok {
		t.Fatal("nothing was forwarded")
	}
	seal := &sealer{cipher: viewer.c.transport.Keys().Out, scratch: make([]byte, 0, 2000)}
	again := func(back uint16, at time.Time) bool {
		_, ok := slot.retransmit(make([]byte, 0, 2000), uint16(last.Seq)-back, at, seal)
		return ok
	}
	if !again(0, now) || again(0, now) || again(0, now.Add(20*time.Millisecond)) {
		t.Error("a packet goes twice within a round trip")
	}
	if !again(0, now.Add(100*time.Millisecond)) {
		t.Error("a packet that was lost twice does not go again")
	}
	viewer.c.out.rtxTokens = 3
	for back := range uint16(8) {
		if got, want := again(back+1, now), back < 3; got != want {
			t.Errorf("with 3 left, repeat %d is sent: %v", back+1, got)
		}
	}
}

// Who loses many packets is sent what is missed twice, within the budget, and over a stream only once: it loses none.
func TestWhoLosesManyIsAnsweredTwice(t *testing.T) {
	r := newRig(t)
	camera := r.join(1, options{}).live()
	viewer := r.join(2, options{}).watch(camera)
	w := testWorker(r.engine, &sink{})
	now := time.Now()
	for seq := range uint16(40) {
		w.feed(camera, now, camera.Sealed(wiretest.Video(5, seq+1, "q")))
	}
	e, slot := &viewer.c.out, viewer.c.out.slots[0]
	last, _ := slot.rw.Last()
	ssrc, _, _ := slot.SSRCs()
	ks, to, _ := e.transport.Ready()
	answers := func() (n uint64) {
		last.Seq -= 4
		before := w.counters.Retransmitted.Load()
		e.answerPair(ssrc, uint16(last.Seq), 0b11, to, w.begin(ks, to, now), w)
		return w.counters.Retransmitted.Load() - before
	}
	for _, c := range []struct {
		name   string
		level  int
		stream bool
		tokens int
		want   uint64
	}{
		{"loses few", 0, false, 100, 3},
		{"loses many", 1, false, 100, 6},
		{"by a stream", 1, true, 100, 3},
		{"out of budget", 1, false, 4, 4},
	} {
		e.audio.copies.level, e.way.stream, e.rtxTokens = c.level, c.stream, c.tokens
		if got := answers(); got != c.want {
			t.Errorf("%s: %d packets sent for 3 missed, want %d", c.name, got, c.want)
		}
	}
}

// The last packet of a larger picture goes twice to who loses many, within the budget, and over a stream only once.
func TestTheEndOfAPictureGoesTwiceToWhoLosesMany(t *testing.T) {
	for _, c := range []struct {
		name    string
		level   int
		stream  bool
		tokens  int
		packets int
		want    uint64
	}{
		{"loses many", 1, false, 100, endsFrom, 1},
		{"a small picture", 1, false, 100, endsFrom - 1, 0},
		{"loses few", 0, false, 100, endsFrom, 0},
		{"by a stream", 1, true, 100, endsFrom, 0},
		{"out of budget", 1, false, 0, endsFrom, 0},
	} {
		r := newRig(t)
		camera := r.join(1, options{}).live()
		viewer := r.join(2, options{}).watch(camera)
		w := testWorker(r.engine, &sink{})
		now := time.Now()
		e := &viewer.c.out
		src := &wiretest.VideoSource{Codec: codec.VP8, Height: 180, Seq: 1, Timestamp: 3000, Packets: c.packets}
		for picture := range 3 {
			e.audio.copies.level, e.way.stream, e.rtxTokens = c.level, c.stream, c.tokens
			before := w.counters.Copied.Load()
			for _, p := range src.Frame(picture == 0) {
				p.SSRC, p.PayloadType = 5, wiretest.PayloadTypes()[codec.VP8]
				_ = p.SetExtension(wiretest.ExtMID, []byte("1"))
				_ = p.SetExtension(wiretest.ExtRID, []byte("q"))
				w.feed(camera, now, camera.Sealed(p))
			}
			if got := w.counters.Copied.Load() - before; picture > 0 && got != c.want {
				t.Errorf("%s: %d packets of picture %d go twice, want %d", c.name, got, picture, c.want)
			}
		}
	}
}
