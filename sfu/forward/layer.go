package forward

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"conclave/sfu/allocation"
	"conclave/sfu/history"
	"conclave/sfu/nack"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
)

// historyBytes is how much of each video layer is kept for NACKs and key-frame starts: two seconds of 1 Mbit/s.
const historyBytes = 256 << 10

// A layer without a packet for layerIdle counts as not being sent: browsers stop encodings for lack of bandwidth or
// because no viewer wants them. So does one without a packet for layerPassed while each lower layer that is sent ended
// passedFrames or more: the path is there, and who is shown this layer sees nothing. A key frame that is too large
// makes an encoder leave out frames of one layer, but not as many. From suspectFrames on, a key frame of the next lower
// layer is asked for: if the layer has stopped, its viewers are shown that one at once.
const (
	layerIdle     = 1500 * time.Millisecond
	layerPassed   = 400 * time.Millisecond
	passedFrames  = 6
	suspectFrames = 3
)

// Layer is one encoding of a track: one SSRC and its RTX SSRC. Safe for concurrent use.
type Layer struct {
	RID   string // empty without simulcast
	track *Track
	index int
	outs  atomic.Pointer[[]*output] // the receiving worker reads whichever table is current

	outsMu  sync.Mutex // held to publish a new table
	meterMu sync.Mutex
	meter   allocation.Meter

	height     atomic.Int32 // from the latest key frame, 0 while unknown
	lastPacket atomic.Int64 // unix nanoseconds, 0 before the first
	passed     atomic.Int32 // frames of lower layers that ended since
	sr         atomic.Pointer[senderReport]

	histMu sync.Mutex
	hist   *history.History // video only, made with the first packet
	ended  bool             // and not made again

	keyMu       sync.Mutex
	lastRequest time.Time
	wantKey     atomic.Bool
	keyAt       atomic.Int64 // when the latest key frame began to arrive, unix nanoseconds, 0: none has

	receive    receiveState // guarded by ingress.mu
	encryption *encryption  // nil where encryption is not required
}

// receiveState is what the receiving worker keeps of a layer.
type receiveState struct {
	seen    srtp.Window // of media packets, however they came: repeats are dropped here
	nack    nack.Tracker
	packets uint64
	resting bool                           // packets were left out unopened: nothing passes until a key frame
	again   uint64                         // of packets, those that came late, or because they were asked for
	asks    int                            // audio packets that may still be asked for, refilled each second
	bytes   [allocation.MaxTemporal]uint64 // that forwarding it takes, by temporal layer
	first   uint64
	any     bool

	// for receiver reports (RFC 3550 §6.4.1, appendix A)
	reportedExpected, reportedReceived, reportedAgain uint64
	jitter                                            float64
	lastTransit                                       float64
}

// senderReport maps a layer's RTP timestamps to its publisher's clock.
type senderReport struct {
	ntp       time.Duration // since 1900
	timestamp uint32
	arrived   time.Time
}

// Track is what the layer is an encoding of.
func (l *Layer) Track() *Track { return l.track }

// Active says whether packets of l have been arriving lately.
func (l *Layer) Active(now time.Time) bool {
	last := l.lastPacket.Load()
	silent := time.Duration(now.UnixNano() - last)
	if last == 0 || silent >= layerIdle {
		return false
	}
	return silent < layerPassed || int(l.passed.Load()) < passedFrames*max(1, l.index)
}

// Describe returns l as the allocator sees it, with the rates measured.
func (l *Layer) Describe(now time.Time) allocation.Layer {
	d := allocation.Layer{Height: l.guessHeight(), Active: l.Active(now)}
	l.meterMu.Lock()
	defer l.meterMu.Unlock()
	l.meter.Rates(now, &d)
	return d
}

// Measured returns the rate of what arrives of l, in bit/s; ok is false before it is known.
func (l *Layer) Measured(now time.Time) (bps int64, ok bool) {
	l.meterMu.Lock()
	defer l.meterMu.Unlock()
	return l.meter.Measured(now)
}

// guessHeight is l's height, or what it is by the usual quarter, half, full, while no key frame has told.
func (l *Layer) guessHeight() int {
	if h := l.height.Load(); h != 0 {
		return int(h)
	}
	return 720 >> (len(l.track.layers) - 1 - l.index)
}

func (l *Layer) outputs() []*output {
	if p := l.outs.Load(); p != nil {
		return *p
	}
	return nil
}

func (l *Layer) addOutput(o *output) {
	l.outsMu.Lock()
	defer l.outsMu.Unlock()
	// Who reads an earlier table sees its own length of the array only; and no array grows from two tables, because all
	// that shortens one makes a new array.
	table := append(l.outputs(), o)
	l.outs.Store(&table)
}

// takeOutputs empties the table and returns what was in it.
func (l *Layer) takeOutputs() []*output {
	l.outsMu.Lock()
	defer l.outsMu.Unlock()
	old := l.outputs()
	l.outs.Store(nil)
	return old
}

