package receive

import "conclave/bots/payload"

// maxPendingFrames bounds the frames waiting for packets that are missing: four seconds, which a server that plays kept
// media into a slot may send at once.
const maxPendingFrames = 128

// frameLog puts one video stream's packets together to frames, in order, and watches for freezes. Times are ns since
// 1970. Pure.
type frameLog struct {
	started  bool
	last     int64 // extended number of the marker packet of the last frame that was completed or given up
	pending  []pendingFrame
	keys     [8]int64 // extended numbers at which key frames begin, a ring
	keyCount int
	trackKey bool // every packet is looked into, so a broken reference chain can be known
	broken   bool // waiting for a key frame
	// whole, if set, is asked whether the complete frame of the packets (after, upTo] can be shown.
	whole func(after, upTo int64) bool

	freeze  freezeLog
	fastest fastest
	newest  timeline

	Frames    uint64 // complete and decodable
	KeyFrames uint64
	Lost      uint64 // given up, or not decodable for want of a reference
}

type pendingFrame struct {
	marker int64
	since  int64
	media  int64 // its RTP timestamp, extended, as ns
}

// pictureWait is how much later than the fastest frame of the last 2 s a frame is shown. A browser's jitter buffer
// waits so long once packets are sent again, so that one retransmission is not seen: measured in Chromium,
// docs/bots.md.
const pictureWait = int64(100e6)

// frameGiveUp is how long a frame may wait for a missing packet while later ones are there: longer than any useful
// retransmission takes.
const frameGiveUp = int64(1e9)

// packet takes note of one fresh packet with an RTP timestamp. keyStart says that a key frame begins with it. It
// returns how many key frames were completed by it.
func (f *frameLog) packet(log *seqLog, ext int64, ts uint32, marker, keyStart bool, now int64) (keys int) {
	if keyStart {
		f.keys[f.keyCount%len(f.keys)] = ext
		f.keyCount++
		if !f.started {
			f.started = true
			f.last = ext - 1
		}
	}
	if !f.started {
		return 0
	}
	if marker && ext > f.last {
		f.insert(pendingFrame{ext, now, f.extend(ts)})
	}
	for len(f.pending) > 0 {
		p := f.pending[0]
		complete := log.complete(f.last, p.marker)
		overdue := len(f.pending) > maxPendingFrames || (len(f.pending) > 1 && now-p.since > frameGiveUp)
		if !complete && !overdue {
			break
		}
		complete = complete && (f.whole == nil || f.whole(f.last, p.marker))
		key := f.keyWithin(f.last, p.marker)
		f.pending = f.pending[:copy(f.pending, f.pending[1:])]
		f.last = p.marker
		if complete && key {
			f.broken = false
			f.KeyFrames++
			keys++
		}
		if !complete {
			f.broken = f.trackKey
		}
		if !complete || f.broken {
			f.Lost++
			continue
		}
		f.Frames++
		f.fastest.late(now, now-p.media)
		f.freeze.frame(max(now, p.media+f.fastest.transit()+pictureWait))
	}
	return keys
}

// extend returns an RTP timestamp as ns that do not wrap.
func (f *frameLog) extend(ts uint32) int64 {
	if f.newest.ts == 0 {
		f.newest.ts = ts
	}
	media := f.newest.at(ts, payload.VideoClock)
	if media > f.newest.ns {
		f.newest = timeline{ts, media}
	}
	return media
}

func (f *frameLog) insert(p pendingFrame) {
	i := len(f.pending)
	for i > 0 && f.pending[i-1].marker > p.marker {
		i--
	}
	f.pending = append(f.pending, pendingFrame{})
	copy(f.pending[i+1:], f.pending[i:])
	f.pending[i] = p
}

func (f *frameLog) keyWithin(after, upTo int64) bool {
	for i := range min(f.keyCount, len(f.keys)) {
		if k := f.keys[i]; k > after && k <= upTo {
			return true
		}
	}
	return false
}

// freezeWindow is the number of frame durations the average is taken of.
const freezeWindow = 30

// freezeLog counts freezes by the rule of the W3C's webrtc-stats: the interval between two frames is at least
// max(3δ, δ + 150 ms), δ being the average duration of the last 30 frames. A bot has no screen: a frame is taken to be
// shown when a browser would show it, which is not before its last packet has arrived. Pure.
type freezeLog struct {
	last      int64
	durations [freezeWindow]int64
	n         int
	sum       int64

	Count    uint64
	Watched  int64 // ns between frames, freezes among them
	Duration int64 // ns
	Longest  int64 // ns
	recent   int64 // the longest since the timeline was looked at, ns
}

func (f *freezeLog) frame(now int64) {
	if f.last == 0 {
		f.last = now
		return
	}
	d := max(0, now-f.last)
	f.last = now
	f.Watched += d
	if f.n > 0 {
		mean := f.sum / int64(min(f.n, freezeWindow))
		if d >= max(3*mean, mean+150e6) {
			f.Count++
			f.Duration += d
			f.Longest = max(f.Longest, d)
			f.recent = max(f.recent, d)
		}
	}
	i := f.n % freezeWindow
	f.sum += d - f.durations[i]
	f.durations[i] = d
	f.n++
}

// reset forgets the freezes so far, and how long was watched.
func (f *freezeLog) reset() { f.Count, f.Watched, f.Duration, f.Longest = 0, 0, 0, 0 }

// restart forgets the last frame: the slot carries nothing, or another participant's picture, and a freeze is of one
// picture.
func (f *freezeLog) restart() { f.last = 0 }

// jitterLog is the interarrival jitter of RFC 3550 §6.4.1, in RTP timestamp units. Pure.
type jitterLog struct {
	started bool
	transit int64
	jitter  float64
}

// packet takes note of the arrival (ns) of a packet with the given RTP timestamp.
func (j *jitterLog) packet(arrival int64, timestamp uint32, clockRate int64) {
	units := arrival/1e9*clockRate + arrival%1e9*clockRate/1e9
	transit := int64(uint32(units) - timestamp) // modulo 2^32, as the RFC's reference does
	if j.started {
		d := int64(int32(uint32(transit) - uint32(j.transit)))
		if d < 0 {
			d = -d
		}
		j.jitter += (float64(d) - j.jitter) / 16
	}
	j.started, j.transit = true, transit
}
