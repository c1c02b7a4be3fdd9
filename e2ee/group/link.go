package group

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

const (
	secretSize      = 32
	fingerprintSize = 16
)

// Fingerprint names an identity key in a link.
type Fingerprint [fingerprintSize]byte

// FingerprintOf returns the fingerprint of an identity key.
func FingerprintOf(ik ed25519.PublicKey) Fingerprint {
	h := sha256.Sum256(fields("creator", ik))
	return Fingerprint(h[:fingerprintSize])
}

// Link is what the fragment of a meeting's address says (docs/e2ee.md, section 3).
type Link struct {
	// Secret is the link's key.
	Secret [secretSize]byte
	// Creator is the fingerprint of the key that all admissions come from: the creator's, or the room's.
	Creator Fingerprint
	// Lobby says that only those get in whom a host admits.
	Lobby bool
}

// NewLink makes the link of a new meeting.
func NewLink(random io.Reader, creator ed25519.PublicKey, lobby bool) (Link, error) {
	l := Link{Creator: FingerprintOf(creator), Lobby: lobby}
	if _, err := io.ReadFull(random, l.Secret[:]); err != nil {
		return Link{}, fmt.Errorf("e2ee: link: %w", err)
	}
	return l, nil
}

// ParseLink reads a fragment, with or without its '#'. One that lacks a part is an error: there is no meeting without.
func ParseLink(fragment string) (Link, error) {
	fragment = strings.TrimPrefix(fragment, "#")
	var l Link
	seen := map[string]bool{}
	for _, pair := range strings.Split(fragment, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return Link{}, malformed("link")
		}
		if seen[name] {
			return Link{}, malformed("link: a part comes twice")
		}
		switch name {
		case "k", "c", "l":
			seen[name] = true
		default:
			continue
		}
		if err := l.set(name, value); err != nil {
			return Link{}, err
		}
	}
	if len(seen) != 3 {
		return Link{}, malformed("link: incomplete")
	}
	return l, nil
}

func (l *Link) set(name, value string) error {
	switch name {
	case "k":
		return decodeInto(l.Secret[:], value)
	case "c":
		return decodeInto(l.Creator[:], value)
	}
	if value != "0" && value != "1" {
		return malformed("link: l")
	}
	l.Lobby = value == "1"
	return nil
}

func decodeInto(dst []byte, text string) error {
	b, err := Decode(text)
	if err != nil {
		return err
	}
	if len(b) != len(dst) {
		return malformed("link: length")
	}
	copy(dst, b)
	return nil
}

// String returns the fragment without '#'. It holds the meeting's secret: never log it.
func (l Link) String() string {
	return "k=" + Encode(l.Secret[:]) + "&c=" + Encode(l.Creator[:]) + "&l=" + fmt.Sprint(l.lobby())
}

func (l *Link) lobby() uint8 {
	if l.Lobby {
		return 1
	}
	return 0
}
