package drop

import (
	"regexp"
	"testing"
)

func TestEveryDropHasALabelOfItsOwn(t *testing.T) {
	seen := map[string]Reason{}
	for d := range Reasons {
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
	for d, want := range map[Reason]string{
		UnknownAddress: "unknown_address", Auth: "auth", UnknownSSRC: "unknown_ssrc", OverLimit: "over_limit",
		Muted: "muted", NotKeyFrame: "not_key_frame", SocketFull: "socket_full", QueueFull: "queue_full",
	} {
		if d.String() != want {
			t.Errorf("drop %d is called %q, want %q", d, d, want)
		}
	}
}
