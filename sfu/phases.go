package sfu

import (
	"slices"
	"time"

	"conclave/sfu/allocation"
	"conclave/sfu/forward"
)

// phases spreads what is due once a second for each peer over the second's ticks: a peer has the phase of its place.
type phases struct {
	peers [reportEvery][]*Peer // together the peers of the room
	next  int                  // where the next peer comes in
	last  int                  // the latest tick that was worked off
}

func (f *phases) add(p *Peer) {
	p.phase = f.next
	f.next = (f.next + 1) % reportEvery
	f.peers[p.phase] = append(f.peers[p.phase], p)
}

func (f *phases) remove(p *Peer) {
	f.peers[p.phase] = slices.DeleteFunc(f.peers[p.phase], func(x *Peer) bool { return x == p })
}

// chores are what is due of connections outside of the room's lock: it takes system calls.
type chores struct {
	repair, measure, feedback, report []*forward.Connection
}

// run does them.
func (c *chores) run(now time.Time) {
	for _, x := range c.repair {
		x.Repair(now)
	}
	for _, x := range c.measure {
		x.Measure(now)
	}
	for _, x := range c.feedback {
		x.SendFeedback()
	}
	for _, x := range c.report {
		x.Report(now)
	}
	for _, list := range [...]*[]*forward.Connection{&c.repair, &c.measure, &c.feedback, &c.report} {
		clear(*list) // they must keep no connection alive
		*list = (*list)[:0]
	}
}

// follow works off the phases up to tick n: what is due once a second, twice a second and, of those who publish, more
// often.
func (r *state) follow(now time.Time, n int) {
	f := &r.phases
	for m := max(f.last+1, n-reportEvery+1); m <= n; m++ {
		for _, p := range f.peers[m%reportEvery] {
			r.everySecond(p, now)
		}
		for _, p := range f.peers[(m+pulseEvery)%reportEvery] {
			r.rate(p, now, false)
		}
		if len(r.tracks) == 0 {
			continue
		}
		for phase := m % feedbackEvery; phase < reportEvery; phase += feedbackEvery {
			for _, p := range f.peers[phase] {
				r.tend(p, now, (m-phase)%meterEvery == 0)
			}
		}
	}
	f.last = n
	for t := range r.filming { // of audio only what is heard is asked for again
		r.chores.repair = append(r.chores.repair, t.connection.Connection)
	}
	for _, t := range r.hearing.top {
		r.chores.repair = append(r.chores.repair, t.connection.Connection)
	}
	r.work.Publishers += len(r.chores.repair)
}

// everySecond does what is due once a second of a peer.
func (r *state) everySecond(p *Peer, now time.Time) {
	c := p.connection
	if c == nil {
		return
	}
	r.work.Looks++
	r.chores.report = append(r.chores.report, c.Connection)
	r.rate(p, now, true)
	r.tidy(p, now)
	if len(p.wants) == 0 {
		return
	}
	if !p.viewer.ample {
		r.lookAt(p, now)
	}
	if c.Egress().Stopped(now) { // the request for a key frame, or the key frame, may have been lost
		r.videoDirty(p)
	}
}

// tend does what is due ten times a second of a peer that publishes or waits for a picture; at some of them, its tracks
// are measured.
func (r *state) tend(p *Peer, now time.Time, measure bool) {
	c := p.connection
	if c == nil {
		return
	}
	if c.Egress().Waits() {
		r.work.Looks++
		r.tidy(p, now)
	}
	if len(c.tracks) == 0 {
		return
	}
	r.work.Publishers++
	r.chores.feedback = append(r.chores.feedback, c.Connection)
	live := false
	for _, t := range c.tracks {
		live = live || t.Live()
		if t.Source.Video() && t.Live() && len(r.interest[t.key()]) > 0 && t.changed(now) {
			for viewer := range r.interest[t.key()] {
				r.videoDirty(viewer)
			}
		}
	}
	if measure && live {
		r.chores.measure = append(r.chores.measure, c.Connection)
	}
}

// tidy follows up on switches of p's slots.
func (r *state) tidy(p *Peer, now time.Time) {
	audio, video := p.connection.Egress().Tidy(now, &r.retired)
	if audio {
		r.report(p, p.connection.audio, p.withheld)
	}
	if video {
		r.videoDirty(p)
	}
}

// heed looks at the connections of which the packet path had something to say.
func (r *state) heed(connections []*connection, now time.Time) {
	for _, c := range connections {
		r.work.Looks++
		news, p := c.news.Swap(0), c.peer
		if p.closed || p.connection != c {
			continue
		}
		if news&slotsChanged != 0 {
			r.tidy(p, now)
		}
		if news&estimateChanged == 0 {
			continue
		}
		if len(p.wants) > 0 {
			r.lookAt(p, now)
		} else {
			c.Egress().Expect(0, allocation.Unlimited) // nothing depends on it
		}
	}
}
