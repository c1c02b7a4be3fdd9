package sfu

import (
	"time"

	"conclave/media"
	"conclave/sfu/bwe"
	"conclave/sfu/drop"
	"conclave/sfu/rtcpview"
	"conclave/sfu/rtpview"
	"conclave/sfu/sdp"
	"conclave/sfu/transport/srtp"
)

// ipHeaders is what a packet takes on the path beside its UDP payload: IPv4 and UDP. Estimates are of all of it.
const ipHeaders = 28

// path is what one subscriber's way from here carries. Guarded by egress.mu but for estimated.
type path struct {
	bwe *bwe.Estimator // made with the first slot whose viewer can say what it receives

	stamped   uint16 // transport-wide sequence number of the packet sealed last
	isStamped bool   // and whether it has one

	probeSlot int // which slot's packets probes repeat, and which of them
	probeBack uint16
}

// negotiated notes whether the viewer can say what it receives. Callers hold egress.mu.
func (p *path) negotiated(m *sdp.Media) {
	if p.bwe == nil && (m.Extensions.TWCC != 0 || m.REMB) {
		p.bwe = bwe.New(time.Now())
	}
}

// stamp gives the packet about to be sealed its transport-wide sequence number, if its slot has the extension. Callers hold egress.mu.
func (p *path) stamp(h *rtpview.Header, s *slot, payload int, now time.Time) {
	p.isStamped = p.bwe != nil && s.transportID != 0
	if !p.isStamped {
		return
	}
	h.TransportID = s.transportID
	h.TransportSeq = p.bwe.Sent(now, rtpview.OutHeaderLen+rtpview.TransportLen+payload+srtp.Overhead+ipHeaders)
	p.stamped = h.TransportSeq
}

// transportFeedback takes in what the viewer says of the packets sent to it, and begins a probe if one is due.
func (s *session) transportFeedback(p rtcpview.Packet, now time.Time, w *worker) {
	e := &s.egress
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.path.bwe == nil {
		return
	}
	if err := e.path.bwe.Feedback(now, p.Body); err != nil {
		w.drop(drop.Malformed, 1)
		return
	}
	e.estimateChanged(now)
	if _, active := e.path.bwe.Probe(now); active {
		s.server.pacer.add(e)
	}
}

// remb takes in the estimate of a viewer that has no transport-wide feedback.
func (s *session) remb(bps int64, now time.Time) {
	e := &s.egress
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.path.bwe != nil {
		e.path.bwe.REMB(now, bps)
		e.estimateChanged(now)
	}
}

// revise follows the time: an estimate falls when feedback stays away, and a probe may have become due. Callers hold Room.mu.
func (e *egress) revise(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.path.bwe == nil {
		return
	}
	e.estimateChanged(now)
	e.hold.rest()
	if _, active := e.path.bwe.Probe(now); active {
		e.session.server.pacer.add(e)
	}
}

// estimateChanged publishes the estimate for the allocator. A viewer that could say what it receives and does not is sent everything: the
// cautious first estimate must not stay. Callers hold mu.
func (e *egress) estimateChanged(now time.Time) {
	bps, known := e.path.bwe.Estimate(now)
	if !known {
		bps = bwe.Max
	}
	e.estimated.Store(bps)
}

// drain is what may be sent while a queue on the way to the viewer is being let go, in bit/s; 0 when none is.
func (e *egress) drain(now time.Time) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	bps, on := e.path.drain(now)
	if !on {
		return 0
	}
	return max(1, bps)
}

// drain says whether a queue on the way to the viewer is being let go, and what may be sent meanwhile. Callers hold egress.mu.
func (p *path) drain(now time.Time) (bps int64, on bool) {
	if p.bwe == nil {
		return 0, false
	}
	return p.bwe.Drain(now)
}

// wanted says how much would be useful to the viewer in all, in bit/s at IP level: probes look no further.
func (e *egress) wanted(bps int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.path.bwe != nil {
		e.path.bwe.Wanted(bps)
	}
}

// PathStats describe the way to one subscriber.
type PathStats struct {
	Participant media.ParticipantID
	// Estimate is what it carries, in bit/s at IP level; 0: unknown.
	Estimate int64
	// Budget is what the allocator makes of the estimates, Allotted what it gives away, audio and repairs included.
	Budget, Allotted int64
	bwe.Stats
}

// Paths describes the ways to all connected subscribers, for measurements. Participants' numbers are unique within a room only.
func (s *Server) Paths() (list []PathStats) {
	for _, r := range s.listRooms() {
		r.mu.Lock()
		for _, p := range r.peers {
			if p.session != nil {
				e := &p.session.egress
				list = append(list, PathStats{Participant: p.id, Estimate: e.estimated.Load(), Stats: e.network(),
					Budget: p.viewer.allocator.Budget(), Allotted: p.viewer.total})
			}
		}
		r.mu.Unlock()
	}
	return list
}

// network describes the path as it was lately; zero where nothing is known.
func (e *egress) network() bwe.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.path.bwe == nil {
		return bwe.Stats{}
	}
	return e.path.bwe.Stats()
}
