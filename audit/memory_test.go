package audit

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"sync"
	"syscall"
	"time"
)

// errCrash ends everything that happens on a memory after its budget.
var errCrash = errors.New("the machine has stopped")

// memory is files in memory, with a budget of bytes and of operations after which the machine stops in the middle of
// what it does. What was not synced may be lost then: see restart.
type memory struct {
	mu      sync.Mutex
	names   map[string]*content // as a running system sees it
	durable map[string]*content // the names that survive a power failure
	budget  int                 // bytes and operations until the crash; negative for none
	full    bool                // no space left
}

type content struct{ now, synced []byte }

func newMemory() *memory {
	return &memory{names: map[string]*content{}, durable: map[string]*content{}, budget: -1}
}

// spend takes up to n from the budget and says how much was left.
func (m *memory) spend(n int) (granted int, err error) {
	if m.budget < 0 {
		return n, nil
	}
	granted = min(n, m.budget)
	m.budget -= granted
	if granted < n {
		return granted, errCrash
	}
	return granted, nil
}

// restart is the disk as the next process finds it: after kill -9 everything that was written, after a power failure
// only what was synced.
func (m *memory) restart(power bool) *memory {
	next := newMemory()
	names := m.names
	if power {
		names = m.durable
	}
	for name, c := range names {
		b := c.now
		if power {
			b = c.synced
		}
		kept := &content{append([]byte(nil), b...), append([]byte(nil), b...)}
		next.names[name], next.durable[name] = kept, kept
	}
	return next
}

func (m *memory) Open(name string, create bool) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.names[name]
	if !ok {
		if !create {
			return nil, fs.ErrNotExist
		}
		if _, err := m.spend(1); err != nil {
			return nil, err
		}
		c = &content{}
		m.names[name] = c
	}
	return &memoryFile{m, c}, nil
}

func (m *memory) View(name string) (file, error) { return m.Open(name, false) }

func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.spend(1); err != nil {
		return err
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.names[name]; !ok {
		return fs.ErrNotExist
	}
	if _, err := m.spend(1); err != nil {
		return err
	}
	delete(m.names, name)
	return nil
}

func (m *memory) List() (list []string, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.names {
		list = append(list, name)
	}
	return list, nil
}

func (m *memory) SyncDir() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.spend(1); err != nil {
		return err
	}
	m.durable = maps.Clone(m.names)
	return nil
}

type memoryFile struct {
	m *memory
	c *content
}

func (f *memoryFile) ReadAt(b []byte, at int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if at >= int64(len(f.c.now)) {
		return 0, io.EOF
	}
	n := copy(b, f.c.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n, err := f.m.spend(len(b))
	if f.m.full {
		n, err = n/2, syscall.ENOSPC
	}
	for int64(len(f.c.now)) < at+int64(n) {
		f.c.now = append(f.c.now, 0)
	}
	copy(f.c.now[at:], b[:n])
	return n, err
}

func (f *memoryFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if _, err := f.m.spend(1); err != nil {
		return err
	}
	f.c.synced = append([]byte(nil), f.c.now...)
	return nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if _, err := f.m.spend(1); err != nil {
		return err
	}
	for int64(len(f.c.now)) < size {
		f.c.now = append(f.c.now, 0)
	}
	f.c.now = f.c.now[:size]
	return nil
}

func (f *memoryFile) Stat() (fs.FileInfo, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return memoryInfo(len(f.c.now)), nil
}

func (f *memoryFile) Close() error { return nil }

type memoryInfo int64

func (i memoryInfo) Name() string       { return "" }
func (i memoryInfo) Size() int64        { return int64(i) }
func (i memoryInfo) Mode() fs.FileMode  { return 0o600 }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return false }
func (i memoryInfo) Sys() any           { return nil }
