package mls

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The working group's vectors (https://github.com/mlswg/mls-implementations), suite 1. All of them pass, none is left
// out. Config.wider processes what some need and the subset refuses: see the package's comment.

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	v, err := hex.DecodeString(*s)
	*h = v
	return err
}

// vectors reads one of the files: below CONCLAVE_MLS_VECTORS, or beside the repository.
func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	folder := os.Getenv("CONCLAVE_MLS_VECTORS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data", "mls")
	}
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the vectors are missing: %v", err)
		}
		t.Skipf("the vectors are not here: %v", err)
	}
	var list []T
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no vector")
	}
	return list
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		if t == nil && err != nil {
			panic(err) // where there is no test yet
		}
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
		return v
	}
}

func TestVectorsTreeMath(t *testing.T) {
	for _, v := range vectors[struct {
		Leaves  uint32 `json:"n_leaves"`
		Nodes   uint32 `json:"n_nodes"`
		Root    uint32
		Left    []*uint32
		Right   []*uint32
		Parent  []*uint32
		Sibling []*uint32
	}](t, "tree-math.json") {
		if rootOf(v.Leaves) != v.Root || 2*v.Leaves-1 != v.Nodes {
			t.Errorf("%d leaves: root %d", v.Leaves, rootOf(v.Leaves))
		}
		for x := range v.Nodes {
			check := func(what string, want *uint32, got func(uint32) uint32) {
				if want != nil && got(x) != *want {
					t.Errorf("%d leaves: %s of %d is %d", v.Leaves, what, x, got(x))
				}
			}
			check("left", v.Left[x], leftOf)
			check("right", v.Right[x], rightOf)
			check("parent", v.Parent[x], parentOf)
			check("sibling", v.Sibling[x], siblingOf)
		}
	}
}

func TestVectorsDeserialization(t *testing.T) {
	for _, v := range vectors[struct {
		Header hexBytes `json:"vlbytes_header"`
		Length int
	}](t, "deserialization.json") {
		r := reader{b: v.Header}
		if n := r.length(); n != v.Length || r.end() != nil {
			t.Errorf("%x: %d, %v", []byte(v.Header), n, r.err)
		}
		var w writer
		w.length(v.Length)
		same(t, "length", w.b, v.Header)
	}
}

func TestVectorsCryptoBasics(t *testing.T) {
	for _, v := range vectors[struct {
		RefHash struct {
			Label      string
			Out, Value hexBytes
		} `json:"ref_hash"`
		Expand struct {
			Secret, Context, Out hexBytes
			Label                string
			Length               int
		} `json:"expand_with_label"`
		Derive struct {
			Secret, Out hexBytes
			Label       string
		} `json:"derive_secret"`
		Tree struct {
			Secret, Out hexBytes
			Label       string
			Generation  uint32
			Length      int
		} `json:"derive_tree_secret"`
		Sign struct {
			Priv, Pub, Content, Signature hexBytes
			Label                         string
		} `json:"sign_with_label"`
		Encrypt struct {
			Priv, Pub, Context, Plaintext, Ciphertext hexBytes
			KEM                                       hexBytes `json:"kem_output"`
			Label                                     string
		} `json:"encrypt_with_label"`
	}](t, "crypto-basics.json") {
		same(t, "RefHash", refHash(v.RefHash.Label, v.RefHash.Value), v.RefHash.Out)
		e := v.Expand
		same(t, "ExpandWithLabel", expandWithLabel(e.Secret, e.Label, e.Context, e.Length), e.Out)
		same(t, "DeriveSecret", deriveSecret(v.Derive.Secret, v.Derive.Label), v.Derive.Out)
		d := v.Tree
		same(t, "DeriveTreeSecret", deriveTreeSecret(d.Secret, d.Label, d.Generation, d.Length), d.Out)
		key := ed25519.NewKeyFromSeed(v.Sign.Priv)
		same(t, "SignWithLabel", signWithLabel(key, v.Sign.Label, v.Sign.Content), v.Sign.Signature)
		if err := verifyWithLabel(v.Sign.Pub, v.Sign.Label, v.Sign.Content, v.Sign.Signature); err != nil {
			t.Error(err)
		}
		c := v.Encrypt
		opened := must(decryptWithLabel(c.Priv, c.Label, c.Context, &hpkeCiphertext{c.KEM, c.Ciphertext}))(t)
		same(t, "DecryptWithLabel", opened, c.Plaintext)
		sealed := must(encryptWithLabel((&Config{}).random(), c.Pub, c.Label, c.Context, c.Plaintext))(t)
		same(t, "EncryptWithLabel", must(decryptWithLabel(c.Priv, c.Label, c.Context, &sealed))(t), c.Plaintext)
	}
}

