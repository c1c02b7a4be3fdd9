package group

import (
	"testing"
	"time"
)

// One of a process commits in an epoch. If nothing comes of it, another may.
func TestTurns(t *testing.T) {
	var turns Turns
	a, b := []byte("a group"), []byte("another")
	now := time.Unix(1000, 0)
	take := func(group []byte, epoch uint64, want time.Duration) {
		t.Helper()
		again := turns.take(now, group, epoch)
		if got := again.Sub(now); again.IsZero() != (want == 0) || want > 0 && got != want {
			t.Fatalf("epoch %d: again %v after now, want %v", epoch, got, want)
		}
	}
	take(a, 4, 0)
	now = now.Add(time.Second)
	take(a, 4, turnFor-time.Second)
	take(a, 3, turnFor)
	take(a, 5, 0)
	take(a, 4, turnFor)
	now = now.Add(turnFor)
	take(a, 5, 0)
	take(b, 0, 0)
	if none := (*Turns)(nil); !none.take(now, a, 5).IsZero() {
		t.Error("without turns one has to wait")
	}
}
