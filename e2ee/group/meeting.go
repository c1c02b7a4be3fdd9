package group

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"slices"

	"conclave/e2ee/mls"
)

// Bounds of a meeting's policy.
const (
	maxRoles   = 64
	maxHeirs   = 3
	maxRevoked = 256
	// roleHeir is what a grant to an heir is signed for.
	roleHeir  Role = 4
	grantSize      = 2*keySize + 2 + ed25519.SignatureSize
)

// grant is a signed role.
type grant struct {
	key       Key
	role      Role
	signed    Role // the role that the signature is for: another only for one who succeeded
	issuer    Key
	signature [ed25519.SignatureSize]byte
}

func grantText(group []byte, key Key, role Role) []byte {
	return fields("grant", group, key[:], u8(byte(role)))
}

func newGrant(issuer *Identity, group []byte, key Key, role Role) grant {
	g := grant{key: key, role: role, signed: role, issuer: issuer.Key()}
	copy(g.signature[:], issuer.sign(grantText(group, key, role)))
	return g
}

func (g *grant) encode(b []byte) []byte {
	b = append(b, g.key[:]...)
	b = append(b, byte(g.role), byte(g.signed))
	b = append(b, g.issuer[:]...)
	return append(b, g.signature[:]...)
}

func readGrant(r *reader) grant {
	g := grant{key: r.key(), role: Role(r.u8()), signed: Role(r.u8()), issuer: r.key()}
	copy(g.signature[:], r.take(len(g.signature)))
	return g
}

// meeting is the extension Meeting of the GroupContext: who may do what. It is not changed once it was read.
type meeting struct {
	creator Fingerprint
	lobby   bool
	version uint32 // of the PSK
	roles   []grant
	heirs   []grant
	revoked []Key
}

func (m *meeting) encode() []byte {
	b := append([]byte(nil), m.creator[:]...)
	lobby := byte(0)
	if m.lobby {
		lobby = 1
	}
	b = append(b, lobby)
	b = binary.BigEndian.AppendUint32(b, m.version)
	for _, list := range [][]grant{m.roles, m.heirs} {
		var all []byte
		for i := range list {
			all = list[i].encode(all)
		}
		b = appendVec(b, all)
	}
	var all []byte
	for _, k := range m.revoked {
		all = append(all, k[:]...)
	}
	return appendVec(b, all)
}

func readGrants(b []byte, most int) ([]grant, bool) {
	if len(b)%grantSize != 0 || len(b)/grantSize > most {
		return nil, false
	}
	r := reader{b: b}
	list := make([]grant, len(b)/grantSize)
	for i := range list {
		list[i] = readGrant(&r)
	}
	return list, true
}

// parseMeeting reads the extension and checks its form. Signatures are checked by valid.
func parseMeeting(b []byte) (*meeting, error) {
	r := reader{b: b}
	m := &meeting{}
	copy(m.creator[:], r.take(len(m.creator)))
	lobby := r.u8()
	m.lobby, m.version = lobby == 1, r.u32()
	roles, heirs, revoked := r.vec(), r.vec(), r.vec()
	if !r.end() || lobby > 1 || len(revoked)%keySize != 0 || len(revoked)/keySize > maxRevoked {
		return nil, malformed("meeting")
	}
	var ok, also bool
	m.roles, ok = readGrants(roles, maxRoles)
	m.heirs, also = readGrants(heirs, maxHeirs)
	if !ok || !also || !m.ordered() {
		return nil, malformed("meeting: roles or heirs")
	}
	for ; len(revoked) > 0; revoked = revoked[keySize:] {
		m.revoked = append(m.revoked, Key(revoked[:keySize]))
	}
	return m, nil
}

// ordered checks the form of roles and heirs: sorted or unique, and of the roles that they may be.
func (m *meeting) ordered() bool {
	for i := range m.roles {
		g := &m.roles[i]
		if i > 0 && bytes.Compare(m.roles[i-1].key[:], g.key[:]) >= 0 {
			return false
		}
		succeeded := g.role == RoleHost && (g.signed == RoleCoHost || g.signed == roleHeir)
		if g.role > RoleHost || g.signed != g.role && !succeeded {
			return false
		}
	}
	for i := range m.heirs {
		g := &m.heirs[i]
		if g.role != roleHeir || g.signed != roleHeir {
			return false
		}
		if slices.ContainsFunc(m.heirs[:i], func(o grant) bool { return o.key == g.key }) {
			return false
		}
	}
	return true
}

// valid checks that every role and heir is signed by a key whose authority reaches the creator's.
func (m *meeting) valid(group []byte) bool {
	for _, list := range [][]grant{m.roles, m.heirs} {
		for i := range list {
			g := &list[i]
			text := grantText(group, g.key, g.signed)
			if !m.reaches(g.issuer) || mls.VerifyEd25519(g.issuer[:], text, g.signature[:]) != nil {
				return false
			}
		}
	}
	return true
}

// reaches says whether a key is the creator's, or a host's whose own issuer, and so on, is.
func (m *meeting) reaches(key Key) bool {
	for range maxRoles + 1 {
		if m.isCreator(key) {
			return true
		}
		g := m.entry(key)
		if g == nil || g.role != RoleHost {
			return false
		}
		key = g.issuer
	}
	return false // a circle
}

func (m *meeting) isCreator(key Key) bool { return FingerprintOf(key[:]) == m.creator }

// entry is the entry of a key in roles, nil without one.
func (m *meeting) entry(key Key) *grant {
	i, found := slices.BinarySearchFunc(m.roles, key, func(g grant, k Key) int { return bytes.Compare(g.key[:], k[:]) })
	if !found {
		return nil
	}
	return &m.roles[i]
}

// heir is the entry of a key in heirs, nil without one.
func (m *meeting) heir(key Key) *grant {
	for i := range m.heirs {
		if m.heirs[i].key == key {
			return &m.heirs[i]
		}
	}
	return nil
}

func (m *meeting) isRevoked(key Key) bool { return slices.Contains(m.revoked, key) }

// clone copies the lists, for a change.
func (m *meeting) clone() *meeting {
	c := *m
	c.roles, c.heirs, c.revoked = slices.Clone(m.roles), slices.Clone(m.heirs), slices.Clone(m.revoked)
	return &c
}

// set puts a grant into roles, or takes a key out if g is nil.
func (m *meeting) set(key Key, g *grant) {
	i, found := slices.BinarySearchFunc(m.roles, key, func(g grant, k Key) int { return bytes.Compare(g.key[:], k[:]) })
	switch {
	case found && g == nil:
		m.roles = slices.Delete(m.roles, i, i+1)
	case found:
		m.roles[i] = *g
	case g != nil:
		m.roles = slices.Insert(m.roles, i, *g)
	}
}
