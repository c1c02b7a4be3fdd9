package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Errors of the writer.
var (
	// ErrLocked: another process writes this log.
	ErrLocked = errors.New("audit: another process writes this log")
	// ErrUnavailable: the log cannot be written. What would have been recorded must not happen.
	ErrUnavailable = errors.New("audit: the log cannot be written")
	// ErrBusy: more events wait than the log holds.
	ErrBusy = errors.New("audit: too many events wait to be written")
	// ErrClosed: the log is closed.
	ErrClosed = errors.New("audit: the log is closed")
)

// Options are the options of a log. Those with a default may be left zero.
type Options struct {
	Dir        string // made if missing; for the owner only
	Recipients Recipients
	// CheckpointEvery and CheckpointEvents say when a checkpoint is due: by default after a minute or 100 events,
	// whichever comes first.
	CheckpointEvery  time.Duration
	CheckpointEvents int
	// SegmentAge and SegmentBytes say when a new segment begins: by default after a day or 64 MiB.
	SegmentAge   time.Duration
	SegmentBytes int64
	// Retention is how long the data of a segment is kept after its end; 0 for ever. The tree is always kept.
	Retention time.Duration
	Sinks     []Sink
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// State is called when the log stops (with the error) and resumes (with nil) taking events. It must not block.
	State func(error)
}

func (o Options) withDefaults() Options {
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.CheckpointEvents == 0 {
		o.CheckpointEvents = 100
	}
	if o.SegmentAge == 0 {
		o.SegmentAge = 24 * time.Hour
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.State == nil {
		o.State = func(error) {}
	}
	return o
}

const (
	// queueSize bounds the events that wait to be written: two seconds at 10,000 a second, about 4 MB.
	queueSize = 20_000
	// maxBatch bounds the events of one record.
	maxBatch = 512
	// retryEvery is how often a log that could not be written is opened again.
	retryEvery = 5 * time.Second
	// closeTimeout bounds how long Close waits for checkpoints to leave the machine.
	closeTimeout = 5 * time.Second
)

type entry struct {
	event Event
	done  func(error)
}

// Log is the writer of an audit log: the only one, held by a lock on the directory. Safe for concurrent use.
//
// One goroutine owns the files. While it makes one record durable, the events of the next gather: a group commit.
type Log struct {
	opts  Options
	dir   files
	lock  *os.File
	queue chan entry // capacity queueSize
	ended chan struct{}

	mu     sync.RWMutex // guards closed against a send on queue
	closed bool
	close  chan struct{}

	health     healthState
	publishers []*publisher
}

// OpenLog opens the log in o.Dir for writing, or begins a new one. It fails rather than write to a log that is not as
// it was left. An unfinished last record is cut: it was never acknowledged.
func OpenLog(o Options) (*Log, error) {
	if len(o.Recipients) == 0 {
		return nil, errors.New("audit: no recipient key: the log could never be read")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	held, err := lock(o.Dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		_ = held.Close()
		return nil, fmt.Errorf("audit: %w", err)
	}
	l, err := openLog(o, directory{root})
	if err != nil {
		_ = held.Close()
		return nil, err
	}
	l.lock = held
	return l, nil
}

func openLog(o Options, d files) (*Log, error) {
	o = o.withDefaults()
	l := &Log{
		opts: o, dir: d, queue: make(chan entry, queueSize), ended: make(chan struct{}), close: make(chan struct{}),
	}
	s, err := l.openStore(LogOpened)
	if err != nil {
		return nil, err
	}
	l.health.name, l.health.first = s.name, s.firstKey
	for _, sink := range o.Sinks {
		l.publishers = append(l.publishers, startPublisher(d, sink))
	}
	go l.run(s) // ends in Close
	return l, nil
}

// openStore opens the files and records that it has.
func (l *Log) openStore(kind Kind) (*store, error) {
	s, torn, err := openStore(l.dir, l.opts, l.opts.Now())
	if err != nil {
		return nil, err
	}
	e := Event{Time: l.opts.Now(), Kind: kind, Actor: "server", Detail: fmt.Sprintf("unfinished bytes cut: %d", torn)}
	if err := s.commit([]Event{e}); err != nil {
		s.close()
		return nil, err
	}
	l.health.wrote(s)
	return s, nil
}

// Record writes an event and returns once it is on disk. An error means that it may not be: the action must not be
// acknowledged. If ctx ends first the event may still be written.
func (l *Log) Record(ctx context.Context, e Event) error {
	result := make(chan error, 1)
	if err := l.send(ctx, entry{e, func(err error) { result <- err }}, true); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

// Append hands in an event without blocking. Unless it returns an error, done is called once, from the log's goroutine,
// when the event is on disk or cannot be written. done must not block.
func (l *Log) Append(e Event, done func(error)) error {
	return l.send(context.Background(), entry{e, done}, false)
}

func (l *Log) send(ctx context.Context, e entry, wait bool) error {
	if err := e.event.Validate(); err != nil {
		return err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	select {
	case l.queue <- e:
		return nil
	default:
	}
	if !wait {
		return ErrBusy
	}
	select {
	case l.queue <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

// Close writes what waits, makes a last checkpoint, gives it a few seconds to leave the machine, and frees the lock.
func (l *Log) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if !again {
		close(l.close)
	}
	<-l.ended
	return l.health.err()
}
