package sfu

import (
	"conclave/media"
	"conclave/sfu/bwe"
)

// PathStats describe the way to one viewer.
type PathStats struct {
	Participant media.ParticipantID
	// Estimate is what it carries, in bit/s at IP level; 0: unknown.
	Estimate int64
	// Budget is what the allocator makes of the estimates, Allotted what it gives away, audio and repairs included.
	Budget, Allotted int64
	bwe.Stats
}

// Paths describes the ways to all connected viewers, for measurements. Participants' numbers are unique within a room
// only.
func (s *Server) Paths() (list []PathStats) {
	for _, r := range s.listRooms() {
		r.mu.Lock()
		for _, p := range r.peers {
			if p.connection != nil {
				e := p.connection.Egress()
				list = append(list, PathStats{Participant: p.id, Estimate: e.Estimate(), Stats: e.Path(),
					Budget: p.viewer.allocator.Budget(), Allotted: p.viewer.total})
			}
		}
		r.mu.Unlock()
	}
	return list
}
