package sframe

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// hexBytes are bytes in JSON.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func same(t *testing.T, what string, i int, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s %d: %x, want %x", what, i, got, want)
	}
}
