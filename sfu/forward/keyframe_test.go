package forward

import (
	"testing"
	"time"

	"conclave/sfu/wiretest"
)

// One key frame answers everyone who asked for it before it came, however late in the interval that was.
func TestAKeyFrameAnswersAllWhoAskedBefore(t *testing.T) {
	r := newRig(t)
	publisher := r.join(1, options{}).live()
	viewer := r.join(2, options{twcc: true}).watch(publisher)
	layer, ssrc := publisher.camera.layers[0], viewer.c.out.Slots()[0].ssrc
	slot := viewer.c.out.Slots()[0]
	slot.cur, slot.next = slot.next, nil // as if a key frame had begun it
	start := time.Now()
	asked := func() bool { return layer.wantKey.Load() }

	viewer.c.out.keyWanted(ssrc, start)
	if !asked() {
		t.Fatal("a viewer's request is not taken")
	}
	layer.keyArrived(start.Add(150 * time.Millisecond))
	if asked() {
		t.Error("a key frame is asked for that has come")
	}
	viewer.c.rtt.Store(int64(100 * time.Millisecond))
	viewer.c.out.keyWanted(ssrc, start.Add(200*time.Millisecond))
	if asked() {
		t.Error("a request that crossed with the key frame asks for another")
	}
	viewer.c.out.keyWanted(ssrc, start.Add(400*time.Millisecond))
	if !asked() {
		t.Error("a viewer that the key frame did not help is not heard")
	}
}

// What a publisher's key frame sets is set by the packets themselves.
func TestAKeyFrameThatArrivesIsNoticed(t *testing.T) {
	_, publisher, _ := watched(t)
	publisher.film() // each frame of it is a key frame
	wiretest.Eventually(t, "a key frame is noticed", func() bool { return publisher.camera.layers[0].keyAt.Load() != 0 })
}
