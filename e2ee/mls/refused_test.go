package mls

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
)

// testdata/refused.json: a group, a key package with its private keys and a Welcome, as in the working group's vectors;
// then messages that a member makes who knows all secrets and breaks one rule. Both implementations read it. Each
// message is for the state after the Welcome. It says which check refuses it ("" if none does), and whether everybody
// sees that.
//
// The file is made by `CONCLAVE_MLS_UPDATE=1 go test -run TestRefusedMessages ./e2ee/mls`.

const refusedFile = "testdata/refused.json"

type refusedCase struct {
	Name      string   `json:"name"`
	Proposals []string `json:"proposals,omitempty"` // processed first, and not refused
	Message   string   `json:"message"`
	Refused   string   `json:"refused"`
	Public    bool     `json:"public"`
}

type refusedData struct {
	About         string            `json:"about"`
	KeyPackage    string            `json:"keyPackage"`
	Signature     string            `json:"signaturePriv"`
	Encryption    string            `json:"encryptionPriv"`
	Init          string            `json:"initPriv"`
	PSK           map[string]string `json:"psk"`
	Welcome       string            `json:"welcome"`
	Authenticator string            `json:"authenticator"`
	Handshakes    []refusedCase     `json:"handshakes"`
	Welcomes      []refusedCase     `json:"welcomes"`
	Application   []refusedCase     `json:"application"`
}

// checkNames are what refused.json calls the errors.
func checkNames() map[string]error {
	return map[string]error{
		"malformed": ErrMalformed, "framing": ErrFraming, "epoch": ErrEpoch, "signature": ErrSignature,
		"membership": ErrMembershipTag, "unsupported": ErrUnsupported, "proposal": ErrProposal,
		"unknown proposal": ErrUnknownProposal, "tree": ErrTree, "parent hash": ErrParentHash, "path": ErrPath,
		"confirmation": ErrConfirmation, "psk": ErrPSK, "welcome": ErrWelcome, "generation": ErrGeneration, "open": ErrOpen,
	}
}

