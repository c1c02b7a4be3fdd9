package group

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// HashSize is the length of the hash of an entry.
const HashSize = sha256.Size

// ErrMalformed is wrapped by every parser's error: too short, too long, or not what the field allows.
var ErrMalformed = errors.New("e2ee: malformed")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// fields encodes a label and byte strings, each behind its 16-bit length, so that no two lists encode alike.
func fields(label string, list ...[]byte) []byte {
	const prefix = "conclave e2ee/2 "
	size := 2 + len(prefix) + len(label)
	for _, f := range list {
		size += 2 + len(f)
	}
	out := make([]byte, 0, size)
	out = binary.BigEndian.AppendUint16(out, uint16(len(prefix)+len(label)))
	out = append(append(out, prefix...), label...)
	for _, f := range list {
		out = binary.BigEndian.AppendUint16(out, uint16(len(f)))
		out = append(out, f...)
	}
	return out
}

func u8(n uint8) []byte   { return []byte{n} }
func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// derive is HKDF (RFC 5869) with SHA-256. Its only error is a length above 255 hashes, which no caller asks for.
func derive(ikm, salt, info []byte, n int) []byte {
	out, err := hkdf.Key(sha256.New, ikm, salt, string(info), n)
	if err != nil {
		panic("e2ee: HKDF: " + err.Error()) // a bug of ours, never input
	}
	return out
}

// EntryHash names an entry of the log: SHA-256(fields(L("entry")) ‖ entry).
func EntryHash(entry []byte) [HashSize]byte {
	h := sha256.New()
	h.Write(fields("entry"))
	h.Write(entry)
	return [HashSize]byte(h.Sum(nil))
}

// Encode writes bytes as they stand in protocol messages and links: base64url without padding.
func Encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Decode reads what Encode writes, and nothing else: no padding, no line breaks, no stray bits.
func Decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // encoding/base64 skips them
		return nil, malformed("base64url")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, malformed("base64url")
	}
	return b, nil
}
