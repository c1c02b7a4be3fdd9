package quality

import "time"

// What a Pulse goes by.
const (
	pulseMemory  = 6               // looks that it remembers, at two a second
	pulseMaxLook = time.Second     // a look that comes late counts as no more silence
	flowing      = 10              // packets a second that count as flowing
	flowingLimit = 3 * lookEvery   // silence that is a break where packets flowed
	steadyLimit  = 6 * lookEvery   // and where they came slower but steadily: a voice in silence
	steadyLooks  = 4               // of the last pulseMemory in which something arrived
	lookEvery    = time.Second / 2 // how often the caller looks
)

// Pulse tells within two seconds that a publisher's media has stopped. ICE says so after many seconds, and says it of
// connections over which media flows: at 10 % loss each way, one check in four is not answered. The page judges its own
// side by the same rule (static/js/core/flow.js). The zero value is ready.
type Pulse struct {
	at          time.Time
	media, life uint64
	recent      [pulseMemory]uint32 // packets of media in the latest looks until the silence
	looks       int                 // that recent holds
	missed      int                 // looks of the silence, pulseMemory at most
	silent      time.Duration
}

// Look takes in how many authentic packets have come from the peer, about twice a second: of media, and of any kind.
// It says whether media has stopped that was flowing.
func (p *Pulse) Look(now time.Time, media, life uint64) (stopped bool) {
	first := p.at.IsZero()
	took := min(now.Sub(p.at), pulseMaxLook)
	came := uint32(min(media-p.media, 1<<16)) //nolint:gosec // bounded
	arrived := life != p.life
	p.at, p.media, p.life = now, media, life
	switch {
	case first:
	case arrived:
		for range p.missed {
			p.push(0)
		}
		p.push(came)
		p.silent, p.missed = 0, 0
	default:
		p.silent += took
		p.missed = min(p.missed+1, pulseMemory)
	}
	return p.silent >= p.limit()
}

// Forget is called when less is to be expected from now on: the publisher turned a source off.
func (p *Pulse) Forget() { p.looks, p.missed = 0, 0 }

// Silent is how long nothing has come from the peer.
func (p *Pulse) Silent() time.Duration { return p.silent }

func (p *Pulse) push(n uint32) {
	copy(p.recent[:], p.recent[1:])
	p.recent[pulseMemory-1] = n
	p.looks = min(p.looks+1, pulseMemory)
}

// limit is the silence that is a break; longer than any silence where too little came before.
func (p *Pulse) limit() time.Duration {
	const never = 1<<63 - 1
	if p.looks < steadyLooks {
		return never
	}
	total, busy := 0, 0
	for _, n := range p.recent[pulseMemory-p.looks:] {
		total += int(n)
		if n > 0 {
			busy++
		}
	}
	switch {
	case total >= flowing*p.looks/2:
		return flowingLimit
	case busy >= steadyLooks:
		return steadyLimit
	}
	return never
}
