package group

import (
	"unicode"
	"unicode/utf8"
)

// Limits of texts.
const (
	MaxNameRunes    = 64
	MaxPrivateBytes = 1500
	MaxChatRunes    = 2000
	MaxChatBytes    = 8000
	maxReaction     = 32
)

// checkSaid refuses texts that no client would write.
func checkSaid(kind byte, text string) error {
	switch kind {
	case appChat:
		return checkText(text, MaxChatRunes, MaxChatBytes, true)
	case appPages:
		return checkText(text, MaxChatBytes, MaxChatBytes, true)
	case appReaction:
		return checkText(text, maxReaction, maxReaction, false)
	}
	return malformed("message: kind")
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
