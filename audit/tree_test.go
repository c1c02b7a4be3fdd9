package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// TestEdgeIsTheTreeOfRFC6962 compares the edge with tlog for each size up to 600.
func TestEdgeIsTheTreeOfRFC6962(t *testing.T) {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, _ error) {
		for _, i := range indexes {
			list = append(list, stored[i])
		}
		return list, nil
	})
	var e edge
	for n := range int64(600) {
		want, err := tlog.TreeHash(n, read)
		if err != nil || e.root() != want || !e.valid() || e.size != n {
			t.Fatalf("%d: %v, want %v (%v)", n, e.root(), want, err)
		}
		leaf := tlog.RecordHash(fmt.Append(nil, n))
		more, err := tlog.StoredHashesForRecordHash(n, leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		e.append(leaf)
	}
	e.hashes = e.hashes[1:]
	if e.valid() {
		t.Error("an edge with a hash missing is valid")
	}
}

// openNote is a verifier of signed notes written from the specification alone (c2sp.org/signed-note): text, an empty
// line, and lines of "— name base64(keyid ‖ signature)", where the key id is the first four bytes of
// SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key).
func openNote(signed, verifierKey string) (text string, err error) {
	name, rest, _ := strings.Cut(verifierKey, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != 33 || key[0] != 1 {
		return "", errors.New("not an Ed25519 verifier key")
	}
	hash := sha256.Sum256(append([]byte(name+"\n"), key...))
	if fmt.Sprintf("%08x", binary.BigEndian.Uint32(hash[:4])) != id {
		return "", errors.New("the key id is wrong")
	}
	text, signatures, ok := strings.Cut(signed, "\n\n")
	if !ok {
		return "", errors.New("no signatures")
	}
	text += "\n"
	for line := range strings.Lines(signatures) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "—" || fields[1] != name {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil || len(b) != 4+ed25519.SignatureSize || !bytes.Equal(b[:4], hash[:4]) {
			continue
		}
		if ed25519.Verify(key[1:], []byte(text), b[4:]) {
			return text, nil
		}
	}
	return "", errors.New("no signature by this key")
}

// TestCheckpointsVerifyWithOtherVerifiers checks every checkpoint with x/mod's verifier and with one written from the
// specification.
func TestCheckpointsVerifyWithOtherVerifiers(t *testing.T) {
	m, _ := written(t, newReader(t), 25)
	key, n := firstKey(t, m), 0
	for line := range bytes.Lines(allLines(t, m)) {
		var body struct {
			Checkpoint string `json:"checkpoint"`
		}
		if err := json.Unmarshal(line, &body); err != nil {
			t.Fatal(err)
		}
		text, err := openNote(body.Checkpoint, key)
		if err != nil {
			t.Fatalf("checkpoint %d: %v", n, err)
		}
		lines := strings.Split(text, "\n")
		if !strings.HasPrefix(lines[0], "conclave-audit/") || !strings.HasPrefix(key, lines[0]+"+") {
			t.Fatal(lines[0])
		}
		v, err := note.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := note.Open([]byte(body.Checkpoint), note.VerifierList(v)); err != nil || got.Text != text {
			t.Fatal(err)
		}
		if _, err := openNote(strings.Replace(body.Checkpoint, "oldest 0", "oldest 1", 1), key); err == nil {
			t.Fatal("a changed checkpoint verifies")
		}
		for _, l := range lines {
			if next, ok := strings.CutPrefix(l, "key "); ok {
				key = next
			}
		}
		n++
	}
	if n != 8 { // three segments begin, and two, two and one checkpoints follow
		t.Errorf("%d checkpoints", n)
	}
}

func TestCheckpointHasOneForm(t *testing.T) {
	m, s := written(t, newReader(t), 5)
	line, _, _ := bytes.Cut(allLines(t, m), []byte("\n"))
	c, err := ParseCheckpoint(line)
	if err != nil || !bytes.Equal(c.Line(), append(line, '\n')) {
		t.Fatal(err)
	}
	if same, err := ParseCheckpoint(c.Note()); err != nil || same.text() != c.text() {
		t.Error("a bare note is not read", err)
	}
	root := s.edge.root().String()
	good := fmt.Sprintf("conclave-audit/x\n3\n%s\ntime 2026-11-29T06:00:00Z\noldest 0\nleaf %s\n\n— x y\n", root, root)
	if _, err := ParseCheckpoint([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"size with a sign":      strings.Replace(good, "\n3\n", "\n+3\n", 1),
		"negative size":         strings.Replace(good, "\n3\n", "\n-3\n", 1),
		"other time zone":       strings.Replace(good, "06:00:00Z", "07:00:00+01:00", 1),
		"a line twice":          strings.Replace(good, "oldest 0\n", "oldest 0\noldest 0\n", 1),
		"unknown line":          strings.Replace(good, "leaf", "leap", 1),
		"short hash":            strings.Replace(good, "leaf "+root, "leaf "+root[4:], 1),
		"more leaves than size": strings.Replace(good, "\n3\n", "\n0\n", 1),
		"no signature":          strings.TrimSuffix(good, "\n— x y\n"),
		"not UTF-8":             "\xde" + good,
		"nothing":               "",
		"not JSON":              "{",
	} {
		if _, err := ParseCheckpoint([]byte(bad)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	empty := (&edge{}).root().String()
	f.Add([]byte("conclave-audit/x\n0\n" + empty + "\ntime 2026-11-29T06:00:00Z\noldest 0\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCheckpoint(b)
		if err != nil {
			return
		}
		if again, err := ParseCheckpoint(c.Line()); err != nil || again.text() != c.text() {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	frame, _ := appendFrame(nil, []byte("record"))
	f.Add(append(frame, frame...), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		if at < 0 || at > int64(len(b)) {
			return
		}
		ciphertext, leaf, err := readFrame(bytes.NewReader(b), at, int64(len(b)))
		if err == nil && tlog.RecordHash(ciphertext) != leaf {
			t.Fatal("a record that is not its leaf")
		}
	})
}

func TestProofHoldsForItsRecordOnly(t *testing.T) {
	m, s := written(t, newReader(t), 23)
	tree, err := loadTree(m)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := FollowKeys(firstKey(t, m), bytes.NewReader(tree.chain))
	if err != nil {
		t.Fatal(err)
	}
	var records [][]byte
	for _, first := range []int64{0, 10, 20} {
		for _, f := range frames(t, m, first) {
			records = append(records, f[headerSize:])
		}
	}
	for i := range tree.newest.Size {
		proof, err := tree.prove(i)
		if err != nil {
			t.Fatal(err)
		}
		index, c, err := CheckProof(proof, records[i], keys)
		if err != nil || index != i || c.Size != 20 {
			t.Fatalf("%d: %d, %+v, %v", i, index, c, err)
		}
		if _, _, err := CheckProof(proof, records[(i+1)%20], keys); err == nil {
			t.Fatalf("%d: holds for another record", i)
		}
		moved := bytes.Replace(proof, fmt.Appendf(nil, "index %d\n", i), fmt.Appendf(nil, "index %d\n", i^1), 1)
		if _, _, err := CheckProof(moved, records[i], keys); err == nil {
			t.Fatalf("%d: holds at another place", i)
		}
	}
	forged := signedTree{tree.hashes, signedBy(t, tree.newest, strangerTo(t, s)), nil}
	if proof, err := forged.prove(0); err != nil {
		t.Error(err)
	} else if _, _, err := CheckProof(proof, records[0], keys); err == nil {
		t.Error("a proof holds under a stranger's signature")
	}
	if _, err := tree.prove(20); err == nil {
		t.Error("a record is proved that no checkpoint vouches for")
	}
	other, _ := written(t, newReader(t), 3)
	if _, err := FollowKeys(firstKey(t, other), bytes.NewReader(tree.chain)); err == nil {
		t.Error("the chain begins with another log's key")
	}
	_, later, _ := bytes.Cut(tree.chain, []byte("\n"))
	if _, err := FollowKeys(firstKey(t, m), bytes.NewReader(later)); err == nil {
		t.Error("a chain without its beginning is followed")
	}
}
