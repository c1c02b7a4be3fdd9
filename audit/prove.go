package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// proofMagic begins a proof: C2SP tlog-proof (c2sp.org/tlog-proof).
const proofMagic = "c2sp.org/tlog-proof@v1"

// Prove returns a proof, in the C2SP tlog-proof format, that a record is in the log: its place, the hashes on the way
// to the root (RFC 6962 §2.1.1) and the newest checkpoint. CheckProof checks it without the log.
func Prove(dir string, index int64) (proof []byte, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = root.Close() }()
	t, err := loadTree(directory{root})
	if err != nil {
		return nil, err
	}
	return t.prove(index)
}

// signedTree is the tree under the newest checkpoint, in memory: 64 bytes a record.
type signedTree struct {
	hashes tlog.HashReaderFunc
	newest *Checkpoint
	chain  []byte // the checkpoints that begin segments, as lines
}

// loadTree reads the leaves of all checkpoints.
func loadTree(d files) (*signedTree, error) {
	firsts, _, err := segments(d)
	if err != nil {
		return nil, err
	}
	if len(firsts) == 0 {
		return nil, errors.New("audit: there is no log here")
	}
	t := &signedTree{}
	var stored []tlog.Hash
	t.hashes = func(indexes []int64) ([]tlog.Hash, error) {
		list := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			list[i] = stored[x]
		}
		return list, nil
	}
	size := int64(0)
	for _, first := range firsts {
		list, _, err := readCheckpoints(d, first)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if c.from() != size {
				return nil, &Fault{size, "a checkpoint is missing"}
			}
			for _, leaf := range c.Leaves {
				more, err := tlog.StoredHashesForRecordHash(size, leaf, t.hashes)
				if err != nil {
					return nil, fmt.Errorf("audit: the tree: %w", err)
				}
				stored, size = append(stored, more...), size+1
			}
			if t.newest = c; c.Key != "" {
				t.chain = append(t.chain, c.Line()...)
			}
		}
	}
	return t, nil
}

func (t *signedTree) prove(index int64) ([]byte, error) {
	if index < 0 || index >= t.newest.Size {
		return nil, fmt.Errorf("audit: the newest checkpoint is of %d records, counted from 0", t.newest.Size)
	}
	p, err := tlog.ProveRecord(t.newest.Size, index, t.hashes)
	if err != nil {
		return nil, fmt.Errorf("audit: the proof: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nindex %d\n", proofMagic, index)
	for _, h := range p {
		fmt.Fprintf(&b, "%s\n", h)
	}
	fmt.Fprintf(&b, "\n%s", t.newest.signed)
	return b.Bytes(), nil
}

// CheckProof checks that a record, as it was exported, is in the log with these keys. It returns the place of the
// record and the checkpoint that vouches for it.
func CheckProof(proof, record []byte, keys *Keys) (index int64, c *Checkpoint, err error) {
	head, signed, _ := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != proofMagic {
		return 0, nil, errors.New("audit: not a proof")
	}
	number, ok := strings.CutPrefix(lines[1], "index ")
	index, err = strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || index < 0 {
		return 0, nil, errors.New("audit: a proof without an index")
	}
	var p tlog.RecordProof
	for _, line := range lines[2:] {
		b, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(b) != tlog.HashSize {
			return 0, nil, errors.New("audit: a proof with a broken hash")
		}
		p = append(p, tlog.Hash(b))
	}
	if c, err = ParseCheckpoint([]byte(signed)); err != nil {
		return 0, nil, err
	}
	if err := c.verify(keys.of(c.Size)); err != nil {
		return 0, nil, err
	}
	if index >= c.Size {
		return 0, nil, errors.New("audit: a proof of a record that its checkpoint does not have")
	}
	if err := tlog.CheckRecord(p, c.Size, c.Root, index, tlog.RecordHash(record)); err != nil {
		return 0, nil, &Fault{index, "the proof does not hold: " + err.Error()}
	}
	return index, c, nil
}
