package e2ee

import (
	"crypto/ed25519"
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
	h := labelled("creator", ik)
	return Fingerprint(h[:fingerprintSize])
}

// Link is what the fragment of a meeting's address says. Its zero value is a link without a fragment: encrypted, but
// not protected against an active server until codes are compared.
type Link struct {
	// Secret is the link's key; all zero when the link has none.
	Secret [secretSize]byte
	// Creator is the root of all admissions.
	Creator Fingerprint
	// Lobby says that only admitted people get keys.
	Lobby bool
	// Keyed says that the link has a fragment.
	Keyed bool
}

// NewLink makes the link of a new meeting.
func NewLink(random io.Reader, creator ed25519.PublicKey, lobby bool) (Link, error) {
	l := Link{Creator: FingerprintOf(creator), Lobby: lobby, Keyed: true}
	if _, err := io.ReadFull(random, l.Secret[:]); err != nil {
		return Link{}, fmt.Errorf("e2ee: link: %w", err)
	}
	return l, nil
}

// ParseLink reads a fragment, with or without its '#'. An empty one is the link without a key.
func ParseLink(fragment string) (Link, error) {
	fragment = strings.TrimPrefix(fragment, "#")
	if fragment == "" {
		return Link{}, nil
	}
	l := Link{Keyed: true}
	seen := map[string]bool{}
	for _, pair := range strings.Split(fragment, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return Link{}, malformed("link")
		}
		if seen[name] {
			return Link{}, malformed("link: " + "a part comes twice")
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
	if !l.Keyed {
		return ""
	}
	return "k=" + Encode(l.Secret[:]) + "&c=" + Encode(l.Creator[:]) + "&l=" + fmt.Sprint(l.lobby())
}

func (l *Link) lobby() uint8 {
	if l.Lobby {
		return 1
	}
	return 0
}

// Root holds what everybody with the same link has in common. Safe for concurrent use.
type Root struct {
	meeting string
	link    Link
	root    [32]byte
	mac     [32]byte
	shared  shared
}

// Root derives a meeting's common secrets. meeting is the canonical meeting id.
func (l *Link) Root(meeting string) *Root {
	r := &Root{meeting: meeting, link: *l}
	var creator []byte
	if l.Keyed {
		creator = l.Creator[:]
	}
	copy(r.root[:], derive(l.Secret[:], nil, fields("link", []byte(meeting), creator, u8(l.lobby())), 32))
	copy(r.mac[:], derive(r.root[:], nil, fields("announce mac"), 32))
	return r
}
