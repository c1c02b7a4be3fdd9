package sfu

import (
	"time"

	"conclave/sfu/transport"
)

const (
	// holdBytes bounds what is held back for one subscriber: a large key frame. It is kept only while somebody's bursts need it.
	holdBytes = 64 << 10
	// holdPackets bounds the same in packets.
	holdPackets = 128
	// holdMost is how long a burst is spread at most: a frame interval at 30 frames a second.
	holdMost = 30 * time.Millisecond
	// Bursts go out at this many times the estimate: what a frame takes is sent before the next one comes.
	paceFactor = 2
	// burstTime and burstBytes of that may go at once: most frames pass whole, as one message.
	burstTime  = 10 * time.Millisecond
	burstBytes = 8 << 10
)

// hold spreads bursts of video that are larger than the path takes at once: key frames. It holds sealed packets, in order. Guarded by
// egress.mu.
type hold struct {
	bytes   []byte
	packets []heldPacket
	next    int // of packets
	since   time.Time

	debt   int64 // bytes sent beyond the pace
	paidAt time.Time
}

type heldPacket struct {
	begin, end int32
	transport  uint16 // sequence number, to tell the estimator when it was really sent
	stamped    bool
}

func (h *hold) empty() bool { return h.next == len(h.packets) }

// passes says whether size bytes may go out at once at rate bit/s, and takes note of it.
func (h *hold) passes(now time.Time, size int, rate int64) bool {
	if elapsed := now.Sub(h.paidAt); elapsed > 0 {
		h.debt = max(0, h.debt-bytesIn(rate, min(elapsed, time.Second)))
		h.paidAt = now
	}
	if h.debt > max(bytesIn(rate, burstTime), burstBytes) {
		return false
	}
	h.debt += int64(size)
	return true
}

func bytesIn(rate int64, d time.Duration) int64 { return rate * int64(d/time.Microsecond) / 8_000_000 }

// keep takes in a copy of a sealed packet; ok is false if there is no room.
func (h *hold) keep(sealed []byte, transport uint16, stamped bool, now time.Time) (ok bool) {
	if len(h.packets) == holdPackets || len(h.bytes)+len(sealed) > holdBytes {
		return false
	}
	if h.bytes == nil {
		h.bytes, h.packets = make([]byte, 0, holdBytes), make([]heldPacket, 0, holdPackets)
	}
	if h.empty() {
		h.since = now
	}
	begin := len(h.bytes)
	h.bytes = append(h.bytes, sealed...)
	h.packets = append(h.packets, heldPacket{int32(begin), int32(len(h.bytes)), transport, stamped})
	return true
}

// due is how many bytes are to go out in this step: the pace, or what has to go so that the burst is over in time.
func (h *hold) due(now time.Time, rate int64) int64 {
	if h.empty() {
		return 0
	}
	left := int64(len(h.bytes)) - int64(h.packets[h.next].begin)
	steps := int64((holdMost - now.Sub(h.since)) / paceStep)
	if steps <= 1 {
		return left
	}
	return max(bytesIn(rate, paceStep), left/steps)
}

// rest lets go of the buffer when nothing is held.
func (h *hold) rest() {
	if h.empty() {
		h.bytes, h.packets, h.next = nil, nil, 0
	}
}

// emit hands the packet at box.arena[at:] on: to the box, or, if it belongs to a burst that the path would have to queue, to the pacer. A
// packet never overtakes one of its kind. Callers hold mu.
func (e *egress) emit(box *outbox, at int, to *transport.Remote, video bool, now time.Time) {
	estimate := e.estimated.Load()
	if !video || estimate == 0 {
		box.add(at, to)
		return
	}
	h := &e.hold
	size := len(box.arena) - at
	if h.empty() && h.passes(now, size, paceFactor*estimate) {
		box.add(at, to)
		return
	}
	if h.keep(box.arena[at:], e.path.stamped, e.path.isStamped, now) {
		box.arena = box.arena[:at]
		e.session.server.pacer.add(e)
		return
	}
	// More than can be held back: all of it goes now. The packet itself lies in the arena already, before what is released.
	own := append([]byte(nil), box.arena[at:]...) // rare: a burst of over holdBytes
	box.arena = box.arena[:at]
	e.release(box, to, holdBytes, now)
	at = len(box.arena)
	box.arena = append(box.arena, own...)
	box.add(at, to)
}

// release sends up to n bytes of what is held, and one packet at least. Callers hold mu.
func (e *egress) release(box *outbox, to *transport.Remote, n int64, now time.Time) {
	h := &e.hold
	for n > 0 && !h.empty() && box.hasRoom() {
		p := &h.packets[h.next]
		h.next++
		at := len(box.arena)
		box.arena = append(box.arena, h.bytes[p.begin:p.end]...)
		box.add(at, to)
		if p.stamped && e.path.bwe != nil {
			e.path.bwe.Delayed(p.transport, now)
		}
		n -= int64(p.end - p.begin)
		h.debt += int64(p.end - p.begin)
	}
	if h.empty() {
		h.bytes, h.packets, h.next = h.bytes[:0], h.packets[:0], 0
	}
}
