package audit

import "golang.org/x/mod/sumdb/tlog"

// walk compares leaves, one after another, with checkpoints whose signatures have been checked.
type walk struct {
	edge        edge
	checkpoints []*Checkpoint // those that are not reached yet, in their order
}

// unsigned says that no checkpoint vouches for the next record.
func (w *walk) unsigned() bool {
	return len(w.checkpoints) == 0 || w.checkpoints[len(w.checkpoints)-1].Size <= w.edge.size
}

// expected is what the next leaf has to be; ok is false if no checkpoint says so.
func (w *walk) expected() (leaf tlog.Hash, ok bool) {
	for _, c := range w.checkpoints {
		if at := w.edge.size - c.from(); at >= 0 && at < int64(len(c.Leaves)) {
			return c.Leaves[at], true
		}
	}
	return tlog.Hash{}, false
}

// add takes the next leaf. It fails if a checkpoint says otherwise.
func (w *walk) add(leaf tlog.Hash) error {
	index := w.edge.size
	if want, ok := w.expected(); ok && want != leaf {
		return &Fault{index, "the record is not the one that was signed"}
	}
	w.edge.append(leaf)
	for len(w.checkpoints) > 0 && w.checkpoints[0].Size <= w.edge.size {
		if c := w.checkpoints[0]; c.Size == w.edge.size && c.Root != w.edge.root() {
			return &Fault{index, "the tree is not the one that was signed"}
		}
		w.checkpoints = w.checkpoints[1:]
	}
	return nil
}
