package audit

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetentionDeletesDataAndKeepsTheTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(t)
		m := newMemory()
		l := openMemory(t, m, Options{Recipients: r.recipients, Retention: 30 * 24 * time.Hour})
		for i := range 50 { // days
			if err := l.Record(t.Context(), event(i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * time.Hour)
		}
		outside, key := allLines(t, m), firstKey(t, m)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		report, err := verify(m, key, bytes.NewReader(outside))
		if err != nil || report.Oldest < 17 || report.Records < 69 { // 50 events, the opening, and a note for each deletion
			t.Fatalf("%+v, %v", report, err)
		}
		got := r.people(t, m)
		if len(got) < 30 || len(got) > 33 || got[len(got)-1] != "person49" {
			t.Errorf("%d events are kept: %v", len(got), got)
		}
		_, data, err := segments(m)
		if err != nil {
			t.Fatal(err)
		}
		firsts, _, _ := segments(m)
		for _, first := range firsts { // somebody deletes more than retention did
			if data[first] {
				delete(m.names, segmentFile(first, recordsSuffix))
				checkFault(t, m, key, nil, first)
				break
			}
		}
	})
}

// TestClockJumpsHurtNothing: the order of records is the order of events, whatever the clock says; a clock far ahead
// deletes one segment an hour at most.
func TestClockJumpsHurtNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(t)
		m := newMemory()
		var jump atomic.Int64
		clock := func() time.Time { return time.Now().Round(0).Add(time.Duration(jump.Load())) } // without monotonic time
		l := openMemory(t, m, Options{Recipients: r.recipients, Retention: 100 * time.Hour, Now: clock})
		record := func(i int) {
			e := event(i)
			e.Time = clock()
			if err := l.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			record(i)
			time.Sleep(25 * time.Hour)
		}
		jump.Store(int64(-1000 * time.Hour))
		record(3)
		time.Sleep(2 * time.Minute)
		if line := lastCheckpoint(t, m); line.Size != l.Health().Records {
			t.Errorf("the clock went back: the last checkpoint is of %d records", line.Size)
		}
		jump.Store(int64(50_000 * time.Hour))
		record(4)
		time.Sleep(90 * time.Minute)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		report, err := verify(m, firstKey(t, m), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(r.people(t, m), " ")
		if got != "person2 person3 person4" || report.Oldest != 3 { // two hours began: two segments went
			t.Errorf("kept: %v, oldest %d", got, report.Oldest)
		}
	})
}

func lastCheckpoint(t *testing.T, m *memory) *Checkpoint {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(allLines(t, m)), []byte("\n"))
	c, err := ParseCheckpoint(lines[len(lines)-1])
	if err != nil {
		t.Fatal(err)
	}
	return c
}
