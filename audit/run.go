package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// run owns the files until Close. s is nil while the log cannot be written.
func (l *Log) run(s *store) {
	defer close(l.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var failed time.Time
	for {
		var err error
		select {
		case e := <-l.queue:
			err = l.write(s, l.gather(e))
		case <-tick.C:
			if s == nil && passed(failed, l.opts.Now(), retryEvery) {
				if s, err = l.openStore(LogResumed); err == nil {
					l.turn(nil)
				}
			}
		case <-l.close:
			l.finish(s)
			return
		}
		if err == nil && s != nil {
			err = l.housekeep(s)
		}
		if err != nil {
			failed = l.opts.Now()
			if s != nil {
				s.close()
			}
			s = nil
			l.turn(err) // again, if it was write
		}
	}
}

// gather takes what else waits, without waiting for more.
func (l *Log) gather(first entry) []entry {
	batch := []entry{first}
	for len(batch) < maxBatch {
		select {
		case e := <-l.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// write makes a batch durable and tells those who wait for it. That the log stopped is known before they are told.
func (l *Log) write(s *store, batch []entry) error {
	err := ErrUnavailable
	if s != nil {
		events := make([]Event, len(batch))
		for i, e := range batch {
			events[i] = e.event
		}
		if err = s.commit(events); err != nil {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
			l.turn(err)
		} else {
			l.health.wrote(s)
		}
	}
	for _, e := range batch {
		e.done(err)
	}
	if s == nil {
		return nil // known already
	}
	return err
}

func (l *Log) housekeep(s *store) error {
	published, err := s.housekeep(l.opts.Now())
	if published {
		l.nudge()
	}
	return err
}

func (l *Log) nudge() {
	for _, p := range l.publishers {
		p.nudge()
	}
}

// turn notes that the log stopped or resumed taking events.
func (l *Log) turn(err error) {
	if l.health.set(err) {
		l.opts.State(err)
	}
}

// finish writes what waits and closes the files.
func (l *Log) finish(s *store) {
	for {
		select {
		case e := <-l.queue:
			if err := l.write(s, l.gather(e)); err != nil {
				s.close()
				s = nil
			}
			continue
		default:
		}
		break
	}
	if s != nil {
		if len(s.pending) > 0 {
			err := s.checkpoint(l.opts.Now())
			if err = errors.Join(err, s.sync()); err != nil {
				l.turn(err)
			}
		}
		s.close()
	}
	l.nudge()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, p := range l.publishers {
		p.stop(ctx)
	}
	if l.lock != nil {
		_ = l.lock.Close()
	}
}

// Health is the state of a log.
type Health struct {
	Name     string // of the log
	FirstKey string // verifier key that the log began with: Verify needs it
	Records  int64
	// Err is why the log cannot be written; nil if it can.
	Err error
	// Failing names the sinks that do not take checkpoints.
	Failing []string
}

// Health returns the state of the log.
func (l *Log) Health() Health {
	h := l.health.get()
	for _, p := range l.publishers {
		if p.failing.Load() {
			h.Failing = append(h.Failing, p.sink.Name())
		}
	}
	return h
}

// healthState is what other goroutines may know of the store.
type healthState struct {
	mu      sync.Mutex
	name    string // constant, as is first
	first   string
	records int64
	error   error
}

func (h *healthState) wrote(s *store) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = s.edge.size
}

// set notes the error and says whether that is news.
func (h *healthState) set(err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := (h.error == nil) != (err == nil)
	h.error = err
	return news
}

func (h *healthState) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.error
}

func (h *healthState) get() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Health{Name: h.name, FirstKey: h.first, Records: h.records, Err: h.error}
}