func TestVectorsSecretTree(t *testing.T) {
	type generation struct {
		Generation       uint32
		ApplicationKey   hexBytes `json:"application_key"`
		ApplicationNonce hexBytes `json:"application_nonce"`
		HandshakeKey     hexBytes `json:"handshake_key"`
		HandshakeNonce   hexBytes `json:"handshake_nonce"`
	}
	for _, v := range vectors[struct {
		Encryption hexBytes `json:"encryption_secret"`
		Sender     struct {
			Secret     hexBytes `json:"sender_data_secret"`
			Ciphertext hexBytes
			Key, Nonce hexBytes
		} `json:"sender_data"`
		Leaves [][]generation
	}](t, "secret-tree.json") {
		key := senderDataKey(v.Sender.Secret, v.Sender.Ciphertext)
		same(t, "sender data key", key.key, v.Sender.Key)
		same(t, "sender data nonce", key.nonce, v.Sender.Nonce)
		tree := newSecretTree(fullSize(uint32(len(v.Leaves))), bytes.Clone(v.Encryption))
		for i, generations := range v.Leaves {
			for _, g := range generations {
				pair := tree.leaf(uint32(i))
				for kind, want := range [][2]hexBytes{{g.HandshakeKey, g.HandshakeNonce}, {g.ApplicationKey, g.ApplicationNonce}} {
					key, used, err := pair[kind].find(g.Generation)
					if err != nil {
						t.Fatal(err)
					}
					same(t, "key", key.key, want[0])
					same(t, "nonce", key.nonce, want[1])
					used()
				}
			}
		}
	}
}

func TestVectorsKeySchedule(t *testing.T) {
	type epoch struct {
		TreeHash      hexBytes `json:"tree_hash"`
		Commit        hexBytes `json:"commit_secret"`
		PSK           hexBytes `json:"psk_secret"`
		Confirmed     hexBytes `json:"confirmed_transcript_hash"`
		Context       hexBytes `json:"group_context"`
		Joiner        hexBytes `json:"joiner_secret"`
		Welcome       hexBytes `json:"welcome_secret"`
		Init          hexBytes `json:"init_secret"`
		SenderData    hexBytes `json:"sender_data_secret"`
		Encryption    hexBytes `json:"encryption_secret"`
		ExporterS     hexBytes `json:"exporter_secret"`
		Authenticator hexBytes `json:"epoch_authenticator"`
		External      hexBytes `json:"external_secret"`
		Confirmation  hexBytes `json:"confirmation_key"`
		Membership    hexBytes `json:"membership_key"`
		Resumption    hexBytes `json:"resumption_psk"`
		ExternalPub   hexBytes `json:"external_pub"`
		Exporter      struct {
			Label           string
			Context, Secret hexBytes
			Length          int
		}
	}
	for _, v := range vectors[struct {
		Group  hexBytes `json:"group_id"`
		Init   hexBytes `json:"initial_init_secret"`
		Epochs []epoch
	}](t, "key-schedule.json") {
		init := []byte(v.Init)
		for i, e := range v.Epochs {
			c := groupContext{group: v.Group, epoch: uint64(i), treeHash: e.TreeHash, confirmed: e.Confirmed}
			context := encoded(c.write)
			same(t, "group_context", context, e.Context)
			joiner := joinerSecret(init, e.Commit, context)
			same(t, "joiner_secret", joiner, e.Joiner)
			middle := intermediate(joiner, e.PSK)
			same(t, "welcome_secret", deriveSecret(middle, "welcome"), e.Welcome)
			s := newEpochSecrets(middle, context)
			for name, pair := range map[string][2][]byte{
				"init_secret": {s.init, e.Init}, "sender_data_secret": {s.senderData, e.SenderData},
				"encryption_secret": {s.encryption, e.Encryption}, "exporter_secret": {s.exporter, e.ExporterS},
				"epoch_authenticator": {s.authenticator, e.Authenticator}, "external_secret": {s.external, e.External},
				"confirmation_key": {s.confirmation, e.Confirmation}, "membership_key": {s.membership, e.Membership},
				"resumption_psk": {s.resumption, e.Resumption},
			} {
				same(t, name, pair[0], pair[1])
			}
			_, public := deriveKeyPair(s.external)
			same(t, "external_pub", public, e.ExternalPub)
			same(t, "exporter", s.export(e.Exporter.Label, e.Exporter.Context, e.Exporter.Length), e.Exporter.Secret)
			init = s.init
		}
	}
}

