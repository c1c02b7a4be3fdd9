package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Fault says where a log fails verification.
type Fault struct {
	// Index is the first record that is not what was written, counted from 0.
	Index  int64
	Reason string
}

// Error is part of error.
func (f *Fault) Error() string { return fmt.Sprintf("record %d: %s", f.Index, f.Reason) }

// openStore opens the log in d, or begins one if there is none. It cuts an unfinished last record, which was never
// acknowledged, and returns its bytes. Anything else that is wrong is an error: a log is never repaired by itself.
func openStore(d files, opts Options, now time.Time) (s *store, torn int64, err error) {
	firsts, _, err := segments(d)
	if err != nil {
		return nil, 0, err
	}
	s = &store{dir: d, opts: opts}
	if len(firsts) == 0 {
		err = s.begin(now)
	} else {
		torn, err = s.recover(firsts, now)
	}
	if err != nil {
		s.close()
		return nil, 0, err
	}
	return s, torn, nil
}

// begin begins a new log.
func (s *store) begin(now time.Time) (err error) {
	if _, err := readAll(s.dir, keyFile); err == nil || exists(err) {
		return errors.New("audit: there is a signing key but no log: its files are missing")
	}
	if s.name, err = newName(); err != nil {
		return err
	}
	return s.beginSegment(now)
}

// beginning reads the checkpoint that begins a segment.
func beginning(d files, first int64) (*Checkpoint, error) {
	name := segmentFile(first, checkpointsSuffix)
	f, err := d.View(name)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(io.NewSectionReader(f, 0, maxRecord)).ReadBytes('\n')
	if err != nil {
		return nil, &Fault{first, "the checkpoint that begins this segment is missing"}
	}
	c, err := ParseCheckpoint(line)
	if err != nil {
		return nil, &Fault{first, err.Error()}
	}
	if c.Size != first || c.Key == "" {
		return nil, &Fault{first, "this segment does not begin with its own checkpoint"}
	}
	return c, nil
}

// readCheckpoints reads the checkpoints of a segment in their order. It does not check their signatures. complete is
// the length of the file without an unfinished last line.
func readCheckpoints(d files, first int64) (list []*Checkpoint, complete int64, err error) {
	data, err := readAll(d, segmentFile(first, checkpointsSuffix))
	if err != nil {
		return nil, 0, err
	}
	next := first
	for line := range bytes.Lines(data) {
		if line[len(line)-1] != '\n' {
			break
		}
		c, err := ParseCheckpoint(line)
		if err != nil {
			return nil, 0, &Fault{next, err.Error()}
		}
		begins := c.Key != ""
		if begins != (len(list) == 0) || (begins && c.Size != first) || (!begins && c.from() != next) {
			return nil, 0, &Fault{next, "a checkpoint is missing or out of order"}
		}
		list, next, complete = append(list, c), c.Size, complete+int64(len(line))
	}
	if len(list) == 0 {
		return nil, 0, &Fault{first, "the checkpoint that begins this segment is missing"}
	}
	return list, complete, nil
}

// recover brings the active segment, the last, to a state from which it can be written.
func (s *store) recover(firsts []int64, now time.Time) (torn int64, err error) {
	for _, first := range firsts {
		c, err := beginning(s.dir, first)
		if err != nil {
			return 0, err
		}
		if first == 0 {
			s.firstKey = c.Key
		}
		s.name = c.Origin
		s.segments = append(s.segments, segment{first, c.Time})
	}
	first := firsts[len(firsts)-1]
	list, complete, err := readCheckpoints(s.dir, first)
	if err != nil {
		return 0, err
	}
	begin, last := list[0], list[len(list)-1]
	if s.key, err = adoptKey(s.dir, begin.Key); err != nil {
		return 0, err
	}
	for i, c := range list {
		if err := c.verify(begin.Key); err != nil {
			return 0, &Fault{list[max(i-1, 0)].Size, err.Error()}
		}
	}
	s.edge, s.oldest, s.lastCheckpoint = edge{first, slices.Clone(begin.Edge)}, last.Oldest, now
	if !s.edge.valid() || s.edge.root() != begin.Root {
		return 0, &Fault{first, "the tree of this segment's first checkpoint is wrong"}
	}
	if err := s.openSegment(first); err != nil {
		return 0, err
	}
	s.checkOffset = complete
	if err := s.checkpoints.Truncate(complete); err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	if torn, err = s.replay(list[1:], now); err != nil {
		return 0, err
	}
	if len(s.pending) > 0 {
		if err := s.checkpoint(now); err != nil {
			return 0, err
		}
	}
	return torn, s.removeDeleted()
}

// replay reads the records of the active segment, compares them with its checkpoints and cuts an unfinished one.
func (s *store) replay(list []*Checkpoint, now time.Time) (torn int64, err error) {
	info, err := s.records.Stat()
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	w := walk{edge: s.edge, checkpoints: list}
	for {
		ciphertext, leaf, err := readFrame(s.records, s.offset, info.Size())
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			s.edge = w.edge
			return info.Size() - s.offset, s.cutTail(&w)
		case errors.Is(err, errDamaged):
			return 0, &Fault{w.edge.size, err.Error()}
		case err != nil:
			return 0, err
		}
		unsigned := w.unsigned()
		if err := w.add(leaf); err != nil {
			return 0, err
		}
		s.offset += headerSize + int64(len(ciphertext))
		if !unsigned {
			continue
		}
		s.edge, s.pending = w.edge, append(s.pending, leaf)
		if len(s.pending) == maxLeaves {
			if err := s.checkpoint(now); err != nil {
				return 0, err
			}
		}
	}
}

// cutTail removes an unfinished record, unless a checkpoint vouches for it.
func (s *store) cutTail(w *walk) error {
	if !w.unsigned() {
		return &Fault{w.edge.size, "the record is missing"}
	}
	if err := s.records.Truncate(s.offset); err != nil {
		return fmt.Errorf("audit: cutting an unfinished record: %w", err)
	}
	if err := s.records.Sync(); err != nil {
		return fmt.Errorf("audit: cutting an unfinished record: %w", err)
	}
	return nil
}
