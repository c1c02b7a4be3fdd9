package meeting

import (
	"time"

	"conclave/protocol"
)

// What an end-to-end encrypted meeting is beside relaying: who may join with what, what the lobby is told, broadcasts.

// broadcast tells everybody something that the server cannot read. What clients tell each other by themselves needs no
// permission, and is charged apart.
func (s *state) broadcast(now time.Time, p *seat, r *protocol.Broadcast) error {
	if !s.e2ee || !s.mayBroadcast(r.Kind) {
		return ErrNotPermitted
	}
	charge := s.mayTellAll
	if r.Kind == protocol.BroadcastGroup {
		charge = s.mayTellGroup
	} else if !p.may(protocol.MayChat) {
		return ErrNotPermitted
	}
	if !charge(now, p, len(r.Data)) {
		return ErrTooMuch
	}
	s.tellAll(&protocol.BroadcastEvent{From: p.id, Kind: r.Kind, At: wireTime(now), Data: r.Data})
	return nil
}

// suits says whether a join is of the meeting's sort: with an announce and without a name, or the reverse. A seat
// that is resumed has its announce already.
func (s *state) suits(j joinRequest) error {
	switch {
	case !s.e2ee && (j.announce != Blob{} || j.admit != Blob{}):
		return ErrNotEncrypted
	case s.e2ee && j.announce == Blob{} && j.resume == [32]byte{}:
		return ErrE2EERequired
	case s.e2ee && j.name != DisplayName{}:
		return ErrNameInClear
	}
	return nil
}
