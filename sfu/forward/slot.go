package forward

import (
	"time"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/history"
	"conclave/sfu/rewrite"
	"conclave/sfu/rtpview"
)

// sentPackets is how many forwarded packets of a video slot are remembered for NACKs: two seconds of a camera. With 16
// bytes each that is half of a slot's memory; the payloads are kept once, in the layer's history.
const sentPackets = 256

// maxEpochs is how many earlier outputs of a slot NACKs can still reach back to.
const maxEpochs = 4

// output connects one layer to one slot. It is immutable; which output a slot listens to is the slot's state.
type output struct {
	slot  *Slot
	layer *Layer
	to    *destination
	mark  *mark // of the layer's track; nil where encryption is not required
}

// Slot is one outgoing m-line of a viewer: one SSRC for the life of the connection, whatever it carries. The exported
// fields never change; all else is guarded by the egress's mu. Exported methods, assign, start, restart and held take
// it; the others run with it held: write and resending, and what they need. Safe for concurrent use.
type Slot struct {
	MID    string
	Video  bool
	Index  int // among the slots of its kind
	egress *Egress

	ssrc, rtxSSRC uint32
	pts           [codec.Kinds]payloadTypes
	transportID   uint8 // of the header extension with the transport-wide sequence number, 0: not negotiated

	rw        rewrite.Rewriter
	cur       *output // what is being forwarded
	next      *output // what takes over at its next key frame
	sent      *[sentPackets]sent
	short     *history.Short     // of audio, while the viewer loses packets
	epochs    [maxEpochs]*output // of video
	epoch     uint8
	rtxSeq    uint64
	inPicture int // packets of the picture under way, those left out not counted

	temporal  int8      // the highest temporal layer that may pass of what the slot is assigned to
	meanwhile int8      // of cur while next is awaited
	passing   int8      // that passes now
	skipped   time.Time // when frames began to be left out because the way is behind; zero: they are not

	packets, octets uint32 // for sender reports
	lastArrival     time.Time
	lastCaptured    time.Duration // 0: unknown
	lastClock       uint64        // whose clock lastCaptured is by
	// up to here cur was started from the history: what the worker still brings of it is a repeat
	played    uint64
	hasPlayed bool

	assigned *output // what control wants it to carry; cur or next is it
}

// payloadTypes are the viewer's of one codec; 0: it does not take the codec, or no RTX of it.
type payloadTypes struct{ media, rtx uint8 }

// negotiated notes what the viewer takes.
func (s *Slot) negotiated(formats []codec.Format) {
	clear(s.pts[:])
	for _, f := range formats {
		s.pts[f.Codec] = payloadTypes{f.PT, f.RTX}
		if f.RTX != 0 && s.rtxSSRC == 0 {
			s.rtxSSRC = random32()
			s.rtxSeq = uint64(random32() >> 17)
		}
	}
}

// SSRCs are the slot's own and that of its RTX, 0 without; twcc is the id of the header extension with the
// transport-wide sequence number, 0 where it is not negotiated.
func (s *Slot) SSRCs() (ssrc, rtx uint32, twcc uint8) {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	return s.ssrc, s.rtxSSRC, s.transportID
}

// State is what the slot carries now.
func (s *Slot) State() media.Slot {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	state := media.Slot{MID: s.MID}
	if s.cur != nil {
		l := s.cur.layer
		state.Participant, state.Source = l.track.Owner, l.track.Source
		if l.track.Source.Video() {
			state.Height = int(l.height.Load())
		}
	}
	return state
}

// Assigned is what the slot is wanted to carry, nil if nothing.
func (s *Slot) Assigned() *Layer {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	if s.assigned == nil {
		return nil
	}
	return s.assigned.layer
}

// Carry has the slot carry l, from its next key frame on. A recent one is played at once; else the publisher is asked.
func (s *Slot) Carry(l *Layer, now time.Time) {
	o, asks := s.assign(l, now)
	if o != nil && l.track.Source.Video() {
		asks = !s.held() && !s.start(o, now)
	}
	if asks {
		l.RequestKey(now)
	}
}

// assign makes l what the slot is to carry. It returns the new output, or nil if the slot carries or awaits l already;
// asks says whether that takes a key frame. A switch under way is given up if l is what is carried still.
func (s *Slot) assign(l *Layer, now time.Time) (o *output, asks bool) {
	e := s.egress
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case s.assigned != nil && s.assigned.layer == l:
		return nil, s.stopped(now)
	case s.cur != nil && s.cur.layer == l:
		s.await(nil)
		s.assigned = s.cur
		return nil, s.stopped(now)
	}
	o = &output{slot: s, layer: l, to: &e.destination, mark: e.markOf(l)}
	s.await(o)
	s.assigned = o
	l.addOutput(o)
	if s.Video {
		e.pending()
	}
	return o, false
}

// await makes o what takes over next, in place of what was awaited.
func (s *Slot) await(o *output) {
	if s.next != nil {
		s.next.layer.removeOutput(s.next)
	}
	s.next = o
}

// Release frees the slot: nothing is forwarded through it when this returns.
func (s *Slot) Release() {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	s.release()
}

// releaseOf frees the slot if it carries or awaits t, and says so.
func (s *Slot) releaseOf(t *Track) bool {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	of := func(o *output) bool { return o != nil && o.layer.track == t }
	if !of(s.cur) && !of(s.next) {
		return false
	}
	s.release()
	return true
}

func (s *Slot) release() {
	for _, o := range [...]*output{s.cur, s.next} {
		if o != nil {
			o.layer.removeOutput(o)
		}
	}
	s.cur, s.next, s.assigned = nil, nil, nil
	s.epochs = [maxEpochs]*output{}
	s.short = nil // what is muted is not sent again either
}

