package meeting

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
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

// ID is the address of a meeting: 16 random characters of a 30-letter alphabet (78 bits). No verb of fmt, no logger
// and no encoder prints it; Reveal is the one way to its text.
type ID struct{ private }

// idAlphabet has no two characters that look or sound alike. It is part of the protocol.
const idAlphabet = "abcdefghjkmnpqrstvwxyz23456789"

// errMalformedID does not contain the text that was refused.
var errMalformedID = errors.New("meeting: malformed id")

// newID returns an unguessable id.
func newID() ID {
	var out [19]byte
	var random [64]byte // rejection sampling takes 17.1 bytes on average
	n := len(random)
	for i := range out {
		if i%5 == 4 {
			out[i] = '-'
			continue
		}
		for {
			if n == len(random) {
				_, _ = rand.Read(random[:]) // never fails: it ends the process instead
				n = 0
			}
			b := random[n]
			n++
			if b < 240 { // 8 × 30: no letter is likelier than another
				out[i] = idAlphabet[b%30]
				break
			}
		}
	}
	return ID{newPrivate(string(out[:]))}
}

// ParseID reads the written form of an id: four groups of four characters.
func ParseID(s string) (ID, error) {
	if len(s) != 19 {
		return ID{}, errMalformedID
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i%5 == 4:
			if c != '-' {
				return ID{}, errMalformedID
			}
		case c >= '2' && c <= '9', c >= 'a' && c <= 'z' && c != 'i' && c != 'l' && c != 'o' && c != 'u':
		default:
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
