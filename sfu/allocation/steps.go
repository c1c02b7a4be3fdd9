package allocation

// Steps: the qualities a source is improved in.

// maxSteps bounds a ladder: each layer at each of its frame rates.
const maxSteps = MaxLayers * MaxTemporal

// maxRate is more than any rate: 1 Tbit/s.
const maxRate = 1 << 40

type rung struct {
	step Step
	rate int64
}

// ladder is the steps of one source, lowest first.
type ladder struct {
	rungs [maxSteps]rung
	n     int
	least int // the rung that is the minimum for the stage
}

func (l *ladder) add(s *Source, layer, temporal int) {
	l.rungs[l.n] = rung{Step{layer, temporal}, clamp(s.Layers[layer].Rates[temporal])}
	l.n++
}

// selection says which layers of a source have steps.
type selection func(s *Source) (layers [MaxLayers]bool)

// everyLayer is for what to ask of publishers.
func everyLayer(s *Source) (layers [MaxLayers]bool) {
	for i := 0; i <= s.Right(); i++ {
		layers[i] = true
	}
	return layers
}

// activeLayers is for what to send: the layers up to the right one that are arriving; else the lowest above it; and
// where nothing arrives yet, all that may.
func activeLayers(s *Source) (layers [MaxLayers]bool) {
	found := false
	for i := 0; i <= s.Right(); i++ {
		layers[i] = s.Layers[i].Active
		found = found || layers[i]
	}
	for i := s.Right() + 1; i < s.Count && !found; i++ {
		layers[i] = s.Layers[i].Active
		found = layers[i]
	}
	if !found {
		return everyLayer(s)
	}
	return layers
}

// Right is the lowest layer that is at least three quarters as high as the source is shown, or the highest.
func (s *Source) Right() int {
	for i := range s.Count {
		if 4*s.Layers[i].Height >= 3*s.Height {
			return i
		}
	}
	return s.Count - 1
}

// Full is what s takes, in bit/s, at its right layer and full frame rate: what would be sent were there no limit.
func (s *Source) Full() int64 {
	l := &s.Layers[s.Right()]
	return clamp(l.Rates[min(max(l.Temporal, 1), MaxTemporal)-1])
}

// stageHeight is how many lines a source on the stage shall have before anybody else gets anything.
const stageHeight = 360

// steps writes the ladder of s.
func (l *ladder) steps(s *Source, has [MaxLayers]bool) {
	l.n, l.least = 0, -1
	top := -1
	for i := range s.Count {
		if has[i] {
			top = i
		}
	}
	lowest := true
	for i := 0; i <= top; i++ {
		if !has[i] {
			continue
		}
		n := min(max(s.Layers[i].Temporal, 1), MaxTemporal)
		first, last := 0, n-1
		switch {
		case s.Screen && i < top: // resolution before rate
			last = 0
		case !s.Screen && !lowest: // at least half the rate
			first = max(0, n-2)
		}
		lowest = false
		enough := i == top || !s.Screen && 4*s.Layers[i].Height >= 3*stageHeight
		if l.least < 0 && enough {
			l.least = l.n
		}
		for t := first; t <= last; t++ {
			l.add(s, i, t)
		}
	}
}
