package forward

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// A slot that has gone over to another layer is in nobody's table but that layer's, and none of a track's once it is
// freed.
func TestASwitchLeavesNothingBehind(t *testing.T) {
	r := newRig(t)
	one, two := r.join(1, options{}).live(), r.join(2, options{}).live()
	viewer := r.join(3, options{}).watch(one)
	slot := viewer.c.out.slots[0]
	w := testWorker(r.engine, &sink{})
	from, to := one.camera.layers[0], two.camera.layers[0]
	w.feed(one, time.Now(), one.Sealed(wiretest.Video(5, 1, "q")))
	slot.Carry(to, time.Now())
	if len(from.outputs()) != 1 || len(to.outputs()) != 1 {
		t.Fatalf("while the switch is awaited: %d and %d outputs", len(from.outputs()), len(to.outputs()))
	}
	if got := slot.State().Participant; got != 1 {
		t.Errorf("the slot carries participant %d while the other is awaited", got)
	}
	w.feed(two, time.Now(), two.Sealed(wiretest.Video(6, 1, "q")))
	var retired Retired
	if _, video := viewer.c.out.Tidy(time.Now(), &retired); !viewer.changed.Load() || !video {
		t.Error("nothing says that the slot has switched")
	}
	retired.Clear()
	if len(from.outputs()) != 0 || len(to.outputs()) != 1 {
		t.Errorf("after the switch: %d and %d outputs", len(from.outputs()), len(to.outputs()))
	}
	if got := slot.State().Participant; got != 2 {
		t.Errorf("the slot carries participant %d", got)
	}
	if viewers := two.camera.Free(); len(viewers) != 1 || viewers[0] != media.ParticipantID(3) || len(to.outputs()) != 0 {
		t.Errorf("freed of viewers %v, %d outputs left", viewers, len(to.outputs()))
	}
	if slot.Assigned() != nil {
		t.Error("the slot is still assigned")
	}
}

// An address that comes to be another peer's is not the former's any more, also not for a worker that remembers it.
func TestAWorkerNoticesThatAnAddressHasChangedItsOwner(t *testing.T) {
	r := newRig(t)
	one, two := r.join(1, options{}), r.join(2, options{})
	w := testWorker(r.engine, &sink{})
	w.forget()
	if w.connectionOf(one.Address()) != one.c {
		t.Fatal("not known")
	}
	one.Adopt(two.c.transport)
	w.forget()
	if w.connectionOf(one.Address()) != two.c {
		t.Error("a worker still takes the one for the other")
	}
}
