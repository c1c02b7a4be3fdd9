package forward

import (
	"slices"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/bwe"
	"conclave/sfu/codec"
	"conclave/sfu/rewrite"
)

// Egress is the sending half of a connection: its slots, and the destination that they write into. Safe for concurrent
// use.
type Egress struct {
	destination
	viewer media.ParticipantID

	// guarded by destination.mu, which pending and mayPlay run with
	slots     []*Slot // at most Limits.AudioSlots and VideoSlots
	bySSRC    map[uint32]*Slot
	marks     map[trackName]*mark // at most maxMarks
	rtxTokens int                 // RTX packets that may still be sent, refilled each second
	audio     audioRepair
	retired   []*output // ended by a switch, not yet taken off their layers; Tidy does
	// slots of either kind have switched since Tidy
	switchedAudio, switchedVideo bool
	played                       int // bytes of kept media sent since playedAt
	playedAt                     time.Time
	fillSlot                     int // which slot's packets probes repeat, and which of them
	fillBack                     uint16

	hasRetired atomic.Bool
	hasPending atomic.Bool   // some slot may be waiting for a key frame
	repaired   atomic.Uint64 // bytes retransmitted so far
}

// rtxPerSecond caps what NACKs can make us send to one viewer: a quarter of a nine-tile meeting's packets.
const rtxPerSecond = 400

func (e *Egress) init(l *link, viewer media.ParticipantID) {
	e.destination.init(l, e)
	e.viewer, e.bySSRC, e.rtxTokens = viewer, map[uint32]*Slot{}, rtxPerSecond
	e.audio.tokens = audioAgainPerSecond
}

// SlotConfig describes an m-line that receives.
type SlotConfig struct {
	MID     string
	Video   bool
	Formats []codec.Format
	TWCC    uint8 // id of the header extension with the transport-wide sequence number, 0: not negotiated
	REMB    bool  // the viewer can send its own estimate
}

// AddSlot makes a slot of an m-line, once, up to the limits; a later offer may only change its codecs.
func (e *Egress) AddSlot(cfg *SlotConfig) {
	e.mu.Lock()
	defer e.mu.Unlock()
	index, limit := 0, e.engine.limits.AudioSlots
	if cfg.Video {
		limit = e.engine.limits.VideoSlots
	}
	for _, s := range e.slots {
		if s.MID == cfg.MID {
			s.negotiated(cfg.Formats)
			return
		}
		if s.Video == cfg.Video {
			index++
		}
	}
	if index >= limit {
		return
	}
	s := &Slot{MID: cfg.MID, Video: cfg.Video, Index: index, egress: e, ssrc: random32(), transportID: cfg.TWCC}
	// Below 2^15: see rewrite.New.
	s.rw = rewrite.New(uint16(random32()>>17)|1, random32())
	s.negotiated(cfg.Formats)
	if e.path.bwe == nil && (cfg.TWCC != 0 || cfg.REMB) {
		e.path.bwe = bwe.New(time.Now())
	}
	e.slots = append(e.slots, s)
	e.bySSRC[s.ssrc] = s
}

// Slots are the slots, in the order of their making. The slice must not be changed.
func (e *Egress) Slots() []*Slot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.slots
}

// Takes says whether the viewer can decode kind in every one of its video slots: which one a track gets is not known
// yet.
func (e *Egress) Takes(kind codec.Kind) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !slices.ContainsFunc(e.slots, func(s *Slot) bool { return s.Video && s.pts[kind].media == 0 })
}

// Release frees all slots.
func (e *Egress) Release() {
	for _, s := range e.Slots() {
		s.Release()
	}
}

// Repaired is how many bytes have been retransmitted so far, at IP level.
func (e *Egress) Repaired() uint64 { return e.repaired.Load() }

// SendingVideo is the rate of the video that the slots pass, in bit/s.
func (e *Egress) SendingVideo(now time.Time) (total int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.slots {
		if s.Video && s.cur != nil && s.passing != paused {
			l := s.cur.layer.Describe(now)
			total += l.Rates[min(int(s.passing), l.Temporal-1)]
		}
	}
	return total
}

// Forget drops what is kept of t to answer NACKs: it has ended, and its history must not live on with its former
// viewers.
func (e *Egress) Forget(t *Track) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.slots {
		for i, o := range s.epochs {
			if o != nil && o.layer.track == t {
				s.epochs[i] = nil
			}
		}
	}
}

// pending has Tidy look at slots that wait for a key frame.
func (e *Egress) pending() {
	e.hasPending.Store(true)
	e.owner.Changed()
}

// Tidy follows up on switches that have happened or are awaited, and says whether the state of a slot of either kind
// has changed. What it adds to retired is to be cleared. Call it after Owner.Changed, and ten times a second while
// Waits.
func (e *Egress) Tidy(now time.Time, retired *Retired) (audio, video bool) {
	if e.hasRetired.Load() {
		audio, video = e.takeRetired(retired)
	}
	if e.hasPending.Load() {
		e.retryPending(now)
	}
	return audio, video
}

// Waits says whether a slot may be waiting for a key frame.
func (e *Egress) Waits() bool { return e.hasPending.Load() }

// takeRetired gathers outputs that a switch has ended, and says which kinds of slots have switched.
func (e *Egress) takeRetired(retired *Retired) (audio, video bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	audio, video = e.switchedAudio, e.switchedVideo
	e.switchedAudio, e.switchedVideo = false, false
	e.hasRetired.Store(false)
	retired.outputs = append(retired.outputs, e.retired...)
	clear(e.retired)
	e.retired = e.retired[:0]
	return audio, video
}

// Stopped says whether nothing passes through some slot of video until its next key frame, though it may.
func (e *Egress) Stopped(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.slots, func(s *Slot) bool { return s.Video && s.assigned != nil && s.stopped(now) })
}

// retryPending starts slots whose key frame is in the history by now: it came out of order, or while keys were awaited.
func (e *Egress) retryPending(now time.Time) {
	for _, o := range e.awaited() {
		if !o.slot.start(o, now) && o.layer.Active(now) && !e.isBehind(now) {
			o.layer.RequestKey(now) // the request or the key frame may have been lost
		}
	}
}

// awaited are the outputs of video that slots wait for.
func (e *Egress) awaited() (list []*output) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.slots {
		if s.Video && s.next != nil {
			list = append(list, s.next)
		}
	}
	e.hasPending.Store(len(list) > 0)
	return list
}

// refill sets how many RTX packets may go to the viewer in a second: no more than a third of what its path carries, or
// repeats of what a full queue has lost would keep it full.
func (e *Egress) refill() {
	const packet, least = 1100 * 8, 20
	tokens := rtxPerSecond
	if bps := e.Estimate(); bps > 0 {
		tokens = int(min(max(bps/3/packet, least), rtxPerSecond))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rtxTokens = e.engine.repairs(tokens)
}
