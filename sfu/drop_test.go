package sfu

import (
	"regexp"
	"testing"
)

func TestEveryDropHasALabelOfItsOwn(t *testing.T) {
	seen := map[string]Drop{}
	for d := range numDrops {
		name := d.String()
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(name) {
			t.Errorf("drop %d is called %q", d, name)
		}
		if other, twice := seen[name]; twice {
			t.Errorf("drops %d and %d are both called %q", other, d, name)
		}
		seen[name] = d
	}
}

func TestLabelsSayWhatTheyStandFor(t *testing.T) { // the names are in the same order as the constants
	for d, want := range map[Drop]string{
		DropUnknownAddress: "unknown_address", DropAuth: "auth", DropUnknownSSRC: "unknown_ssrc", DropOverLimit: "over_limit",
		DropMuted: "muted", DropNotKeyFrame: "not_key_frame", DropSocketFull: "socket_full", DropQueueFull: "queue_full",
	} {
		if d.String() != want {
			t.Errorf("drop %d is called %q, want %q", d, d, want)
		}
	}
}