func TestVectorsPSKSecret(t *testing.T) {
	for _, v := range vectors[struct {
		PSKs []struct {
			ID    hexBytes `json:"psk_id"`
			PSK   hexBytes
			Nonce hexBytes `json:"psk_nonce"`
		}
		Secret hexBytes `json:"psk_secret"`
	}](t, "psk_secret.json") {
		var ids []PSKID
		var secrets [][]byte
		for _, p := range v.PSKs {
			ids = append(ids, PSKID{External: true, ID: p.ID, Nonce: p.Nonce})
			secrets = append(secrets, p.PSK)
		}
		same(t, "psk_secret", pskSecret(ids, secrets), v.Secret)
	}
}

func TestVectorsTranscriptHashes(t *testing.T) {
	for _, v := range vectors[struct {
		Key       hexBytes `json:"confirmation_key"`
		Content   hexBytes `json:"authenticated_content"`
		Before    hexBytes `json:"interim_transcript_hash_before"`
		Confirmed hexBytes `json:"confirmed_transcript_hash_after"`
		Interim   hexBytes `json:"interim_transcript_hash_after"`
	}](t, "transcript-hashes.json") {
		a := must(parse(v.Content, MaxCommit, readAuthenticated))(t)
		same(t, "content", encoded(a.write), v.Content)
		same(t, "confirmed", confirmedHash(v.Before, a), v.Confirmed)
		same(t, "interim", interimHash(v.Confirmed, a.tag), v.Interim)
		same(t, "tag", a.tag, mac(v.Key, v.Confirmed))
	}
}

func readAuthenticated(r *reader) *authenticated {
	a := &authenticated{wire: r.u16(), content: readFramedContent(r)}
	a.readAuth(r)
	return a
}