// restart makes the slot wait for o's next key frame as if it had just been assigned.
func (s *Slot) restart(o *output) {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	if s.cur == o {
		s.cur, s.next = nil, o
		s.egress.pending()
	}
}

// accepts decides whether p may go out through o now, switching the slot over if p is where o takes over.
func (s *Slot) accepts(o *output, p *packet) (drop.Reason, bool) {
	if s.cur == o {
		if p.resumes {
			s.rebase(o, p)
		}
		return 0, true
	}
	if s.next != o {
		return drop.Superseded, false
	}
	if !p.info.KeyStart || !p.newest {
		// A key frame whose first packet comes late has lost the others here: it is started from the history, whole.
		return drop.NotKeyFrame, false
	}
	if s.Video && s.egress.way.skips(true) {
		return drop.StreamBehind, false
	}
	s.switchTo(o, p)
	return 0, true
}

// switchTo makes o the slot's output, from p on.
func (s *Slot) switchTo(o *output, p *packet) {
	s.rebase(o, p)
	if s.cur != nil {
		s.egress.retired = append(s.egress.retired, s.cur)
		s.egress.engine.stats.switched(s.cur.layer, o.layer)
	}
	s.cur, s.next = o, nil
	if s.short != nil {
		*s.short = history.Short{} // what the slot carried before may be muted at any time
	}
	if s.Video {
		s.beginEpoch(o)
		s.egress.switchedVideo = true
	} else {
		s.egress.switchedAudio = true
	}
	s.egress.hasRetired.Store(true)
	s.egress.owner.Changed()
}

// beginEpoch notes that what is sent from now on goes out through o.
func (s *Slot) beginEpoch(o *output) {
	s.epoch = (s.epoch + 1) % maxEpochs
	if s.epochs[s.epoch] != nil && s.sent != nil {
		for i := range s.sent { // what went out through the output of maxEpochs switches ago cannot be found any more
			if s.sent[i].epoch == s.epoch+1 {
				s.sent[i] = sent{}
			}
		}
	}
	s.epochs[s.epoch] = o
}

// rebase has the slot's numbering go on at p, of output o, without a gap, whatever came before.
func (s *Slot) rebase(o *output, p *packet) {
	captured, known := o.layer.captured(p.in.Timestamp)
	elapsed := p.arrived.Sub(s.lastArrival)
	if known && s.lastCaptured != 0 && s.lastClock == o.layer.track.clock.id {
		elapsed = captured - s.lastCaptured // one publisher, one clock: exact
	}
	// A step back or a standstill would stop a decoder; ten seconds is longer than any jitter buffer cares for.
	elapsed = min(max(elapsed, 10*time.Millisecond), 10*time.Second)
	s.rw.Switch(p.in, uint32(elapsed*time.Duration(o.layer.track.clockRate())/time.Second))
	s.hasPlayed = false
}

// write writes p for o into dst and returns it with the packet appended.
func (s *Slot) write(dst []byte, o *output, p *packet, w *sealer) ([]byte, drop.Reason, bool) {
	if why, ok := s.accepts(o, p); !ok {
		return dst, why, false
	}
	if p.padding {
		s.rw.Drop(p.in, false)
		return dst, drop.Padding, false
	}
	if s.hasPlayed && p.in.Seq <= s.played {
		return dst, drop.Duplicate, false
	}
	payload, marker, padding := p.payload, p.marker, int(p.padded)
	if !s.Video && s.egress.way.skips(false) {
		s.rw.Drop(p.in, false)
		return dst, drop.StreamBehind, false
	}
	if s.Video {
		if why, ok := s.passes(p); !ok {
			// VP9's picture ids count its picture group and keep their gaps
			if s.rw.Drop(p.in, o.layer.track.Codec == codec.VP8) {
				return dst, why, false
			}
			// It comes too late to be left out: an empty one keeps the receiver from asking for it.
			payload, marker, padding = nil, false, 0
		}
	}
	out, ok := s.rw.Next(p.in)
	if !ok {
		return dst, drop.Reordered, false
	}
	if last, _ := s.rw.Last(); last.Seq == out.Seq {
		s.lastArrival = p.arrived
		s.lastCaptured, _ = o.layer.captured(p.in.Timestamp)
		s.lastClock = o.layer.track.clock.id
	}
	if s.Video && len(payload) > 0 {
		o.mark.sends(p)
		s.remember(p.in.Seq, out)
		s.inPicture++
		if w.shared { // others seal the same packet for other viewers
			payload = append(w.scratch[:0], payload[:len(payload)+padding]...)[:len(payload)]
		}
		codec.Patch(payload, p.info, out.PictureID, out.TL0PicIdx)
	}
	s.packets++
	s.octets += uint32(len(payload))
	h := rtpview.Header{
		SSRC: s.ssrc, CSRC: uint32(o.layer.track.Owner), Timestamp: out.Timestamp, Seq: uint16(out.Seq),
		PT: s.pts[o.layer.track.Codec].media, Marker: marker, Padding: padding > 0,
	}
	payload = payload[:len(payload)+padding]
	s.egress.stamp(&h, s.transportID, len(payload), w.now)
	at := len(dst)
	dst = dst[:at+h.Len()]
	rtpview.WriteHeader(dst[at:], &h)
	sealed := w.cipher.Seal(dst[at:], payload, s.ssrc, out.Seq, &w.srtp)
	if !s.Video {
		s.egress.audio.packets++
		s.egress.audio.bytes += len(sealed) + s.egress.way.overhead
		if s.short != nil {
			s.short.Add(h.Seq, sealed, w.now)
		}
	}
	return dst[:at+len(sealed)], 0, true
}
