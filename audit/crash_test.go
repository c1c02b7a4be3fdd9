package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// TestCrashAtAnyByteLosesOnlyWhatWasNotAcknowledged stops the machine after each byte written and after each other
// operation (open, sync, rename, truncate), while a log begins, takes records, makes checkpoints, begins a segment and
// deletes old data. Then the log opens again, has every record that was acknowledged, goes on, and passes verification.
func TestCrashAtAnyByteLosesOnlyWhatWasNotAcknowledged(t *testing.T) {
	r := newReader(t)
	r.recipients, r.identity = Recipients{inTheClear{}}, inTheClear{} // keys would take most of the time
	step := 7
	if testing.Short() {
		step = 41
	}
	for _, power := range []bool{false, true} {
		finished := false
		for budget := 0; !finished; budget += step {
			m := newMemory()
			m.budget = budget
			var acknowledged []string
			acknowledged, finished = scenario(m, r)
			after := m.restart(power)
			if err := continues(t, after, r, acknowledged); err != nil {
				t.Fatalf("stopped after %d (power failure: %v): %v", budget, power, err)
			}
		}
	}
}

// inTheClear is a recipient, and an identity, without a key.
type inTheClear struct{}

func (inTheClear) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: "clear", Body: fileKey}}, nil
}

func (inTheClear) Unwrap(stanzas []*age.Stanza) ([]byte, error) { return stanzas[0].Body, nil }

// scenario is a short life of a log. It returns who was acknowledged, and whether the machine lived to the end.
func scenario(m *memory, r reader) (acknowledged []string, finished bool) {
	now := epoch
	o := Options{Recipients: r.recipients, CheckpointEvents: 2, SegmentAge: time.Hour, Retention: 2 * time.Hour}
	o = o.withDefaults()
	s, _, err := openStore(m, o, now)
	if err != nil {
		return nil, false
	}
	for i := range 5 {
		if err := s.commit([]Event{event(i)}); err != nil {
			return acknowledged, false
		}
		acknowledged = append(acknowledged, fmt.Sprintf("person%d", i))
		now = now.Add(35 * time.Minute)
		for range 2 { // a segment, then a deletion
			if _, err := s.housekeep(now); err != nil {
				return acknowledged, false
			}
		}
	}
	return acknowledged, true
}

// continues opens the log after a crash, and says what is missing.
func continues(t *testing.T, m *memory, r reader, acknowledged []string) error {
	t.Helper()
	if len(acknowledged) > 0 { // verification comes first: it works on a log as the crash left it
		report, err := verify(m, firstKey(t, m), nil)
		if err != nil {
			return fmt.Errorf("before it is opened again: %w", err)
		}
		if report.Records < int64(len(acknowledged)) {
			return fmt.Errorf("verification counts %d records", report.Records)
		}
	}
	s, _, err := openStore(m, Options{Recipients: r.recipients}.withDefaults(), epoch.Add(4*time.Hour))
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	if err := s.commit([]Event{event(99)}); err != nil {
		return err
	}
	if _, err := verify(m, firstKey(t, m), bytes.NewReader(allLines(t, m))); err != nil {
		return err
	}
	got := r.people(t, m)
	for i, who := range acknowledged {
		if int64(i) >= s.oldest && !slices.Contains(got, who) {
			return fmt.Errorf("%s is missing in %v (data from %d)", who, got, s.oldest)
		}
	}
	if got[len(got)-1] != "person99" {
		return fmt.Errorf("it does not go on: %v", got)
	}
	return nil
}

// killMe makes the test binary a writer that prints each acknowledged event, until it is killed.
const killMe = "CONCLAVE_AUDIT_KILL_ME"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killMe); dir != "" {
		writeUntilKilled(dir, os.Getenv(killMe+"_TO"))
		return
	}
	os.Exit(m.Run())
}

func writeUntilKilled(dir, recipient string) {
	to, err := ParseRecipients([]string{recipient})
	if err != nil {
		panic(err)
	}
	l, err := OpenLog(Options{Dir: dir, Recipients: to, SegmentBytes: 20_000})
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		ready := make(chan error, 8)
		for k := range 8 {
			go func() { ready <- l.Record(context.Background(), event(8*i+k)) }()
		}
		for range 8 {
			if err := <-ready; err != nil {
				panic(err)
			}
		}
		fmt.Println(8*i + 7) // all up to this one are acknowledged
	}
}

// TestKillLosesNothingThatWasAcknowledged kills a real writer, again and again, on a real disk.
func TestKillLosesNothingThatWasAcknowledged(t *testing.T) {
	r := newReader(t)
	dir := t.TempDir()
	total := 0
	for round := range 4 {
		acknowledged := killed(t, dir, r, 20+30*round)
		total += acknowledged + 1
		report, err := Verify(dir, diskKey(t, dir), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = Records(dir, 0, -1, func(_ int64, ciphertext []byte) error {
			events, err := Open(ciphertext, r.identity)
			for _, e := range events {
				if e.Kind == MeetingJoined {
					n++
				}
			}
			return err
		})
		if err != nil || n < total {
			t.Fatalf("%d of %d acknowledged events are there: %v", n, total, err)
		}
		t.Logf("killed after %d events; %d in the log, %d records, %d of them signed, %d torn bytes",
			total, n, report.Records, report.Signed, report.Torn)
		total = n
	}
}

func diskKey(t *testing.T, dir string) string {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	return firstKey(t, directory{root})
}

// killed runs a writer until it has acknowledged lines groups of events, kills it, and returns the last number.
func killed(t *testing.T, dir string, r reader, lines int) (acknowledged int) {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), killMe+"="+dir, killMe+"_TO="+r.public)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for i := 0; in.Scan(); i++ {
		if i == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if acknowledged, err = strconv.Atoi(strings.TrimSpace(in.Text())); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the writer was not killed: %v", err)
	}
	return acknowledged
}
