package attack

import "testing"

// TestMediaFollowsAParticipantWhoMoves: what answers at its new address is sent there.
func TestMediaFollowsAParticipantWhoMoves(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	alice.publish(t.Context(), 0)
	bob.publish(t.Context(), 0)
	alice.needsFlow("at first")
	alice.move(strangerIP)
	alice.needsFlow("to the new address")
	bob.needsFlow("from the new address")
}
