package audit

import (
	"bytes"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// copies are checkpoints that left the machine.
type copies struct {
	list   []*Checkpoint
	leaves map[int64]tlog.Hash // by record
	roots  map[int64]tlog.Hash // by size
}

// readCopies reads lines of checkpoints; r may be nil. Checkpoints that contradict each other are a Fault: the log was
// shown in two forms.
func readCopies(r io.Reader) (c copies, err error) {
	c = copies{leaves: map[int64]tlog.Hash{}, roots: map[int64]tlog.Hash{}}
	if r == nil {
		return c, nil
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return c, fmt.Errorf("audit: reading the checkpoints: %w", err)
	}
	for line := range bytes.Lines(data) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		one, err := ParseCheckpoint(line)
		if err != nil {
			return c, err
		}
		if err := c.add(one); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *copies) add(one *Checkpoint) error {
	for i, leaf := range one.Leaves {
		index := one.from() + int64(i)
		if other, ok := c.leaves[index]; ok && other != leaf {
			return &Fault{index, "two checkpoints that left the machine contradict each other"}
		}
		c.leaves[index] = leaf
	}
	if other, ok := c.roots[one.Size]; ok && other != one.Root {
		return &Fault{one.from(), "two checkpoints that left the machine contradict each other"}
	}
	c.roots[one.Size] = one.Root
	c.list = append(c.list, one)
	return nil
}

// compare compares the log with the copies, before any signature of the log is looked at: an attacker who can sign is
// found here, at the very record.
func (v *verifier) compare(c copies, firsts []int64) error {
	if len(c.list) == 0 {
		return nil
	}
	var tree edge
	check := func(leaf tlog.Hash) error {
		index := tree.size
		if want, ok := c.leaves[index]; ok && want != leaf {
			return &Fault{index, "the record is not the one in a checkpoint that left the machine"}
		}
		tree.append(leaf)
		if want, ok := c.roots[tree.size]; ok && want != tree.root() {
			return &Fault{index, "the tree is not the one in a checkpoint that left the machine"}
		}
		return nil
	}
	for i, first := range firsts {
		if first != tree.size {
			return &Fault{tree.size, "the record is missing"}
		}
		next, list, err := v.ending(firsts, i)
		if err != nil {
			return err
		}
		if err := v.leaves(first, next, list, check); err != nil {
			return err
		}
	}
	return nil
}

// ending returns where the i-th segment ends (-1 for the active one), and the checkpoints of its records.
func (v *verifier) ending(firsts []int64, i int) (next int64, list []*Checkpoint, err error) {
	list, _, err = readCheckpoints(v.dir, firsts[i])
	if err != nil {
		return 0, nil, err
	}
	if i+1 == len(firsts) {
		return -1, list[1:], nil
	}
	end, err := beginning(v.dir, firsts[i+1])
	if err != nil {
		return 0, nil, err
	}
	return firsts[i+1], append(list[1:], end), nil
}

// finish checks the ends and the signatures of the copies.
func (v *verifier) finish(c copies) error {
	for _, one := range c.list {
		if one.Size > v.edge.size {
			reason := fmt.Sprintf("the log ends here; a checkpoint that left the machine has %d records", one.Size)
			return &Fault{v.edge.size, reason}
		}
		if err := one.verify(v.keys.of(one.Size)); err != nil {
			return &Fault{one.from(), "from outside: " + err.Error()}
		}
		v.report.Outside = max(v.report.Outside, one.Size)
	}
	return nil
}
