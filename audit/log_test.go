package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func openMemory(t *testing.T, m *memory, o Options) *Log {
	t.Helper()
	l, err := openLog(o, m)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEventIsOnDiskBeforeItIsAcknowledged(t *testing.T) {
	r := newReader(t)
	m := newMemory()
	l := openMemory(t, m, Options{Recipients: r.recipients})
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			if err := l.Record(t.Context(), event(i)); err != nil {
				t.Error(err)
				return
			}
			if i%20 != 0 {
				return
			}
			m.mu.Lock()
			after := m.restart(true) // the power fails now
			m.mu.Unlock()
			if !slices.Contains(r.people(t, after), fmt.Sprintf("person%d", i)) {
				t.Errorf("event %d was acknowledged and is lost", i)
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	report, err := verify(m, firstKey(t, m), nil)
	if err != nil || report.Signed != report.Records {
		t.Errorf("%+v, %v", report, err)
	}
	if got := r.people(t, m); len(got) != 300 {
		t.Errorf("%d events", len(got))
	}
	if report.Records > 250 {
		t.Errorf("%d records: no events shared one", report.Records)
	}
	if err := l.Record(t.Context(), event(1)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestAppendNeverBlocks(t *testing.T) {
	r := newReader(t)
	m := newMemory()
	l := openMemory(t, m, Options{Recipients: r.recipients})
	hold, held := make(chan struct{}), make(chan struct{})
	if err := l.Append(event(0), func(error) { close(held); <-hold }); err != nil {
		t.Fatal(err)
	}
	<-held // the log's goroutine is stuck
	var done atomic.Int64
	for i := range queueSize {
		if err := l.Append(event(i), func(error) { done.Add(1) }); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := l.Append(event(0), func(error) { t.Error("called") }); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Record(ctx, event(0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(hold)
	if err := l.Close(); err != nil || done.Load() != queueSize {
		t.Error(err, done.Load())
	}
	if err := l.Append(Event{}, nil); err == nil {
		t.Error("an event without a kind was taken")
	}
}

// TestFullDiskStopsTheLogUntilThereIsRoom: with the disk full nothing is acknowledged and the health says so; with room
// again the log goes on by itself and verifies.
func TestFullDiskStopsTheLogUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(t)
		m := newMemory()
		var states []error
		l := openMemory(t, m, Options{Recipients: r.recipients, State: func(err error) { states = append(states, err) }})
		if err := l.Record(t.Context(), event(1)); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		m.full = true
		m.mu.Unlock()
		var health error // as the first that was refused can see it
		if err := l.Append(event(2), func(error) { health = l.Health().Err }); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if err := l.Record(t.Context(), event(3+i)); !errors.Is(err, ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if !errors.Is(health, syscall.ENOSPC) {
			t.Error("an event was refused by a log that was well: ", health)
		}
		time.Sleep(2 * retryEvery)
		if err := l.Health().Err; !errors.Is(err, syscall.ENOSPC) {
			t.Error(err)
		}
		if err := l.Record(t.Context(), event(6)); !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		m.mu.Lock()
		m.full = false
		m.mu.Unlock()
		time.Sleep(2 * retryEvery)
		if err := l.Health().Err; err != nil {
			t.Error(err)
		}
		if err := l.Record(t.Context(), event(7)); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if len(states) != 2 || !errors.Is(states[0], syscall.ENOSPC) || states[1] != nil {
			t.Errorf("states: %v", states)
		}
		if got := strings.Join(r.people(t, m), " "); got != "person1 person7" {
			t.Error(got)
		}
		if _, err := verify(m, firstKey(t, m), bytes.NewReader(allLines(t, m))); err != nil {
			t.Error(err)
		}
	})
}

func TestCheckpointIsDueAfterAMinuteOrAHundredEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(t)
		m := newMemory()
		var sink memorySink
		l := openMemory(t, m, Options{Recipients: r.recipients, Sinks: []Sink{&sink}})
		record := func(n int) {
			for i := range n {
				if err := l.Record(t.Context(), event(i)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		count := func(want int, when string) {
			t.Helper()
			if got := sink.count(); got != want {
				t.Fatalf("%s: %d checkpoints left the machine, want %d", when, got, want)
			}
		}
		record(1)
		count(1, "at the start") // that the segment began
		time.Sleep(59 * time.Second)
		count(1, "before a minute")
		time.Sleep(2 * time.Second)
		count(2, "after a minute")
		time.Sleep(time.Hour)
		count(2, "when nothing happens")
		record(1)
		count(3, "after an event, the last checkpoint being old")
		record(99)
		count(3, "after 99 events")
		record(1)
		count(4, "after 100 events")
		record(1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		count(5, "at the end")
		if _, err := verify(m, firstKey(t, m), bytes.NewReader(sink.lines)); err != nil {
			t.Error(err)
		}
	})
}

// memorySink keeps lines, unless it is down.
type memorySink struct {
	mu    sync.Mutex
	down  bool
	lines []byte
}

func (s *memorySink) Name() string { return "memory" }

func (s *memorySink) Publish(_ context.Context, line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("down")
	}
	s.lines = append(s.lines, line...)
	return nil
}

func (s *memorySink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Count(s.lines, []byte("\n"))
}

// TestNoCheckpointIsLostToAnOutage: while a sink is down, and over restarts, checkpoints wait on disk.
func TestNoCheckpointIsLostToAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(t)
		m := newMemory()
		sink := &memorySink{down: true}
		for restart := range 3 {
			o := Options{Recipients: r.recipients, Sinks: []Sink{sink}, SegmentAge: time.Hour, CheckpointEvents: 3}
			l := openMemory(t, m, o)
			if restart == 2 {
				sink.mu.Lock()
				sink.down = false
				sink.mu.Unlock()
			}
			for i := range 10 {
				if err := l.Record(t.Context(), event(i)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Minute)
			}
			if failing := l.Health().Failing; (len(failing) == 1) != (restart < 2) {
				t.Errorf("failing: %v", failing)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := string(sink.lines), string(allLines(t, m)); got != want {
			t.Errorf("%d checkpoints arrived, %d were made", strings.Count(got, "\n"), strings.Count(want, "\n"))
		}
	})
}

func TestKeyOfAClosedSegmentIsErased(t *testing.T) {
	m, s := written(t, newReader(t), 9)
	old := s.key.secret
	if err := s.beginSegment(epoch); err != nil {
		t.Fatal(err)
	}
	for name, c := range m.names {
		if bytes.Contains(c.now, []byte(old)) {
			t.Errorf("%s holds the old signing key", name)
		}
	}
	if s.key.secret == old || !bytes.Contains(m.names[keyFile].now, []byte(s.key.secret)) {
		t.Error("there is no new key")
	}
}

func TestOneLogHasOneWriter(t *testing.T) {
	dir, r := filepath.Join(t.TempDir(), "audit"), newReader(t)
	l, err := OpenLog(Options{Dir: dir, Recipients: r.recipients})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(Options{Dir: dir, Recipients: r.recipients}); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenLog(Options{Dir: dir, Recipients: r.recipients})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if report, err := Verify(dir, diskKey(t, dir), nil); err != nil || report.Records != 2 {
		t.Error(report, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(e.Name(), info.Mode(), err)
		}
	}
}

// TestLogThatWasChangedIsNotWrittenTo: the writer repairs nothing.
func TestLogThatWasChangedIsNotWrittenTo(t *testing.T) {
	r := newReader(t)
	o := Options{Recipients: r.recipients}.withDefaults()
	for name, change := range map[string]func(m *memory){
		"record changed": func(m *memory) { m.names[segmentFile(0, recordsSuffix)].now[100] ^= 1 },
		"record gone": func(m *memory) {
			c := m.names[segmentFile(0, recordsSuffix)]
			c.now = c.now[:len(c.now)/2]
		},
		"records gone":     func(m *memory) { delete(m.names, segmentFile(0, recordsSuffix)) },
		"checkpoints gone": func(m *memory) { delete(m.names, segmentFile(0, checkpointsSuffix)) },
		"both gone": func(m *memory) {
			delete(m.names, segmentFile(0, recordsSuffix))
			delete(m.names, segmentFile(0, checkpointsSuffix))
		},
		"key gone": func(m *memory) { delete(m.names, keyFile) },
		"checkpoint changed": func(m *memory) {
			c := m.names[segmentFile(0, checkpointsSuffix)]
			c.now = bytes.Replace(c.now, []byte("oldest 0"), []byte("oldest 5"), 1)
		},
	} {
		m, _ := written(t, r, 8)
		change(m)
		if _, _, err := openStore(m, o, epoch); err == nil {
			t.Errorf("%s: the log was opened", name)
		}
	}
}

func TestSinksTakeCheckpointsOffTheMachine(t *testing.T) {
	var posted atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if posted.Add(1) == 1 || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	webhook, err := NewWebhookSink(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoints.jsonl")
	var out bytes.Buffer
	r, dir := newReader(t), t.TempDir()
	sinks := []Sink{webhook, NewFileSink(path), NewWriterSink(&out)}
	l, err := OpenLog(Options{Dir: dir, Recipients: r.recipients, Sinks: sinks})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), event(1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(file, out.Bytes()) || bytes.Count(file, []byte("\n")) != 2 {
		t.Errorf("%v\n%s\n%s", err, file, out.Bytes())
	}
	if posted.Load() != 3 { // the first was refused
		t.Errorf("%d requests", posted.Load())
	}
	if report, err := Verify(dir, diskKey(t, dir), bytes.NewReader(file)); err != nil || report.Outside != 2 {
		t.Error(report, err)
	}
	for _, address := range []string{"", "http://example.org/", "ftp://example.org/", "https://"} {
		if _, err := NewWebhookSink(address); err == nil {
			t.Errorf("%q: taken", address)
		}
	}
}

func TestLogLeavesNoGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l := openMemory(t, newMemory(), Options{Recipients: newReader(t).recipients, Sinks: []Sink{&memorySink{}}})
	if err := l.Record(t.Context(), event(1)); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
