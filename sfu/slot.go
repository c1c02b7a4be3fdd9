package sfu

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/rewrite"
	"conclave/sfu/rtpview"
	"conclave/sfu/sdp"
)

// sentPackets is how many forwarded packets of a video slot are remembered for NACKs: two seconds of a camera. With 16 bytes
// each that is half of a slot's memory; the payloads are kept once, in the layer's history.
const sentPackets = 256

// maxEpochs is how many earlier outputs of a slot NACKs can still reach back to.
const maxEpochs = 4

// sent is what is remembered of a forwarded packet: enough to forward it again, identically, over RTX.
type sent struct {
	timestamp uint32
	inSeq     uint32 // low bits of the layer's extended sequence number
	seq       uint16
	pictureID uint16
	tl0       uint8
	epoch     uint8 // 1 + index into slot.epochs, 0: nothing is remembered here
	again     uint8 // when it was last retransmitted, by resendClock, 0: never
}

// resendClock is a clock of 16 ms steps that fits a byte and is never 0. It only tells whether a round-trip time has
// passed; once in 4 s it errs.
func resendClock(now time.Time) uint8 { return uint8(now.UnixMilli()>>4) | 1 }

// output connects one layer to one slot. It is immutable; which output a slot listens to is the slot's state.
type output struct {
	slot   *slot
	layer  *layer
	egress *egress
}

// slot is one outgoing m-line of a subscriber: one SSRC for the life of the PeerConnection, whatever it carries.
// Everything below the identity is guarded by egress.mu.
type slot struct {
	mid           string
	video         bool
	index         int // among the slots of its kind
	ssrc, rtxSSRC uint32
	pts           [codec.Kinds]struct{ media, rtx uint8 } // the viewer's payload types, 0: it does not take the codec, or no RTX of it

	transportID uint8 // of the header extension with the transport-wide sequence number, 0: not negotiated

	rw     rewrite.Rewriter
	cur    *output // what is being forwarded
	next   *output // what takes over at its next key frame
	sent   *[sentPackets]sent
	epochs [maxEpochs]*output
	epoch  uint8
	rtxSeq uint64

	temporal  int8 // the highest temporal layer that may pass of what the slot is assigned to
	meanwhile int8 // of cur while next is awaited
	passing   int8 // that passes now

	packets, octets uint32 // for sender reports
	lastArrival     time.Time
	lastCaptured    time.Duration // 0: unknown
	lastSession     uint64        // whose clock lastCaptured is by: a number, so that it keeps nobody alive
	replayed        uint64        // up to here cur was started from the history: what the worker still brings of it is a repeat
	hasReplayed     bool

	assigned *output    // what control wants it to carry, guarded by Room.mu; cur or next is it
	reported media.Slot // what the client was told last, guarded by Room.mu
}

func newSlot(m *sdp.Media, video bool, index int) *slot {
	s := &slot{mid: m.MID, video: video, index: index, ssrc: random32(), transportID: m.Extensions.TWCC, reported: media.Slot{MID: m.MID}}
	// Below 2^15: see rewrite.New.
	s.rw = rewrite.New(uint16(random32()>>17)|1, random32())
	s.negotiated(m.Formats)
	return s
}

// negotiated notes what the viewer takes. Callers hold egress.mu, or have made the slot.
func (s *slot) negotiated(formats []sdp.Format) {
	clear(s.pts[:])
	for _, f := range formats {
		s.pts[f.Codec].media, s.pts[f.Codec].rtx = f.PT, f.RTX
		if f.RTX != 0 && s.rtxSSRC == 0 {
			s.rtxSSRC = random32()
			s.rtxSeq = uint64(random32() >> 17)
		}
	}
}

// takes says whether the viewer can decode kind.
func (s *slot) takes(kind codec.Kind) bool { return s.pts[kind].media != 0 }

// egress is the sending half of a session: its slots. mu is held for one subscriber's share of one receive batch, never across a
// system call; two workers meet at it only when a subscriber's publishers are spread over both.
type egress struct {
	session *session
	mu      sync.Mutex
	slots   []*slot
	bySSRC  map[uint32]*slot

	hold  hold        // video held back for a moment
	path  path        // how much its way to the viewer carries
	paced atomic.Bool // the pacer looks after it

	chains []chain // one a worker: what its current batch holds for this egress

	rtxTokens  int // RTX packets that may still be sent, refilled each second
	retired    []*output
	hasRetired atomic.Bool
	hasPending atomic.Bool // some slot may be waiting for a key frame

	replayed   int // bytes of kept media sent since replayedAt
	replayedAt time.Time

	estimated atomic.Int64  // what the way to the subscriber carries, in bit/s at IP level; 0: unknown
	repaired  atomic.Uint64 // bytes retransmitted so far
}

