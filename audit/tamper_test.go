package audit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// frames are the records of a segment as they are on disk.
func frames(t *testing.T, m *memory, first int64) (list [][]byte) {
	t.Helper()
	b := m.names[segmentFile(first, recordsSuffix)].now
	for at := int64(0); at < int64(len(b)); {
		ciphertext, _, err := readFrame(bytes.NewReader(b), at, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		end := at + headerSize + int64(len(ciphertext))
		list = append(list, b[at:end:end])
		at = end
	}
	return list
}

func join(m *memory, first int64, list [][]byte) {
	m.names[segmentFile(first, recordsSuffix)].now = bytes.Join(list, nil)
}

// forged is a record that is well-formed, and that the attacker made: anyone can encrypt to the recipients.
func forged(t *testing.T, r reader) []byte {
	t.Helper()
	b, err := seal(r.recipients, []byte("forged"))
	if err != nil {
		t.Fatal(err)
	}
	frame, _ := appendFrame(nil, b)
	return frame
}

// resign writes the checkpoints of a segment anew, for the records that are there now, with a key.
func resign(t *testing.T, m *memory, first int64, key signingKey) {
	t.Helper()
	list := checkpointsOf(t, m, first)
	tree := edge{first, append([]tlog.Hash(nil), list[0].Edge...)}
	records := frames(t, m, first)
	out := append([]byte(nil), list[0].Line()...)
	for _, c := range list[1:] {
		c.Leaves = nil
		for tree.size < c.Size {
			leaf := tlog.RecordHash(records[tree.size-first][headerSize:])
			tree.append(leaf)
			c.Leaves = append(c.Leaves, leaf)
		}
		c.Root = tree.root()
		if err := c.sign(key.signer); err != nil {
			t.Fatal(err)
		}
		out = append(out, c.Line()...)
	}
	m.names[segmentFile(first, checkpointsSuffix)].now = out
}

func checkpointsOf(t *testing.T, m *memory, first int64) []*Checkpoint {
	t.Helper()
	list, _, err := readCheckpoints(m, first)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// replaceCheckpoint signs c and puts it in the place of the checkpoint of its size.
func replaceCheckpoint(t *testing.T, m *memory, first int64, c *Checkpoint, keys ...signingKey) {
	t.Helper()
	var out []byte
	for _, old := range checkpointsOf(t, m, first) {
		if old.Size == c.Size {
			old = signedBy(t, c, keys...)
		}
		out = append(out, old.Line()...)
	}
	m.names[segmentFile(first, checkpointsSuffix)].now = out
}

func signedBy(t *testing.T, c *Checkpoint, keys ...signingKey) *Checkpoint {
	t.Helper()
	var signers []note.Signer
	for _, key := range keys {
		signers = append(signers, key.signer)
	}
	if err := c.sign(signers...); err != nil {
		t.Fatal(err)
	}
	return c
}

// strangerTo is a key with the name of the log, which its server does not have.
func strangerTo(t *testing.T, s *store) signingKey {
	t.Helper()
	key, err := newSigningKey(s.name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestTamperingIsFoundAtItsRecord changes a log of 35 records (segments at 0, 10, 20 and 30, checkpoints after every
// fourth record) in each way an attacker could, and expects the very record that is named.
func TestTamperingIsFoundAtItsRecord(t *testing.T) {
	r := newReader(t)
	cases := []struct {
		name   string
		change func(t *testing.T, m *memory, s *store)
		want   int64 // without checkpoints from outside; -1 if they are needed
		copied int64 // with them
	}{
		{"one byte of a record changed", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 10)
			f[3][len(f[3])-1] ^= 1
			join(m, 10, f)
		}, 13, 13},
		{"a length changed", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 10)
			f[2][1] ^= 1
			join(m, 10, f)
		}, 12, 12},
		{"a record replaced by a forged one", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 20)
			f[5] = forged(t, r)
			join(m, 20, f)
		}, 25, 25},
		{"a record dropped", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 10)
			join(m, 10, append(f[:4:4], f[5:]...))
		}, 14, 14},
		{"a record put in", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 10)
			join(m, 10, append(append(f[:4:4], forged(t, r)), f[4:]...))
		}, 14, 14},
		{"two records swapped", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 10)
			f[2], f[7] = f[7], f[2]
			join(m, 10, f)
		}, 12, 12},
		{"records reordered", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 0)
			f[6], f[7], f[8] = f[7], f[8], f[6]
			join(m, 0, f)
		}, 6, 6},
		{"records of two segments swapped", func(t *testing.T, m *memory, _ *store) {
			f, g := frames(t, m, 0), frames(t, m, 10)
			f[8], g[1] = g[1], f[8]
			join(m, 0, f)
			join(m, 10, g)
		}, 8, 8},
		{"the end of a closed segment cut", func(t *testing.T, m *memory, _ *store) {
			join(m, 10, frames(t, m, 10)[:9])
		}, 19, 19},
		{"the end of the log cut", func(t *testing.T, m *memory, _ *store) {
			join(m, 30, frames(t, m, 30)[:2])
		}, 32, 32},
		{"a record torn that a checkpoint vouches for", func(t *testing.T, m *memory, _ *store) {
			f := frames(t, m, 30)[:4]
			f[3] = f[3][:20]
			join(m, 30, f)
		}, 33, 33},
		{"the end of the log cut, and its checkpoints", func(t *testing.T, m *memory, _ *store) {
			join(m, 30, frames(t, m, 30)[:2])
			name := segmentFile(30, checkpointsSuffix)
			m.names[name].now = bytes.SplitAfter(m.names[name].now, []byte("\n"))[0]
		}, -1, 32},
		{"the last segment removed", func(_ *testing.T, m *memory, _ *store) {
			delete(m.names, segmentFile(30, recordsSuffix))
			delete(m.names, segmentFile(30, checkpointsSuffix))
		}, -1, 30},
		{"a segment removed from the middle", func(_ *testing.T, m *memory, _ *store) {
			delete(m.names, segmentFile(10, recordsSuffix))
			delete(m.names, segmentFile(10, checkpointsSuffix))
		}, 8, 10},
		{"the data of a segment removed", func(_ *testing.T, m *memory, _ *store) {
			delete(m.names, segmentFile(10, recordsSuffix))
		}, 10, 10},
		{"the checkpoints of a segment removed", func(_ *testing.T, m *memory, _ *store) {
			delete(m.names, segmentFile(10, checkpointsSuffix))
		}, 10, 10},
		{"a checkpoint dropped", func(_ *testing.T, m *memory, _ *store) {
			name := segmentFile(10, checkpointsSuffix)
			lines := bytes.SplitAfter(m.names[name].now, []byte("\n"))
			m.names[name].now = bytes.Join(append(lines[:1:1], lines[2:]...), nil)
		}, 10, 10},
		{"a checkpoint changed", func(_ *testing.T, m *memory, _ *store) {
			name := segmentFile(10, checkpointsSuffix)
			m.names[name].now = bytes.Replace(m.names[name].now, []byte("2026-"), []byte("2027-"), 2)
		}, 8, 8},
		{"a checkpoint with another root, signed with the true key", func(t *testing.T, m *memory, s *store) {
			list := checkpointsOf(t, m, 30)
			last := list[len(list)-1]
			last.Root[0] ^= 1
			replaceCheckpoint(t, m, 30, last, s.key)
		}, 33, 33},
		{"a segment begun with a stranger's key", func(t *testing.T, m *memory, s *store) {
			begin := checkpointsOf(t, m, 10)[0]
			stranger := strangerTo(t, s)
			begin.Key, begin.Leaves[1] = stranger.verifier, tlog.Hash{}
			replaceCheckpoint(t, m, 10, begin, stranger)
		}, 8, 8},
		{"a segment begun with another tree, signed with the true keys", func(t *testing.T, m *memory, s *store) {
			old := s.key
			if err := s.beginSegment(epoch); err != nil {
				t.Fatal(err)
			}
			begin := checkpointsOf(t, m, 35)[0]
			begin.Edge[0][0] ^= 1
			replaceCheckpoint(t, m, 35, begin, old, s.key)
		}, 35, 35},
		{"a record replaced, and signed again with a stranger's key", func(t *testing.T, m *memory, s *store) {
			f := frames(t, m, 10)
			f[5] = forged(t, r)
			join(m, 10, f)
			resign(t, m, 10, strangerTo(t, s))
		}, 10, 15},
		{"an old record replaced, and signed again with the present key", func(t *testing.T, m *memory, s *store) {
			f := frames(t, m, 10)
			f[5] = forged(t, r)
			join(m, 10, f)
			resign(t, m, 10, s.key)
		}, 10, 15},
		{"a record replaced, and signed again with the true key", func(t *testing.T, m *memory, s *store) {
			f := frames(t, m, 30)
			f[1] = forged(t, r)
			join(m, 30, f)
			resign(t, m, 30, s.key)
		}, -1, 31},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, s := written(t, r, 35)
			key, outside := firstKey(t, m), allLines(t, m)
			c.change(t, m, s)
			checkFault(t, m, key, nil, c.want)
			checkFault(t, m, key, outside, c.copied)
		})
	}
}

