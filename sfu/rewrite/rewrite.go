// Package rewrite makes one continuous RTP stream out of a succession of sources: the layers of a simulcast track, then
// another participant's track, and so on. Sequence numbers, timestamps, picture ids and TL0PICIDX go on without a jump
// (RFC 3550 §5.1, RFC 7741 §4.2), so that the receiver's decoder and jitter buffer never notice.
//
// A Rewriter is pure: no clock, no lock, no allocation. One goroutine at a time.
package rewrite

// In is what a packet says in its source's numbering. Seq is extended to 64 bits by the caller.
type In struct {
	Seq       uint64
	Timestamp uint32
	PictureID uint16
	TL0PicIdx uint8
}

// Out is the same packet in the receiver's numbering. Seq is extended: its low 16 bits are the RTP sequence number,
// the bits above are SRTP's roll-over counter.
type Out struct {
	Seq       uint64
	Timestamp uint32
	PictureID uint16
	TL0PicIdx uint8
}

// maxGaps bounds how many runs of removed packets are remembered for packets that arrive out of order around them.
// Sixteen covers reordering across sixteen frames of a dropped temporal layer; what is older is refused, not
// mis-numbered.
const maxGaps = 16

// gap is a run of removed packets.
type gap struct {
	last   uint64 // in-sequence number of the run's last packet: the offsets apply to what is older
	seqOff uint64
	pidOff uint16
}

// Rewriter holds the mapping. The zero value with Start called is ready.
type Rewriter struct {
	seqOff uint64
	tsOff  uint32
	pidOff uint16
	tl0Off uint8

	first, highest uint64 // of the current source, in its numbering; what is older than first is refused
	last           Out    // the highest packet put out
	started        bool   // a source has been switched to
	any            bool   // something has ever been put out

	gaps [maxGaps]gap
	nGap int

	removed    uint16 // picture id of the latest removed frame
	hasRemoved bool
}

// New returns a Rewriter whose first packet will carry the given sequence number, at least 1, and timestamp. Start
// below 2^15, so that a receiver which misses the first packets still guesses roll-over counter 0 (RFC 3711 §3.3.1).
func New(seq uint16, timestamp uint32) Rewriter {
	return Rewriter{last: Out{Seq: uint64(max(seq, 1)) - 1, Timestamp: timestamp}}
}

// Switch makes in the first packet of a new source. tsStep is by how much the timestamp is to advance over the highest
// one put out so far, in units of the RTP clock; at least 1 is taken once anything was put out. in itself is then
// mapped by Next.
func (r *Rewriter) Switch(in In, tsStep uint32) {
	if tsStep == 0 && r.any {
		tsStep = 1
	}
	if !r.any {
		tsStep = 0
	}
	r.seqOff = r.last.Seq + 1 - in.Seq
	r.tsOff = r.last.Timestamp + tsStep - in.Timestamp
	r.pidOff = r.last.PictureID + 1 - in.PictureID
	r.tl0Off = r.last.TL0PicIdx + 1 - in.TL0PicIdx
	r.first, r.highest = in.Seq, in.Seq
	r.nGap = 0
	r.hasRemoved = false
	r.started = true
}

// Next maps in. ok is false when it cannot belong to the stream: no source yet, older than the switch, or older than
// what is remembered about removed packets. Next does not detect repeats; the caller has.
func (r *Rewriter) Next(in In) (out Out, ok bool) {
	if !r.started || in.Seq < r.first {
		return Out{}, false
	}
	seqOff, pidOff := r.seqOff, r.pidOff
	for i := r.nGap - 1; i >= 0 && in.Seq < r.gaps[i].last; i-- {
		seqOff, pidOff = r.gaps[i].seqOff, r.gaps[i].pidOff
	}
	out = Out{
		Seq:       in.Seq + seqOff,
		Timestamp: in.Timestamp + r.tsOff,
		PictureID: (in.PictureID + pidOff) & 0x7fff,
		TL0PicIdx: in.TL0PicIdx + r.tl0Off,
	}
	r.highest = max(r.highest, in.Seq)
	if out.Seq > r.last.Seq || !r.any {
		r.last = out
		r.any = true
	}
	return out, true
}

// Drop removes in from the stream, so that the packets after it move up: padding, or a temporal layer that is not
// forwarded. closeIDs says that the whole frame in belongs to is being removed and that picture ids close up over it.
// removed is false for a packet that comes after a later one was mapped: it cannot be removed any more, its number is
// taken, and what Next makes of it fills the place.
func (r *Rewriter) Drop(in In, closeIDs bool) (removed bool) {
	if !r.started || in.Seq < r.first {
		return true // it has no place
	}
	if in.Seq <= r.highest {
		return false
	}
	if r.nGap > 0 && r.gaps[r.nGap-1].last+1 == in.Seq {
		r.gaps[r.nGap-1].last = in.Seq
	} else {
		if r.nGap == maxGaps {
			r.first = r.gaps[0].last + 1
			copy(r.gaps[:], r.gaps[1:])
			r.nGap--
		}
		r.gaps[r.nGap] = gap{last: in.Seq, seqOff: r.seqOff, pidOff: r.pidOff}
		r.nGap++
	}
	r.highest = in.Seq
	r.seqOff--
	if closeIDs && !(r.hasRemoved && r.removed == in.PictureID) {
		r.removed, r.hasRemoved = in.PictureID, true
		r.pidOff--
	}
	return true
}

// Last returns the highest packet put out; ok is false if there was none.
func (r *Rewriter) Last() (out Out, ok bool) { return r.last, r.any }

// TimestampOffset is what Next adds to timestamps now: sender reports are mapped with it (RFC 3550 §6.4.1).
func (r *Rewriter) TimestampOffset() uint32 { return r.tsOff }
