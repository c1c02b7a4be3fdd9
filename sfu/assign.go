package sfu

import "slices"

// assign decides which of the wanted things each slot carries. It keeps what is wanted and has a slot where it is, and
// puts the rest, in order of importance, into free slots: into the one prefer names (a person's audio and video belong
// into slots of the same index, so that the browser synchronises them), else the first free one. current and the result
// hold, by slot, a key or the zero value. wanted must not repeat; what is over the number of slots is left out, least
// important first. The result is written over into, if that is large enough.
func assign[K comparable](into, current, wanted []K, prefer func(K) (slot int, ok bool)) []K {
	var none K
	if len(wanted) > len(current) {
		wanted = wanted[:len(current)]
	}
	result := into[:0]
	result = append(result, current...)
	for i, k := range current {
		if k != none && (!slices.Contains(wanted, k) || slices.Contains(result[:i], k)) {
			result[i] = none
		}
	}
	free := 0
	for _, k := range wanted {
		if slices.Contains(result, k) {
			continue
		}
		if i, ok := prefer(k); ok && i < len(result) && result[i] == none {
			result[i] = k
			continue
		}
		for result[free] != none {
			free++
		}
		result[free] = k
	}
	return result
}
