package attack

import "testing"

// TestAnAuthenticGoodbyeEndsTheCall: the filter does not hold back what is the participant's own word.
func TestAnAuthenticGoodbyeEndsTheCall(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	alice := s.join(t, s.createMeeting(), aliceIP)
	if err := alice.dtls.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server answers close_notify", func() bool { return alice.alerts.Load() > 0 })
}