// rtxPerSecond caps what NACKs can make us send to one subscriber: a quarter of a nine-tile meeting's packets.
const rtxPerSecond = 400

// mayResend is how many RTX packets may go to the subscriber in a second: no more than a third of what its path carries, or repeats of what
// a full queue has lost would keep it full.
func (e *egress) mayResend() int {
	const packet, least = 1100 * 8, 20
	if bps, known := e.estimate(); known {
		return int(min(max(bps/3/packet, least), rtxPerSecond))
	}
	return rtxPerSecond
}

// accepts decides whether p may go out through o now, switching the slot over if p is where o takes over. Callers hold mu.
func (e *egress) accepts(o *output, p *packet) (drop.Reason, bool) {
	s := o.slot
	if s.cur == o {
		return 0, true
	}
	if s.next != o {
		return drop.Superseded, false
	}
	if !p.info.KeyStart || !p.newest {
		// A key frame whose first packet comes late has lost the others here: it is started from the history, whole.
		return drop.NotKeyFrame, false
	}
	e.switchTo(o, p)
	return 0, true
}

// switchTo makes o the slot's output, from p on.
func (e *egress) switchTo(o *output, p *packet) {
	s := o.slot
	captured, known := o.layer.captured(p.in.Timestamp)
	elapsed := p.arrived.Sub(s.lastArrival)
	if known && s.lastCaptured != 0 && s.lastSession == o.layer.track.session.serial {
		elapsed = captured - s.lastCaptured // one publisher, one clock: exact
	}
	// A step back or a standstill would stop a decoder; ten seconds is longer than any jitter buffer cares for.
	elapsed = min(max(elapsed, 10*time.Millisecond), 10*time.Second)
	s.rw.Switch(p.in, uint32(elapsed*time.Duration(o.layer.track.clockRate())/time.Second))
	if s.cur != nil {
		e.retired = append(e.retired, s.cur)
		e.session.server.stats.switched(s.cur.layer, o.layer)
	}
	s.cur, s.next, s.hasReplayed = o, nil, false
	s.epoch = (s.epoch + 1) % maxEpochs
	if s.epochs[s.epoch] != nil && s.sent != nil {
		for i := range s.sent { // what went out through the output of maxEpochs switches ago cannot be found any more
			if s.sent[i].epoch == s.epoch+1 {
				s.sent[i] = sent{}
			}
		}
	}
	s.epochs[s.epoch] = o
	e.hasRetired.Store(true)
	e.session.room.attention.Store(true)
}

// forward writes p for o into dst and returns it with the packet appended. Callers hold mu.
func (e *egress) forward(dst []byte, o *output, p *packet, w *sealer) ([]byte, drop.Reason, bool) {
	if why, ok := e.accepts(o, p); !ok {
		return dst, why, false
	}
	s := o.slot
	if p.padding {
		s.rw.Drop(p.in, false)
		return dst, drop.Padding, false
	}
	if s.hasReplayed && p.in.Seq <= s.replayed {
		return dst, drop.Duplicate, false
	}
	payload, marker := p.payload, p.marker
	if s.video {
		if why, ok := s.passes(p); !ok {
			if s.rw.Drop(p.in, o.layer.track.Codec == codec.VP8) { // VP9's picture ids count its picture group and keep their gaps
				return dst, why, false
			}
			payload, marker = nil, false // it comes too late to be left out: an empty one keeps the receiver from asking for it
		}
	}
	out, ok := s.rw.Next(p.in)
	if !ok {
		return dst, drop.Reordered, false
	}
	if last, _ := s.rw.Last(); last.Seq == out.Seq {
		s.lastArrival = p.arrived
		s.lastCaptured, _ = o.layer.captured(p.in.Timestamp)
		s.lastSession = o.layer.track.session.serial
	}
	if s.video && len(payload) > 0 {
		e.remember(s, p.in.Seq, out)
		codec.Patch(payload, p.info, out.PictureID, out.TL0PicIdx)
	}
	s.packets++
	s.octets += uint32(len(payload))
	h := rtpview.Header{
		SSRC: s.ssrc, CSRC: uint32(o.layer.track.owner), Timestamp: out.Timestamp, Seq: uint16(out.Seq), PT: s.pts[o.layer.track.Codec].media, Marker: marker,
	}
	e.path.stamp(&h, s, len(payload), w.now)
	at := len(dst)
	dst = dst[:at+h.Len()]
	rtpview.WriteHeader(dst[at:], &h)
	sealed := w.cipher.Seal(dst[at:], payload, s.ssrc, out.Seq, &w.nonce)
	return dst[:at+len(sealed)], 0, true
}

