package stream

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPending bounds the bytes that wait to be written to one connection: the backstop behind the limit of age that
	// the engine keeps to.
	maxPending = 256 << 10
	// writeChunk bounds one write, and slowChunk one to a connection that has not kept up for slowAfter: how far it is
	// behind is known after each.
	writeChunk = 64 << 10
	slowChunk  = 4 << 10
	slowAfter  = 20 * time.Millisecond
	// keptPending is how much of a queue's memory is kept once it has been written.
	keptPending = 16 << 10
	// writeTimeout is how long a peer may take nothing at all before the connection counts as dead.
	writeTimeout = 20 * time.Second
)

// Framing keeps datagrams apart on a byte stream. It knows no connection and keeps nothing, so that one can be used by
// several goroutines.
type Framing interface {
	// Append appends the frame that holds a datagram.
	Append(dst, datagram []byte) []byte
	// Max is how many bytes a frame takes at most beside its datagram.
	Max() int
}

// Writer is the writing half of one connection: a bounded queue, and one write for all that waits. Several streams may
// share it. All methods but Run return at once; all are safe for concurrent use.
type Writer struct {
	conn   net.Conn
	signal chan struct{} // something waits, or the writer is closed

	mu      sync.Mutex
	pending []byte  // with what Run is writing, at most maxPending
	backlog backlog // of pending, and of what Run is writing
	closed  bool

	oldest atomic.Int64 // the backlog's, for those who ask without the lock
}

// NewWriter makes a Writer of a connection, to which nothing else writes from now on. Run does the writing.
func NewWriter(conn net.Conn) *Writer {
	return &Writer{conn: conn, signal: make(chan struct{}, 1)}
}

// Run writes what comes until the writer is closed or writing fails. It closes the writer, not the connection. One
// goroutine.
func (w *Writer) Run() error {
	defer w.Close()
	var writing []byte
	for range w.signal {
		for {
			var closed bool
			if writing, closed = w.take(writing); closed {
				return nil
			}
			if len(writing) == 0 {
				break
			}
			if err := w.write(writing); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes what waits, and gives the queue the memory of what was written.
func (w *Writer) take(written []byte) (writing []byte, closed bool) {
	if cap(written) > keptPending {
		written = nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	writing, w.pending = w.pending, written[:0]
	return writing, w.closed
}

func (w *Writer) write(b []byte) error {
	for len(b) > 0 {
		now := time.Now()
		size := writeChunk
		if w.Behind(now) > slowAfter {
			size = slowChunk
		}
		chunk := b[:min(len(b), size)]
		b = b[len(chunk):]
		if err := w.conn.SetWriteDeadline(now.Add(writeTimeout)); err != nil {
			return err //nolint:wrapcheck // the connection's own
		}
		if _, err := w.conn.Write(chunk); err != nil {
			return err //nolint:wrapcheck // the connection's own
		}
		w.written(len(chunk))
	}
	return nil
}

// written notes that the oldest n bytes have been written.
func (w *Writer) written(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.backlog.take(n)
	w.oldest.Store(w.backlog.oldest())
}

// Write queues b whole, for messages that are not the engine's. It implements io.Writer; the error is ErrBehind, or
// net.ErrClosed.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return 0, net.ErrClosed
	case w.backlog.size()+len(b) > maxPending:
		return 0, ErrBehind
	}
	w.pending = append(w.pending, b...)
	w.queued(len(b))
	w.Flush()
	return len(b), nil
}

// Close has Run return. What waits is dropped.
func (w *Writer) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed, w.pending = true, nil
	w.Flush()
}

// queued notes that n bytes wait from now on. It takes w locked.
func (w *Writer) queued(n int) {
	w.backlog.add(n, time.Now())
	w.oldest.Store(w.backlog.oldest())
}

// Flush has Run write what waits.
func (w *Writer) Flush() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// Behind is how long the oldest byte that waits has waited.
func (w *Writer) Behind(now time.Time) time.Duration {
	oldest := w.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, time.Duration(now.UnixNano()-oldest))
}

// Framed is the writer as the sink of a stream whose datagrams are framed so.
func (w *Writer) Framed(f Framing) Sink { return &framed{w, f} }

type framed struct {
	*Writer
	framing Framing
}

// Deliver implements Sink. It takes all datagrams or none.
func (f *framed) Deliver(data []byte, segment int) bool {
	w := f.Writer
	segments := (len(data) + segment - 1) / segment
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.backlog.size()+len(data)+segments*f.framing.Max() > maxPending {
		return false
	}
	before := len(w.pending)
	for len(data) > 0 {
		n := min(segment, len(data))
		w.pending = f.framing.Append(w.pending, data[:n])
		data = data[n:]
	}
	w.queued(len(w.pending) - before)
	return true
}

var (
	_ io.Writer = (*Writer)(nil)
	_ Sink      = (*framed)(nil)
)
