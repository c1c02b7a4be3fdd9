package e2ee

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"time"
)

// Role is what a credential makes of its subject.
type Role uint8

// The roles. Only a cohost and a host may admit.
const (
	RoleViewer Role = iota
	RoleParticipant
	RoleCohost
	RoleHost
)

const (
	credentialHead = 2 + publicSize
	linkSize       = 1 + 8 + 8 + publicSize + HashSize + ed25519.SignatureSize
	maxLinks       = 4
	// MaxCredential is the length of the longest credential.
	MaxCredential = credentialHead + maxLinks*linkSize
	// CredentialLife is the longest time a credential is valid.
	CredentialLife = 24 * time.Hour
)

// Errors of credentials. A credential with one admits no one.
var (
	ErrCredential      = errors.New("e2ee: the credential does not lead to the meeting's creator")
	ErrCredentialStale = errors.New("e2ee: the credential has expired")
	ErrNotYours        = errors.New("e2ee: the credential is another's")
	ErrMayNotIssue     = errors.New("e2ee: this role may not admit, or not with that role")
)

// Credential says who was admitted, as what: a chain of signatures from the meeting's creator.
type Credential struct {
	Role    Role
	Issued  time.Time
	Expires time.Time
	raw     []byte
	ik      ed25519.PublicKey
	hash    Hash
}

// mayIssue says whether a credential of one role may be signed by an issuer of another.
func mayIssue(issuer, role Role) bool {
	return issuer == RoleHost && role <= RoleHost || issuer == RoleCohost && role <= RoleParticipant
}

func (r *Root) credentialText(issuer ed25519.PublicKey, link []byte) []byte {
	return fields("credential", []byte(r.meeting), issuer, link[:1], link[1:9], link[9:17],
		link[17:17+publicSize], link[17+publicSize:17+publicSize+HashSize])
}

// Issue signs a credential for the holder of an announcement. own is the issuer's credential, nil if it is the creator.
// It is valid for CredentialLife from now.
func (r *Root) Issue(id *Identity, own *Credential, to *Announcement, role Role, now time.Time) ([]byte, error) {
	var b []byte
	switch {
	case r.link.Keyed && FingerprintOf(id.Public()) == r.link.Creator:
		b = append([]byte{Suite}, id.Public()...)
		b = append(b, 1)
	case own == nil || !mayIssue(own.Role, role) || own.raw[credentialHead-1] == maxLinks:
		return nil, ErrMayNotIssue
	default:
		b = append(b, own.raw...)
		b[credentialHead-1]++
	}
	start := len(b)
	b = append(b, byte(role))
	b = binary.BigEndian.AppendUint64(b, uint64(now.UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(CredentialLife).UnixMilli()))
	b = append(append(b, to.IK...), to.Hash[:]...)
	return append(b, id.sign(r.credentialText(id.Public(), b[start:]))...), nil
}

// ParseCredential checks a credential of the participant with the given announcement.
func (r *Root) ParseCredential(b []byte, of *Announcement, now time.Time) (*Credential, error) {
	if len(b) < credentialHead || b[0] != Suite {
		return nil, malformed("credential")
	}
	n := int(b[credentialHead-1])
	if n < 1 || n > maxLinks || len(b) != credentialHead+n*linkSize {
		return nil, malformed("credential: length")
	}
	issuer, role := ed25519.PublicKey(b[1:1+publicSize]), RoleHost
	if !r.link.Keyed || FingerprintOf(issuer) != r.link.Creator {
		return nil, ErrCredential
	}
	c := &Credential{raw: append([]byte(nil), b...)}
	for i := range n {
		link := c.raw[credentialHead+i*linkSize:][:linkSize]
		if err := r.checkLink(c, issuer, role, link, now); err != nil {
			return nil, err
		}
		issuer, role = c.ik, c.Role
	}
	if c.hash != of.Hash || !c.ik.Equal(of.IK) {
		return nil, ErrNotYours
	}
	return c, nil
}

// checkLink checks one link and leaves what it says in c.
func (r *Root) checkLink(c *Credential, issuer ed25519.PublicKey, issuerRole Role, link []byte, now time.Time) error {
	issued, expires := binary.BigEndian.Uint64(link[1:]), binary.BigEndian.Uint64(link[9:])
	if issued >= expires || expires-issued > uint64(CredentialLife.Milliseconds()) || expires > 1<<52 {
		return malformed("credential: times")
	}
	if !mayIssue(issuerRole, Role(link[0])) {
		return ErrMayNotIssue
	}
	if !ed25519.Verify(issuer, r.credentialText(issuer, link), link[linkSize-ed25519.SignatureSize:]) {
		return ErrCredential
	}
	c.Role, c.Issued, c.Expires = Role(link[0]), time.UnixMilli(int64(issued)), time.UnixMilli(int64(expires))
	c.ik, c.hash = link[17:17+publicSize], Hash(link[17+publicSize:][:HashSize])
	if !now.Before(c.Expires) {
		return ErrCredentialStale
	}
	return nil
}
