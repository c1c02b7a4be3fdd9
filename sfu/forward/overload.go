package forward

import (
	"time"

	"conclave/sfu/overload"
)

// histogramBase is the upper bound of the first bucket of the workers' delays.
const histogramBase = time.Second / 8192

// Delays follows how long packets take from the kernel's receipt to their departure. One goroutine.
type Delays struct {
	engine  *Engine
	window  overload.Window
	buckets [octaves + 2]uint64 // scratch
}

// Delays returns a view of the delays from now on.
func (e *Engine) Delays() *Delays {
	d := &Delays{engine: e}
	d.Latest()
	return d
}

// Latest says how long half of the receive batches took at most since it was last called, by all workers, 0 if none
// came; and whether some worker found a standing queue.
func (d *Delays) Latest() (median time.Duration, stands bool) {
	d.buckets = [octaves + 2]uint64{}
	for _, w := range d.engine.workers {
		w.counters.Delay.octaves(&d.buckets)
	}
	return d.window.Quantile(0.5, d.buckets[:], histogramBase), d.engine.stands.Swap(false)
}

// Shed says how much gives way: repairs, probes and key frames are bounded by it. What slots carry is control's to
// change.
func (e *Engine) Shed(level overload.Level) { e.level.Store(int32(level)) }

// shed is the level at which the engine is.
func (e *Engine) shed() overload.Level { return overload.Level(e.level.Load()) }

// What repairs may cost while something gives way, so that loss doesn't feed itself: packets sent again to a viewer in
// a second are a half, a quarter and an eighth of what they are else; datagrams of RTCP opened of a peer are what a
// browser sends with some to spare; and a layer is asked for key frames less often.
const shedRTCPPerSecond = 100

func (e *Engine) repairs(tokens int) int { return tokens >> min(3, max(0, e.shed())) }

func (e *Engine) rtcpPerSecond() int64 {
	if e.shed() > overload.Calm {
		return min(e.limits.RTCPPerSecond, shedRTCPPerSecond)
	}
	return e.limits.RTCPPerSecond
}

// keyFrameEvery is how often a key frame is asked of one layer at most.
func (e *Engine) keyFrameEvery() time.Duration {
	return KeyFrameInterval << min(2, max(0, e.shed()))
}

// leaveOut leaves a packet of the stream out unopened, if it is video, and has its layer rest until a key frame: what
// follows could not be decoded. It runs with ingress.mu held.
//
// The packet is not known to be authentic: one who knows the SSRC and sends from the address of the publisher while a
// queue stands can have the layer rest until its next key frame.
func (st *incoming) leaveOut(now time.Time) (left bool) {
	l := st.layer
	if !l.track.Source.Video() {
		return false
	}
	if !st.rtx {
		l.receive.resting = true
		l.lastPacket.Store(now.UnixNano()) // it is being sent still
	}
	return true
}

// unseen says whether no viewer has or awaits the stream's layer.
func (st *incoming) unseen() bool { return len(st.layer.outputs()) == 0 }