func (e *egress) remember(s *slot, inSeq uint64, out rewrite.Out) {
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

// retransmit writes the packet the subscriber missed into dst, as RTX (RFC 4588 §4). ok is false if it is not here any more,
// has just been retransmitted, the cap is reached, or a queue is being let go: repeats would keep it. Callers hold mu.
func (e *egress) retransmit(dst []byte, s *slot, seq uint16, now time.Time, w *sealer) (_ []byte, ok bool) {
	if s.sent == nil || e.rtxTokens <= 0 {
		return dst, false
	}
	if _, draining := e.path.drain(now); draining {
		return dst, false
	}
	m := &s.sent[seq%sentPackets]
	if m.epoch == 0 || m.seq != seq || s.epochs[m.epoch-1] == nil {
		return dst, false
	}
	wait := max(minResend, time.Duration(e.session.rtt.Load())*3/4)
	if m.again != 0 && time.Duration(resendClock(now)-m.again)*16*time.Millisecond < wait {
		return dst, false
	}
	m.again = resendClock(now)
	at := len(dst)
	if dst, ok = e.resend(dst, s, m, now, w); ok {
		e.rtxTokens--
		e.repaired.Add(uint64(len(dst) - at + ipHeaders))
	}
	return dst, ok
}

// resend writes a packet that was sent before into dst, as RTX. Callers hold mu.
func (e *egress) resend(dst []byte, s *slot, m *sent, now time.Time, w *sealer) (_ []byte, ok bool) {
	l := s.epochs[m.epoch-1].layer
	payload := binary.BigEndian.AppendUint16(w.scratch[:0], m.seq)
	l.histMu.Lock()
	meta, kept, ok := l.fromHistory(m.inSeq)
	payload = append(payload, kept...)
	l.histMu.Unlock()
	if !ok {
		return dst, false
	}
	info, err := codec.Parse(l.track.Codec, payload[2:])
	if err != nil {
		return dst, false
	}
	codec.Patch(payload[2:], info, m.pictureID, m.tl0)
	h := rtpview.Header{CSRC: uint32(l.track.owner), Timestamp: m.timestamp, PT: s.pts[l.track.Codec].rtx, Marker: meta.Marker}
	return e.sealRTX(dst, s, &h, payload, now, w), true
}

// sealRTX appends the next packet of the slot's RTX stream to dst, which has room for it. Callers hold mu.
func (e *egress) sealRTX(dst []byte, s *slot, h *rtpview.Header, payload []byte, now time.Time, w *sealer) []byte {
	h.SSRC, h.Seq = s.rtxSSRC, uint16(s.rtxSeq)
	e.path.stamp(h, s, len(payload), now)
	at := len(dst)
	dst = dst[:at+h.Len()]
	rtpview.WriteHeader(dst[at:], h)
	sealed := w.cipher.Seal(dst[at:], payload, s.rtxSSRC, s.rtxSeq, &w.nonce)
	s.rtxSeq++
	return dst[:at+len(sealed)]
}

// forget drops what is kept of t to answer NACKs: it has ended, and its history must not live on with its former viewers.
func (e *egress) forget(t *track) {
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

// drop forgets what the slot carries: nothing is forwarded through it when this returns. It returns the outputs to take
// off their layers.
func (e *egress) drop(s *slot) (gone []*output) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range []*output{s.cur, s.next} {
		if o != nil {
			gone = append(gone, o)
		}
	}
	s.cur, s.next = nil, nil
	s.epochs = [maxEpochs]*output{}
	return gone
}

// random32 is for SSRCs and initial timestamps (RFC 3550 §5.1 asks for randomness).
func random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint32(b[:])
}
