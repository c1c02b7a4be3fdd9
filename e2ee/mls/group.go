package mls

import (
	"bytes"
	"crypto/ed25519"
	"iter"
	"maps"
	"slices"
)

// Group is the state of one member in one epoch of a group. Commits do not change it: they make another. Sending and
// opening application messages uses up keys, and proposals that were processed are kept in it.
type Group struct {
	config  Config
	context groupContext
	encoded []byte // context
	interim []byte // interim_transcript_hash
	tag     []byte // confirmation tag of the epoch
	tree    *tree
	own     uint32
	key     ed25519.PrivateKey
	private map[uint32][]byte // X25519 keys of the own leaf and of nodes above it
	secrets *epochSecrets
	ratchet *secretTree
	kept    []*Proposed // proposals of this epoch, in the order of their coming; at most MaxKept
	closed  bool

	resumptions map[uint64][]byte // resumption PSKs of this epoch and those before; with Config.wider only
}

// Create makes a group of one member, in epoch 0 (RFC 9420 §11).
func Create(config Config, m Member, group []byte, extensions []Extension) (*Group, error) {
	leaf, err := m.leaf(SourceKeyPackage)
	if err != nil {
		return nil, err
	}
	private, public, err := newKeyPair(config.random())
	if err != nil {
		return nil, err
	}
	leaf.EncryptionKey = public
	leaf.sign(m.Key, nil, 0)
	t := newTree(leaf)
	if err := t.validate(group, extensions); err != nil {
		return nil, err
	}
	epoch, err := random(config.random(), hashSize)
	if err != nil {
		return nil, err
	}
	g := &Group{
		config: config, tree: t, key: m.Key, private: map[uint32][]byte{0: private},
		context: groupContext{group: bytes.Clone(group), treeHash: t.rootHash(), extensions: extensions},
	}
	g.enter(epoch)
	g.tag = mac(g.secrets.confirmation, g.context.confirmed)
	g.interim = interimHash(g.context.confirmed, g.tag)
	return g, nil
}

// enter derives the secrets of the epoch from what the key schedule has between joiner and epoch secret. It overwrites
// that.
func (g *Group) enter(intermediate []byte) {
	g.encoded = encoded(g.context.write)
	g.secrets = newEpochSecrets(intermediate, g.encoded)
	clear(intermediate)
	g.ratchet = newSecretTree(g.tree.leaves(), bytes.Clone(g.secrets.encryption))
	clear(g.secrets.encryption)
	if g.config.wider {
		g.resumptions = maps.Clone(g.resumptions)
		if g.resumptions == nil {
			g.resumptions = map[uint64][]byte{}
		}
		g.resumptions[g.context.epoch] = bytes.Clone(g.secrets.resumption)
	}
}

// Close overwrites the secrets of this state. The states made from it are not touched.
func (g *Group) Close() {
	if g.closed {
		return
	}
	g.closed = true
	if g.secrets != nil { // else it was not finished
		g.secrets.close()
		g.ratchet.close()
	}
	for _, private := range g.private {
		clear(private)
	}
}

// ID is the group_id.
func (g *Group) ID() []byte { return bytes.Clone(g.context.group) }

// Epoch counts the commits.
func (g *Group) Epoch() uint64 { return g.context.epoch }

// Own is the leaf of this member.
func (g *Group) Own() uint32 { return g.own }

// TreeHash is the hash of the ratchet tree, which all members agree on.
func (g *Group) TreeHash() []byte { return bytes.Clone(g.context.treeHash) }

// ConfirmedHash is the confirmed_transcript_hash: 32 bytes, empty in epoch 0.
func (g *Group) ConfirmedHash() []byte { return bytes.Clone(g.context.confirmed) }

// Extensions are those of the GroupContext. They are not to be changed.
func (g *Group) Extensions() []Extension { return g.context.extensions }

// Members counts the leaves that are not blank.
func (g *Group) Members() int { return g.tree.members() }

// Leaf is the leaf of an index, nil if it is blank. It is not to be changed.
func (g *Group) Leaf(index uint32) *LeafNode { return g.tree.leaf(index) }

// Leaves goes through the leaves that are not blank, by index.
func (g *Group) Leaves() iter.Seq2[uint32, *LeafNode] {
	return func(yield func(uint32, *LeafNode) bool) {
		for i := range g.tree.leaves() {
			if leaf := g.tree.leaf(i); leaf != nil && !yield(i, leaf) {
				return
			}
		}
	}
}

// Authenticator is the epoch_authenticator (§8.7): 32 bytes that members may compare.
func (g *Group) Authenticator() []byte { return bytes.Clone(g.secrets.authenticator) }

// Export is MLS-Exporter (§8.5): n bytes, at most 8,160, for a label and a context.
func (g *Group) Export(label string, context []byte, n int) ([]byte, error) {
	if g.closed {
		return nil, ErrClosed
	}
	if n < 0 || n > 255*hashSize {
		return nil, because(ErrFull, "%d bytes from the exporter", n)
	}
	return g.secrets.export(label, context, n), nil
}

// ExternalPub is the public key to which those outside may encrypt (§8.3): an X25519 key of the epoch.
func (g *Group) ExternalPub() []byte {
	private, public := deriveKeyPair(g.secrets.external)
	clear(private)
	return public
}

// OpenExternal opens what SealPSK sealed to ExternalPub.
func (g *Group) OpenExternal(info, aad, ciphertext, id, secret []byte) ([]byte, error) {
	if g.closed {
		return nil, ErrClosed
	}
	private, _ := deriveKeyPair(g.secrets.external)
	defer clear(private)
	return OpenPSK(private, info, aad, ciphertext, id, secret)
}

