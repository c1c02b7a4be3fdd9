package config

import "errors"

// Ciphers are the SRTP ciphers that the server takes.
type Ciphers uint8

// The values of Ciphers.
const (
	AllCiphers Ciphers = iota // "all"
	GCMOnly                   // "gcm"
)

var errCiphers = errors.New("must be all or gcm")

// UnmarshalText reads b; it is part of encoding.TextUnmarshaler.
func (c *Ciphers) UnmarshalText(b []byte) error {
	switch string(b) {
	case "all":
		*c = AllCiphers
	case "gcm":
		*c = GCMOnly
	default:
		return errCiphers
	}
	return nil
}

// MarshalText writes c; it is part of encoding.TextMarshaler.
func (c Ciphers) MarshalText() ([]byte, error) {
	if c == GCMOnly {
		return []byte("gcm"), nil
	}
	return []byte("all"), nil
}
