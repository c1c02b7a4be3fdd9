package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// Sink takes checkpoints off the machine.
type Sink interface {
	// Name is a file name of letters and hyphens; it names the sink in the log's directory and in its health.
	Name() string
	// Publish takes one line, as Checkpoint.Line makes it. After an error it gets the same line again.
	Publish(ctx context.Context, line []byte) error
}

// publisher feeds one sink from the checkpoints on disk. They are its queue: an outage costs neither memory nor
// checkpoints. Where it has come to is kept in a file, so that a restart goes on there. A line may come twice.
type publisher struct {
	dir     files
	sink    Sink
	wake    chan struct{} // capacity 1: a nudge that waits is enough
	stopped chan struct{}
	cancel  context.CancelFunc
	last    chan context.Context // capacity 1: the last pass, before the end
	failing atomic.Bool
}

// sinkPause is the wait after a sink has failed. It doubles up to sinkPauseMax. At the end it is flushPause.
const (
	sinkPause    = time.Second
	sinkPauseMax = time.Minute
	flushPause   = 200 * time.Millisecond
)

func startPublisher(d files, sink Sink) *publisher {
	ctx, cancel := context.WithCancel(context.Background())
	p := &publisher{
		dir: d, sink: sink, cancel: cancel,
		wake: make(chan struct{}, 1), stopped: make(chan struct{}), last: make(chan context.Context, 1),
	}
	p.nudge()
	go p.run(ctx) // ends in stop
	return p
}

func (p *publisher) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// stop publishes what is left, until ctx ends, and ends the publisher.
func (p *publisher) stop(ctx context.Context) {
	p.last <- ctx
	p.cancel()
	<-p.stopped
}

func (p *publisher) run(ctx context.Context) {
	defer close(p.stopped)
	pause := sinkPause
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
			p.flush(<-p.last)
			return
		}
		err := p.pass(ctx)
		p.failing.Store(err != nil)
		if err == nil {
			pause = sinkPause
			continue
		}
		select {
		case <-time.After(pause):
			p.nudge()
		case <-ctx.Done():
			p.nudge()
		}
		pause = min(2*pause, sinkPauseMax)
	}
}

// flush publishes what is left, and tries again until ctx ends.
func (p *publisher) flush(ctx context.Context) {
	for {
		err := p.pass(ctx)
		p.failing.Store(err != nil)
		if err == nil {
			return
		}
		select {
		case <-time.After(flushPause):
		case <-ctx.Done():
			return
		}
	}
}

// pass publishes all lines that are not published yet.
func (p *publisher) pass(ctx context.Context) (err error) {
	at, err := p.cursor()
	if err != nil {
		return err
	}
	moved := at
	defer func() {
		if moved != at {
			err = errors.Join(err, writeWhole(p.dir, p.cursorFile(), []byte(moved.String())))
		}
	}()
	firsts, _, err := segments(p.dir)
	if err != nil {
		return err
	}
	for _, first := range firsts {
		if first < moved.first {
			continue
		}
		if first > moved.first {
			moved = cursor{first, 0}
		}
		if moved.offset, err = p.publishFile(ctx, moved); err != nil {
			return err
		}
	}
	return nil
}

// publishFile publishes the complete lines of one file from the cursor on and returns where it ended.
func (p *publisher) publishFile(ctx context.Context, at cursor) (offset int64, err error) {
	f, err := p.dir.View(segmentFile(at.first, checkpointsSuffix))
	if err != nil {
		return at.offset, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return at.offset, fmt.Errorf("audit: %w", err)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, at.offset, max(0, info.Size()-at.offset)))
	if err != nil {
		return at.offset, fmt.Errorf("audit: %w", err)
	}
	for line := range bytes.Lines(data) {
		if line[len(line)-1] != '\n' {
			break
		}
		if err := p.sink.Publish(ctx, line); err != nil {
			return at.offset, fmt.Errorf("audit: publishing a checkpoint: %w", err)
		}
		at.offset += int64(len(line))
	}
	return at.offset, nil
}

// cursor is a place in the checkpoints: a segment and an offset in its file.
type cursor struct{ first, offset int64 }

func (c cursor) String() string { return fmt.Sprintf("%d %d\n", c.first, c.offset) }

func (p *publisher) cursorFile() string { return "published-" + p.sink.Name() }

// cursor reads where the sink has come to. A file that cannot be read means from the beginning.
func (p *publisher) cursor() (cursor, error) {
	b, err := readAll(p.dir, p.cursorFile())
	if err != nil {
		if exists(err) {
			return cursor{}, err
		}
		return cursor{}, nil
	}
	var c cursor
	if _, err := fmt.Fscan(strings.NewReader(string(b)), &c.first, &c.offset); err != nil || c.first < 0 || c.offset < 0 {
		return cursor{}, nil //nolint:nilerr // publishing twice is harmless
	}
	return c, nil
}
