package agent

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// secretSize is the length of a secret, in bytes.
const secretSize = 32

// Secret is what a conductor and its agents share for one run. It must not be written to a log.
type Secret [secretSize]byte

// NewSecret makes a secret.
func NewSecret() (s Secret) {
	_, _ = rand.Read(s[:]) // never fails
	return s
}

// String returns the form that a file holds.
func (s Secret) String() string { return hex.EncodeToString(s[:]) }

// ParseSecret reads the form that a file holds.
func ParseSecret(text string) (s Secret, err error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != secretSize {
		return Secret{}, errors.New("bots: agent: the secret is 64 hexadecimal digits")
	}
	copy(s[:], raw)
	return s, nil
}

// The two sides of a connection: each has a key of its own.
const (
	conductorSide = "conclave bots conductor v1"
	agentSide     = "conclave bots agent v1"
)

// key is the key of one side (RFC 5869).
func (s Secret) key(side string) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, s[:], nil, side, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("bots: agent: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

var errStranger = errors.New("bots: agent: the other side does not know the secret of this run")

// config is TLS for the side that is self, which accepts the key of the other side and no other.
func (s Secret) config(self, other string) (*tls.Config, error) {
	own, err := s.key(self)
	if err != nil {
		return nil, err
	}
	theirs, err := s.key(other)
	if err != nil {
		return nil, err
	}
	// The certificate only carries the key: its dates and names are looked at by no one.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<33, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, own.Public(), own)
	if err != nil {
		return nil, fmt.Errorf("bots: agent: certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: own}},
		ClientAuth:   tls.RequireAnyClientCert,
		// Chains and names prove nothing here: VerifyConnection compares the key itself, on both sides.
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) != 1 {
				return errStranger
			}
			key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
			if !ok || !key.Equal(theirs.Public()) {
				return errStranger
			}
			return nil
		},
	}, nil
}
