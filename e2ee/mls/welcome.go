package mls

import (
	"bytes"
	"crypto/ed25519"
	"slices"
)

// groupInfo is GroupInfo (RFC 9420 §12.4.3).
type groupInfo struct {
	context    groupContext
	extensions []Extension
	tag        []byte
	signer     uint32
	signature  []byte
}

func (i *groupInfo) writeContent(w *writer) {
	i.context.write(w)
	writeExtensions(w, i.extensions)
	w.vec(i.tag)
	w.u32(i.signer)
}

func (i *groupInfo) write(w *writer) {
	i.writeContent(w)
	w.vec(i.signature)
}

func readGroupInfo(r *reader) *groupInfo {
	i := &groupInfo{context: readGroupContext(r), extensions: readExtensions(r)}
	i.tag, i.signer, i.signature = r.hash("confirmation tag"), r.u32(), r.vec()
	return i
}

func (g *Group) groupInfo(extensions ...Extension) *groupInfo {
	i := &groupInfo{context: g.context, extensions: extensions, tag: g.tag, signer: g.own}
	i.signature = signWithLabel(g.key, "GroupInfoTBS", encoded(i.writeContent))
	return i
}

// groupSecrets is GroupSecrets.
type groupSecrets struct {
	joiner []byte
	path   []byte // nil: none
	psks   []PSKID
}

func (s *groupSecrets) write(w *writer) {
	w.vec(s.joiner)
	w.optional(s.path != nil)
	if s.path != nil {
		w.vec(s.path)
	}
	w.nested(func(w *writer) {
		for i := range s.psks {
			s.psks[i].write(w)
		}
	})
}

func readGroupSecrets(r *reader) *groupSecrets {
	s := &groupSecrets{joiner: r.hash("joiner secret")}
	if r.optional() {
		s.path = r.hash("path secret")
	}
	s.psks = readList(r, maxPSKs, "PSKs", readPSKID)
	return s
}

// joinerEntry is EncryptedGroupSecrets.
type joinerEntry struct {
	ref     []byte
	secrets hpkeCiphertext
}

func (e *joinerEntry) write(w *writer) {
	w.vec(e.ref)
	e.secrets.write(w)
}

func readJoinerEntry(r *reader) joinerEntry {
	return joinerEntry{ref: r.vec(), secrets: readHPKECiphertext(r)}
}

// Welcome is what a commit has for those whom it adds: one GroupInfo for all, and secrets for each. For puts a standard
// Welcome together; GroupInfo and Secrets are for those who store the parts apart.
type Welcome struct {
	GroupInfo []byte   // encrypted_group_info
	Secrets   [][]byte // EncryptedGroupSecrets, encoded, in the order of the commit's Add proposals
}

// For is the Welcome of one joiner, as an MLSMessage.
func (w *Welcome) For(joiner int) []byte { return JoinWelcome(w.Secrets[joiner], w.GroupInfo) }

// JoinWelcome puts a Welcome together from its parts.
func JoinWelcome(secrets, groupInfo []byte) []byte {
	return message(wireWelcome, func(w *writer) {
		w.u16(Suite)
		w.vec(secrets)
		w.vec(groupInfo)
	})
}

type welcome struct {
	secrets []joinerEntry
	info    []byte
}

func readWelcome(r *reader) *welcome {
	if r.u16() != Suite {
		r.fail("suite of a Welcome")
	}
	return &welcome{readList(r, MaxLeaves, "joiners", readJoinerEntry), r.vec()}
}

// welcome seals this state for those whom the commit added. intermediate is of the key schedule, before the epoch
// secret.
func (g *Group) welcome(d *draft, keys *pathKeys, joiner, intermediate []byte) (*Welcome, error) {
	info := g.groupInfo(Extension{ExtRatchetTree, encoded(g.tree.write)})
	key, nonce := welcomeKey(intermediate)
	defer clear(key)
	w := &Welcome{GroupInfo: seal(key, nonce, nil, encoded(info.write))}
	if len(w.GroupInfo) > MaxWelcome {
		return nil, because(ErrFull, "a Welcome of %d bytes", len(w.GroupInfo))
	}
	for i, k := range d.adds {
		s := groupSecrets{joiner: joiner, psks: d.psks}
		for j, step := range d.steps {
			if d.path != nil && covers(step.copath, d.added[i]) {
				s.path = keys.secrets[j]
			}
		}
		plain := encoded(s.write)
		c, err := encryptWithLabel(g.config.random(), k.InitKey, "Welcome", w.GroupInfo, plain)
		clear(plain)
		if err != nil {
			return nil, err
		}
		e := joinerEntry{k.Ref(), c}
		w.Secrets = append(w.Secrets, encoded(e.write))
	}
	return w, nil
}