func TestVectorsMessageProtection(t *testing.T) {
	for _, v := range vectors[struct {
		Group           hexBytes `json:"group_id"`
		Epoch           uint64
		TreeHash        hexBytes `json:"tree_hash"`
		Confirmed       hexBytes `json:"confirmed_transcript_hash"`
		SignaturePriv   hexBytes `json:"signature_priv"`
		SignaturePub    hexBytes `json:"signature_pub"`
		Encryption      hexBytes `json:"encryption_secret"`
		SenderData      hexBytes `json:"sender_data_secret"`
		Membership      hexBytes `json:"membership_key"`
		Proposal        hexBytes
		ProposalPriv    hexBytes `json:"proposal_priv"`
		ProposalPub     hexBytes `json:"proposal_pub"`
		Commit          hexBytes
		CommitPriv      hexBytes `json:"commit_priv"`
		CommitPub       hexBytes `json:"commit_pub"`
		Application     hexBytes
		ApplicationPriv hexBytes `json:"application_priv"`
	}](t, "message-protection.json") {
		// A group of two leaves, of which the second sends.
		state := func() *Group {
			tree := newTree(&LeafNode{SignatureKey: []byte{1}})
			if _, err := tree.add(&LeafNode{SignatureKey: v.SignaturePub}); err != nil {
				t.Fatal(err)
			}
			g := &Group{
				config: Config{wider: true}, tree: tree, own: 1, key: ed25519.NewKeyFromSeed(v.SignaturePriv),
				context: groupContext{group: v.Group, epoch: v.Epoch, treeHash: v.TreeHash, confirmed: v.Confirmed},
				secrets: &epochSecrets{senderData: v.SenderData, membership: v.Membership},
				ratchet: newSecretTree(2, bytes.Clone(v.Encryption)),
			}
			g.encoded = encoded(g.context.write)
			return g
		}
		body := func(c *framedContent) []byte { return encoded(c.writeBody) }
		for _, m := range [][2]hexBytes{
			{v.ProposalPriv, v.Proposal}, {v.ProposalPub, v.Proposal}, {v.CommitPriv, v.Commit}, {v.CommitPub, v.Commit},
		} {
			a := must(state().authenticate(m[0]))(t)
			same(t, "handshake", body(&a.content), m[1])
		}
		app := must(state().Open(v.ApplicationPriv))(t)
		same(t, "application", app.Data, v.Application)

		sealed := must(state().Seal(v.Application, []byte("aad"), 300))(t)
		app = must(state().Open(sealed))(t)
		same(t, "own application", app.Data, v.Application)
		g := state()
		for _, raw := range []hexBytes{v.ProposalPub, v.CommitPub} {
			m := must(parseMessage(raw, MaxCommit, wirePublic, readPublicMessage))(t)
			a := &authenticated{wire: wirePublic, content: m.content, tag: m.tag}
			a.sign(g.key, g.encoded)
			same(t, "PublicMessage", newPublicMessage(a, g.secrets.membership, g.encoded), raw)
		}
	}
}

func TestVectorsTreeOperations(t *testing.T) {
	for i, v := range vectors[struct {
		Before     hexBytes `json:"tree_before"`
		Proposal   hexBytes
		Sender     uint32   `json:"proposal_sender"`
		HashBefore hexBytes `json:"tree_hash_before"`
		After      hexBytes `json:"tree_after"`
		HashAfter  hexBytes `json:"tree_hash_after"`
	}](t, "tree-operations.json") {
		tree := must(parse(v.Before, MaxWelcome, readTree))(t)
		same(t, "tree before", encoded(tree.write), v.Before)
		same(t, "hash before", tree.rootHash(), v.HashBefore)
		p := must(parse(v.Proposal, MaxCommit, readProposal))(t)
		same(t, "proposal", encoded(p.write), v.Proposal)
		d := draft{tree: tree.clone()}
		if err := d.apply([]*Proposed{{Proposal: p, Sender: Sender{SenderMember, v.Sender}}}); err != nil {
			t.Fatal(i, err)
		}
		same(t, "tree after", encoded(d.tree.write), v.After)
		same(t, "hash after", d.tree.rootHash(), v.HashAfter)
		same(t, "hash of the tree that was copied", tree.rootHash(), v.HashBefore)
	}
}

