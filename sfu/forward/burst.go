package forward

import "time"

const (
	// holdBytes bounds what is held back for one viewer: a large key frame. It is kept only while bursts need it.
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

// hold spreads bursts of video that are larger than the path takes at once: key frames. It holds sealed packets, in
// order. Guarded by destination.mu.
type hold struct {
	bytes   []byte
	packets []heldPacket
	next    int // of packets
	since   time.Time
	// leaving is how many are sending earlier packets, which none may pass, without the lock: a system call would hold up
	// a worker. What comes meanwhile is held.
	leaving int

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

// rest frees the buffer when nothing is held.
func (h *hold) rest() {
	if h.empty() {
		h.bytes, h.packets, h.next = nil, nil, 0
	}
}
