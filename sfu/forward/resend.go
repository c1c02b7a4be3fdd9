package forward

import (
	"encoding/binary"
	"time"

	"conclave/sfu/codec"
	"conclave/sfu/rewrite"
	"conclave/sfu/rtpview"
)

// sent is what is remembered of a forwarded packet: enough to forward it again, identically, over RTX.
type sent struct {
	timestamp uint32
	inSeq     uint32 // low bits of the layer's extended sequence number
	seq       uint16
	pictureID uint16
	tl0       uint8
	epoch     uint8 // 1 + index into Slot.epochs, 0: nothing is remembered here
	again     uint8 // when it was last retransmitted, by resendClock, 0: never
}

// resendClock is a clock of 16 ms steps that fits a byte and is never 0. It only tells whether a round-trip time has
// passed; once in 4 s it errs.
func resendClock(now time.Time) uint8 { return uint8(now.UnixMilli()>>4) | 1 }

func (s *Slot) remember(inSeq uint64, out rewrite.Out) {
	if s.pts[s.cur.layer.track.Codec].rtx == 0 {
		return
	}
	if s.sent == nil {
		s.sent = new([sentPackets]sent)
	}
	s.sent[out.Seq%sentPackets] = sent{timestamp: out.Timestamp, inSeq: uint32(inSeq), seq: uint16(out.Seq),
		pictureID: out.PictureID, tl0: out.TL0PicIdx, epoch: s.epoch + 1}
}

// minResend is the shortest wait before a packet is retransmitted again, while the round-trip time is not known.
const minResend = 40 * time.Millisecond

// retransmit writes the packet the viewer missed into dst, as RTX (RFC 4588 §4). ok is false if it is not here any
// more, has just been retransmitted, the cap is reached, or a queue is left to drain: repeats would keep it.
func (s *Slot) retransmit(dst []byte, seq uint16, now time.Time, w *sealer) (_ []byte, ok bool) {
	e := s.egress
	if s.sent == nil || !e.mayRepeat(now) {
		return dst, false
	}
	m := s.kept(seq)
	if m == nil {
		return dst, false
	}
	wait := max(minResend, time.Duration(e.rtt.Load())*3/4)
	if m.again != 0 && time.Duration(resendClock(now)-m.again)*16*time.Millisecond < wait {
		return dst, false
	}
	m.again = resendClock(now)
	return s.repair(dst, m, now, w)
}

// kept is what is remembered of the packet, nil if it can't be sent again. s.sent is not nil.
func (s *Slot) kept(seq uint16) *sent {
	if m := &s.sent[seq%sentPackets]; m.epoch != 0 && m.seq == seq && s.epochs[m.epoch-1] != nil {
		return m
	}
	return nil
}

// mayRepeat says whether the viewer's budget and way allow a packet to be sent again.
func (e *Egress) mayRepeat(now time.Time) bool {
	_, draining := e.draining(now)
	return !draining && e.rtxTokens > 0 && e.way.behind <= repeatBehind
}

// endsFrom is from how many packets on the last one of a picture is sent twice: less than a third more.
const endsFrom = 4

// repeatEnd writes the packet just written into dst once more, as RTX, if it ends a larger picture and the viewer loses
// packets: that the last packet of a picture is lost is noticed only when the next picture begins, and if its repair is
// lost, too, the picture freezes.
func (s *Slot) repeatEnd(dst []byte, p *packet, now time.Time, w *sealer) (_ []byte, ok bool) {
	if !p.marker || !p.newest {
		return dst, false
	}
	packets := s.inPicture
	s.inPicture = 0
	e := s.egress
	if packets < endsFrom || e.audio.copies.level == 0 || s.sent == nil || e.way.stream || !e.mayRepeat(now) {
		return dst, false
	}
	last, _ := s.rw.Last()
	m := s.kept(uint16(last.Seq))
	if m == nil {
		return dst, false
	}
	m.again = resendClock(now)
	return s.repair(dst, m, now, w)
}

