package mls

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// party is one member of a group in a test, in whatever language: what interop.md describes.
type party interface {
	keyPackage() ([]byte, error) // new keys each time; for another stay in the group, the same signature key
	create(group []byte, extensions []Extension) (state, error)
	join(welcome []byte) (state, error)
	commit(c change) (made, error)
	confirm() (state, error)
	discard() error
	propose(add []byte, remove uint32) ([]byte, error) // add is nil: remove
	process(message []byte) (s state, removed bool, err error)
	export(label string, context []byte, n int) ([]byte, error)
	seal(data, authenticatedData []byte) ([]byte, error)
	open(message []byte) (*Application, error)
	forget() error
}

// state is what members of a group must agree on, except for the leaf.
type state struct {
	Epoch         uint64
	Leaf          uint32
	Members       int
	Authenticator []byte
	TreeHash      []byte
}

func (s state) agrees(o state) bool {
	return s.Epoch == o.Epoch && s.Members == o.Members &&
		bytes.Equal(s.Authenticator, o.Authenticator) && bytes.Equal(s.TreeHash, o.TreeHash)
}

// change is what a commit is to do.
type change struct {
	adds       [][]byte
	removes    []uint32
	psk        bool // mix testPSK in
	extensions []Extension
	references bool
	path       bool
	data       []byte
}

type made struct {
	commit   []byte
	welcomes [][]byte
}

func testPSK() PSK { return PSK{ID: []byte("link"), Secret: bytes.Repeat([]byte{7}, 32)} }

// testExtensions are types that all leaves of tests support.
func testExtensions() []uint16 { return []uint16{0xF0C0, 0xF0C1, 0xF0C2} }

// seeded is randomness that is the same each time.
func seeded(seed string) io.Reader { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

// goParty is a member in this process.
type goParty struct {
	config  Config
	member  Member
	joiner  *Joiner
	group   *Group
	pending *Commit
}

func newGoParty(seed string) *goParty {
	source := seeded(seed)
	key := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(source, key); err != nil {
		panic(err)
	}
	return &goParty{config: Config{Random: source}, member: Member{
		Key:          ed25519.NewKeyFromSeed(key),
		Credential:   Credential{Type: CredentialBasic, Identity: []byte(seed)},
		Capabilities: DefaultCapabilities(testExtensions()...),
	}}
}

func (p *goParty) keyPackage() ([]byte, error) {
	j, err := NewJoiner(p.config, p.member, nil, nil)
	if err != nil {
		return nil, err
	}
	p.joiner = j
	return j.KeyPackage.Message(), nil
}

func (p *goParty) state() state {
	g := p.group
	return state{g.Epoch(), g.Own(), g.Members(), g.Authenticator(), g.TreeHash()}
}

func (p *goParty) create(group []byte, extensions []Extension) (s state, err error) {
	if p.group, err = Create(p.config, p.member, group, extensions); err != nil {
		return s, err
	}
	return p.state(), nil
}

func (p *goParty) join(welcome []byte) (s state, err error) {
	g, err := Join(p.joiner, welcome, nil, []PSK{testPSK()})
	if err != nil {
		return s, err
	}
	if p.group != nil {
		p.group.Close()
	}
	p.group, p.joiner = g, nil
	return p.state(), nil
}

func (p *goParty) commit(c change) (m made, err error) {
	o := CommitOptions{
		Options: Options{PSKs: []PSK{testPSK()}}, Extensions: c.extensions, Removes: c.removes, NoPath: !c.path,
		AuthenticatedData: c.data,
	}
	for _, b := range c.adds {
		k, err := ParseKeyPackage(b)
		if err != nil {
			return m, err
		}
		o.Adds = append(o.Adds, k)
	}
	if c.psk {
		o.UsePSKs = [][]byte{testPSK().ID}
	}
	if c.references {
		for _, k := range p.group.Kept() {
			o.ByReference = append(o.ByReference, k.Reference)
		}
	}
	if p.pending, err = p.group.Commit(o); err != nil {
		return m, err
	}
	m.commit = p.pending.Message
	if w := p.pending.Welcome; w != nil {
		for i := range w.Secrets {
			m.welcomes = append(m.welcomes, w.For(i))
		}
	}
	return m, nil
}

func (p *goParty) confirm() (state, error) {
	if p.pending == nil {
		return state{}, errors.New("no commit waits")
	}
	p.group.Close()
	p.group, p.pending = p.pending.Next, nil
	return p.state(), nil
}

func (p *goParty) discard() error {
	p.pending.Next.Close()
	p.pending = nil
	return nil
}

func (p *goParty) propose(add []byte, remove uint32) ([]byte, error) {
	proposal := &Proposal{Type: ProposalRemove, Remove: remove}
	if add != nil {
		k, err := ParseKeyPackage(add)
		if err != nil {
			return nil, err
		}
		proposal = &Proposal{Type: ProposalAdd, Add: k}
	}
	b, _, err := p.group.Propose(proposal, nil)
	return b, err
}

func (p *goParty) process(message []byte) (s state, removed bool, err error) {
	in, next, err := p.group.Process(message, Options{PSKs: []PSK{testPSK()}})
	if errors.Is(err, ErrRemoved) {
		return s, true, nil
	}
	if err != nil {
		return s, false, err
	}
	if in.Type == ContentCommit {
		p.group.Close()
		p.group, p.pending = next, nil
	}
	return p.state(), false, nil
}

func (p *goParty) export(label string, context []byte, n int) ([]byte, error) {
	return p.group.Export(label, context, n)
}

func (p *goParty) seal(data, authenticatedData []byte) ([]byte, error) {
	return p.group.Seal(data, authenticatedData, 256)
}

func (p *goParty) open(message []byte) (*Application, error) { return p.group.Open(message) }

func (p *goParty) forget() error {
	p.group.Close()
	p.group = nil
	return nil
}

// newMember makes a state of a group of one, for tests of a single member.
func newMember(t *testing.T, seed string, extensions ...Extension) *goParty {
	t.Helper()
	p := newGoParty(seed)
	if _, err := p.create([]byte("group"), extensions); err != nil {
		t.Fatal(err)
	}
	return p
}