// Join enters a group by a Welcome, an MLSMessage, that was made for the joiner's key package (§12.4.3.1). tree is the
// ratchet tree, if the Welcome does not hold it; else nil. psks are the external PSKs that the joiner knows. It checks
// the whole tree. It overwrites the joiner's keys if it succeeds.
func Join(j *Joiner, b, tree []byte, psks []PSK) (*Group, error) {
	w, err := parseMessage(bytes.Clone(b), MaxWelcome, wireWelcome, readWelcome)
	if err != nil {
		return nil, err
	}
	secrets, err := j.open(w)
	if err != nil {
		return nil, err
	}
	defer clear(secrets.joiner)
	psk, err := findPSKs(secrets.psks, psks, nil, nil)
	if err != nil {
		return nil, err
	}
	defer clear(psk)
	middle := intermediate(secrets.joiner, psk)
	key, nonce := welcomeKey(middle)
	defer clear(key)
	plain, err := open(key, nonce, nil, w.info)
	if err != nil {
		return nil, because(ErrWelcome, "GroupInfo: %v", err)
	}
	view, err := Once(j.config.Shared, sharedView, func() (*View, error) { return newView(plain, tree) }, plain, tree)
	if err != nil {
		return nil, err
	}
	g, err := j.enter(view, secrets, middle)
	if err != nil {
		return nil, err
	}
	j.Close()
	return g, nil
}

// open decrypts the secrets for this joiner.
func (j *Joiner) open(w *welcome) (*groupSecrets, error) {
	ref := j.KeyPackage.Ref()
	i := slices.IndexFunc(w.secrets, func(e joinerEntry) bool { return bytes.Equal(e.ref, ref) })
	if i < 0 {
		return nil, because(ErrWelcome, "not for this key package")
	}
	plain, err := decryptWithLabel(j.init, "Welcome", w.info, &w.secrets[i].secrets)
	if err != nil {
		return nil, because(ErrWelcome, "secrets: %v", err)
	}
	return parse(plain, MaxWelcome, readGroupSecrets)
}

// enter builds the state of a joiner. It overwrites intermediate.
func (j *Joiner) enter(v *View, secrets *groupSecrets, intermediate []byte) (*Group, error) {
	own, found := v.find(j.KeyPackage.Leaf)
	if !found {
		return nil, because(ErrWelcome, "the tree does not hold the joiner's leaf")
	}
	if own == v.info.signer {
		return nil, because(ErrWelcome, "signed by the joiner's own leaf")
	}
	g := &Group{
		config: j.config, context: v.info.context, tree: v.tree, own: own, key: j.key, tag: v.info.tag,
		private: map[uint32][]byte{nodeOf(own): bytes.Clone(j.private)},
	}
	if secrets.path != nil {
		if err := g.adopt(secrets.path, v.info.signer); err != nil {
			return nil, err
		}
	}
	g.enter(intermediate)
	if !sameMAC(g.tag, mac(g.secrets.confirmation, g.context.confirmed)) {
		g.Close()
		return nil, ErrConfirmation
	}
	g.interim = interimHash(g.context.confirmed, g.tag)
	return g, nil
}

// adopt derives the keys of the nodes above this member and the committer from the path secret of a Welcome.
func (g *Group) adopt(secret []byte, signer uint32) error {
	var nodes []uint32
	for _, x := range g.tree.directPath(g.own) {
		if covers(x, signer) && !g.tree.nodes[x].blank() {
			nodes = append(nodes, x)
		}
	}
	keys := newPathKeys(secret, len(nodes))
	defer keys.close()
	for i, x := range nodes {
		if !bytes.Equal(keys.public[i], g.tree.nodes[x].key()) {
			return because(ErrWelcome, "the path secret gives another key")
		}
		g.private[x] = keys.private[i]
	}
	return nil
}

