package e2ee

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// types of the pairwise channel's messages.
const (
	msgKey        = 1
	msgAck        = 2
	msgName       = 3
	msgCredential = 4
	msgConsent    = 5
	msgChat       = 6
	msgRoster     = 7
	msgApp        = 8 // what pages tell each other; read and dropped here
)

// Consent is what a consent message says.
type Consent uint8

// The states of consent.
const (
	ConsentRefused Consent = iota
	ConsentGranted
	ConsentAsked
)

// Limits of texts.
const (
	MaxNameRunes    = 64
	MaxNameBytes    = 256
	MaxPrivateBytes = 1500
	MaxChatRunes    = 2000
	MaxChatBytes    = 8000
	maxPurposeBytes = 256
	rosterHashSize  = 16
)

// RosterHash is what a member says of whom it sees.
type RosterHash [rosterHashSize]byte

// message is a pairwise message, read. Which fields count depends on the type.
type message struct {
	kind    byte
	key     SenderKey // key; ack without the chain
	roster  RosterHash
	ask     bool // roster: please answer
	consent Consent
	text    string // name, chat, what a consent is asked for
	body    []byte // credential
}

func (m *message) encode() []byte {
	b := []byte{m.kind}
	switch m.kind {
	case msgKey, msgAck:
		b = binary.BigEndian.AppendUint32(b, m.key.Generation)
		b = append(b, m.key.Step)
		if m.kind == msgKey {
			b = append(append(b, m.key.Chain[:]...), m.roster[:]...)
		}
	case msgCredential:
		b = append(b, m.body...)
	case msgConsent:
		b = append(append(b, byte(m.consent)), m.text...)
	case msgRoster:
		b = append(b, m.roster[:]...)
		b = append(b, map[bool]byte{true: 1}[m.ask])
	default:
		b = append(b, m.text...)
	}
	return b
}

// parseMessage reads a pairwise message. An unknown type is no error: kind tells it.
func parseMessage(b []byte) (message, error) {
	if len(b) == 0 {
		return message{}, malformed("message: empty")
	}
	m := message{kind: b[0]}
	err := m.parse(b[1:])
	return m, err
}

func (m *message) parse(b []byte) error {
	switch m.kind {
	case msgKey, msgAck:
		return m.parsePlace(b)
	case msgName:
		m.text = string(b)
		return checkText(m.text, MaxNameRunes, MaxNameBytes, false)
	case msgCredential:
		m.body = b
		if len(b) > MaxCredential {
			return malformed("message: credential")
		}
	case msgConsent:
		return m.parseConsent(b)
	case msgChat, msgApp:
		m.text = string(b)
		return checkText(m.text, MaxPrivateBytes, MaxPrivateBytes, true)
	case msgRoster:
		if len(b) != rosterHashSize+1 || b[rosterHashSize] > 1 {
			return malformed("message: roster")
		}
		m.roster, m.ask = RosterHash(b[:rosterHashSize]), b[rosterHashSize] == 1
	}
	return nil
}

func (m *message) parsePlace(b []byte) error {
	want := 5
	if m.kind == msgKey {
		want += chainSize + rosterHashSize
	}
	if len(b) != want {
		return malformed("message: key or ack")
	}
	m.key.Generation, m.key.Step = binary.BigEndian.Uint32(b), b[4]
	if m.key.Generation > maxGeneration || m.key.Step > maxStep {
		return malformed("message: generation or step")
	}
	if m.kind == msgKey {
		m.key.Chain, m.roster = Chain(b[5:5+chainSize]), RosterHash(b[5+chainSize:])
	}
	return nil
}

func (m *message) parseConsent(b []byte) error {
	if len(b) < 1 || Consent(b[0]) > ConsentAsked {
		return malformed("message: consent")
	}
	m.consent, m.text = Consent(b[0]), string(b[1:])
	if m.consent != ConsentAsked {
		if m.text != "" {
			return malformed("message: consent")
		}
		return nil
	}
	if m.text == "" {
		return nil
	}
	return checkText(m.text, maxPurposeBytes, maxPurposeBytes, false)
}

// checkText refuses what no screen should show: it comes from another participant, and the server could not look at it.
// Line feed and tab are for chat.
func checkText(s string, runes, bytes int, lines bool) error {
	if s == "" || len(s) > bytes || !utf8.ValidString(s) || utf8.RuneCountInString(s) > runes {
		return malformed("text: length or encoding")
	}
	for _, r := range s {
		switch {
		case lines && (r == '\n' || r == '\t'):
		case unicode.IsControl(r) || r == 0x2028 || r == 0x2029:
			return malformed("text: control characters")
		case !lines && (unicode.Is(unicode.Bidi_Control, r) || zeroWidth(r)):
			return malformed("text: invisible characters")
		}
	}
	return nil
}

// zeroWidth are characters that change a name without being seen.
func zeroWidth(r rune) bool {
	switch r {
	case 0x00AD, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF:
		return true
	}
	return false
}
