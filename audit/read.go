package audit

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// errEnough ends a reading early.
var errEnough = errors.New("audit: enough")

// Records calls f with the ciphertext of each record from from to to-1 whose data is kept; to < 0 means to the end. It
// works beside a running writer, and leaves out an unfinished record.
func Records(dir string, from, to int64, f func(index int64, ciphertext []byte) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = root.Close() }()
	d := directory{root}
	firsts, data, err := segments(d)
	if err != nil {
		return err
	}
	for i, first := range firsts {
		if !data[first] || (i+1 < len(firsts) && firsts[i+1] <= from) {
			continue
		}
		_, err := eachRecord(d, first, func(index int64, ciphertext []byte, _ tlog.Hash) error {
			switch {
			case index < from:
				return nil
			case to >= 0 && index >= to:
				return errEnough
			}
			return f(index, ciphertext)
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ChainFile is the file of an export that leads from the first verifier key of the log to that of the proofs.
const ChainFile = "keys.jsonl"

// Export writes records as files that the age tool opens, each with a proof that it is in the log (12.age, 12.proof),
// and ChainFile. The directory must be new or empty. It returns how many records it wrote.
func Export(dir string, from, to int64, out string) (n int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = root.Close() }()
	t, err := loadTree(directory{root})
	if err != nil {
		return 0, err
	}
	target, err := emptyDirectory(out)
	if err != nil {
		return 0, err
	}
	defer func() { _ = target.Close() }()
	if err := target.WriteFile(ChainFile, t.chain, 0o600); err != nil {
		return 0, fmt.Errorf("audit: %w", err)
	}
	if to < 0 || to > t.newest.Size { // what is not under a checkpoint has no proof yet
		to = t.newest.Size
	}
	err = Records(dir, from, to, func(index int64, ciphertext []byte) error {
		proof, err := t.prove(index)
		if err != nil {
			return err
		}
		n++
		for suffix, content := range map[string][]byte{"age": ciphertext, "proof": proof} {
			if err := target.WriteFile(fmt.Sprintf("%d.%s", index, suffix), content, 0o600); err != nil {
				return fmt.Errorf("audit: %w", err)
			}
		}
		return nil
	})
	return n, err
}

func emptyDirectory(path string) (*os.Root, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("audit: %s is not empty", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return root, nil
}
