package sfu

import (
	"testing"

	"conclave/sfu/drop"
)

// logStats helps when a wire test fails.
func logStats(t *testing.T, s *Server) {
	t.Helper()
	for _, sender := range s.engine.Senders() {
		t.Logf("%s: received %d forwarded %d retransmitted %d missed %d", sender.Name, sender.Received.Load(),
			sender.Forwarded.Load(),
			sender.Retransmitted.Load(), sender.HistoryMisses.Load())
		for r := range drop.Reasons {
			if n := sender.Drops[r].Load(); n > 0 {
				t.Logf("  dropped %d: %s", n, r)
			}
		}
	}
}
