package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// file is one open file of a log.
type file interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Close() error
}

// files is the directory of a log. Names have no slashes. Tests put one between that fails.
type files interface {
	// Open opens a file for reading and writing; create makes it if it is missing.
	Open(name string, create bool) (file, error)
	// View opens a file for reading.
	View(name string) (file, error)
	Rename(from, to string) error
	Remove(name string) error
	List() ([]string, error)
	// SyncDir makes renames and new files durable.
	SyncDir() error
}

// directory is files on disk. Everything is for the owner only.
type directory struct{ root *os.Root }

func (d directory) Open(name string, create bool) (file, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	return d.root.OpenFile(name, flags, 0o600) //nolint:wrapcheck // callers say what for
}

func (d directory) View(name string) (file, error) { return d.root.Open(name) } //nolint:wrapcheck // as above

func (d directory) Rename(from, to string) error { return d.root.Rename(from, to) } //nolint:wrapcheck // as above

func (d directory) Remove(name string) error { return d.root.Remove(name) } //nolint:wrapcheck // as above

func (d directory) List() ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (d directory) SyncDir() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	return errors.Join(f.Sync(), f.Close())
}

// The files of a segment are named for its first record.
const (
	recordsSuffix     = ".records"
	checkpointsSuffix = ".checkpoints"
	keyFile           = "key"
	nextKeyFile       = "key.next"
	lockFile          = "lock"
)

func segmentFile(first int64, suffix string) string { return fmt.Sprintf("%015d%s", first, suffix) }

// segments lists the first records of the segments, in order, and which of them still have their data.
func segments(d files) (firsts []int64, data map[int64]bool, err error) {
	names, err := d.List()
	if err != nil {
		return nil, nil, fmt.Errorf("audit: listing the log: %w", err)
	}
	data = map[int64]bool{}
	for _, name := range names {
		if n, ok := segmentNumber(name, recordsSuffix); ok {
			data[n] = true
		}
		if n, ok := segmentNumber(name, checkpointsSuffix); ok {
			firsts = append(firsts, n)
		}
	}
	slices.Sort(firsts)
	for n := range data {
		if !slices.Contains(firsts, n) {
			return nil, nil, &Fault{n, "the checkpoints of this segment are missing"}
		}
	}
	return firsts, data, nil
}

func segmentNumber(name, suffix string) (int64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, ok && err == nil && n >= 0 && segmentFile(n, suffix) == name
}

// readAll reads a whole file.
func readAll(d files, name string) ([]byte, error) {
	f, err := d.View(name)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return nil, fmt.Errorf("audit: reading %s: %w", name, err)
	}
	return b, nil
}

// writeWhole writes a file and makes it durable. The caller renames it into place.
func writeWhole(d files, name string, data []byte) (err error) {
	f, err := d.Open(name, true)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

func exists(err error) bool { return !errors.Is(err, fs.ErrNotExist) }
