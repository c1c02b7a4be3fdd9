package mls

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"math"
)

// KeyPackage is how a client offers to be added (RFC 9420 §10).
type KeyPackage struct {
	InitKey    []byte // X25519
	Leaf       *LeafNode
	Extensions []Extension
	Signature  []byte

	version, suite uint16
}

func (k *KeyPackage) writeContent(w *writer) {
	w.u16(k.version)
	w.u16(k.suite)
	w.vec(k.InitKey)
	k.Leaf.write(w)
	writeExtensions(w, k.Extensions)
}

func (k *KeyPackage) write(w *writer) {
	k.writeContent(w)
	w.vec(k.Signature)
}

func readKeyPackage(r *reader) *KeyPackage {
	k := &KeyPackage{version: r.u16(), suite: r.u16(), InitKey: r.vec(), Leaf: readLeafNode(r)}
	k.Extensions = readExtensions(r)
	k.Signature = r.vec()
	return k
}

// Ref is the KeyPackageRef: how a Welcome names its recipient (§5.2).
func (k *KeyPackage) Ref() []byte { return refHash("MLS 1.0 KeyPackage Reference", encoded(k.write)) }

// Message encodes the key package as an MLSMessage.
func (k *KeyPackage) Message() []byte { return message(wireKeyPackage, k.write) }

// verify is §10.1. Lifetimes are not checked.
func (k *KeyPackage) verify() error {
	if k.version != Version || k.suite != Suite {
		return because(ErrTree, "a key package of another version or suite")
	}
	if k.Leaf.Source != SourceKeyPackage {
		return because(ErrTree, "the leaf of a key package has another source")
	}
	if err := k.Leaf.verify(nil, 0); err != nil {
		return err
	}
	if err := checkX25519(k.InitKey); err != nil {
		return err
	}
	if bytes.Equal(k.InitKey, k.Leaf.EncryptionKey) {
		return because(ErrTree, "a key package with one key twice")
	}
	return verifyWithLabel(k.Leaf.SignatureKey, "KeyPackageTBS", encoded(k.writeContent), k.Signature)
}

// ParseKeyPackage reads an MLSMessage that holds a key package, and checks it (§10.1).
func ParseKeyPackage(b []byte) (*KeyPackage, error) {
	k, err := parseMessage(bytes.Clone(b), MaxKeyPackage, wireKeyPackage, readKeyPackage)
	if err != nil {
		return nil, err
	}
	if err := k.verify(); err != nil {
		return nil, err
	}
	return k, nil
}

// Config is how a client takes part in groups. The zero value is valid.
type Config struct {
	// Random is the source of randomness; nil is crypto/rand.
	Random io.Reader
	// Shared is what members of this process have in common; nil: nothing. They must have the same Authorize.
	Shared *Shared

	wider bool // for the vectors: see the package's comment
}

func (c *Config) random() io.Reader {
	if c.Random == nil {
		return rand.Reader
	}
	return c.Random
}

// Member is what a client puts in its leaf.
type Member struct {
	Key        ed25519.PrivateKey // signs for the member
	Credential Credential
	// Capabilities: see DefaultCapabilities.
	Capabilities Capabilities
	// Extensions of the leaf.
	Extensions []Extension
}

// DefaultCapabilities are this version and suite, basic credentials, and the extensions given.
func DefaultCapabilities(extensions ...uint16) Capabilities {
	return Capabilities{
		Versions: []uint16{Version}, Suites: []uint16{Suite}, Extensions: extensions,
		Credentials: []uint16{CredentialBasic},
	}
}

// Joiner is a key package with its private keys: what Join needs. Use it once.
type Joiner struct {
	KeyPackage *KeyPackage

	config  Config
	key     ed25519.PrivateKey
	init    []byte // private, of InitKey
	private []byte // of the leaf
}

// NewJoiner makes a key package. The extensions are the key package's own: those of the leaf are in m. prepare, if it
// is not nil, sees the key package before its leaf and it are signed, and may add extensions that depend on its keys.
func NewJoiner(config Config, m Member, extensions []Extension, prepare func(k *KeyPackage)) (*Joiner, error) {
	j := &Joiner{config: config, key: m.Key}
	k := &KeyPackage{version: Version, suite: Suite, Extensions: extensions}
	leaf, err := m.leaf(SourceKeyPackage)
	if err != nil {
		return nil, err
	}
	k.Leaf = leaf
	if j.private, k.Leaf.EncryptionKey, err = newKeyPair(config.random()); err != nil {
		return nil, err
	}
	if j.init, k.InitKey, err = newKeyPair(config.random()); err != nil {
		return nil, err
	}
	if prepare != nil {
		prepare(k)
	}
	k.Leaf.sign(m.Key, nil, 0)
	k.Signature = signWithLabel(m.Key, "KeyPackageTBS", encoded(k.writeContent))
	j.KeyPackage = k
	return j, nil
}

// leaf is a leaf without an encryption key and a signature.
func (m *Member) leaf(source uint8) (*LeafNode, error) {
	if len(m.Key) != ed25519.PrivateKeySize {
		return nil, because(ErrSignature, "not an Ed25519 key")
	}
	leaf := &LeafNode{
		SignatureKey: publicKey(m.Key), Credential: m.Credential, Capabilities: m.Capabilities, Source: source,
		Extensions: m.Extensions,
	}
	if source == SourceKeyPackage {
		leaf.NotAfter = math.MaxUint64
	}
	return leaf, nil
}

// publicKey is the second half of a private key.
func publicKey(key ed25519.PrivateKey) []byte {
	return bytes.Clone(key[ed25519.PrivateKeySize-publicSize:])
}

// Close overwrites the private keys. Join calls it when it succeeds.
func (j *Joiner) Close() {
	clear(j.init)
	clear(j.private)
}