func TestVectorsTreeValidation(t *testing.T) {
	for i, v := range vectors[struct {
		Tree        hexBytes
		Group       hexBytes   `json:"group_id"`
		Hashes      []hexBytes `json:"tree_hashes"`
		Resolutions [][]uint32
	}](t, "tree-validation.json") {
		tree := must(parse(v.Tree, MaxWelcome, readTree))(t)
		if len(tree.nodes) != len(v.Hashes) {
			t.Fatalf("%d: %d nodes, not %d", i, len(tree.nodes), len(v.Hashes))
		}
		sizes := tree.resolutionSizes()
		for x := range uint32(len(tree.nodes)) {
			same(t, "hash", tree.hash(x), v.Hashes[x])
			if !slices.Equal(tree.resolution(x), v.Resolutions[x]) || sizes[x] != len(v.Resolutions[x]) {
				t.Errorf("%d: resolution of %d: %d, not %d", i, x, tree.resolution(x), v.Resolutions[x])
			}
		}
		if err := tree.validate(v.Group, nil); err != nil {
			t.Error(i, err)
		}
	}
}

func TestVectorsTreeKEM(t *testing.T) {
	type pathSecret struct {
		Node   uint32
		Secret hexBytes `json:"path_secret"`
	}
	for i, v := range vectors[struct {
		Group     hexBytes `json:"group_id"`
		Epoch     uint64
		Confirmed hexBytes `json:"confirmed_transcript_hash"`
		Tree      hexBytes `json:"ratchet_tree"`
		Leaves    []struct {
			Index      uint32
			Encryption hexBytes     `json:"encryption_priv"`
			Signature  hexBytes     `json:"signature_priv"`
			Secrets    []pathSecret `json:"path_secrets"`
		} `json:"leaves_private"`
		Paths []struct {
			Sender    uint32
			Path      hexBytes   `json:"update_path"`
			Secrets   []hexBytes `json:"path_secrets"`
			Commit    hexBytes   `json:"commit_secret"`
			HashAfter hexBytes   `json:"tree_hash_after"`
		} `json:"update_paths"`
	}](t, "treekem.json") {
		before := must(parse(v.Tree, MaxWelcome, readTree))(t)
		private := map[uint32]map[uint32][]byte{}
		keys := map[uint32]ed25519.PrivateKey{}
		for _, l := range v.Leaves {
			private[l.Index] = map[uint32][]byte{nodeOf(l.Index): l.Encryption}
			keys[l.Index] = ed25519.NewKeyFromSeed(l.Signature)
			for _, s := range l.Secrets {
				k := newPathKeys(bytes.Clone(s.Secret), 1)
				same(t, "key of a node", k.public[0], before.nodes[s.Node].key())
				private[l.Index][s.Node] = k.private[0]
			}
		}
		for j, p := range v.Paths {
			path := must(parse(p.Path, MaxCommit, readUpdatePath))(t)
			g := &Group{
				config: Config{wider: true}, tree: before,
				context: groupContext{group: v.Group, epoch: v.Epoch, confirmed: v.Confirmed},
			}
			d := &draft{tree: before.clone(), committer: p.Sender}
			if err := d.usePath(g, path); err != nil {
				t.Fatal(i, j, err)
			}
			same(t, "hash after", d.tree.rootHash(), p.HashAfter)
			c := groupContext{group: v.Group, epoch: v.Epoch, treeHash: p.HashAfter, confirmed: v.Confirmed}
			for leaf := range private {
				if leaf == p.Sender {
					continue
				}
				_, k, err := d.tree.openPath(private[leaf], leaf, path, d.steps, nil, encoded(c.write))
				if err != nil {
					t.Fatal(i, j, leaf, err)
				}
				same(t, "path_secret", k.secrets[0], p.Secrets[leaf])
				same(t, "commit_secret", k.commit, p.Commit)
			}
			roundTrip(t, before, v.Group, p.Sender, keys[p.Sender], private, c)
		}
	}
}

