package protocol

import (
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzCanonicalBase64URL: what is taken for opaque is exactly what the standard library makes of some bytes, and
// nothing else that means the same.
func FuzzCanonicalBase64URL(f *testing.F) {
	for _, s := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "-_-_", "+/+/", "AA==", "AA\n", "ä"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		data, err := base64.RawURLEncoding.Strict().DecodeString(s)
		want := err == nil && !strings.ContainsAny(s, "\r\n") // which the library skips
		if canonicalBase64URL(s) != want {
			t.Fatalf("%q: %v, want %v", s, !want, want)
		}
		if want && base64.RawURLEncoding.EncodeToString(data) != s {
			t.Fatalf("%q is not canonical", s)
		}
	})
}
