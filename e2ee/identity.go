package e2ee

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// sizes of an announcement and its parts.
const (
	publicSize   = 32
	macSize      = 16
	bodySize     = 2 + 2*publicSize
	AnnounceSize = bodySize + ed25519.SignatureSize + macSize
)

// flagBot marks a bot: what it receives goes to its operator.
const flagBot = 1

// Errors of announcements. The participant they come from gets no key.
var (
	ErrAnnounceMAC       = errors.New("e2ee: the announcement was not made with this meeting's link")
	ErrAnnounceSignature = errors.New("e2ee: the announcement's signature is wrong")
)

// Identity is a device's long-term key.
type Identity struct{ key ed25519.PrivateKey }

// NewIdentity makes an identity from 32 random bytes.
func NewIdentity(random io.Reader) (*Identity, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("e2ee: identity: %w", err)
	}
	return &Identity{ed25519.NewKeyFromSeed(seed)}, nil
}

// Public returns the public identity key.
func (id *Identity) Public() ed25519.PublicKey {
	// RFC 8032 §5.1.5 as crypto/ed25519 lays it out: seed, then public key.
	return ed25519.PublicKey(id.key[ed25519.SeedSize:])
}

func (id *Identity) sign(message []byte) []byte { return ed25519.Sign(id.key, message) }

// Seat is the key pair of one join: fresh on every join, kept through resumes.
type Seat struct{ key *ecdh.PrivateKey }

// NewSeat makes a seat from 32 random bytes.
func NewSeat(random io.Reader) (*Seat, error) {
	seed := make([]byte, publicSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("e2ee: seat: %w", err)
	}
	key, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, fmt.Errorf("e2ee: seat: %w", err)
	}
	return &Seat{key}, nil
}

// Announcement is a participant's public keys, checked. It does not change.
type Announcement struct {
	IK   ed25519.PublicKey
	EK   *ecdh.PublicKey
	Bot  bool
	Hash Hash
	raw  [AnnounceSize]byte
}

// Announce makes the announcement of a seat.
func (r *Root) Announce(id *Identity, seat *Seat, bot bool) []byte {
	flags := uint8(0)
	if bot {
		flags = flagBot
	}
	b := make([]byte, 0, AnnounceSize)
	b = append(b, Suite, flags)
	b = append(b, id.Public()...)
	b = append(b, seat.key.PublicKey().Bytes()...)
	b = append(b, id.sign(r.announceText(b))...)
	return append(b, r.announceMAC(b)...)
}

// announceText is what an announcement's signature covers.
func (r *Root) announceText(body []byte) []byte {
	return fields("announce", []byte(r.meeting), body[:1], body[1:2], body[2:2+publicSize], body[2+publicSize:bodySize])
}

func (r *Root) announceMAC(b []byte) []byte {
	m := hmac.New(sha256.New, r.mac[:])
	m.Write(b)
	return m.Sum(nil)[:macSize]
}

// HashOf returns the announce hash of an announcement, valid or not.
func HashOf(announce []byte) Hash { return labelled("announce hash", announce) }

// ParseAnnouncement checks an announcement: layout, suite, flags, MAC, signature.
func (r *Root) ParseAnnouncement(b []byte) (*Announcement, error) {
	if len(b) != AnnounceSize {
		return nil, malformed("announcement: length")
	}
	if a := r.shared.known(b); a != nil {
		return a, nil
	}
	if b[0] != Suite || b[1]&^flagBot != 0 {
		return nil, malformed("announcement: suite or flags")
	}
	if !hmac.Equal(b[AnnounceSize-macSize:], r.announceMAC(b[:AnnounceSize-macSize])) {
		return nil, ErrAnnounceMAC
	}
	ik := ed25519.PublicKey(append([]byte(nil), b[2:2+publicSize]...))
	if !ed25519.Verify(ik, r.announceText(b), b[bodySize:bodySize+ed25519.SignatureSize]) {
		return nil, ErrAnnounceSignature
	}
	ek, err := ecdh.X25519().NewPublicKey(b[2+publicSize : bodySize])
	if err != nil {
		return nil, malformed("announcement: key")
	}
	a := &Announcement{IK: ik, EK: ek, Bot: b[1]&flagBot != 0, Hash: HashOf(b), raw: [AnnounceSize]byte(b)}
	r.shared.learn(a)
	return a, nil
}
