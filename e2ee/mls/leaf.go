package mls

import (
	"crypto/ed25519"
	"slices"
)

// Credential is basic or X.509 (RFC 9420 §5.3). Only the layer above knows what it is worth.
type Credential struct {
	Type         uint16
	Identity     []byte   // of a basic one
	Certificates [][]byte // of an X.509 one
}

// Credential types (RFC 9420 §17.5).
const (
	CredentialBasic uint16 = 1
	CredentialX509  uint16 = 2
)

func (c *Credential) write(w *writer) {
	w.u16(c.Type)
	if c.Type == CredentialBasic {
		w.vec(c.Identity)
		return
	}
	w.nested(func(w *writer) {
		for _, cert := range c.Certificates {
			w.vec(cert)
		}
	})
}

func readCredential(r *reader) (c Credential) {
	switch c.Type = r.u16(); c.Type {
	case CredentialBasic:
		c.Identity = r.vec()
	case CredentialX509:
		c.Certificates = readList(r, maxCredentials, "certificates", (*reader).vec)
	default:
		r.fail("type of the credential")
	}
	return c
}

// Capabilities is what a client supports (RFC 9420 §7.2). Default extensions and proposals are not listed. Unknown
// values (GREASE) mean nothing.
type Capabilities struct {
	Versions, Suites, Extensions, Proposals, Credentials []uint16
}

func (c *Capabilities) write(w *writer) {
	for _, list := range [][]uint16{c.Versions, c.Suites, c.Extensions, c.Proposals, c.Credentials} {
		writeNumbers(w, list)
	}
}

func readCapabilities(r *reader) Capabilities {
	return Capabilities{readNumbers(r), readNumbers(r), readNumbers(r), readNumbers(r), readNumbers(r)}
}

// lacks says what of the required is not supported; empty if nothing.
func (c *Capabilities) lacks(required *RequiredCapabilities) string {
	for _, v := range required.Extensions {
		if !isDefaultExtension(v) && !slices.Contains(c.Extensions, v) {
			return "an extension"
		}
	}
	for _, v := range required.Proposals {
		if !isDefaultProposal(v) && !slices.Contains(c.Proposals, v) {
			return "a proposal type"
		}
	}
	for _, v := range required.Credentials {
		if !slices.Contains(c.Credentials, v) {
			return "a credential type"
		}
	}
	return ""
}

// Sources of a leaf (RFC 9420 §7.2).
const (
	SourceKeyPackage uint8 = 1
	SourceUpdate     uint8 = 2
	SourceCommit     uint8 = 3
)

// LeafNode is a member as the tree holds it (RFC 9420 §7.2). A leaf in a tree is never changed.
type LeafNode struct {
	EncryptionKey []byte // X25519
	SignatureKey  []byte // Ed25519
	Credential    Credential
	Capabilities  Capabilities
	Source        uint8
	NotBefore     uint64 // of SourceKeyPackage: unchecked
	NotAfter      uint64
	ParentHash    []byte // of SourceCommit
	Extensions    []Extension
	Signature     []byte
}

func (l *LeafNode) writeContent(w *writer) {
	w.vec(l.EncryptionKey)
	w.vec(l.SignatureKey)
	l.Credential.write(w)
	l.Capabilities.write(w)
	w.u8(l.Source)
	switch l.Source {
	case SourceKeyPackage:
		w.u64(l.NotBefore)
		w.u64(l.NotAfter)
	case SourceCommit:
		w.vec(l.ParentHash)
	}
	writeExtensions(w, l.Extensions)
}

func (l *LeafNode) write(w *writer) {
	l.writeContent(w)
	w.vec(l.Signature)
}

func readLeafNode(r *reader) *LeafNode {
	l := &LeafNode{EncryptionKey: r.vec(), SignatureKey: r.vec(), Credential: readCredential(r)}
	l.Capabilities = readCapabilities(r)
	switch l.Source = r.u8(); l.Source {
	case SourceKeyPackage:
		l.NotBefore, l.NotAfter = r.u64(), r.u64()
	case SourceUpdate:
	case SourceCommit:
		l.ParentHash = r.vec()
	default:
		r.fail("source of the leaf")
	}
	l.Extensions = readExtensions(r)
	l.Signature = r.vec()
	return l
}

// tbs is LeafNodeTBS: a leaf of a group is signed for its place in it.
func (l *LeafNode) tbs(group []byte, leaf uint32) []byte {
	w := writer{b: make([]byte, 0, 512)}
	l.writeContent(&w)
	if l.Source != SourceKeyPackage {
		w.vec(group)
		w.u32(leaf)
	}
	return w.b
}

func (l *LeafNode) sign(key ed25519.PrivateKey, group []byte, leaf uint32) {
	l.Signature = signWithLabel(key, "LeafNodeTBS", l.tbs(group, leaf))
}

// verify checks the signature and what can be said of a leaf without its group (§7.3).
func (l *LeafNode) verify(group []byte, leaf uint32) error {
	if err := l.consistent(); err != nil {
		return err
	}
	return verifyWithLabel(l.SignatureKey, "LeafNodeTBS", l.tbs(group, leaf), l.Signature)
}

// consistent checks a leaf's keys, and that it supports what it uses itself.
func (l *LeafNode) consistent() error {
	if err := checkX25519(l.EncryptionKey); err != nil {
		return err
	}
	if err := CheckEd25519(l.SignatureKey); err != nil {
		return err
	}
	c := &l.Capabilities
	if !slices.Contains(c.Versions, Version) || !slices.Contains(c.Suites, Suite) {
		return because(ErrTree, "a leaf without this version or suite")
	}
	if !slices.Contains(c.Credentials, l.Credential.Type) {
		return because(ErrTree, "a leaf does not support its own credential")
	}
	for _, e := range l.Extensions {
		if !isDefaultExtension(e.Type) && !slices.Contains(c.Extensions, e.Type) {
			return because(ErrTree, "a leaf does not support its own extension")
		}
	}
	return nil
}
