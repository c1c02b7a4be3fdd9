package mls

import (
	"bytes"
	"io"
	"slices"
)

// TreeKEM: a commit with a path gives new keys to a leaf and to all nodes above it (RFC 9420 §7.4 to §7.6).

// pathKeys are the secrets and keys for the nodes of a filtered path, lowest first.
type pathKeys struct {
	secrets [][]byte // path_secret
	private [][]byte
	public  [][]byte
	commit  []byte // commit_secret
}

// newPathKeys derives the keys of so many nodes from the path secret of the lowest. It takes the secret over.
func newPathKeys(secret []byte, n int) *pathKeys {
	k := &pathKeys{commit: secret}
	for range n {
		node := deriveSecret(k.commit, "node")
		private, public := deriveKeyPair(node)
		clear(node)
		k.secrets = append(k.secrets, k.commit)
		k.private = append(k.private, private)
		k.public = append(k.public, public)
		k.commit = deriveSecret(k.commit, "path")
	}
	return k
}

// close overwrites the path secrets and the commit secret. The private keys belong to the state by then.
func (k *pathKeys) close() {
	for _, secret := range k.secrets {
		clear(secret)
	}
	clear(k.commit)
}

// merge puts keys on the filtered path of a leaf and blanks what else is above it. It returns the parent hash that the
// leaf must record (§7.9).
func (t *tree) merge(leaf uint32, steps []step, keys [][]byte) []byte {
	t.blankPath(leaf)
	var parentHash []byte
	for i, s := range slices.Backward(steps) {
		p := &parentNode{key: keys[i], parentHash: parentHash}
		t.nodes[s.node] = node{parent: p}
		parentHash = t.parentHash(p, s.copath)
	}
	return parentHash
}

// recipients are the nodes that the path secret of a step is sealed to: all under the copath child but those who were
// just added.
func (t *tree) recipients(s step, added []uint32) []uint32 {
	return slices.DeleteFunc(t.resolution(s.copath), func(x uint32) bool {
		return level(x) == 0 && slices.Contains(added, x/2)
	})
}

// sealPath seals the path secrets to their recipients.
func (t *tree) sealPath(
	source io.Reader, steps []step, keys *pathKeys, added []uint32, context []byte,
) ([]pathNode, error) {
	nodes := make([]pathNode, len(steps))
	for i, s := range steps {
		nodes[i].key = keys.public[i]
		for _, x := range t.recipients(s, added) {
			c, err := encryptWithLabel(source, t.nodes[x].key(), "UpdatePathNode", context, keys.secrets[i])
			if err != nil {
				return nil, err
			}
			nodes[i].secrets = append(nodes[i].secrets, c)
		}
	}
	return nodes, nil
}

// checkPath checks what everybody can see of a path: its shape, that its keys are usable and new, and the leaf.
func (t *tree) checkPath(path *updatePath, steps []step, added []uint32) error {
	if len(path.nodes) != len(steps) {
		return because(ErrTree, "a path of %d nodes, not %d", len(path.nodes), len(steps))
	}
	fresh := map[string]struct{}{string(path.leaf.EncryptionKey): {}}
	for i := range path.nodes {
		n := &path.nodes[i]
		if err := checkX25519(n.key); err != nil {
			return err
		}
		fresh[string(n.key)] = struct{}{}
		if want := len(t.recipients(steps[i], added)); len(n.secrets) != want {
			return because(ErrTree, "a path secret for %d recipients, not %d", len(n.secrets), want)
		}
	}
	if len(fresh) != len(path.nodes)+1 {
		return because(ErrTree, "a path with one key twice")
	}
	for _, n := range t.nodes {
		if !n.blank() {
			if _, found := fresh[string(n.key())]; found {
				return because(ErrTree, "a path with a key that is in the tree")
			}
		}
	}
	return nil
}

// openPath finds the path secret meant for a leaf, and derives the keys from there to the root, which must be those of
// the path. It returns them with the first of the steps that they are for.
func (t *tree) openPath(
	private map[uint32][]byte, own uint32, path *updatePath, steps []step, added []uint32, context []byte,
) (int, *pathKeys, error) {
	at := slices.IndexFunc(steps, func(s step) bool { return covers(s.copath, own) })
	if at < 0 {
		return 0, nil, because(ErrPath, "no node for this member")
	}
	recipients := t.recipients(steps[at], added)
	i := slices.IndexFunc(recipients, func(x uint32) bool { return private[x] != nil })
	if i < 0 {
		return 0, nil, because(ErrPath, "no key of this member is among the recipients")
	}
	secret, err := decryptWithLabel(private[recipients[i]], "UpdatePathNode", context, &path.nodes[at].secrets[i])
	if err != nil {
		return 0, nil, because(ErrPath, "%v", err)
	}
	if len(secret) != hashSize {
		return 0, nil, because(ErrPath, "length of the path secret")
	}
	keys := newPathKeys(secret, len(steps)-at)
	for j, public := range keys.public {
		if !bytes.Equal(public, path.nodes[at+j].key) {
			keys.close()
			return 0, nil, because(ErrPath, "the secret gives another key")
		}
	}
	return at, keys, nil
}