// roundTrip makes a path of our own by a sender of a vector, which all the others open.
func roundTrip(
	t *testing.T, before *tree, group []byte, sender uint32, key ed25519.PrivateKey, private map[uint32]map[uint32][]byte,
	c groupContext,
) {
	t.Helper()
	g := &Group{tree: before, own: sender, key: key, context: groupContext{group: group}}
	d := &draft{tree: before.clone(), committer: sender}
	_, keys, err := g.newPath(d, &CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.treeHash = d.tree.rootHash()
	context := encoded(c.write)
	if d.path.nodes, err = d.tree.sealPath(g.config.random(), d.steps, keys, nil, context); err != nil {
		t.Fatal(err)
	}
	receiver := &draft{tree: before.clone(), committer: sender}
	if err := receiver.usePath(g, must(parse(encoded(d.path.write), MaxCommit, readUpdatePath))(t)); err != nil {
		t.Fatal(err)
	}
	same(t, "own hash", receiver.tree.rootHash(), c.treeHash)
	for leaf := range private {
		if leaf == sender {
			continue
		}
		_, k, err := receiver.tree.openPath(private[leaf], leaf, receiver.path, receiver.steps, nil, context)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "own commit_secret", k.commit, keys.commit)
	}
}

func TestVectorsWelcome(t *testing.T) {
	for _, v := range vectors[struct {
		Init       hexBytes `json:"init_priv"`
		KeyPackage hexBytes `json:"key_package"`
		Signer     hexBytes `json:"signer_pub"`
		Welcome    hexBytes
	}](t, "welcome.json") {
		j := &Joiner{KeyPackage: must(ParseKeyPackage(v.KeyPackage))(t), init: v.Init}
		w := must(parseMessage(v.Welcome, MaxWelcome, wireWelcome, readWelcome))(t)
		s := must(j.open(w))(t)
		middle := intermediate(s.joiner, must(findPSKs(s.psks, nil, nil, nil))(t))
		key, nonce := welcomeKey(middle)
		info := must(parse(must(open(key, nonce, nil, w.info))(t), MaxWelcome, readGroupInfo))(t)
		if err := verifyWithLabel(v.Signer, "GroupInfoTBS", encoded(info.writeContent), info.signature); err != nil {
			t.Error(err)
		}
		secrets := newEpochSecrets(middle, encoded(info.context.write))
		same(t, "confirmation tag", mac(secrets.confirmation, info.context.confirmed), info.tag)
	}
}

func TestVectorsMessages(t *testing.T) {
	for _, v := range vectors[map[string]hexBytes](t, "messages.json") {
		for name, b := range v {
			again, err := rewritten(name, b)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			same(t, name, again, b)
			for n := range b {
				if _, err := rewritten(name, b[:n]); err == nil {
					t.Errorf("%s: the first %d of %d bytes are accepted", name, n, len(b))
				}
			}
			if _, err := rewritten(name, append(bytes.Clone(b), 0)); err == nil {
				t.Errorf("%s: a byte after the end is accepted", name)
			}
		}
	}
}

// rewritten parses and encodes what messages.json has under a name.
func rewritten(name string, b []byte) ([]byte, error) {
	switch name {
	case "mls_welcome":
		return rewriteMessage(b, wireWelcome, readWelcome, func(v *welcome) func(*writer) {
			return func(w *writer) {
				w.u16(Suite)
				w.nested(func(w *writer) {
					for i := range v.secrets {
						v.secrets[i].write(w)
					}
				})
				w.vec(v.info)
			}
		})
	case "mls_group_info":
		return rewriteMessage(b, wireGroupInfo, readGroupInfo, func(v *groupInfo) func(*writer) { return v.write })
	case "mls_key_package":
		return rewriteMessage(b, wireKeyPackage, readKeyPackage, func(v *KeyPackage) func(*writer) { return v.write })
	case "ratchet_tree":
		return rewrite(b, readTree, func(v *tree) func(*writer) { return v.write })
	case "group_secrets":
		return rewrite(b, readGroupSecrets, func(v *groupSecrets) func(*writer) { return v.write })
	case "commit":
		return rewrite(b, readCommit, func(v *commit) func(*writer) { return v.write })
	case "public_message_application", "public_message_proposal", "public_message_commit":
		return rewriteMessage(b, wirePublic, readPublicMessage, func(v *publicMessage) func(*writer) { return v.write })
	case "private_message":
		return rewriteMessage(b, wirePrivate, readPrivateMessage, func(v *privateMessage) func(*writer) { return v.write })
	}
	kinds := map[string]uint16{
		"add_proposal": ProposalAdd, "update_proposal": ProposalUpdate, "remove_proposal": ProposalRemove,
		"pre_shared_key_proposal": ProposalPreSharedKey, "re_init_proposal": ProposalReInit,
		"external_init_proposal": ProposalExternalInit, "group_context_extensions_proposal": ProposalGroupContextExtensions,
	}
	kind := []byte{0, byte(kinds[name])} // the file has the content of proposals only
	out, err := rewrite(append(kind, b...), readProposal, func(v *Proposal) func(*writer) { return v.write })
	if err != nil {
		return nil, err
	}
	return out[2:], nil
}

