// Package quality tells in five bars how good a participant's connection is: 0 (lost) to 4 (excellent). It is pure: no
// clock, no goroutine; the caller brings a Sample once a second.
package quality

import "time"

// Sample is what was observed of one participant's connection in a second, both ways.
type Sample struct {
	Lost   bool          // nothing gets through
	Loss   float64       // share of packets lost, the worse direction: 0 to 1
	RTT    time.Duration // 0: unknown
	Jitter time.Duration // the worse direction
	// Distance is how many layers below what is wanted is sent, in the mean: to the participant for lack of bandwidth, or
	// by the participant.
	Distance float64
}

// What each impairment costs on a scale of 0 to 100. Delay follows the E-model's simplification of ITU-T G.107 (R
// factor: the knee at 160 ms one way); loss and layers are weighed so that 5 % loss or one layer less cost a bar at
// most.
const (
	best        = 93.2
	lossCost    = 250.0 // for all
	layerCost   = 12.0  // a layer
	worstLayers = 3.0
)

// score is how good s is: 0 to 93.2.
func score(s Sample) float64 {
	if s.Lost {
		return 0
	}
	delay := float64(s.RTT/2+2*s.Jitter+10*time.Millisecond) / float64(time.Millisecond)
	r := best - delay/40
	if delay > 160 {
		r = best - (delay-120)/10
	}
	r -= lossCost * min(max(s.Loss, 0), 1)
	r -= layerCost * min(max(s.Distance, 0), worstLayers)
	return max(r, 0)
}

// limits are the least scores of 2, 3 and 4 bars.
var limits = [...]float64{50, 68, 80}

// margin is by how much a limit must be passed upwards: bars that flicker tell nothing.
const margin = 2

// Meter follows one connection. The zero value is ready.
type Meter struct {
	smooth float64
	bars   int
	any    bool
}

// Update takes in a second, and says how many bars there are now and whether that is news.
func (m *Meter) Update(s Sample) (bars int, changed bool) {
	now := score(s)
	switch {
	case !m.any:
		m.smooth = now
	case now < m.smooth: // trouble shows soon, its end after some seconds
		m.smooth += (now - m.smooth) * 0.5
	default:
		m.smooth += (now - m.smooth) * 0.25
	}
	bars = 1
	for i, limit := range limits {
		need := limit
		if m.any && i+2 > m.bars {
			need += margin
		}
		if m.smooth >= need {
			bars = i + 2
		}
	}
	if s.Lost {
		bars = 0
	}
	changed = !m.any || bars != m.bars
	m.bars, m.any = bars, true
	return bars, changed
}
