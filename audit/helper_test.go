package audit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/tlog"
)

var epoch = time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)

// reader is the holder of an identity that the server does not have.
type reader struct {
	identity   age.Identity
	recipients Recipients
	public     string // the recipient, as a configuration names it
}

func newReader(t testing.TB) reader {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	to, err := ParseRecipients([]string{id.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	return reader{id, to, id.Recipient().String()}
}

func event(i int) Event {
	return Event{
		Time: epoch.Add(time.Duration(i) * time.Second), Kind: MeetingJoined,
		Actor: fmt.Sprintf("person%d@example.org", i), Meeting: "abcd-efgh-jkmn-pqrs",
	}
}

// people lists the actors of all events that are in the log, in order.
func (r reader) people(t testing.TB, d files) (list []string) {
	t.Helper()
	firsts, data, err := segments(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range firsts {
		if !data[first] {
			continue
		}
		_, err := eachRecord(d, first, func(_ int64, ciphertext []byte, _ tlog.Hash) error {
			events, err := Open(ciphertext, r.identity)
			for _, e := range events {
				if e.Actor != "server" {
					list = append(list, strings.TrimSuffix(e.Actor, "@example.org"))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// firstKey is the verifier key that the log began with.
func firstKey(t testing.TB, d files) string {
	t.Helper()
	c, err := beginning(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c.Key
}

// allLines are all checkpoints of a log, as they would have left the machine.
func allLines(t testing.TB, d files) []byte {
	t.Helper()
	firsts, _, err := segments(d)
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, first := range firsts {
		b, err := readAll(d, segmentFile(first, checkpointsSuffix))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.Bytes()
}

// written is a store with one record for each event, a checkpoint after every fourth and a segment after every tenth.
func written(t testing.TB, r reader, n int) (*memory, *store) {
	t.Helper()
	m := newMemory()
	s, _, err := openStore(m, Options{Recipients: r.recipients, CheckpointEvents: 4}.withDefaults(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := s.commit([]Event{event(i)}); err != nil {
			t.Fatal(err)
		}
		now := epoch.Add(time.Duration(i+1) * time.Second)
		if _, err := s.housekeep(now); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			if err := s.beginSegment(now); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m, s
}
