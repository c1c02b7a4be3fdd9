package client

import (
	"encoding/hex"
	"errors"
	"testing"
)

func TestKeysComeFromTheHandshakeOnly(t *testing.T) {
	var tap keyTap
	if _, _, err := tap.contexts(); !errors.Is(err, errNoKeys) {
		t.Errorf("keys out of nothing: %v", err)
	}
	hello := make([]byte, 13+12+34)
	copy(hello, []byte{22, 0xFE, 0xFD})
	hello[12] = 12 + 34
	hello[13] = 2 // ServerHello
	for i := range 32 {
		hello[27+i] = byte(i)
	}
	for n := range hello { // truncated at every length
		tap.sniff(hello[:n])
	}
	if tap.serverRandom != nil {
		t.Error("a truncated ServerHello was read")
	}
	tap.sniff(append(append([]byte{22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 9), hello...)) // behind another record
	if len(tap.serverRandom) != 32 || tap.serverRandom[31] != 31 {
		t.Fatalf("server random % x", tap.serverRandom)
	}
	zeros := hex.EncodeToString(make([]byte, 32))
	for _, line := range []string{
		"", "SOMETHING " + zeros + " " + zeros, "CLIENT_RANDOM " + zeros + " " + zeros + "0000",
	} {
		if n, err := tap.Write([]byte(line + "\n")); err != nil || n != len(line)+1 {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
	if _, err := tap.Write([]byte("CLIENT_RANDOM zz zz\n")); err == nil {
		t.Error("nonsense was accepted")
	}
	if _, _, err := tap.contexts(); err != nil {
		t.Error(err)
	}
	if _, _, err := tap.contexts(); !errors.Is(err, errNoKeys) {
		t.Errorf("the secret was kept: %v", err)
	}
}

// FuzzSniff checks that no datagram makes the reader of DTLS records fail.
func FuzzSniff(f *testing.F) {
	f.Add([]byte{22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2})
	f.Fuzz(func(_ *testing.T, b []byte) {
		var tap keyTap
		tap.sniff(b)
	})
}
