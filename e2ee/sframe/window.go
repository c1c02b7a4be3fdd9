package sframe

const windowSize = 1024

// window remembers which of the last windowSize counters were seen. Its zero value has seen none.
type window struct {
	next uint64 // one above the highest seen
	seen [windowSize / 64]uint64
}

// fresh says whether a counter is new and not too old.
func (w *window) fresh(ctr uint64) bool {
	if ctr >= w.next {
		return ctr < 1<<63
	}
	return w.next-ctr <= windowSize && w.seen[ctr/64%(windowSize/64)]&(1<<(ctr%64)) == 0
}

// mark notes a counter that was fresh and opened.
func (w *window) mark(ctr uint64) {
	if ctr >= w.next {
		if ctr-w.next >= windowSize {
			w.seen = [windowSize / 64]uint64{}
		} else {
			for c := w.next; c < ctr; c++ {
				w.seen[c/64%(windowSize/64)] &^= 1 << (c % 64)
			}
		}
		w.next = ctr + 1
	}
	w.seen[ctr/64%(windowSize/64)] |= 1 << (ctr % 64)
}
