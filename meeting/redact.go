package meeting

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unique"
)

const redacted = "[redacted]"

// private is text about a person or a meeting. It is comparable, and equal texts are equal values. The text stands
// behind a handle, so that a struct that holds one in an unexported field, where fmt cannot call methods, prints a
// pointer and not the text. The zero value is the empty text.
type private struct{ h unique.Handle[string] }

func newPrivate(s string) private {
	if s == "" {
		return private{}
	}
	return private{unique.Make(s)}
}

func (p private) reveal() string {
	if p == (private{}) {
		return ""
	}
	return p.h.Value()
}

// Format prints "[redacted]" for every verb.
func (private) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue redacts in slog.
func (private) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts in encoders, JSON among them.
func (private) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ID is the address of a meeting: 16 random characters of a 32-letter alphabet (80 bits). No verb of fmt, no logger
// and no encoder prints it; Reveal is the one way to its text.
type ID struct{ private }

// idAlphabet is Crockford's base 32: no i, l, o, u. It is part of the protocol.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// errMalformedID does not contain the text that was refused.
var errMalformedID = errors.New("meeting: malformed id")

// newID returns an unguessable id.
func newID() ID {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process instead
	out := make([]byte, 0, 19)
	for i, b := range random {
		if i > 0 && i%4 == 0 {
			out = append(out, '-')
		}
		out = append(out, idAlphabet[b%32]) // 8 × 32: no letter is likelier than another
	}
	return ID{newPrivate(string(out))}
}

// ParseID reads the written form of an id: four groups of four characters. Being forgiving is the edge's affair.
func ParseID(s string) (ID, error) {
	if len(s) != 19 {
		return ID{}, errMalformedID
	}
	for i := range len(s) {
		if i%5 == 4 {
			if s[i] != '-' {
				return ID{}, errMalformedID
			}
		} else if strings.IndexByte(idAlphabet, s[i]) < 0 {
			return ID{}, errMalformedID
		}
	}
	return ID{newPrivate(s)}, nil
}

// Reveal returns the id's written form. For the wire, never for a log.
func (id ID) Reveal() string { return id.reveal() }

// DisplayName is the name that a participant typed. No verb of fmt, no logger and no encoder prints it.
type DisplayName struct{ private }

// NewDisplayName makes a DisplayName. The edge has validated it.
func NewDisplayName(s string) DisplayName { return DisplayName{newPrivate(s)} }

// Reveal returns the name. For the wire, never for a log.
func (n DisplayName) Reveal() string { return n.reveal() }

// Title is a meeting's title; it is as private as a name.
type Title struct{ private }

// NewTitle makes a Title. The edge has validated it.
func NewTitle(s string) Title { return Title{newPrivate(s)} }

// Reveal returns the title. For the wire, never for a log.
func (t Title) Reveal() string { return t.reveal() }

// Blob is what a client announced, or a host signed: opaque here, in the form of the wire. It names a person to
// those who have met them, and is as private as a name.
type Blob struct{ private }

// NewBlob makes a Blob. The edge has validated it.
func NewBlob(s string) Blob { return Blob{newPrivate(s)} }

// Reveal returns the text. For the wire, never for a log.
func (b Blob) Reveal() string { return b.reveal() }

// Address is the verified e-mail address of a person, the zero value for those who have none (guests, bots). It is
// shown to those who may admit, and bans go by it.
type Address struct{ private }

// NewAddress makes an Address of a normalised e-mail address.
func NewAddress(s string) Address { return Address{newPrivate(s)} }

// Reveal returns the address. For those who may admit, never for a log.
func (a Address) Reveal() string { return a.reveal() }

// SessionKey tells sessions apart. It is comparable and holds no text.
type SessionKey struct{ h unique.Handle[any] }

// SessionKeyOf makes a SessionKey of whatever names a session elsewhere.
func SessionKeyOf[T comparable](session T) SessionKey {
	return SessionKey{unique.Make[any](session)}
}

// Format prints "[redacted]" for every verb.
func (SessionKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue redacts in slog.
func (SessionKey) LogValue() slog.Value { return slog.StringValue(redacted) }