func checkFault(t *testing.T, m *memory, key string, outside []byte, want int64) {
	t.Helper()
	_, err := verify(m, key, bytes.NewReader(outside))
	var fault *Fault
	switch {
	case want < 0 && err != nil:
		t.Errorf("without checkpoints from outside: %v", err)
	case want < 0:
	case !errors.As(err, &fault):
		t.Errorf("not found (from outside: %v): %v", outside != nil, err)
	case fault.Index != want:
		t.Errorf("found (from outside: %v) at %v; want %d", outside != nil, err, want)
	}
}

func TestLogAsItWasWrittenPasses(t *testing.T) {
	r := newReader(t)
	m, s := written(t, r, 35)
	report, err := verify(m, firstKey(t, m), bytes.NewReader(allLines(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	want := Report{Name: s.name, Records: 35, Signed: 34, Outside: 34, Last: report.Last, Root: s.edge.root()}
	if *report != want {
		t.Errorf("%+v\nwant %+v", *report, want)
	}
	if got := r.people(t, m); len(got) != 35 || got[34] != "person34" {
		t.Error(got)
	}
}

func TestVerificationNeedsTheKeyTheLogBeganWith(t *testing.T) {
	r := newReader(t)
	m, s := written(t, r, 15)
	if _, err := verify(m, s.key.verifier, nil); err == nil {
		t.Error("a later key was taken for the first")
	}
	other, _ := written(t, r, 1)
	if _, err := verify(m, firstKey(t, other), nil); err == nil {
		t.Error("another log's key was taken")
	}
	_, err := verify(m, firstKey(t, m), bytes.NewReader(allLines(t, other)))
	if err == nil {
		t.Error("another log's checkpoints were taken")
	}
	if _, err := verify(m, "nonsense", nil); err == nil || !strings.Contains(err.Error(), "verifier key") {
		t.Error(err)
	}
}

// TestCopiesAreCheckedToo: checkpoints from outside prove nothing unless the log's key signed them, and two that
// contradict each other show that the log was written twice.
func TestCopiesAreCheckedToo(t *testing.T) {
	m, s := written(t, newReader(t), 9)
	copyOf := func(change func(*Checkpoint), key signingKey) []byte {
		c := checkpointsOf(t, m, 0)[2] // of the records 4 to 7
		change(c)
		return append(allLines(t, m), signedBy(t, c, key).Line()...)
	}
	for _, c := range []struct {
		reason  string
		outside []byte
		want    int64
	}{
		{"from outside", copyOf(func(*Checkpoint) {}, strangerTo(t, s)), 4},
		{"contradict", copyOf(func(c *Checkpoint) { c.Leaves[2][0] ^= 1 }, s.key), 6},
		{"contradict", copyOf(func(c *Checkpoint) { c.Root[0] ^= 1 }, s.key), 4},
	} {
		var fault *Fault
		_, err := verify(m, firstKey(t, m), bytes.NewReader(c.outside))
		if !errors.As(err, &fault) || fault.Index != c.want || !strings.Contains(fault.Reason, c.reason) {
			t.Errorf("%v; want %q at %d", err, c.reason, c.want)
		}
	}
}

// TestNoByteCanBeChanged changes one bit of each byte that a checkpoint from outside vouches for.
func TestNoByteCanBeChanged(t *testing.T) {
	r := newReader(t)
	m, _ := written(t, r, 12)
	key := firstKey(t, m)
	outside := allLines(t, m)
	for _, name := range []string{
		segmentFile(0, recordsSuffix), segmentFile(0, checkpointsSuffix), segmentFile(10, checkpointsSuffix),
	} {
		b := m.names[name].now
		for i := range b {
			b[i] ^= 4
			_, err := verify(m, key, bytes.NewReader(outside))
			b[i] ^= 4
			if err == nil {
				t.Fatalf("%s: byte %d can be changed", name, i)
			}
		}
	}
}
