package protocol

import (
	"strings"
	"unicode"
)

// checkText checks s against a `text` tag and says what is wrong, "" for nothing.
//
//	line   one visible line: a display name or title
//	lines  text of several lines: a chat message
//	hex    lower-case hexadecimal digits
//	token  a mid: the token characters of RFC 8866 §9 (RFC 5888 §4)
func checkText(rule, s string) string {
	switch rule {
	case "line":
		if strings.IndexFunc(s, invisible) >= 0 {
			return "must not contain control, text-direction or invisible characters"
		}
		if s != "" && strings.TrimSpace(s) == "" {
			return "must not be blank"
		}
	case "lines":
		if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && r != '\r' && unicode.IsControl(r) }) >= 0 {
			return "must not contain control characters"
		}
		if strings.TrimSpace(s) == "" {
			return "must not be blank"
		}
	case "hex":
		if strings.Trim(s, "0123456789abcdef") != "" {
			return "must be lower-case hexadecimal digits"
		}
	case "token":
		if strings.IndexFunc(s, notToken) >= 0 {
			return "must be a token"
		}
	}
	return ""
}

// invisible says whether r could make one name look like another or change the text around it: controls, line and
// paragraph separators, the format characters (bidirectional overrides, zero-width characters, tags), and the letters
// that are blank by design.
func invisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

func notToken(r rune) bool {
	if r <= 0x20 || r >= 0x7F {
		return true
	}
	return strings.ContainsRune("\"(),/:;<=>?@[\\]", r)
}
