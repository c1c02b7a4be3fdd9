package forward

import (
	"time"

	"conclave/sfu/transport"
)

const (
	// videoBehind is how far a stream may be behind before whole frames are left out: beyond it a picture is no longer
	// live.
	videoBehind = 200 * time.Millisecond
	// soundBehind is the same for audio. It takes little of the way, so it goes on for as long as a jitter buffer may
	// catch up.
	soundBehind = time.Second
	// repeatBehind is how far a stream may be behind for repeats and kept key frames to be sent: they would add to the
	// queue.
	repeatBehind = 20 * time.Millisecond
	// skipLasts is the shortest time from leaving out a picture to asking for the key frame it goes on with. A slow
	// viewer costs its publishers no more than one a second.
	skipLasts = time.Second
)

// way is what a destination is reached by, as of the latest batch for it.
type way struct {
	to       *transport.Remote
	overhead int           // bytes a packet takes beside its UDP payload: estimates are of all of it
	stream   bool          // TCP or a relay: what is sent arrives, though late
	behind   time.Duration // for how long the oldest packet waits to be written, 0 over UDP
}

// reach notes what the next packets go by.
func (d *destination) reach(to *transport.Remote, now time.Time) {
	if to != d.way.to {
		d.moved(to, now)
	}
	if to.Stream != nil {
		d.way.behind = to.Stream.Behind(now)
	}
}

// moved begins another way. What is known of the path holds from one UDP address to another, but says nothing of a
// stream.
func (d *destination) moved(to *transport.Remote, now time.Time) {
	wasStream := d.way.stream
	d.way = way{to: to, overhead: to.Overhead, stream: to.Stream != nil}
	if d.path.bwe != nil && (wasStream || d.way.stream) {
		d.path.bwe.Moved(now, d.way.stream)
		d.estimate(now)
	}
}

// isBehind says whether the way is a stream on which no more pictures are to be begun now.
func (d *destination) isBehind(now time.Time) bool {
	_, to, ok := d.transport.Ready()
	return ok && to.Stream != nil && to.Stream.Behind(now) > videoBehind
}

// skips says whether packets of that kind are left out, because the way is behind.
func (w *way) skips(video bool) bool {
	if video {
		return w.behind > videoBehind
	}
	return w.behind > soundBehind
}
