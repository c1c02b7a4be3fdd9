package group

import (
	"crypto/ed25519"
	"fmt"
	"io"
)

// Identity is a long-term key: a device's, or a room's.
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

// Key is the public identity key, as groups and media know it.
func (id *Identity) Key() Key { return Key(id.Public()) }

func (id *Identity) sign(message []byte) []byte { return ed25519.Sign(id.key, message) }
