package sfu

// assign decides which of the wanted things each slot carries. It keeps what is wanted and has a slot where it is, and
// puts the rest, in order of importance, into free slots: into the one prefer names (a person's audio and video belong
// into slots of the same index, so that the browser synchronises them), else the first free one. current and the result
// hold, by slot, a key or the zero value. wanted must not repeat; what is over the number of slots is left out, least
// important first.
func assign[K comparable](current []K, wanted []K, prefer func(K) (slot int, ok bool)) []K {
	var none K
	if len(wanted) > len(current) {
		wanted = wanted[:len(current)]
	}
	keep := make(map[K]bool, len(wanted))
	for _, k := range wanted {
		keep[k] = true
	}
	result := make([]K, len(current))
	placed := make(map[K]bool, len(wanted))
	for i, k := range current {
		if k != none && keep[k] && !placed[k] {
			result[i] = k
			placed[k] = true
		}
	}
	free := 0
	for _, k := range wanted {
		if placed[k] {
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
