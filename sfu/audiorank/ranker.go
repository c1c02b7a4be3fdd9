package audiorank

import (
	"slices"
	"time"
)

// Voice is one open microphone in the order of a Ranker. Key is whose it is.
type Voice[K any] struct {
	Key      K
	level    Level
	loudness float32 // at the latest Update
	active   bool    // in Ranker.active
	closed   bool
}

// Ranker keeps the order. The zero value is ready. What it holds is bounded by the open microphones. An Update costs
// O(microphones heard lately), and, when the order changes, what moves.
type Ranker[K any] struct {
	order    []*Voice[K]
	active   []*Voice[K] // heard within holdSpeaking, or speaking
	speaking int         // of active
	closed   int         // of order, to be taken out
	changed  bool        // a microphone has been opened since the latest Update
	loudness []float32   // by position in order, during Update
}

// Open puts a microphone behind all others. It is silent until Hear.
func (r *Ranker[K]) Open(key K) *Voice[K] {
	v := &Voice[K]{Key: key}
	r.order = append(r.order, v)
	r.changed = true
	return v
}

// Close takes a microphone out of the order, with the next Update.
func (r *Ranker[K]) Close(v *Voice[K]) {
	if !v.closed {
		v.closed = true
		r.closed++
	}
}

// Hear takes in that the level of v has changed.
func (r *Ranker[K]) Hear(v *Voice[K], level Level) {
	v.level = level
	if !v.active && !v.closed {
		v.active = true
		r.active = append(r.active, v)
	}
}

// Update brings the order up to date and says whether it has changed. Afterwards none is behind another more than 6 dB
// quieter; those that need not move for that do not.
func (r *Ranker[K]) Update(now time.Time) (changed bool) {
	changed = r.changed || r.closed > 0
	r.changed = false
	if r.closed > 0 {
		r.closed = 0
		r.order = slices.DeleteFunc(r.order, func(v *Voice[K]) bool { return v.closed })
	}
	louder, sounding := r.follow(now)
	if louder {
		changed = r.sort(sounding) || changed
	}
	return changed
}

// follow brings the loudness of those up to date that have been heard lately. It says whether any has changed, and how
// many are not silent.
func (r *Ranker[K]) follow(now time.Time) (changed bool, sounding int) {
	kept := r.active[:0]
	r.speaking = 0
	for _, v := range r.active {
		x := v.level.at(now)
		changed = changed || x != v.loudness
		v.loudness = x
		speaks := v.level.Speaking(now)
		if v.active = !v.closed && (x > 0 || speaks); !v.active {
			continue
		}
		kept = append(kept, v)
		if x > 0 {
			sounding++
		}
		if speaks {
			r.speaking++
		}
	}
	clear(r.active[len(kept):])
	r.active = kept
	return changed, sounding
}

// sort moves those ahead who are clearly louder: an insertion sort of what is nearly sorted. What is behind the last
// that is not silent stays.
func (r *Ranker[K]) sort(sounding int) (moved bool) {
	r.loudness = r.loudness[:0]
	var quietest float32 = silence
	for i := 0; sounding > 0 && i < len(r.order); i++ {
		v := r.order[i]
		x := v.loudness
		if x > 0 {
			sounding--
		}
		r.loudness = append(r.loudness, x)
		if x > quietest+margin {
			at := slices.IndexFunc(r.loudness, func(ahead float32) bool { return x > ahead+margin })
			copy(r.order[at+1:i+1], r.order[at:i])
			copy(r.loudness[at+1:], r.loudness[at:i])
			r.order[at], r.loudness[at] = v, x
			moved = true
		}
		quietest = min(quietest, x)
	}
	return moved
}

// Order is every open microphone as of the latest Update, loudest first. It is valid until the next one.
func (r *Ranker[K]) Order() []*Voice[K] { return r.order }

// Speaking appends the keys of those to list who speak as of the latest Update, loudest first, at most so many.
func (r *Ranker[K]) Speaking(list []K, most int, now time.Time) []K {
	left := min(most, r.speaking)
	for _, v := range r.order {
		if left == 0 {
			break
		}
		if v.active && v.level.Speaking(now) {
			list = append(list, v.Key)
			left--
		}
	}
	return list
}

// Heard is how many microphones have been heard lately: what an Update costs.
func (r *Ranker[K]) Heard() int { return len(r.active) }
