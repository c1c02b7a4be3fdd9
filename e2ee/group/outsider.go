package group

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// errOutsider means that what came to one outside the group is not from a member that it may believe.
var errOutsider = errors.New("e2ee: keys: not authentic, or not of an admitted member")

// Outsider is a recorder or bot that has no leaf: it hears those who agree, and may speak. It keeps nothing of the
// group. It is not safe for concurrent use.
type Outsider struct {
	root     *Root
	identity *Identity
	random   io.Reader
	self     Key
	hpke     *ecdh.PrivateKey
	name     []byte
	admitted []byte
}

// Heard is what a member gave one outside, for one epoch: the keys of its live tracks.
type Heard struct {
	From    Key
	Epoch   uint64
	Keys    []HeardKey // at most 4
	group   []byte
	confirm []byte
	public  []byte // external_pub
}

// HeardKey is the key of one KID: sframe.Opener.AddSingle.
type HeardKey struct {
	KID uint64
	Key sframe.SingleKey
}

// NewOutsider makes one. Of the Config it uses Root, Identity, Name and Random.
func NewOutsider(cfg Config) (*Outsider, error) {
	o := &Outsider{root: cfg.Root, identity: cfg.Identity, random: cfg.Random, self: cfg.Identity.Key()}
	if o.random == nil {
		o.random = rand.Reader
	}
	seed := make([]byte, keySize)
	if _, err := io.ReadFull(o.random, seed); err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	var err error
	if o.hpke, err = ecdh.X25519().NewPrivateKey(seed); err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	o.name, err = o.root.sealName(o.random, o.self, cfg.Name)
	return o, err
}

// Announce is what join carries: IK ‖ sealed name.
func (o *Outsider) Announce() []byte { return slices.Concat(o.self[:], o.name) }

// Admitted takes the admission that the welcome shows; nil where there is none.
func (o *Outsider) Admitted(admission []byte) { o.admitted = bytes.Clone(admission) }

// Ask is the relay that asks a member, by its announce, whether it may be heard. purpose is what for.
func (o *Outsider) Ask(announce []byte, purpose string) ([]byte, error) {
	to, _, ok := parseAnnounce(announce)
	if !ok {
		return nil, malformed("announce")
	}
	sealed, err := o.root.sealName(o.random, o.self, purpose)
	if err != nil {
		return nil, err
	}
	public := o.hpke.PublicKey().Bytes()
	sig := o.identity.sign(askText(o.root.meeting, o.self, to, public, sealed))
	return slices.Concat(u64(outsideMark), []byte{outsideAsk}, public, sig, sealed), nil
}

// Relay takes a relay from a member, by its announce. A link with a lobby wants the member to be the creator, or
// admitted by the creator's key: what others admitted one outside cannot check.
func (o *Outsider) Relay(announce, data []byte) (*Heard, error) {
	from, _, ok := parseAnnounce(announce)
	r := reader{b: data}
	if !ok || r.u64() != outsideMark || r.u8() != outsideKeys {
		return nil, malformed("keys")
	}
	h := &Heard{From: from, group: bytes.Clone(r.take(groupIDSize)), Epoch: r.u64()}
	sig := r.take(64)
	sealed := r.b
	if r.failed || mls.VerifyEd25519(from[:], keysText(h.group, h.Epoch, from, o.self, sealed), sig) != nil {
		return nil, errOutsider
	}
	aad := slices.Concat(from[:], o.self[:])
	plain, err := mls.OpenPSK(o.hpke.Bytes(), keysInfo(h.group, h.Epoch), aad, sealed, fields("hpke"), o.root.hpke)
	if err != nil {
		return nil, errOutsider
	}
	defer clear(plain)
	return h, o.read(h, plain)
}

func (o *Outsider) read(h *Heard, plain []byte) error {
	r := reader{b: plain}
	h.confirm, h.public = bytes.Clone(r.take(HashSize)), bytes.Clone(r.take(keySize))
	var a *admission
	if r.u8() == 1 {
		a = readAdmission(&r)
	}
	n := r.u8()
	for range min(n, 4) {
		k := HeardKey{KID: uint64(r.u32())}
		copy(k.Key[:], r.take(len(k.Key)))
		h.Keys = append(h.Keys, k)
	}
	if !r.end() || n > 4 {
		return malformed("keys")
	}
	creator := o.root.link.Creator
	admitted := a != nil && FingerprintOf(a.issuer[:]) == creator && a.signed(h.group, h.From)
	if o.root.link.Lobby && FingerprintOf(h.From[:]) != creator && !admitted {
		return errOutsider
	}
	return nil
}

// Speak makes a secret for an epoch that a member has told of: the relays that give it to members, all alike, and the
// epoch for sframe.Sealer.UseOutside with the number. It is to be called once for each epoch.
func (o *Outsider) Speak(h *Heard, number uint32) (data []byte, epoch *sframe.Epoch, err error) {
	base := make([]byte, 16)
	if _, err := io.ReadFull(o.random, base); err != nil {
		return nil, nil, fmt.Errorf("e2ee: %w", err)
	}
	info := fields("outside", h.group, u64(h.Epoch))
	sealed, err := mls.SealPSK(o.random, h.public, info, o.self[:], base, fields("hpke"), o.root.hpke)
	if err != nil {
		return nil, nil, errOutsider
	}
	n := uint16(number & sframe.MaxSender)
	admitted := make([]byte, AdmissionSize)
	copy(admitted, o.admitted)
	sig := o.identity.sign(voiceText(h.group, h.Epoch, h.confirm, n, sealed))
	data = slices.Concat(u64(outsideMark), []byte{outsideVoice}, h.group, u64(h.Epoch))
	data = slices.Concat(binary.BigEndian.AppendUint16(data, n), admitted, sig, sealed)
	return data, &sframe.Epoch{Number: h.Epoch, State: h.Epoch + 1, Base: [16]byte(base)}, nil
}