// repair is resend at the cost of the viewer's budget.
func (s *Slot) repair(dst []byte, m *sent, now time.Time, w *sealer) (_ []byte, ok bool) {
	e, at := s.egress, len(dst)
	if dst, ok = s.resend(dst, m, now, w); ok {
		e.rtxTokens--
		e.repaired.Add(uint64(len(dst) - at + e.way.overhead))
	}
	return dst, ok
}

// resend writes a packet that was sent before into dst, as RTX.
func (s *Slot) resend(dst []byte, m *sent, now time.Time, w *sealer) (_ []byte, ok bool) {
	l := s.epochs[m.epoch-1].layer
	meta, payload, ok := l.recall(binary.BigEndian.AppendUint16(w.scratch[:0], m.seq), m.inSeq)
	if !ok {
		return dst, false
	}
	info, err := codec.Parse(l.track.Codec, payload[2:])
	if err != nil {
		return dst, false
	}
	codec.Patch(payload[2:], info, m.pictureID, m.tl0)
	h := rtpview.Header{CSRC: uint32(l.track.Owner), Timestamp: m.timestamp, PT: s.pts[l.track.Codec].rtx,
		Marker: meta.Marker}
	return s.sealRTX(dst, &h, payload, now, w), true
}

// sealRTX appends the next packet of the slot's RTX stream to dst, which has room for it.
func (s *Slot) sealRTX(dst []byte, h *rtpview.Header, payload []byte, now time.Time, w *sealer) []byte {
	h.SSRC, h.Seq = s.rtxSSRC, uint16(s.rtxSeq)
	s.egress.stamp(h, s.transportID, len(payload), now)
	at := len(dst)
	dst = dst[:at+h.Len()]
	rtpview.WriteHeader(dst[at:], h)
	sealed := w.cipher.Seal(dst[at:], payload, s.rtxSSRC, s.rtxSeq, &w.srtp)
	s.rtxSeq++
	return dst[:at+len(sealed)]
}

// fill implements filler: it writes a recent packet again, as RTX, or, when none is kept, padding. ok is false if the
// viewer has no slot with RTX.
func (e *Egress) fill(dst []byte, now time.Time, w *sealer) (_ []byte, ok bool) {
	const depth = 64 // packets back that are repeated
	for range e.slots {
		if e.fillSlot >= len(e.slots) {
			e.fillSlot = 0
		}
		s := e.slots[e.fillSlot]
		if e.fillBack++; e.fillBack < depth && s.transportID != 0 && s.sent != nil && s.cur != nil {
			last, _ := s.rw.Last()
			m := &s.sent[(last.Seq-uint64(e.fillBack))%sentPackets]
			if m.epoch != 0 && m.seq == uint16(last.Seq)-e.fillBack && s.epochs[m.epoch-1] != nil {
				if dst, ok = s.resend(dst, m, now, w); ok {
					return dst, true
				}
			}
		}
		e.fillSlot++
		e.fillBack = 0
	}
	for _, s := range e.slots {
		if dst, ok = s.pad(dst, now, w); ok {
			return dst, true
		}
	}
	return dst, false
}

// maxPadding is all that one packet can be padded by: its last byte counts.
const maxPadding = 255

// pad writes an RTX packet of padding alone (RFC 3550 §5.1, RFC 4588 §4: without an original sequence number it repeats
// nothing).
func (s *Slot) pad(dst []byte, now time.Time, w *sealer) (_ []byte, ok bool) {
	pt := s.anyRTX()
	if pt == 0 || s.transportID == 0 {
		return dst, false
	}
	payload := w.scratch[:maxPadding]
	clear(payload)
	payload[maxPadding-1] = maxPadding
	last, _ := s.rw.Last()
	h := rtpview.Header{Timestamp: last.Timestamp, PT: pt, Padding: true}
	return s.sealRTX(dst, &h, payload, now, w), true
}

// anyRTX is the payload type of the RTX of what the slot carries, or of any codec; 0: there is none.
func (s *Slot) anyRTX() uint8 {
	if s.cur != nil {
		return s.pts[s.cur.layer.track.Codec].rtx
	}
	for _, pt := range s.pts {
		if pt.rtx != 0 {
			return pt.rtx
		}
	}
	return 0
}
