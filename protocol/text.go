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
//	base64url  RFC 4648 §5 without padding, in its one canonical form
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
		if strings.IndexFunc(s, func(r rune) bool {
			return r != '\n' && r != '\t' && r != '\r' &&
				unicode.IsControl(r)
		}) >= 0 {
			return "must not contain control characters"
		}
		if strings.TrimSpace(s) == "" {
			return "must not be blank"
		}
	case "hex":
		if strings.Trim(s, "0123456789abcdef") != "" {
			return "must be lower-case hexadecimal digits"
		}
	case "base64url":
		if !canonicalBase64URL(s) {
			return "must be base64url without padding"
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

// canonicalBase64URL says whether s is what base64.RawURLEncoding makes of some bytes: no padding, no white space,
// and no bits set that do not count (RFC 4648 §3.5), so that two texts never mean the same bytes.
func canonicalBase64URL(s string) bool {
	last := byte(0)
	for i := range len(s) {
		v, ok := base64URLValue(s[i])
		if !ok {
			return false
		}
		last = v
	}
	switch len(s) % 4 {
	case 0:
		return true
	case 2:
		return last&0x0F == 0
	case 3:
		return last&0x03 == 0
	default:
		return false
	}
}

func base64URLValue(c byte) (v byte, ok bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A', true
	case c >= 'a' && c <= 'z':
		return c - 'a' + 26, true
	case c >= '0' && c <= '9':
		return c - '0' + 52, true
	case c == '-':
		return 62, true
	case c == '_':
		return 63, true
	}
	return 0, false
}