// OpenOwn opens what SealPSK sealed to the encryption key of this member's leaf.
func (g *Group) OpenOwn(info, aad, ciphertext, id, secret []byte) ([]byte, error) {
	if g.closed {
		return nil, ErrClosed
	}
	return OpenPSK(g.private[nodeOf(g.own)], info, aad, ciphertext, id, secret)
}

// Seal encrypts an application message, as an MLSMessage (§6.3). Zero bytes make the plaintext padded long, if it is
// not longer: it holds the data, its length, and 66 bytes of signature. data and what is authenticated with it are at
// most MaxApplication.
func (g *Group) Seal(data, authenticatedData []byte, padded int) ([]byte, error) {
	if g.closed {
		return nil, ErrClosed
	}
	if len(data)+len(authenticatedData)+256 > MaxApplication || padded > MaxApplication-len(authenticatedData)-256 {
		return nil, because(ErrFull, "an application message")
	}
	a := &authenticated{wire: wirePrivate, content: framedContent{
		group: g.context.group, epoch: g.context.epoch, sender: Sender{SenderMember, g.own},
		authenticated: authenticatedData, kind: ContentApplication, application: data,
	}}
	a.sign(g.key, g.encoded)
	guard, err := random(g.config.random(), guardSize)
	if err != nil {
		return nil, err
	}
	generation, key, err := g.ratchet.leaf(g.own)[ratchetApplication].take()
	if err != nil {
		return nil, err
	}
	defer key.close()
	m := &privateMessage{
		group: g.context.group, epoch: g.context.epoch, kind: ContentApplication, authenticated: authenticatedData,
	}
	d := senderData{g.own, generation, [guardSize]byte(guard)}
	m.sealContent(a, key, d.guard, padded)
	m.sealSender(g.secrets.senderData, &d)
	return message(wirePrivate, m.write), nil
}

// Application is an application message that was opened.
type Application struct {
	Sender            uint32 // a leaf
	Data              []byte
	AuthenticatedData []byte
}

// Open decrypts an application message of this epoch and checks its signature. It opens each message once; a member's
// own ones it does not open.
func (g *Group) Open(b []byte) (*Application, error) {
	if g.closed {
		return nil, ErrClosed
	}
	m, err := parseMessage(bytes.Clone(b), MaxApplication, wirePrivate, readPrivateMessage)
	if err != nil {
		return nil, err
	}
	if m.kind != ContentApplication {
		return nil, because(ErrFraming, "a handshake where application data should be")
	}
	a, err := g.openPrivate(m)
	if err != nil {
		return nil, err
	}
	return &Application{a.content.sender.Index, a.content.application, a.content.authenticated}, nil
}

// openPrivate decrypts and authenticates a private message. It uses up the key if the message is authentic.
func (g *Group) openPrivate(m *privateMessage) (*authenticated, error) {
	if err := g.addressed(m.group, m.epoch); err != nil {
		return nil, err
	}
	d, err := m.openSender(g.secrets.senderData)
	if err != nil {
		return nil, err
	}
	leaf := g.tree.leaf(d.leaf)
	if leaf == nil {
		return nil, because(ErrFraming, "a sender that is not in the group")
	}
	key, used, err := g.ratchet.leaf(d.leaf)[ratchetOf(m.kind)].find(d.generation)
	if err != nil {
		return nil, err
	}
	a, err := m.openContent(key, &d)
	if err != nil {
		return nil, err
	}
	_, err = Once(g.config.Shared, sharedSigned, func() (struct{}, error) {
		return struct{}{}, a.verify(leaf.SignatureKey, g.encoded)
	}, leaf.SignatureKey, a.tbs(g.encoded), a.signature)
	if err != nil {
		return nil, err
	}
	used()
	return a, nil
}

// addressed checks group and epoch of a message.
func (g *Group) addressed(group []byte, epoch uint64) error {
	if !bytes.Equal(group, g.context.group) {
		return because(ErrFraming, "another group")
	}
	if epoch != g.context.epoch {
		return because(ErrEpoch, "%d, not %d", epoch, g.context.epoch)
	}
	return nil
}

// CopathSums are, for each leaf of the tree, the sum of the sizes of its copath resolutions: how many times a commit
// with a path by that leaf encrypts. Blank leaves have 0. The floor of its logarithm is the cheap part of a committer's
// rank.
func (g *Group) CopathSums() []int {
	sizes := g.tree.resolutionSizes()
	sums := make([]int, g.tree.leaves())
	for i := range sums {
		if g.tree.leaf(uint32(i)) == nil {
			continue
		}
		for x, root := nodeOf(uint32(i)), g.tree.root(); x != root; x = parentOf(x) {
			sums[i] += sizes[siblingOf(x)]
		}
	}
	return sums
}

// LongestCopath is the greatest of CopathSums.
func (g *Group) LongestCopath() int { return slices.Max(g.CopathSums()) }

// resolutionSizes are the sizes of the resolutions of all nodes.
func (t *tree) resolutionSizes() []int {
	sizes := make([]int, len(t.nodes))
	var visit func(x uint32) int
	visit = func(x uint32) int {
		n := t.nodes[x]
		below := 0
		if level(x) > 0 {
			below = visit(leftOf(x)) + visit(rightOf(x))
		}
		switch {
		case n.leaf != nil:
			sizes[x] = 1
		case n.parent != nil:
			sizes[x] = 1 + len(n.parent.unmerged)
		default:
			sizes[x] = below
		}
		return sizes[x]
	}
	visit(t.root())
	return sizes
}
