package group

import (
	"strings"
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
		return checkText(text, MaxChatRunes, MaxChatBytes)
	case appPages:
		return checkText(text, MaxChatBytes, MaxChatBytes)
	case appReaction:
		return checkReaction(text)
	}
	return malformed("message: kind")
}

// checkText refuses what no screen should show: it comes from another participant, and the server could not look at it.
func checkText(s string, runes, bytes int) error {
	if s == "" || len(s) > bytes || !utf8.ValidString(s) || utf8.RuneCountInString(s) > runes {
		return malformed("text: length or encoding")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
		return malformed("text: control characters")
	}
	return nil
}

// checkName refuses what may not be the name of a participant.
func checkName(s string) error {
	if len(s) > MaxNameBytes || !utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxNameRunes {
		return malformed("name: length or encoding")
	}
	if strings.TrimSpace(s) == "" || strings.ContainsFunc(s, invisible) {
		return malformed("name: characters")
	}
	return nil
}

// invisible are the characters that could make one name look like another or change the text around it: those that a
// display name may not hold in meetings without encryption either.
func invisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

func checkReaction(s string) error {
	if s == "" || len(s) > maxReaction || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return malformed("reaction")
	}
	return nil
}
