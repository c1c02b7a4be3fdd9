package protocol

import (
	"bytes"
	"testing"
	"time"
)

// A Welcome around entries that were encoded before has the bytes of one that is encoded as a whole.
func TestEncodedEntriesAreTheSameWelcome(t *testing.T) {
	entries := []RosterEntry{
		{Participant: 1, Name: `"participants":null <&> \u2028`, Role: RoleHost, Connected: true},
		{Participant: 2, Name: "Ana", Role: RoleViewer, Hand: 3, Kind: KindGuest, Announce: "QUFB", Admit: "QUFB"},
		{Participant: 9, Name: "Ünal", Role: RoleParticipant, Sources: []Source{0, 1}},
	}
	for n := range len(entries) + 1 {
		w := Welcome{
			ID: 3, Version: Version, Participant: 7, Role: RoleParticipant, Resume: "r", Participants: entries[:n],
			Meeting: MeetingState{Title: `a title: "participants":null`, ExpiresAt: time.Unix(1e9, 0).UTC()},
			Waiting: []WaitingEntry{{Name: `"participants":null`}}, RoleNames: map[string]string{"host": `"participants":null`},
		}
		want, err := Marshal(&w)
		if err != nil {
			t.Fatal(err)
		}
		encoded := make([][]byte, n)
		for i := range encoded {
			if encoded[i], err = EncodeEntry(&entries[i]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := MarshalWelcome(&w, encoded)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\n%s\n%s", err, got, want)
		}
	}
}
