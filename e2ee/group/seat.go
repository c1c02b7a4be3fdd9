package group

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"conclave/e2ee/mls"
)

// The extensions of ours.
const (
	extMeeting uint16 = 0xF0C0 // of the GroupContext
	extSeat    uint16 = 0xF0C1 // of leaves
	extProof   uint16 = 0xF0C2 // of key packages
)

const (
	keySize   = 32
	nonceSize = 12
	tagSize   = 16
	proofSize = sha256.Size
	flagBot   = 1
	// nameShort and nameLong are what names are padded to.
	nameShort = 64
	nameLong  = 256
	// MaxNameBytes is the length of the longest name.
	MaxNameBytes = nameLong - 1
	// AdmissionSize is the length of an admission: role ‖ issuer ‖ signature.
	AdmissionSize = 1 + keySize + ed25519.SignatureSize
)

// seat is the extension Seat of a leaf.
type seat struct {
	bot       bool
	name      []byte // sealed
	admission *admission
}

// admission is a host's or co-host's signature that a key may come in.
type admission struct {
	role      Role
	issuer    Key
	signature [ed25519.SignatureSize]byte
}

func (a *admission) encode() []byte {
	b := append([]byte{byte(a.role)}, a.issuer[:]...)
	return append(b, a.signature[:]...)
}

func readAdmission(r *reader) *admission {
	a := &admission{role: Role(r.u8()), issuer: r.key()}
	copy(a.signature[:], r.take(len(a.signature)))
	if a.role > RoleHost {
		r.failed = true
	}
	return a
}

// parseAdmission reads an admission that comes by itself.
func parseAdmission(b []byte) (*admission, error) {
	r := reader{b: b}
	a := readAdmission(&r)
	if !r.end() {
		return nil, malformed("admission")
	}
	return a, nil
}

func admissionText(group []byte, subject Key, role Role) []byte {
	return fields("admission", group, subject[:], u8(byte(role)))
}

// newAdmission signs an admission.
func newAdmission(issuer *Identity, group []byte, subject Key, role Role) *admission {
	a := &admission{role: role, issuer: issuer.Key()}
	copy(a.signature[:], issuer.sign(admissionText(group, subject, role)))
	return a
}

// signed says whether an admission's signature is right. Whether its issuer may admit is another question.
func (a *admission) signed(group []byte, subject Key) bool {
	return mls.VerifyEd25519(a.issuer[:], admissionText(group, subject, a.role), a.signature[:]) == nil
}

func (s *seat) encode() []byte {
	flags := byte(0)
	if s.bot {
		flags = flagBot
	}
	b := appendVec([]byte{flags}, s.name)
	if s.admission == nil {
		return append(b, 0)
	}
	return append(append(b, 1), s.admission.encode()...)
}

// parseSeat reads the extension Seat.
func parseSeat(b []byte) (*seat, error) {
	r := reader{b: b}
	flags := r.u8()
	s := &seat{bot: flags == flagBot, name: bytes.Clone(r.vec())}
	switch r.u8() {
	case 0:
	case 1:
		s.admission = readAdmission(&r)
	default:
		r.failed = true
	}
	if n := len(s.name); n != nonceSize+nameShort+tagSize && n != nonceSize+nameLong+tagSize {
		r.failed = true
	}
	if !r.end() || flags&^flagBot != 0 {
		return nil, malformed("seat")
	}
	return s, nil
}

// seatOf reads the seat of a leaf, and checks what every leaf of ours has: a basic credential of its own key.
func seatOf(leaf *mls.LeafNode) (*seat, error) {
	if leaf.Credential.Type != mls.CredentialBasic || !bytes.Equal(leaf.Credential.Identity, leaf.SignatureKey) {
		return nil, malformed("leaf: credential")
	}
	for i := range leaf.Extensions {
		if leaf.Extensions[i].Type == extSeat {
			return parseSeat(leaf.Extensions[i].Data)
		}
	}
	return nil, malformed("leaf: no seat")
}

func (r *Root) nameCipher() cipher.AEAD {
	block, err := aes.NewCipher(r.name)
	if err != nil {
		panic("e2ee: AES: " + err.Error()) // the key's length is ours
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("e2ee: GCM: " + err.Error())
	}
	return aead
}

// padded appends 0x80 and zeros up to the first class that is longer.
func padded(b []byte, classes ...int) ([]byte, error) {
	for _, n := range classes {
		if len(b) < n {
			out := append(append(make([]byte, 0, n), b...), 0x80)
			return out[:n], nil
		}
	}
	return nil, malformed("text: too long")
}

// unpadded takes the padding off.
func unpadded(b []byte) ([]byte, error) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case 0:
			continue
		case 0x80:
			return b[:i], nil
		}
		break
	}
	return nil, malformed("padding")
}

// sealName seals a name for everybody with the link.
func (r *Root) sealName(random io.Reader, owner Key, name string) ([]byte, error) {
	plain, err := padded([]byte(name), nameShort, nameLong)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("e2ee: name: %w", err)
	}
	return r.nameCipher().Seal(nonce, nonce, plain, owner[:]), nil
}

// openName opens a sealed name; "" if it does not open or is none that a screen should show.
func (r *Root) openName(owner Key, sealed []byte) string {
	if len(sealed) < nonceSize {
		return ""
	}
	plain, err := r.nameCipher().Open(nil, sealed[:nonceSize], sealed[nonceSize:], owner[:])
	if err != nil {
		return ""
	}
	name, err := unpadded(plain)
	if err != nil || checkName(string(name)) != nil {
		return ""
	}
	return string(name)
}

// joinProof shows that a key package was made by one with the link.
func (r *Root) joinProof(signatureKey, initKey []byte) []byte {
	m := hmac.New(sha256.New, r.join)
	m.Write(signatureKey)
	m.Write(initKey)
	return m.Sum(nil)
}

// proved says whether a key package has a right JoinProof.
func (r *Root) proved(k *mls.KeyPackage) bool {
	for i := range k.Extensions {
		if k.Extensions[i].Type == extProof {
			return hmac.Equal(k.Extensions[i].Data, r.joinProof(k.Leaf.SignatureKey, k.InitKey))
		}
	}
	return false
}

// parseAnnounce takes an announce apart: IK ‖ sealed name.
func parseAnnounce(b []byte) (key Key, name []byte, ok bool) {
	n := len(b) - keySize - nonceSize - tagSize
	if n != nameShort && n != nameLong {
		return Key{}, nil, false
	}
	key = Key(b[:keySize])
	return key, b[keySize:], mls.CheckEd25519(key[:]) == nil
}