// View is a group as a GroupInfo shows it, to those who are not in it: the tree was checked as a joiner checks it, and
// a member signed. Whether that member is in the group that the reader means is for the reader to find out.
type View struct {
	info *groupInfo
	tree *tree
}

// newView refers to b.
func newView(b, outside []byte) (*View, error) {
	info, err := parse(b, MaxWelcome, readGroupInfo)
	if err != nil {
		return nil, err
	}
	if e := find(info.extensions, ExtRatchetTree); e != nil {
		outside = e.Data
	}
	if outside == nil {
		return nil, because(ErrWelcome, "no ratchet tree")
	}
	t, err := parse(bytes.Clone(outside), MaxWelcome, readTree)
	if err != nil {
		return nil, err
	}
	signer := t.leaf(info.signer)
	if signer == nil {
		return nil, because(ErrWelcome, "the signer is not in the tree")
	}
	signed := encoded(info.writeContent)
	if err := verifyWithLabel(signer.SignatureKey, "GroupInfoTBS", signed, info.signature); err != nil {
		return nil, err
	}
	if !bytes.Equal(t.rootHash(), info.context.treeHash) {
		return nil, because(ErrTree, "hash of the tree")
	}
	if err := checkContextExtensions(info.context.extensions); err != nil {
		return nil, err
	}
	if err := t.validate(info.context.group, info.context.extensions); err != nil {
		return nil, err
	}
	return &View{info, t}, nil
}

// find finds a leaf in the tree.
func (v *View) find(leaf *LeafNode) (uint32, bool) {
	want := encoded(leaf.write)
	for i := range v.tree.leaves() {
		if l := v.tree.leaf(i); l != nil && bytes.Equal(l.SignatureKey, leaf.SignatureKey) {
			return i, bytes.Equal(encoded(l.write), want)
		}
	}
	return 0, false
}

// ID is the group_id.
func (v *View) ID() []byte { return v.info.context.group }

// Epoch is the epoch that was signed.
func (v *View) Epoch() uint64 { return v.info.context.epoch }

// ConfirmedHash is its confirmed_transcript_hash.
func (v *View) ConfirmedHash() []byte { return v.info.context.confirmed }

// Extensions are those of the GroupContext.
func (v *View) Extensions() []Extension { return v.info.context.extensions }

// Signer is the leaf that signed.
func (v *View) Signer() uint32 { return v.info.signer }

// Leaf is the leaf of an index, nil if it is blank.
func (v *View) Leaf(index uint32) *LeafNode { return v.tree.leaf(index) }

// Size is the number of leaves of the tree, blank ones included.
func (v *View) Size() uint32 { return v.tree.leaves() }

// ExternalPub is the extension external_pub of the GroupInfo (§12.4.3.2), nil without one.
func (v *View) ExternalPub() []byte {
	e := find(v.info.extensions, ExtExternalPub)
	if e == nil {
		return nil
	}
	public, err := parse(e.Data, len(e.Data), (*reader).vec)
	if err != nil || checkX25519(public) != nil {
		return nil
	}
	return public
}

// GroupInfo signs a GroupInfo with the ratchet tree and external_pub, as an MLSMessage, for those outside.
func (g *Group) GroupInfo() ([]byte, error) {
	if g.closed {
		return nil, ErrClosed
	}
	public := g.ExternalPub()
	info := g.groupInfo(
		Extension{ExtRatchetTree, encoded(g.tree.write)},
		Extension{ExtExternalPub, encoded(func(w *writer) { w.vec(public) })})
	return message(wireGroupInfo, info.write), nil
}

// Sign signs bytes with the member's key under a label of our own, which no message of MLS has.
func (g *Group) Sign(label string, content []byte) []byte { return SignLabelled(g.key, label, content) }

// SignLabelled is SignWithLabel (RFC 9420 §5.1.2). Labels of ours begin with "Conclave ", so that no signature is of
// use elsewhere.
func SignLabelled(key ed25519.PrivateKey, label string, content []byte) []byte {
	return signWithLabel(key, "Conclave "+label, content)
}
