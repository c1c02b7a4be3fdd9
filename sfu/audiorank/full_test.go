package audiorank

import (
	"cmp"
	"slices"
	"time"
)

// fullRanker computes the order from scratch each time: what Ranker has to come to, too. K names a microphone. The zero
// value is ready. What it holds is bounded by the microphones of
// the latest update.
type fullRanker[K cmp.Ordered] struct {
	order    []K
	loudness []float32 // by position in order, during update
	known    map[K]struct{}
}

// update brings the order up to date and returns it, loudest first; the slice is valid until the next call. open is
// every open microphone with its level. Afterwards none is behind another more than 6 dB quieter; those that need
// not move for that do not.
func (r *fullRanker[K]) update(open map[K]*Level, now time.Time) []K {
	r.follow(open)
	r.loudness = r.loudness[:0]
	var quietest float32 = silence
	for i, k := range r.order { // insertion sort: nearly sorted already
		x := open[k].at(now)
		r.loudness = append(r.loudness, x)
		if x > quietest+margin {
			at := slices.IndexFunc(r.loudness, func(ahead float32) bool { return x > ahead+margin })
			copy(r.order[at+1:i+1], r.order[at:i])
			copy(r.loudness[at+1:], r.loudness[at:i])
			r.order[at], r.loudness[at] = k, x
		}
		quietest = min(quietest, x)
	}
	return r.order
}

// follow takes those out of the order who are not open any more and puts those behind it who are new.
func (r *fullRanker[K]) follow(open map[K]*Level) {
	if r.known == nil {
		r.known = map[K]struct{}{}
	}
	r.order = slices.DeleteFunc(r.order, func(k K) bool {
		if open[k] != nil {
			return false
		}
		delete(r.known, k)
		return true
	})
	old := len(r.order)
	if len(open) == old {
		return
	}
	for k, level := range open {
		if _, have := r.known[k]; !have && level != nil {
			r.order = append(r.order, k)
			r.known[k] = struct{}{}
		}
	}
	slices.Sort(r.order[old:])
}
