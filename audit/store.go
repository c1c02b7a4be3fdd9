package audit

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// segment is a part of the log with a signing key of its own. It ends where the next begins.
type segment struct {
	first int64
	began time.Time
}

// store is the log on disk. Not safe for concurrent use: the goroutine of Log owns it. After an error it must be closed
// and opened again: what reached the disk is known only then.
type store struct {
	dir      files
	opts     Options
	name     string
	firstKey string // verifier key that the log began with
	key      signingKey
	edge     edge

	segments    []segment
	records     file
	offset      int64 // where the next record goes
	checkpoints file
	checkOffset int64

	oldest         int64       // the first record whose data is kept
	pending        []tlog.Hash // leaves since the last checkpoint; at most maxLeaves
	events         int         // since the last checkpoint
	lastCheckpoint time.Time
	lastDeletion   time.Time
}

// commit writes events as one record and returns once it is on disk.
func (s *store) commit(events []Event) error {
	var lines []byte
	var err error
	for i := range events {
		if lines, err = events[i].AppendJSON(lines); err != nil {
			return err
		}
	}
	ciphertext, err := seal(s.opts.Recipients, lines)
	if err != nil {
		return err
	}
	frame, leaf := appendFrame(make([]byte, 0, headerSize+len(ciphertext)), ciphertext)
	if _, err := s.records.WriteAt(frame, s.offset); err != nil {
		return fmt.Errorf("audit: writing a record: %w", err)
	}
	if err := s.records.Sync(); err != nil {
		return fmt.Errorf("audit: writing a record: %w", err)
	}
	s.offset += int64(len(frame))
	s.edge.append(leaf)
	s.pending = append(s.pending, leaf)
	s.events += len(events)
	return nil
}

// housekeep makes the checkpoint, the new segment and the deletion that are due at now. It says whether there is a new
// checkpoint to publish.
func (s *store) housekeep(now time.Time) (published bool, err error) {
	switch {
	case s.segmentDue(now):
		err = s.beginSegment(now)
	case s.events >= s.opts.CheckpointEvents, s.events > 0 && passed(s.lastCheckpoint, now, s.opts.CheckpointEvery):
		err = s.checkpoint(now)
	case s.deletionDue(now):
		err = s.deleteOldest(now)
	default:
		return false, nil
	}
	return err == nil, err
}

// passed says whether d has passed from then to now. A clock that went back counts as passed: it must not stop what
// happens periodically.
func passed(then, now time.Time, d time.Duration) bool {
	elapsed := now.Sub(then)
	return elapsed >= d || elapsed < 0
}

func (s *store) segmentDue(now time.Time) bool {
	active := s.segments[len(s.segments)-1]
	return s.edge.size > active.first && (s.offset >= s.opts.SegmentBytes || passed(active.began, now, s.opts.SegmentAge))
}

// nextCheckpoint is a checkpoint of the whole tree, not yet signed.
func (s *store) nextCheckpoint(now time.Time) *Checkpoint {
	return &Checkpoint{
		Origin: s.name, Size: s.edge.size, Root: s.edge.root(), Time: now, Oldest: s.oldest, Leaves: s.pending,
	}
}

// checkpoint signs the tree as it is. It need not be on disk at once: what it vouches for is, and after a crash the
// next one vouches for the same.
func (s *store) checkpoint(now time.Time) error {
	c := s.nextCheckpoint(now)
	if err := c.sign(s.key.signer); err != nil {
		return err
	}
	line := c.Line()
	if _, err := s.checkpoints.WriteAt(line, s.checkOffset); err != nil {
		return fmt.Errorf("audit: writing a checkpoint: %w", err)
	}
	s.checkOffset += int64(len(line))
	s.checkpointed(now)
	return nil
}

func (s *store) checkpointed(now time.Time) { s.pending, s.events, s.lastCheckpoint = nil, 0, now }

// deletionPause is the least time between two deletions of a segment. It bounds what a clock that jumps ahead destroys.
const deletionPause = time.Hour

// deletionDue says whether the oldest segment that still has data ended longer ago than retention allows.
func (s *store) deletionDue(now time.Time) bool {
	end := s.oldestEnd()
	return s.opts.Retention > 0 && end > 0 && now.Sub(s.segments[end].began) >= s.opts.Retention &&
		now.Sub(s.lastDeletion) >= deletionPause
}

// oldestEnd is the index of the segment that begins where the oldest one with data ends; 0 if that is the active one.
func (s *store) oldestEnd() int {
	for i, seg := range s.segments {
		if seg.first > s.oldest {
			return i
		}
	}
	return 0
}

// deleteOldest deletes the data of the oldest segment. Its leaves stay. A signed checkpoint says so before it happens,
// so that nothing else may be missing.
func (s *store) deleteOldest(now time.Time) error {
	from, to := s.oldest, s.segments[s.oldestEnd()].first
	detail := fmt.Sprintf("records %d to %d", from, to-1)
	err := s.commit([]Event{{Time: now, Kind: RecordDataDeleted, Actor: "server", Detail: detail}})
	if err != nil {
		return err
	}
	s.oldest, s.lastDeletion = to, now
	if err := s.checkpoint(now); err != nil {
		return err
	}
	if err := s.sync(); err != nil {
		return err
	}
	return s.removeDeleted()
}

// removeDeleted removes the data that a checkpoint has said to be deleted.
func (s *store) removeDeleted() error {
	for i := 0; i+1 < len(s.segments) && s.segments[i+1].first <= s.oldest; i++ {
		err := s.dir.Remove(segmentFile(s.segments[i].first, recordsSuffix))
		if err != nil && exists(err) {
			return fmt.Errorf("audit: deleting old data: %w", err)
		}
	}
	return nil
}

// openSegment opens the files of the active segment.
func (s *store) openSegment(first int64) (err error) {
	if s.records, err = s.dir.Open(segmentFile(first, recordsSuffix), true); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if s.checkpoints, err = s.dir.Open(segmentFile(first, checkpointsSuffix), false); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	info, err := s.checkpoints.Stat()
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	s.offset, s.checkOffset = 0, info.Size()
	if err := s.dir.SyncDir(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// close closes the files. The log stays as it is.
func (s *store) close() {
	for _, f := range []*file{&s.records, &s.checkpoints} {
		if *f != nil {
			_ = (*f).Close()
			*f = nil
		}
	}
}

// sync makes the checkpoints durable.
func (s *store) sync() error {
	if err := s.checkpoints.Sync(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