func (l *Layer) removeOutput(o *output) {
	l.outsMu.Lock()
	defer l.outsMu.Unlock()
	old := l.outputs()
	if i := slices.Index(old, o); i >= 0 {
		table := slices.Concat(old[:i], old[i+1:])
		l.outs.Store(&table)
	}
}

// Retired gathers outputs that switches have ended, of many viewers: taking them off their layers one by one would cost
// the square of their number. The zero value is empty. One goroutine at a time.
type Retired struct{ outputs []*output }

// Clear takes them off their layers.
func (r *Retired) Clear() {
	if len(r.outputs) == 0 {
		return
	}
	byLayer := map[*Layer]map[*output]struct{}{}
	for _, o := range r.outputs {
		if byLayer[o.layer] == nil {
			byLayer[o.layer] = map[*output]struct{}{}
		}
		byLayer[o.layer][o] = struct{}{}
	}
	for l, ended := range byLayer {
		l.outsMu.Lock()
		table := slices.DeleteFunc(slices.Clone(l.outputs()), func(o *output) bool { _, ok := ended[o]; return ok })
		l.outs.Store(&table)
		l.outsMu.Unlock()
	}
	clear(r.outputs)
	r.outputs = r.outputs[:0]
}

// pass notes that a packet of l arrived, the last of a frame if end is true, while higher layers may have stopped.
func (l *Layer) pass(end bool) {
	if l.passed.Load() != 0 {
		l.passed.Store(0)
	}
	for i := l.index + 1; end && i < len(l.track.layers); i++ {
		higher := l.track.layers[i]
		passed := int(higher.passed.Add(1))
		if i == l.index+1 && passed == suspectFrames*max(1, i) && len(higher.outputs()) > 0 {
			l.wantKey.Store(true)
		}
	}
}

// Arrived notes that a packet of l has arrived.
func (l *Layer) Arrived(now time.Time) { l.lastPacket.Store(now.UnixNano()) }

// Observe takes in how many bytes have arrived so far of each temporal layer.
func (l *Layer) Observe(now time.Time, bytes [allocation.MaxTemporal]uint64) {
	l.meterMu.Lock()
	defer l.meterMu.Unlock()
	l.meter.Observe(now, bytes)
}

// accept is called once for each authentic media packet that is not a repeat: it keeps the statistics.
func (l *Layer) accept(seq uint64, v *rtpview.View, newest bool, now time.Time) {
	r := &l.receive
	if !r.any {
		r.any, r.first = true, seq
		r.nack.Audio = !l.track.Source.Video()
	}
	r.packets++
	l.Arrived(now)
	if !newest { // a retransmission says nothing about jitter
		r.again++
		return
	}
	l.pass(v.Marker)
	// Interarrival jitter, RFC 3550 appendix A.8.
	transit := float64(now.UnixMicro())*float64(l.track.clockRate())/1e6 - float64(v.Timestamp)
	if d := transit - r.lastTransit; r.lastTransit != 0 && d < 1e6 && d > -1e6 {
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.lastTransit = transit
}

// captured is when the packet with the given timestamp was captured, by its publisher's clock; ok is false before the
// first sender report.
func (l *Layer) captured(timestamp uint32) (at time.Duration, ok bool) {
	sr := l.sr.Load()
	if sr == nil {
		return 0, false
	}
	diff := int64(int32(timestamp - sr.timestamp))
	return sr.ntp + time.Duration(diff)*time.Second/time.Duration(l.track.clockRate()), true
}

// reset forgets the numbering of a layer whose SSRC has changed. Its outputs start anew at a key frame.
func (l *Layer) reset() {
	l.receive = receiveState{}
	l.sr.Store(nil)
	if l.encryption != nil {
		l.encryption.checker.Renumber()
	}
	l.restart()
	l.wantKey.Store(true)
}

// restart forgets what is kept of a layer and has its outputs start anew at a key frame.
func (l *Layer) restart() {
	l.histMu.Lock()
	l.hist = nil
	l.histMu.Unlock()
	for _, o := range l.outputs() {
		o.slot.restart(o)
	}
}

// keep puts the packet into the layer's history.
func (l *Layer) keep(p *packet) {
	if p.info.Height != 0 {
		l.height.Store(int32(p.info.Height))
	}
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.ended {
		return
	}
	if l.hist == nil {
		l.hist = history.New(historyBytes)
	}
	l.hist.Add(history.Meta{Seq: p.in.Seq, Timestamp: p.in.Timestamp, Marker: p.marker, KeyStart: p.info.KeyStart,
		Epoch: p.at.Epoch, CTR: p.at.CTR}, p.payload)
}

// recall appends to dst the payload of a kept packet, found by the low half of its sequence number.
func (l *Layer) recall(dst []byte, low uint32) (history.Meta, []byte, bool) {
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.hist == nil {
		return history.Meta{}, dst, false
	}
	meta, payload, ok := l.hist.Get(uint64(low)) // a layer that sends 2^32 packets runs for a month; meetings do not
	return meta, append(dst, payload...), ok
}
