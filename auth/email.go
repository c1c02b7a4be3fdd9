package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
	"unique"

	"golang.org/x/net/idna"
)

// ErrInvalidEmail is returned by ParseEmail. It never contains the address.
var ErrInvalidEmail = errors.New("not an e-mail address")

// Bounds of an address: RFC 5321 §4.5.3.1.1 (local part), §4.5.3.1.3 (path of 256 octets with its two brackets), and
// of what is looked at at all before IDN conversion.
const (
	maxLocalPart  = 64
	maxAddress    = 254
	maxRawAddress = 320
)

// Email is a normalised e-mail address. It is comparable: equal addresses are equal values. No verb of fmt, no logger
// and no encoder prints it; Reveal is the one way to its text. The zero value is no address.
//
// The text is held behind a handle of a string, so that even a struct that holds an Email in an unexported field
// (where fmt cannot call methods) prints a pointer and not the address. (fmt follows pointers to structs and arrays,
// not to strings.)
type Email struct{ h unique.Handle[string] }

// ParseEmail normalises an address as typed by a person: surrounding spaces dropped, lower case (a local part may be
// case-sensitive by RFC 5321 §2.4; in practice none is, and two identities for one mailbox would evade limits), the
// domain as IDNA 2008 A-labels. Plus-addresses stay apart, as identities; limits count by Mailbox. Refused: CR, LF
// and all other control characters, quoted local parts, comments, address literals, domains without a dot.
func ParseEmail(s string) (Email, error) {
	if len(s) > maxRawAddress {
		return Email{}, fmt.Errorf("%w: too long", ErrInvalidEmail)
	}
	s = strings.Trim(s, " ")
	local, domain, ok := cutLast(s, '@')
	if !ok || !validLocalPart(local) {
		return Email{}, fmt.Errorf("%w: bad local part", ErrInvalidEmail)
	}
	domain, err := normaliseDomain(domain)
	if err != nil {
		return Email{}, err
	}
	address := strings.ToLower(local) + "@" + domain
	if len(address) > maxAddress {
		return Email{}, fmt.Errorf("%w: too long", ErrInvalidEmail)
	}
	return Email{unique.Make(address)}, nil
}

// Reveal returns the address. For sending mail, for showing it to its owner and to those who may admit; never for a
// log.
func (e Email) Reveal() string {
	if e.IsZero() {
		return ""
	}
	return e.h.Value()
}

// IsZero says whether e is no address.
func (e Email) IsZero() bool { return e == Email{} }

// Domain returns the part after the @, in ASCII.
func (e Email) Domain() string {
	_, domain, _ := cutLast(e.Reveal(), '@')
	return domain
}

// dotless are the domains whose mailboxes ignore dots in the local part, each with the domain it is another name of.
// Only providers that document it: elsewhere a.b and ab may be two people, and one would use up the other's limits.
// (support.google.com/mail/answer/7436150 and /answer/10313.)
func dotless(domain string) (canonical string, ok bool) {
	switch domain {
	case "gmail.com", "googlemail.com":
		return "gmail.com", true
	}
	return domain, false
}

// Mailbox returns what limits count by: the address without a +tag (RFC 5233 sub-addressing), and without dots where
// the domain ignores them. Any number of addresses lead to one mailbox, and its owner gets the mail of all. Where +
// is an ordinary character, two people share one limit; that is rare and harms neither for long.
func (e Email) Mailbox() Email {
	local, domain, ok := cutLast(e.Reveal(), '@')
	if !ok {
		return e
	}
	if plain, _, tagged := strings.Cut(local, "+"); tagged && plain != "" {
		local = plain
	}
	domain, ignoresDots := dotless(domain)
	if bare := strings.ReplaceAll(local, ".", ""); ignoresDots {
		local = bare
	}
	return Email{unique.Make(local + "@" + domain)}
}

// Format prints "[redacted]" for every verb.
func (e Email) Format(f fmt.State, _ rune) { redact(f) }

// LogValue redacts e in slog.
func (e Email) LogValue() slog.Value { return redactedLog() }

// MarshalText redacts e in encoders, JSON among them.
func (e Email) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// validLocalPart accepts a dot-atom, RFC 5322 §3.2.3.
func validLocalPart(s string) bool {
	if s == "" || len(s) > maxLocalPart {
		return false
	}
	for _, atom := range strings.Split(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if !isAtext(atom[i]) {
				return false
			}
		}
	}
	return true
}

func isAtext(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c < 0x80 && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// normaliseDomain converts a host name to lower-case A-labels (RFC 5891 §5) and refuses what cannot receive mail.
func normaliseDomain(s string) (string, error) {
	// IDNA would drop what cannot be seen and convert what is not Unicode at all; no one types either on purpose.
	invisible := func(r rune) bool { return unicode.Is(unicode.C, r) || r == utf8.RuneError }
	if !utf8.ValidString(s) || strings.ContainsFunc(s, invisible) {
		return "", fmt.Errorf("%w: bad domain", ErrInvalidEmail)
	}
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil {
		// The error of idna quotes the domain: it is not wrapped.
		return "", fmt.Errorf("%w: bad domain", ErrInvalidEmail)
	}
	labels := strings.Split(ascii, ".")
	if len(ascii) > 253 || len(labels) < 2 {
		return "", fmt.Errorf("%w: bad domain", ErrInvalidEmail)
	}
	for _, l := range labels {
		if !validLabel(l) {
			return "", fmt.Errorf("%w: bad domain", ErrInvalidEmail)
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("%w: an IP address is not a domain", ErrInvalidEmail)
	}
	return ascii, nil
}

// validLabel accepts a letter-digit-hyphen label, RFC 1123 §2.1.
func validLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for i := range len(l) {
		c := l[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
