package sfu

import (
	"testing"

	"conclave/sfu/drop"
)

// logStats helps when a wire test fails.
func logStats(t *testing.T, s *Server) {
	t.Helper()
	for _, w := range s.workers {
		t.Logf("worker %d: received %d forwarded %d retransmitted %d missed %d", w.index, w.stats.received.Load(), w.stats.forwarded.Load(), w.stats.retransmitted.Load(), w.stats.historyMisses.Load())
		for d := range drop.Reasons {
			if n := w.stats.drops[d].Load(); n > 0 {
				t.Logf("  dropped %d: %s", n, d)
			}
		}
	}
}
