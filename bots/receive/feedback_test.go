package receive

import (
	"testing"
	"time"
)

// Who lets a bot not hear them is not asked for key frames: each would cost them, and none could be opened.
func TestNoKeyFrameIsAskedForWhereThereIsNoKey(t *testing.T) {
	now := time.Unix(100, 0)
	asks := func(change func(r *Receiver, s *stream)) bool {
		r := &Receiver{opener: newFrameOpener()}
		s := &stream{video: true, owner: 5, firstAt: 1}
		s.frames.whole = func(int64, int64) bool { return false }
		r.list = append(r.list, s)
		change(r, s)
		return len(r.plis(now, nil)) == 1
	}
	if !asks(func(*Receiver, *stream) {}) {
		t.Error("none is asked for where no key frame has come")
	}
	if asks(func(_ *Receiver, s *stream) { s.frames.started = true }) {
		t.Error("one is asked for of a sender that no frame was opened of")
	}
	if !asks(func(r *Receiver, s *stream) { s.frames.started, r.opener.heard[5] = true, true }) {
		t.Error("none is asked for once a frame was opened")
	}
	if !asks(func(r *Receiver, s *stream) { s.frames.started, s.frames.whole, r.opener = true, nil, nil }) {
		t.Error("none is asked for where pictures are not opened")
	}
}
