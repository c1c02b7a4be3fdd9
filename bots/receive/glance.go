package receive

// Glance is what a receiver has counted so far, for the live display and for plots over time. Glances add up.
type Glance struct {
	Packets, Bytes                  uint64
	Expected, LostBefore, LostAfter uint64
	Freezes                         uint64
	// Pictures counts the video slots that carry something, by the height that the server named.
	Pictures Pictures
}

// Pictures counts pictures by height: up to 180, 360 and 720 pixels, and above.
type Pictures struct {
	P180 int `json:"p180"`
	P360 int `json:"p360"`
	P720 int `json:"p720"`
	More int `json:"more"`
}

// Count adds a picture.
func (p *Pictures) Count(height int) {
	switch {
	case height <= 180:
		p.P180++
	case height <= 360:
		p.P360++
	case height <= 720:
		p.P720++
	default:
		p.More++
	}
}

// Add adds those of q.
func (p *Pictures) Add(q Pictures) {
	p.P180 += q.P180
	p.P360 += q.P360
	p.P720 += q.P720
	p.More += q.More
}

// Add adds another receiver's counts.
func (g *Glance) Add(o Glance) {
	g.Packets += o.Packets
	g.Bytes += o.Bytes
	g.Expected += o.Expected
	g.LostBefore += o.LostBefore
	g.LostAfter += o.LostAfter
	g.Freezes += o.Freezes
	g.Pictures.Add(o.Pictures)
}

// Glance returns the counts so far.
func (r *Receiver) Glance() Glance {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := Glance{Packets: r.packets, Bytes: r.bytes}
	for _, s := range r.list {
		before, after := s.log.lost()
		g.Expected += s.log.expected()
		g.LostBefore += before
		g.LostAfter += after
		g.Freezes += s.frames.freeze.Count
		if s.video && s.owner != 0 {
			g.Pictures.Count(s.height)
		}
	}
	return g
}