func rewrite[T any](b []byte, read func(*reader) T, write func(T) func(*writer)) ([]byte, error) {
	v, err := parse(b, MaxWelcome, read)
	if err != nil {
		return nil, err
	}
	return encoded(write(v)), nil
}

func rewriteMessage[T any](b []byte, wire uint16, read func(*reader) T, write func(T) func(*writer)) ([]byte, error) {
	v, err := parseMessage(b, MaxWelcome, wire, read)
	if err != nil {
		return nil, err
	}
	return message(wire, write(v)), nil
}

type passiveClient struct {
	PSKs []struct {
		ID  hexBytes `json:"psk_id"`
		PSK hexBytes
	} `json:"external_psks"`
	KeyPackage    hexBytes `json:"key_package"`
	Signature     hexBytes `json:"signature_priv"`
	Encryption    hexBytes `json:"encryption_priv"`
	Init          hexBytes `json:"init_priv"`
	Welcome       hexBytes
	Tree          hexBytes `json:"ratchet_tree"`
	Authenticator hexBytes `json:"initial_epoch_authenticator"`
	Epochs        []struct {
		Proposals     []hexBytes
		Commit        hexBytes
		Authenticator hexBytes `json:"epoch_authenticator"`
	}
}

func TestVectorsPassiveClient(t *testing.T) {
	for _, file := range []string{
		"passive-client-welcome.json", "passive-client-handling-commit.json", "passive-client-random.json",
	} {
		t.Run(file, func(t *testing.T) {
			for i, v := range vectors[passiveClient](t, file) {
				v.run(t, i)
			}
		})
	}
}

func (v *passiveClient) run(t *testing.T, number int) {
	t.Helper()
	config := Config{wider: true}
	o := Options{}
	for _, p := range v.PSKs {
		o.PSKs = append(o.PSKs, PSK{p.ID, p.PSK})
	}
	j := &Joiner{
		KeyPackage: must(ParseKeyPackage(v.KeyPackage))(t), config: config, key: ed25519.NewKeyFromSeed(v.Signature),
		init: v.Init, private: v.Encryption,
	}
	g, err := Join(j, v.Welcome, v.Tree, o.PSKs)
	if err != nil {
		t.Fatalf("%d: %v", number, err)
	}
	same(t, "initial authenticator", g.Authenticator(), v.Authenticator)
	for i, e := range v.Epochs {
		for _, p := range e.Proposals {
			if _, _, err := g.Process(p, o); err != nil {
				t.Fatalf("%d, epoch %d: proposal: %v", number, i, err)
			}
		}
		_, next, err := g.Process(e.Commit, o)
		if err != nil {
			t.Fatalf("%d, epoch %d: %v", number, i, err)
		}
		same(t, "authenticator", next.Authenticator(), e.Authenticator)
		g.Close()
		g = next
	}
}
