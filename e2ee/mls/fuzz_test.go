package mls

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// refusedSeeds are some of the messages of refused.json: CI has seconds for a target.
func refusedSeeds(f *testing.F) (d refusedData, seeds [][]byte) {
	f.Helper()
	b, err := os.ReadFile(refusedFile)
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		f.Fatal(err)
	}
	for _, list := range [][]refusedCase{d.Handshakes, d.Welcomes, d.Application} {
		for i, c := range list {
			if i%8 != 0 {
				continue
			}
			m, err := hex.DecodeString(c.Message)
			if err != nil {
				f.Fatal(err)
			}
			seeds = append(seeds, m)
		}
	}
	return d, seeds
}

// known says whether an error is one of this package's.
func known(err error) bool {
	for _, kind := range checkNames() {
		if errors.Is(err, kind) {
			return true
		}
	}
	return errors.Is(err, ErrOwn) || errors.Is(err, ErrFull) || errors.Is(err, ErrRemoved)
}

// FuzzMessages gives any bytes to all that takes messages of peers: nothing panics, errors are this package's, and what
// is accepted is written as it was read.
func FuzzMessages(f *testing.F) {
	_, seeds := refusedSeeds(f)
	for _, b := range seeds {
		f.Add(b)
	}
	a := newGoParty("fuzz")
	if _, err := a.create([]byte("fuzz"), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(must(a.commit(change{path: true}))(nil).commit)
	f.Add(must(a.seal([]byte("x"), nil))(nil))
	k := must(a.keyPackage())(nil)
	f.Add(k)
	f.Add(must(a.group.GroupInfo())(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, e1 := a.group.Process(b, Options{})
		_, e2 := a.group.Open(b)
		_, e3 := Join(a.joiner, b, nil, nil)
		_, e4 := parseGroupInfo(b, nil)
		_, e5 := ParseKeyPackage(b)
		for i, err := range []error{e1, e2, e3, e4, e5} {
			if err != nil && !known(err) {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}

// FuzzStructures parses any bytes as each structure, also those that come encrypted.
func FuzzStructures(f *testing.F) {
	d, seeds := refusedSeeds(f)
	for _, b := range seeds {
		f.Add(b[4:]) // without version and wire format
	}
	k, err := hex.DecodeString(d.KeyPackage)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k[4:])
	a := newGoParty("fuzz")
	if _, err := a.create([]byte("fuzz"), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(encoded(a.group.tree.write))
	f.Add(encoded(a.group.groupInfo().write))
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(out []byte, err error) {
			t.Helper()
			if err == nil && !bytes.Equal(out, b) {
				t.Errorf("%x is written as %x", b, out)
			} else if err != nil && !errors.Is(err, ErrMalformed) {
				t.Error(err)
			}
		}
		check(rewrite(b, readPublicMessage, func(v *publicMessage) func(*writer) { return v.write }))
		check(rewrite(b, readPrivateMessage, func(v *privateMessage) func(*writer) { return v.write }))
		check(rewrite(b, readKeyPackage, func(v *KeyPackage) func(*writer) { return v.write }))
		check(rewrite(b, readGroupInfo, func(v *groupInfo) func(*writer) { return v.write }))
		check(rewrite(b, readGroupSecrets, func(v *groupSecrets) func(*writer) { return v.write }))
		check(rewrite(b, readTree, func(v *tree) func(*writer) { return v.write }))
		check(rewrite(b, readCommit, func(v *commit) func(*writer) { return v.write }))
	})
}

// FuzzTrees validates any tree, as a joiner does, and works on it.
func FuzzTrees(f *testing.F) {
	a := newGoParty("fuzz")
	if _, err := a.create([]byte("fuzz"), nil); err != nil {
		f.Fatal(err)
	}
	var adds [][]byte
	for i := range 2 {
		adds = append(adds, must(newGoParty(string(rune('a'+i))).keyPackage())(nil))
	}
	must(a.commit(change{adds: adds, path: true}))(nil)
	must(a.confirm())(nil)
	f.Add(encoded(a.group.tree.write))
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := parse(b, MaxWelcome, readTree)
		if err != nil {
			return
		}
		if err := tree.validate([]byte("fuzz"), nil); err != nil && !known(err) {
			t.Error(err)
		}
		hash := tree.rootHash()
		changed := tree.clone()
		for leaf := range changed.leaves() {
			if changed.leaf(leaf) != nil {
				changed.remove(leaf)
				break
			}
		}
		changed.truncate()
		if _, err := changed.add(&LeafNode{}); err != nil && !known(err) {
			t.Error(err)
		}
		changed.rootHash()
		for i := range tree.hashes {
			tree.hashes[i] = nil
		}
		if !bytes.Equal(tree.rootHash(), hash) {
			t.Error("a change of a copy changed the tree")
		}
	})
}
