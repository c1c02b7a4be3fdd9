package forward

import (
	"sync/atomic"
	"time"

	"conclave/sfu/history"
)

const (
	// audioAgainPerSecond bounds what a viewer's NACKs of audio make us send: a tenth of four microphones, each asked for
	// two and a half times.
	audioAgainPerSecond = 50
	// audioAgainAge is how old an audio packet may be that a viewer is sent again: half a second is longer than any jitter
	// buffer of a call.
	audioAgainAge = 500 * time.Millisecond
	// audioKept is for how long packets are kept after the viewer has lost any.
	audioKept = 30 * time.Second
)

// audioRepair is what repairs one viewer's audio: packets sent again for NACKs, and copies of all to viewers who lose
// many. Guarded by Egress.mu, but for worst.
type audioRepair struct {
	copies  copies
	lossyAt time.Time // when the viewer last lost something
	tokens  int       // packets that may still be sent again for NACKs, refilled each second
	bytes   int       // of audio sent since then, without repairs
	packets int       // and how many packets
	missed  int       // of which the viewer asked for again
	// the same two over the last seconds, the latest second counting most
	packetsLately, missedLately float64
	worst                       atomic.Uint32 // the highest fraction lost that was reported since then, in 1/256
}

// reportedLoss takes in the fraction lost of a receiver report, in 1/256. It is called on the peer's worker alone.
func (a *audioRepair) reportedLoss(fraction uint8) {
	a.worst.Store(max(a.worst.Load(), uint32(fraction)))
}

// second ends a second: it returns what share of the packets was lost by what the viewer has reported and asked for,
// and the rate of its audio without repairs in bit/s.
func (a *audioRepair) second() (loss float64, bps int64) {
	const memory, enough = 0.75, 50 // packets
	a.packetsLately = memory*a.packetsLately + float64(a.packets)
	a.missedLately = memory*a.missedLately + float64(a.missed)
	loss, bps = float64(a.worst.Swap(0))/256, int64(a.bytes)*8
	if a.packetsLately >= enough {
		loss = max(loss, a.missedLately/a.packetsLately)
	}
	a.tokens, a.bytes, a.packets, a.missed = audioAgainPerSecond, 0, 0, 0
	return loss, bps
}

// copyLatest sends the latest packets of an audio slot once more, before the next one leaves: one packet lost in
// between is then never missed. That includes packets that came late because the publisher had to be asked for them.
// The slot's egress is locked. While a queue is left to drain it sends none, nor over a stream, which loses nothing.
func (w *sender) copyLatest(s *Slot, box *outbox) {
	e := s.egress
	if _, draining := e.draining(w.seal.now); s.short == nil || draining || e.way.stream {
		return
	}
	last, _ := s.rw.Last()
	for back := history.ShortPackets - 1; back >= 0; back-- {
		sealed, ok := s.short.Copy(uint16(last.Seq)-uint16(back), w.seal.now, copyAge, e.audio.copies.level)
		if !ok || !box.fits() {
			continue
		}
		at := len(box.arena)
		box.arena = append(box.arena, sealed...)
		box.add(at)
		e.repaired.Add(uint64(len(sealed) + e.way.overhead))
		w.counters.Copied.Add(1)
	}
}

// again writes the audio packet that the viewer missed into dst, as it was. ok is false if it is not kept, was sent
// again less than a round trip ago, the budget is used up, or a queue is left to drain.
func (s *Slot) again(dst []byte, seq uint16, now time.Time) (_ []byte, ok bool) {
	e := s.egress
	if s.short == nil || e.audio.tokens <= 0 {
		return dst, false
	}
	if _, draining := e.draining(now); draining {
		return dst, false
	}
	sealed, first, ok := s.short.Ask(seq, now, audioAgainAge, max(minResend, time.Duration(e.rtt.Load())*3/4))
	if !ok {
		return dst, false
	}
	if first {
		e.audio.missed++
	}
	e.audio.tokens--
	e.repaired.Add(uint64(len(sealed) + e.way.overhead))
	return append(dst, sealed...), true
}

// missedAudio has the packets of audio slots kept from now on: a viewer who loses none costs neither the memory nor the
// copying.
func (e *Egress) missedAudio(now time.Time) {
	e.audio.lossyAt = now
	for _, s := range e.slots {
		if !s.Video && s.cur != nil && s.short == nil {
			s.short = new(history.Short)
		}
	}
}

// reviseCopies decides once a second how often audio is copied, by what the viewer has reported of loss.
func (e *Egress) reviseCopies(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	loss, audio := e.audio.second()
	if e.path.bwe != nil {
		loss = max(loss, e.path.bwe.Stats().Loss)
	}
	e.wantedOfPath(&e.path.copies, e.audio.copies.update(now, loss, audio, e.estimated.Load()))
	switch {
	case e.audio.copies.level > 0 || loss >= copiesUntil*copiesFrom:
		e.missedAudio(now)
	case now.Sub(e.audio.lossyAt) > audioKept:
		for _, s := range e.slots {
			s.short = nil
		}
	}
}
