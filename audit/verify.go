package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Report is what a log that passed verification holds.
type Report struct {
	Name    string
	Records int64 // all of them
	Oldest  int64 // the first whose data is kept
	Signed  int64 // vouched for by a checkpoint; the rest is intact, but root could have changed it
	// Outside is the highest number of records that a checkpoint from outside vouches for.
	Outside int64
	// Torn are bytes of a last record that was never acknowledged.
	Torn int64
	// Last is the time of the last checkpoint.
	Last time.Time
	Root tlog.Hash
}

// Verify checks the log in dir from its first record: every signature, every record, the whole tree. key is the
// verifier key that the log began with; those who verify have kept it. outside are the checkpoints that left the
// machine, as lines; they are what reveals an attacker who holds the machine and its present key. It works beside a
// running writer and needs no identity.
//
// A log that fails yields a *Fault, which names the first record that is not as it was written.
func Verify(dir, key string, outside io.Reader) (*Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = root.Close() }()
	return verify(directory{root}, key, outside)
}

func verify(d files, key string, outside io.Reader) (*Report, error) {
	trusted, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("audit: the verifier key: %w", err)
	}
	saved, err := readCopies(outside)
	if err != nil {
		return nil, err
	}
	firsts, data, err := segments(d)
	if err != nil {
		return nil, err
	}
	if len(firsts) == 0 || firsts[0] != 0 {
		return nil, &Fault{0, "the beginning of the log is missing"}
	}
	newest, _, err := readCheckpoints(d, firsts[len(firsts)-1])
	if err != nil {
		return nil, err
	}
	v := &verifier{dir: d, data: data, key: key, report: Report{Name: trusted.Name()}}
	v.oldest = newest[len(newest)-1].Oldest // its signature is checked when its segment is reached
	if err := v.compare(saved, firsts); err != nil {
		return nil, err
	}
	for i, first := range firsts {
		next := int64(-1)
		if i+1 < len(firsts) {
			next = firsts[i+1]
		}
		if err := v.segment(first, next); err != nil {
			return nil, err
		}
	}
	v.report.Records, v.report.Root = v.edge.size, v.edge.root()
	return &v.report, v.finish(saved)
}

// verifier goes through a log once.
type verifier struct {
	dir    files
	data   map[int64]bool
	oldest int64  // the first record whose data has to be there
	key    string // of the segment that is being looked at, and of the checkpoint that ends it
	keys   Keys
	edge   edge
	report Report
}

// segment verifies the segment of the records from first to next-1; next is -1 for the active one.
func (v *verifier) segment(first, next int64) error {
	list, _, err := readCheckpoints(v.dir, first)
	if err != nil {
		return err
	}
	if err := v.signatures(list); err != nil {
		return err
	}
	last := list[len(list)-1]
	v.report.Oldest, v.report.Signed, v.report.Last = last.Oldest, last.Size, last.Time
	v.keys.add(first, v.key)
	if next >= 0 {
		end, err := beginning(v.dir, next)
		if err != nil {
			return err
		}
		if err := end.verify(v.key, end.Key); err != nil {
			return &Fault{last.Size, err.Error()}
		}
		if end.from() != last.Size {
			return &Fault{last.Size, "a checkpoint is missing"}
		}
		list = append(list, end)
	}
	return v.records(first, next, list[1:])
}

// signatures checks the checkpoints of a segment. The first names the key, and is signed by the key before it too.
func (v *verifier) signatures(list []*Checkpoint) error {
	begin := list[0]
	if err := begin.verify(v.key, begin.Key); err != nil {
		return &Fault{max(begin.from(), 0), err.Error()}
	}
	if !slices.Equal(begin.Edge, v.edge.hashes) || begin.Root != v.edge.root() || begin.Size != v.edge.size {
		return &Fault{v.edge.size, "the segment does not continue the one before it"}
	}
	v.key = begin.Key
	for i, c := range list {
		if c.Origin != v.report.Name {
			return &Fault{list[max(i-1, 0)].Size, "a checkpoint of another log"}
		}
		if i == 0 {
			continue
		}
		if err := c.verify(v.key); err != nil {
			return &Fault{list[i-1].Size, err.Error()}
		}
	}
	return nil
}

// records compares the records of a segment with its checkpoints.
func (v *verifier) records(first, next int64, list []*Checkpoint) error {
	w := walk{edge: v.edge, checkpoints: list}
	err := v.leaves(first, next, list, w.add)
	if err != nil {
		return err
	}
	v.edge = w.edge
	if !w.unsigned() || (next >= 0 && w.edge.size != next) {
		return &Fault{w.edge.size, "the record is missing"}
	}
	return nil
}

// leaves calls f with each leaf of a segment: from the records, or from the checkpoints if retention deleted them.
func (v *verifier) leaves(first, next int64, list []*Checkpoint, f func(tlog.Hash) error) error {
	if deleted := next >= 0 && next <= v.oldest && !v.data[first]; deleted {
		for _, c := range list {
			for _, leaf := range c.Leaves {
				if err := f(leaf); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if next < 0 && !v.data[first] {
		return nil // a crash came between the segment's checkpoint and its first record
	}
	at := first
	torn, err := eachRecord(v.dir, first, func(index int64, _ []byte, leaf tlog.Hash) error {
		at = index + 1
		return f(leaf)
	})
	if err != nil {
		return err
	}
	if torn > 0 && next >= 0 {
		return &Fault{at, "the record is incomplete"}
	}
	v.report.Torn = torn
	return nil
}

// eachRecord reads the records of a segment. It returns how many bytes of an unfinished record are at its end.
func eachRecord(
	d files, first int64, f func(index int64, ciphertext []byte, leaf tlog.Hash) error,
) (torn int64, err error) {
	r, err := d.View(segmentFile(first, recordsSuffix))
	if err != nil {
		if !exists(err) {
			return 0, &Fault{first, "the data of this segment is missing"}
		}
		return 0, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = r.Close() }()
	info, err := r.Stat()
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	offset := int64(0)
	for index := first; ; index++ {
		ciphertext, leaf, err := readFrame(r, offset, info.Size())
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return info.Size() - offset, nil
		case errors.Is(err, errDamaged):
			return 0, &Fault{index, err.Error()}
		case err != nil:
			return 0, err
		}
		if err := f(index, ciphertext, leaf); err != nil {
			return 0, err
		}
		offset += headerSize + int64(len(ciphertext))
	}
}