// hostile is a member that makes messages by the rules but for one.
type hostile struct {
	t      *testing.T
	mallet *goParty // leaf 0
	victim *goParty // leaf 3
	data   *refusedData
	joiner *Joiner // a copy of the victim's, from before it joined
	secret []byte  // path secret of the hostile member's last commit
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	mallet, victim := newGoParty("hostile 0"), newGoParty("hostile 3")
	b, c := newGoParty("hostile 1"), newGoParty("hostile 2")
	required := RequiredCapabilities{Extensions: []uint16{0xF0C0}, Credentials: []uint16{CredentialBasic}}
	sender := ExternalSender{publicKey(newGoParty("server").member.Key), Credential{Type: CredentialBasic}}
	must(mallet.create([]byte("refused"), []Extension{
		required.Extension(), ExternalSenders([]ExternalSender{sender}), {0xF0C0, []byte("x")},
	}))(t)
	m := must(mallet.commit(change{adds: [][]byte{must(b.keyPackage())(t), must(c.keyPackage())(t)}, path: true}))(t)
	must(mallet.confirm())(t)
	for i, p := range []*goParty{b, c} {
		must(p.join(m.welcomes[i]))(t)
	}
	for _, p := range []*goParty{b, c} {
		m = must(p.commit(change{path: true}))(t)
		must(p.confirm())(t)
		for _, q := range []*goParty{mallet, b, c} {
			if q != p {
				if _, _, err := q.process(m.commit); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	k := must(victim.keyPackage())(t)
	copied := *victim.joiner
	copied.init, copied.private = bytes.Clone(copied.init), bytes.Clone(copied.private)
	h := &hostile{t: t, mallet: mallet, victim: victim, joiner: &copied}
	h.secret = bytes.Repeat([]byte{3}, hashSize)
	mallet.group.config.Random = io.MultiReader( // for the PSK's nonce and the leaf's key; the path secret; the rest
		io.LimitReader(seeded("nonce and key"), 2*hashSize), bytes.NewReader(h.secret), seeded("the rest"))
	m = must(mallet.commit(change{adds: [][]byte{k}, path: true, psk: true}))(t)
	h.data = &refusedData{
		About: "Made by refused_test.go, which says what it is.", KeyPackage: hex.EncodeToString(k),
		Signature: hex.EncodeToString(victim.member.Key.Seed()), Encryption: hex.EncodeToString(copied.private),
		Init:    hex.EncodeToString(copied.init),
		PSK:     map[string]string{"id": hex.EncodeToString(testPSK().ID), "psk": hex.EncodeToString(testPSK().Secret)},
		Welcome: hex.EncodeToString(m.welcomes[0]),
	}
	must(mallet.confirm())(t)
	must(victim.join(m.welcomes[0]))(t)
	h.data.Authenticator = hex.EncodeToString(victim.group.Authenticator())
	return h
}

// add adds a case of a handshake message, and checks it here.
func (h *hostile) add(name, refused string, message []byte, proposals ...[]byte) {
	h.t.Helper()
	c := refusedCase{Name: name, Message: hex.EncodeToString(message), Refused: refused}
	for _, p := range proposals {
		c.Proposals = append(c.Proposals, hex.EncodeToString(p))
	}
	c.Public = Public(checkNames()[refused])
	h.data.Handshakes = append(h.data.Handshakes, c)
}

// commit is a valid commit of the hostile member, taken apart, changed, and signed and tagged anew. change may say what
// stays unsigned: it returns what is to be done after.
func (h *hostile) commit(o CommitOptions, change func(m *publicMessage) (after func(m *publicMessage))) []byte {
	h.t.Helper()
	o.PSKs = []PSK{testPSK()}
	c := must(h.mallet.group.Commit(o))(h.t)
	return h.forge(c.Message, change)
}

func (h *hostile) forge(b []byte, change func(m *publicMessage) (after func(m *publicMessage))) []byte {
	h.t.Helper()
	g := h.mallet.group
	m := must(parseMessage(bytes.Clone(b), MaxCommit, wirePublic, readPublicMessage))(h.t)
	var after func(m *publicMessage)
	if change != nil {
		after = change(m)
	}
	m.sign(g.key, g.encoded)
	m.membership = m.membershipTag(g.secrets.membership, g.encoded)
	if after != nil {
		after(m)
	}
	return message(wirePublic, m.write)
}

// listed is a commit with a path and these proposals instead of none.
func (h *hostile) listed(list ...*Proposal) []byte {
	return h.commit(CommitOptions{}, func(m *publicMessage) func(*publicMessage) {
		for _, p := range list {
			m.content.commit.proposals = append(m.content.commit.proposals, proposalOrRef{proposal: p})
		}
		return nil
	})
}

// bare is a commit with these proposals and without a path.
func (h *hostile) bare(list ...*Proposal) []byte {
	o := CommitOptions{Adds: []*KeyPackage{h.packaged("bare", func(*KeyPackage) {})}, NoPath: true}
	return h.commit(o, func(m *publicMessage) func(*publicMessage) {
		m.content.commit.proposals = nil
		for _, p := range list {
			m.content.commit.proposals = append(m.content.commit.proposals, proposalOrRef{proposal: p})
		}
		return nil
	})
}

// path is a commit with a path that was changed; sign says whether the leaf is signed anew.
func (h *hostile) path(sign bool, change func(p *updatePath)) []byte {
	return h.commit(CommitOptions{}, func(m *publicMessage) func(*publicMessage) {
		p := m.content.commit.path
		change(p)
		if sign {
			p.leaf.sign(h.mallet.group.key, h.mallet.group.context.group, h.mallet.group.own)
		}
		return nil
	})
}

// packaged is a key package of a new member that was changed and signed anew.
func (h *hostile) packaged(seed string, change func(k *KeyPackage)) *KeyPackage {
	p := newGoParty(seed)
	must(p.keyPackage())(h.t)
	k := p.joiner.KeyPackage
	change(k)
	k.Leaf.sign(p.member.Key, nil, 0)
	k.Signature = signWithLabel(p.member.Key, "KeyPackageTBS", encoded(k.writeContent))
	return k
}

func adding(k *KeyPackage) *Proposal { return &Proposal{Type: ProposalAdd, Add: k} }

func replacing(list ...Extension) *Proposal {
	return &Proposal{Type: ProposalGroupContextExtensions, Extensions: list}
}

func (h *hostile) framing() {
	plain := CommitOptions{}
	set := func(f func(m *publicMessage)) func(m *publicMessage) func(*publicMessage) {
		return func(m *publicMessage) func(*publicMessage) { f(m); return nil }
	}
	later := func(f func(m *publicMessage)) func(m *publicMessage) func(*publicMessage) {
		return func(*publicMessage) func(*publicMessage) { return f }
	}
	h.add("a valid commit with a path", "", h.commit(plain, nil))
	h.add("a valid commit that removes, changes extensions and uses the PSK", "", h.commit(CommitOptions{
		Removes: []uint32{1}, UsePSKs: [][]byte{testPSK().ID}, Extensions: []Extension{{0xF0C0, []byte("new")}},
		AuthenticatedData: []byte("data"),
	}, nil))
	h.add("another group", "framing", h.commit(plain, set(func(m *publicMessage) { m.content.group = []byte("other") })))
	h.add("the epoch before", "epoch", h.commit(plain, set(func(m *publicMessage) { m.content.epoch-- })))
	h.add("the epoch after", "epoch", h.commit(plain, set(func(m *publicMessage) { m.content.epoch++ })))
	h.add("a leaf that does not exist", "framing",
		h.commit(plain, set(func(m *publicMessage) { m.content.sender.Index = 9 })))
	h.add("another member as the sender", "signature",
		h.commit(plain, set(func(m *publicMessage) { m.content.sender.Index = 1 })))
	h.add("a signature changed", "signature", h.commit(plain, later(func(m *publicMessage) {
		m.signature[3] ^= 1
		m.membership = m.membershipTag(h.mallet.group.secrets.membership, h.mallet.group.encoded)
	})))
	h.add("a signature by a key of a PrivateMessage", "signature", h.commit(plain, later(func(m *publicMessage) {
		a := m.authenticated
		a.wire = wirePrivate
		a.sign(h.mallet.group.key, h.mallet.group.encoded)
		m.signature = a.signature
		m.membership = m.membershipTag(h.mallet.group.secrets.membership, h.mallet.group.encoded)
	})))
	h.add("a membership tag changed", "membership",
		h.commit(plain, later(func(m *publicMessage) { m.membership[31] ^= 1 })))
	h.add("a confirmation tag changed", "confirmation", h.commit(plain, set(func(m *publicMessage) { m.tag[0] ^= 1 })))
	h.add("authenticated data changed", "confirmation", h.commit(plain, set(func(m *publicMessage) {
		m.content.authenticated = []byte("later")
	})))
	h.add("a commit by an external sender", "framing", h.commit(plain, set(func(m *publicMessage) {
		m.content.sender = Sender{SenderExternal, 0}
	})))
	h.add("an external commit", "unsupported", h.commit(plain, set(func(m *publicMessage) {
		m.content.sender = Sender{Type: SenderNewMemberCommit}
	})))
	h.add("application data in a PublicMessage", "framing", h.commit(plain, set(func(m *publicMessage) {
		m.content.kind, m.content.application = ContentApplication, []byte("hello")
	})))
	h.add("a byte after the end", "malformed", append(h.commit(plain, nil), 0))
	server, stranger := newGoParty("server").member.Key, newGoParty("stranger").member.Key
	epoch, group := h.mallet.group.Epoch(), h.mallet.group.ID()
	remove := &Proposal{Type: ProposalRemove, Remove: 1}
	h.add("a proposal by the external sender", "", ExternalProposal(server, 0, group, epoch, remove, nil))
	h.add("an external sender that does not exist", "framing", ExternalProposal(server, 1, group, epoch, remove, nil))
	h.add("an external sender's proposal by another key", "signature",
		ExternalProposal(stranger, 0, group, epoch, remove, nil))
	h.add("an external sender's proposal of another epoch", "epoch",
		ExternalProposal(server, 0, group, epoch-1, remove, nil))
	h.add("a proposal by one who wants to be added", "unsupported", func() []byte {
		k := h.packaged("wants", func(*KeyPackage) {})
		m := publicMessage{authenticated: authenticated{wire: wirePublic, content: framedContent{
			group: group, epoch: epoch, sender: Sender{Type: SenderNewMemberProposal},
			kind: ContentProposal, proposal: adding(k),
		}}}
		m.sign(newGoParty("wants").member.Key, nil)
		return message(wirePublic, m.write)
	}())
}

func (h *hostile) proposals() {
	remove := func(leaf uint32) *Proposal { return &Proposal{Type: ProposalRemove, Remove: leaf} }
	h.add("neither proposals nor a path", "proposal", h.bare())
	h.add("a removal without a path", "proposal", h.bare(remove(1)))
	h.add("extensions without a path", "proposal", h.bare(replacing()))
	h.add("the committer removed", "proposal", h.listed(remove(0)))
	h.add("a blank leaf removed", "proposal", h.listed(remove(5)))
	h.add("a leaf outside the tree removed", "proposal", h.listed(remove(1<<31)))
	h.add("a leaf removed twice", "proposal", h.listed(remove(1), remove(1)))
	leaf := *h.mallet.group.Leaf(0)
	leaf.Source = SourceUpdate
	h.add("an Update", "unsupported", h.listed(&Proposal{Type: ProposalUpdate, Update: &leaf}))
	reinit := &Proposal{Type: ProposalReInit}
	reinit.reinit.group, reinit.reinit.version, reinit.reinit.suite = []byte("next"), Version, Suite
	h.add("a ReInit", "unsupported", h.listed(reinit))
	h.add("an ExternalInit", "unsupported", h.listed(&Proposal{Type: ProposalExternalInit, kem: make([]byte, publicSize)}))
	h.add("a resumption PSK", "unsupported", h.listed(&Proposal{Type: ProposalPreSharedKey, PSK: PSKID{
		usage: usageApplication, group: h.mallet.group.ID(), epoch: 1, Nonce: make([]byte, hashSize),
	}}))
	h.add("an unknown proposal type", "malformed", h.listed(&Proposal{Type: 0x0A0A}))
	psk := func(id string, nonce int) *Proposal {
		return &Proposal{Type: ProposalPreSharedKey, PSK: PSKID{External: true, ID: []byte(id), Nonce: make([]byte, nonce)}}
	}
	h.add("a PSK twice", "proposal", h.listed(psk("link", hashSize), psk("link", hashSize)))
	h.add("a PSK with a short nonce", "proposal", h.listed(psk("link", hashSize-1)))
	h.add("a PSK that this member does not know", "psk", h.listed(psk("other", hashSize)))
	h.add("a reference to nothing", "unknown proposal",
		h.commit(CommitOptions{}, func(m *publicMessage) func(*publicMessage) {
			m.content.commit.proposals = []proposalOrRef{{ref: make([]byte, hashSize)}}
			return nil
		}))
	required := h.mallet.group.Extensions()[0]
	h.add("extensions twice", "proposal", h.listed(replacing(required), replacing(required)))
	h.add("an extension that not all support", "tree", h.listed(replacing(required, Extension{0xF0FF, nil})))
	more := RequiredCapabilities{Extensions: []uint16{0xF0FF}}
	h.add("an extension required that not all support", "tree", h.listed(replacing(more.Extension())))
	more = RequiredCapabilities{Proposals: []uint16{0xF0FF}}
	h.add("a proposal type required that not all support", "tree", h.listed(replacing(more.Extension())))
	more = RequiredCapabilities{Credentials: []uint16{CredentialX509}}
	h.add("a credential type required that not all support", "tree", h.listed(replacing(more.Extension())))
	h.add("required capabilities that end early", "malformed",
		h.listed(replacing(Extension{ExtRequiredCapabilities, []byte{0}})))
	small := ExternalSenders([]ExternalSender{{append([]byte{1}, make([]byte, 31)...), Credential{Type: CredentialBasic}}})
	h.add("an external sender whose key is of small order", "signature", h.listed(replacing(required, small)))
}

func (h *hostile) adds() {
	changed := func(name, refused string, change func(k *KeyPackage)) {
		h.t.Helper()
		h.add("added: "+name, refused, h.bare(adding(h.packaged("new", change))))
	}
	low := append([]byte{1}, make([]byte, 31)...)
	changed("a leaf of another source", "tree", func(k *KeyPackage) { k.Leaf.Source = SourceUpdate })
	changed("one key for both", "tree", func(k *KeyPackage) { k.InitKey = k.Leaf.EncryptionKey })
	changed("an encryption key of low order", "tree", func(k *KeyPackage) { k.Leaf.EncryptionKey = low })
	changed("an init key of low order", "tree", func(k *KeyPackage) { k.InitKey = low })
	changed("a signature key of small order", "signature", func(k *KeyPackage) { k.Leaf.SignatureKey = low })
	changed("another version", "tree", func(k *KeyPackage) { k.version = 2 })
	changed("another suite", "tree", func(k *KeyPackage) { k.suite = 3 })
	changed("a required extension not supported", "tree", func(k *KeyPackage) { k.Leaf.Capabilities.Extensions = nil })
	changed("this version not supported", "tree", func(k *KeyPackage) { k.Leaf.Capabilities.Versions = []uint16{2} })
	changed("this suite not supported", "tree", func(k *KeyPackage) { k.Leaf.Capabilities.Suites = []uint16{2} })
	changed("its own credential not supported", "tree",
		func(k *KeyPackage) { k.Leaf.Capabilities.Credentials = []uint16{2} })
	changed("its own extension not supported", "tree",
		func(k *KeyPackage) { k.Leaf.Extensions = []Extension{{0xF0FE, nil}} })
	changed("an extension twice", "malformed", func(k *KeyPackage) {
		k.Leaf.Extensions = []Extension{{0xF0C1, nil}, {0xF0C1, nil}}
	})
	changed("a credential of another type than the others support", "tree", func(k *KeyPackage) {
		k.Leaf.Credential.Type, k.Leaf.Capabilities.Credentials = CredentialX509, []uint16{1, 2}
	})
	changed("an encryption key that is in the tree", "tree", func(k *KeyPackage) {
		k.Leaf.EncryptionKey = h.mallet.group.Leaf(1).EncryptionKey
	})
	k := h.packaged("new", func(*KeyPackage) {})
	k.Signature[0] ^= 1
	h.add("added: a signature changed", "signature", h.bare(adding(k)))
	k = h.packaged("new", func(*KeyPackage) {})
	k.Leaf.Signature[0] ^= 1
	k.Signature = signWithLabel(newGoParty("new").member.Key, "KeyPackageTBS", encoded(k.writeContent))
	h.add("added: a signature of the leaf changed", "signature", h.bare(adding(k)))
	k, other := h.packaged("new", func(*KeyPackage) {}), h.packaged("new", func(k *KeyPackage) {
		k.Leaf.EncryptionKey = publicOf(bytes.Repeat([]byte{77}, publicSize))
	})
	h.add("added: one signature key twice", "tree", h.bare(adding(k), adding(other)))
	h.add("added: a signature key that is in the group", "tree",
		h.bare(adding(h.packaged("hostile 1", func(k *KeyPackage) {
			k.Leaf.EncryptionKey = publicOf(bytes.Repeat([]byte{78}, publicSize))
		}))))
	grease := h.packaged("grease", func(k *KeyPackage) {
		k.Leaf.Capabilities = Capabilities{
			Versions: []uint16{Version, 0x1A1A}, Suites: []uint16{0x2A2A, Suite},
			Extensions: []uint16{0xF0C0, 0xF0C1, 0x3A3A, 0xF0C2},
			Proposals:  []uint16{0x4A4A}, Credentials: []uint16{0x5A5A, CredentialBasic},
		}
		k.Extensions = []Extension{{0x6A6A, []byte("grease")}}
		k.Leaf.Extensions = []Extension{{0x3A3A, []byte("grease")}}
	})
	h.add("added: unknown values everywhere (GREASE)", "", h.commit(CommitOptions{Adds: []*KeyPackage{grease}}, nil))
}

func (h *hostile) paths() {
	g := h.mallet.group
	low := append([]byte{1}, make([]byte, 31)...)
	h.add("path: a node less", "tree", h.path(false, func(p *updatePath) { p.nodes = p.nodes[:1] }))
	h.add("path: a node more", "tree", h.path(false, func(p *updatePath) { p.nodes = append(p.nodes, p.nodes[0]) }))
	h.add("path: a recipient less", "tree", h.path(false, func(p *updatePath) { p.nodes[0].secrets = nil }))
	h.add("path: a recipient more", "tree", h.path(false, func(p *updatePath) {
		p.nodes[1].secrets = append(p.nodes[1].secrets, p.nodes[1].secrets[0])
	}))
	h.add("path: a key of low order", "tree", h.path(false, func(p *updatePath) { p.nodes[1].key = low }))
	h.add("path: one key twice", "tree", h.path(false, func(p *updatePath) { p.nodes[1].key = p.nodes[0].key }))
	h.add("path: a key that is in the tree", "tree",
		h.path(false, func(p *updatePath) { p.nodes[1].key = g.Leaf(2).EncryptionKey }))
	h.add("path: the key that the node has", "tree",
		h.path(false, func(p *updatePath) { p.nodes[1].key = g.tree.nodes[3].key() }))
	h.add("path: the key that the leaf has", "tree", h.path(true, func(p *updatePath) {
		p.leaf.EncryptionKey = g.Leaf(0).EncryptionKey
	}))
	h.add("path: another key of a node", "parent hash", h.path(false, func(p *updatePath) {
		p.nodes[1].key = publicOf(bytes.Repeat([]byte{79}, publicSize))
	}))
	random := g.config.Random // the leaf's key is new, the path secret is not
	g.config.Random = io.MultiReader(io.LimitReader(seeded("key"), hashSize), bytes.NewReader(h.secret), random)
	h.add("path: the keys that all nodes had", "tree", h.commit(CommitOptions{}, nil))
	g.config.Random = random
	h.add("path: another parent hash", "parent hash", h.path(true, func(p *updatePath) { p.leaf.ParentHash[0] ^= 1 }))
	h.add("path: no parent hash", "parent hash", h.path(true, func(p *updatePath) { p.leaf.ParentHash = nil }))
	h.add("path: a leaf of another source", "tree", h.path(true, func(p *updatePath) { p.leaf.Source = SourceKeyPackage }))
	h.add("path: a leaf's signature changed", "signature", h.path(false, func(p *updatePath) { p.leaf.Signature[0] ^= 1 }))
	h.add("path: a leaf signed for another place", "signature", h.path(false, func(p *updatePath) {
		p.leaf.sign(g.key, g.context.group, 1)
	}))
	h.add("path: a leaf signed for another group", "signature", h.path(false, func(p *updatePath) {
		p.leaf.sign(g.key, []byte("other"), 0)
	}))
	h.add("path: another signature key", "unsupported", h.path(false, func(p *updatePath) {
		other := newGoParty("other").member.Key
		p.leaf.SignatureKey = publicKey(other)
		p.leaf.sign(other, g.context.group, 0)
	}))
	h.add("path: a leaf that does not support what the group requires", "tree", h.path(true, func(p *updatePath) {
		p.leaf.Capabilities.Extensions = nil
	}))
	h.add("path: a secret that does not open", "path",
		h.path(false, func(p *updatePath) { p.nodes[1].secrets[1].ciphertext[0] ^= 1 }))
	h.add("path: a secret with an enc of low order", "path", h.path(false, func(p *updatePath) {
		for i := range p.nodes[1].secrets {
			p.nodes[1].secrets[i].enc = low
		}
	}))
	h.add("path: a secret that gives other keys", "path", h.resealed(make([]byte, hashSize)))
	h.add("path: a secret of another length", "path", h.resealed(make([]byte, hashSize+1)))
}

// resealed is a commit with a path whose secret for the victim is another one, sealed as it should be.
func (h *hostile) resealed(secret []byte) []byte {
	g := h.mallet.group
	return h.commit(CommitOptions{}, func(m *publicMessage) func(*publicMessage) {
		d := must(g.draft(m.content.sender, nil, nil))(h.t)
		p := m.content.commit.path
		if err := d.usePath(g, p); err != nil {
			h.t.Fatal(err)
		}
		c := g.context
		c.epoch, c.treeHash = c.epoch+1, d.tree.rootHash()
		for i, x := range d.tree.recipients(d.steps[1], nil) {
			s, err := encryptWithLabel(seeded("resealed"), d.tree.nodes[x].key(), "UpdatePathNode", encoded(c.write), secret)
			if err != nil {
				h.t.Fatal(err)
			}
			p.nodes[1].secrets[i] = s
		}
		return nil
	})
}

// addWelcome adds a Welcome with a GroupInfo that was changed, and signed anew unless the change says no.
func (h *hostile) addWelcome(name, refused string, change func(i *groupInfo, t *tree, s *groupSecrets) (sign bool)) {
	h.t.Helper()
	b := must(hex.DecodeString(h.data.Welcome))(h.t)
	w := must(parseMessage(b, MaxWelcome, wireWelcome, readWelcome))(h.t)
	secrets := must(h.joiner.open(w))(h.t)
	psk := must(findPSKs(secrets.psks, []PSK{testPSK()}, nil, nil))(h.t)
	key, nonce := welcomeKey(intermediate(secrets.joiner, psk))
	info := must(parse(must(open(key, nonce, nil, w.info))(h.t), MaxWelcome, readGroupInfo))(h.t)
	tree := must(parse(bytes.Clone(info.extensions[0].Data), MaxWelcome, readTree))(h.t)
	hash := tree.rootHash()
	sign := change(info, tree, secrets)
	if len(info.extensions) > 0 {
		info.extensions[0].Data = encoded(tree.write)
	}
	for i := range tree.hashes {
		tree.hashes[i] = nil
	}
	if after := tree.rootHash(); !bytes.Equal(hash, after) && bytes.Equal(info.context.treeHash, hash) {
		info.context.treeHash = after
	}
	if sign {
		info.signature = signWithLabel(h.mallet.group.key, "GroupInfoTBS", encoded(info.writeContent))
	}
	key, nonce = welcomeKey(intermediate(secrets.joiner, psk))
	sealed := seal(key, nonce, nil, encoded(info.write))
	k := h.joiner.KeyPackage
	c := must(encryptWithLabel(seeded("welcome"), k.InitKey, "Welcome", sealed, encoded(secrets.write)))(h.t)
	e := joinerEntry{k.Ref(), c}
	h.data.Welcomes = append(h.data.Welcomes, refusedCase{
		Name: name, Refused: refused, Message: hex.EncodeToString(JoinWelcome(encoded(e.write), sealed)),
	})
}

func (h *hostile) welcomes() {
	type info = groupInfo
	in := func(f func(i *info)) func(*info, *tree, *groupSecrets) bool {
		return func(i *info, _ *tree, _ *groupSecrets) bool { f(i); return true }
	}
	of := func(f func(t *tree)) func(*info, *tree, *groupSecrets) bool {
		return func(_ *info, t *tree, _ *groupSecrets) bool { f(t); return true }
	}
	// The hostile member's own leaf, signed anew.
	own := func(t *tree, change func(l *LeafNode)) {
		l := *t.leaf(0)
		change(&l)
		l.sign(h.mallet.group.key, []byte("refused"), 0)
		t.nodes[0].leaf = &l
	}
	h.addWelcome("a valid one", "", in(func(*info) {}))
	h.addWelcome("another member as the signer", "signature", in(func(i *info) { i.signer = 1 }))
	h.addWelcome("a signer that does not exist", "welcome", in(func(i *info) { i.signer = 900 }))
	h.addWelcome("a signature changed", "signature", func(i *info, _ *tree, _ *groupSecrets) bool {
		i.signature[0] ^= 1
		return false
	})
	h.addWelcome("another epoch", "confirmation", in(func(i *info) { i.context.epoch++ }))
	h.addWelcome("a confirmation tag changed", "confirmation", in(func(i *info) { i.tag[0] ^= 1 }))
	h.addWelcome("another hash of the tree", "tree", in(func(i *info) { i.context.treeHash = make([]byte, hashSize) }))
	h.addWelcome("no tree", "welcome", in(func(i *info) { i.extensions = nil }))
	h.addWelcome("an extension of the group that not all support", "tree", in(func(i *info) {
		i.context.extensions = append(i.context.extensions, Extension{0xF0FF, nil})
	}))
	h.addWelcome("a path secret that gives other keys", "welcome", func(_ *info, _ *tree, s *groupSecrets) bool {
		s.path[0] ^= 1
		return true
	})
	h.addWelcome("another joiner secret", "welcome", func(_ *info, _ *tree, s *groupSecrets) bool {
		s.joiner = bytes.Clone(s.joiner) // the GroupInfo stays sealed under the right one
		s.psks = nil
		return true
	})
	h.addWelcome("a PSK that is not known", "psk", func(_ *info, _ *tree, s *groupSecrets) bool {
		s.psks[0].ID = []byte("other")
		return true
	})
	h.addWelcome("a leaf's signature changed", "signature", of(func(t *tree) {
		l := *t.leaf(1)
		l.Signature = bytes.Clone(l.Signature)
		l.Signature[0] ^= 1
		t.nodes[2].leaf = &l
		relink(t)
	}))
	h.addWelcome("a parent hash changed", "parent hash", of(func(t *tree) {
		own(t, func(l *LeafNode) { l.ParentHash = make([]byte, hashSize) })
	}))
	h.addWelcome("a parent that no member below set", "parent hash", of(func(t *tree) {
		t.nodes[5].parent = &parentNode{key: publicOf(bytes.Repeat([]byte{80}, publicSize)), unmerged: []uint32{3}}
	}))
	h.addWelcome("an unmerged leaf that is blank", "tree", of(func(t *tree) {
		p := *t.nodes[3].parent
		p.unmerged = []uint32{9}
		t.nodes[3].parent = &p
	}))
	h.addWelcome("an unmerged leaf of another branch", "tree", of(func(t *tree) {
		p := *t.nodes[1].parent
		p.unmerged = []uint32{3}
		t.nodes[1].parent = &p
	}))
	h.addWelcome("unmerged leaves twice", "tree", of(func(t *tree) {
		p := *t.nodes[3].parent
		p.unmerged = []uint32{3, 3}
		t.nodes[3].parent = &p
	}))
	h.addWelcome("a leaf that is unmerged above and merged below", "tree", of(func(t *tree) {
		p := *t.nodes[3].parent
		p.unmerged = []uint32{1}
		t.nodes[3].parent = &p
	}))
	h.addWelcome("one encryption key twice", "tree", of(func(t *tree) {
		own(t, func(l *LeafNode) { l.EncryptionKey = t.leaf(1).EncryptionKey })
		relink(t)
	}))
	h.addWelcome("one signature key twice", "tree", of(func(t *tree) {
		l := *t.leaf(1)
		l.SignatureKey = publicKey(h.mallet.group.key)
		l.sign(h.mallet.group.key, []byte("refused"), 1)
		t.nodes[2].leaf = &l
		relink(t)
	}))
	h.addWelcome("a parent's key of low order", "tree", of(func(t *tree) {
		p := *t.nodes[3].parent
		p.key = append([]byte{1}, make([]byte, 31)...)
		t.nodes[3].parent = &p
	}))
	h.addWelcome("a leaf that does not support what the group requires", "tree", of(func(t *tree) {
		own(t, func(l *LeafNode) { l.Capabilities.Extensions = nil })
		relink(t)
	}))
	h.addWelcome("another leaf in the joiner's place", "welcome", of(func(t *tree) {
		p := newGoParty("place")
		must(p.keyPackage())(h.t)
		t.nodes[6].leaf = p.joiner.KeyPackage.Leaf
		relink(t)
	}))
	h.addWelcome("the joiner's leaf from another key package", "welcome", of(func(t *tree) {
		p := newGoParty("hostile 3")
		must(p.keyPackage())(h.t)
		must(p.keyPackage())(h.t)
		t.nodes[6].leaf = p.joiner.KeyPackage.Leaf
		relink(t)
	}))
	h.addWelcome("a leaf where a parent belongs", "malformed", of(func(t *tree) { t.nodes[1] = t.nodes[0] }))
	h.addWelcome("a tree that ends with a blank node", "malformed", func(i *info, t *tree, _ *groupSecrets) bool {
		blank := encoded(func(w *writer) {
			w.nested(func(w *writer) {
				for _, n := range t.nodes {
					n.write(w)
				}
				node{}.write(w)
			})
		})
		i.extensions = []Extension{{0x0A0A, nil}, {ExtRatchetTree, blank}}
		return true
	})
}

// relink leaves the parents of a tree out, so that no parent hash has to fit: a blank tree is valid.
func relink(t *tree) {
	for x := 1; x < len(t.nodes); x += 2 {
		t.nodes[x] = node{}
	}
}

func (h *hostile) application() {
	g := h.mallet.group
	sealed := func(change func(a *authenticated, m *privateMessage, d *senderData) (padding []byte)) []byte {
		a := &authenticated{wire: wirePrivate, content: framedContent{
			group: g.context.group, epoch: g.context.epoch, sender: Sender{SenderMember, 0}, kind: ContentApplication,
			application: []byte("hello"),
		}}
		m := &privateMessage{group: g.context.group, epoch: g.context.epoch, kind: ContentApplication}
		d := &senderData{}
		a.sign(g.key, g.encoded)
		padding := change(a, m, d)
		r := ratchet{secret: bytes.Clone(h.victim.group.ratchet.leaf(0)[ratchetApplication].secret)}
		for r.next < d.generation {
			r.advance()
		}
		key := r.current()
		plain := append(encoded(func(w *writer) { a.content.writeBody(w); a.writeAuth(w) }), padding...)
		m.ciphertext = seal(key.key, guarded(key.nonce, d.guard), m.aad(), plain)
		m.sealSender(g.secrets.senderData, d)
		return message(wirePrivate, m.write)
	}
	type auth = authenticated
	add := func(name, refused string, b []byte) {
		c := refusedCase{Name: name, Refused: refused, Message: hex.EncodeToString(b)}
		h.data.Application = append(h.data.Application, c)
	}
	add("a valid one", "", sealed(func(*auth, *privateMessage, *senderData) []byte { return make([]byte, 7) }))
	add("1,000 generations ahead", "", sealed(func(_ *auth, _ *privateMessage, d *senderData) []byte {
		d.generation = MaxSkip
		return nil
	}))
	add("1,001 generations ahead", "generation", sealed(func(_ *auth, _ *privateMessage, d *senderData) []byte {
		d.generation = MaxSkip + 1
		return nil
	}))
	add("padding that is not zero", "malformed",
		sealed(func(*auth, *privateMessage, *senderData) []byte { return []byte{0, 1} }))
	add("a signature changed", "signature", sealed(func(a *auth, _ *privateMessage, _ *senderData) []byte {
		a.signature[5] ^= 1
		return nil
	}))
	add("signed without the group's context", "signature", sealed(func(a *auth, _ *privateMessage, _ *senderData) []byte {
		a.sign(g.key, nil)
		return nil
	}))
	add("a sender that does not exist", "framing", sealed(func(_ *auth, _ *privateMessage, d *senderData) []byte {
		d.leaf = 7
		return nil
	}))
	add("another member as the sender", "open", sealed(func(_ *auth, _ *privateMessage, d *senderData) []byte {
		d.leaf = 1
		return nil
	}))
	add("another epoch", "epoch", sealed(func(_ *auth, m *privateMessage, _ *senderData) []byte { m.epoch++; return nil }))
	add("another group", "framing", sealed(func(_ *auth, m *privateMessage, _ *senderData) []byte {
		m.group = []byte("other")
		return nil
	}))
	add("a handshake", "framing", sealed(func(_ *auth, m *privateMessage, _ *senderData) []byte {
		m.kind = ContentProposal
		return nil
	}))
}

func TestRefusedMessages(t *testing.T) {
	h := newHostile(t)
	h.framing()
	h.proposals()
	h.adds()
	h.paths()
	h.welcomes()
	h.application()
	made := must(json.MarshalIndent(h.data, "", " "))(t)
	if os.Getenv("CONCLAVE_MLS_UPDATE") != "" {
		if err := os.WriteFile(refusedFile, append(made, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := must(os.ReadFile(refusedFile))(t)
	if !bytes.Equal(bytes.TrimSpace(file), made) {
		t.Errorf("%s is not what this test makes: set CONCLAVE_MLS_UPDATE=1 to write it", refusedFile)
	}
	var data refusedData
	if err := json.Unmarshal(file, &data); err != nil {
		t.Fatal(err)
	}
	data.check(t)
}

// check reads the file as another implementation would.
func (d *refusedData) check(t *testing.T) {
	t.Helper()
	un := func(s string) []byte { return must(hex.DecodeString(s))(t) }
	psks := []PSK{{un(d.PSK["id"]), un(d.PSK["psk"])}}
	join := func(welcome string) (*Group, error) {
		j := &Joiner{
			KeyPackage: must(ParseKeyPackage(un(d.KeyPackage)))(t), key: newGoParty("hostile 3").member.Key,
			init: un(d.Init), private: un(d.Encryption),
		}
		return Join(j, un(welcome), nil, psks)
	}
	g := must(join(d.Welcome))(t)
	same(t, "authenticator", g.Authenticator(), un(d.Authenticator))
	expect := func(c refusedCase, err error) {
		t.Helper()
		want := checkNames()[c.Refused]
		if c.Refused != "" && want == nil {
			t.Fatalf("%s: no check is called %q", c.Name, c.Refused)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: want %q, got %v", c.Name, c.Refused, err)
		}
	}
	for _, c := range d.Handshakes {
		_, _, err := g.Process(un(c.Message), Options{PSKs: psks})
		expect(c, err)
		if err != nil && Public(err) != c.Public {
			t.Errorf("%s: public %v", c.Name, Public(err))
		}
	}
	for _, c := range d.Welcomes {
		_, err := join(c.Message)
		expect(c, err)
	}
	for _, c := range d.Application {
		g := must(join(d.Welcome))(t)
		_, err := g.Open(un(c.Message))
		expect(c, err)
		if _, err = g.Open(un(c.Message)); c.Refused == "" && !errors.Is(err, ErrGeneration) {
			t.Errorf("%s: opened twice: %v", c.Name, err)
		}
	}
	// After all of this the state is as it was.
	if _, _, err := g.Process(un(d.Handshakes[0].Message), Options{PSKs: psks}); err != nil {
		t.Error(err)
	}
	t.Logf("%d handshakes, %d Welcomes, %d application messages", len(d.Handshakes), len(d.Welcomes), len(d.Application))
}
