package srtp

// WindowSize is how many packet indices back a Window remembers (RFC 3711 §3.3.2 asks for at least 64). 1,024 covers
// half a second of a 2,000-packet-a-second screen share, so that late retransmissions are still told from repeats.
const WindowSize = 1024

// Window is a replay window over 48-bit packet indices: it extends 16-bit sequence numbers and remembers which have
// been seen, as far as they are not too old. The zero value is empty. One goroutine at a time.
type Window struct {
	highest uint64
	bits    [WindowSize / 64]uint64
	any     bool
}

// Index extends seq with the roll-over counter that brings it closest to the highest index seen (RFC 3711 §3.3.1). The
// first packet has roll-over counter 0.
func (w *Window) Index(seq uint16) uint64 {
	if !w.any {
		return uint64(seq)
	}
	diff := int64(int16(seq - uint16(w.highest)))
	if diff < 0 && uint64(-diff) > w.highest {
		return uint64(seq) // before the first packet, in the same cycle
	}
	return uint64(int64(w.highest) + diff)
}

// Fresh says whether index has not been seen and is not too old to know.
func (w *Window) Fresh(index uint64) bool {
	if !w.any || index > w.highest {
		return true
	}
	if w.highest-index >= WindowSize {
		return false
	}
	return w.bits[index/64%uint64(len(w.bits))]&(1<<(index%64)) == 0
}

// Mark remembers index as seen. Call it only once the packet is authenticated.
func (w *Window) Mark(index uint64) {
	switch {
	case !w.any:
		w.any, w.highest = true, index
	case index > w.highest:
		if index-w.highest >= WindowSize {
			w.bits = [len(w.bits)]uint64{}
		} else {
			for i := w.highest + 1; i <= index; i++ {
				w.bits[i/64%uint64(len(w.bits))] &^= 1 << (i % 64)
			}
		}
		w.highest = index
	case w.highest-index >= WindowSize:
		return // its place is another's
	}
	w.bits[index/64%uint64(len(w.bits))] |= 1 << (index % 64)
}

// Highest returns the highest index seen; ok is false if there was none.
func (w *Window) Highest() (index uint64, ok bool) { return w.highest, w.any }
