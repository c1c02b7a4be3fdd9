package sframe

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// rfcVectors is testdata/rfc9605.json.
type rfcVectors struct {
	Headers []struct{ KID, CTR, Header string } `json:"headers"`
	SFrame  []struct {
		Suite    CipherSuite `json:"cipher_suite"`
		KID      string      `json:"kid"`
		CTR      string      `json:"ctr"`
		BaseKey  hexBytes    `json:"base_key"`
		Salt     hexBytes    `json:"sframe_salt"`
		Nonce    hexBytes    `json:"nonce"`
		Metadata hexBytes    `json:"metadata"`
		Plain    hexBytes    `json:"pt"`
		Cipher   hexBytes    `json:"ct"`
	} `json:"sframe"`
}

func readRFC(t *testing.T) *rfcVectors {
	t.Helper()
	raw, err := os.ReadFile("../testdata/rfc9605.json")
	if err != nil {
		t.Fatal(err)
	}
	var v rfcVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Headers) != 289 || len(v.SFrame) != 2 {
		t.Fatalf("%d headers and %d ciphertexts", len(v.Headers), len(v.SFrame))
	}
	return &v
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRFC9605HeaderTable(t *testing.T) {
	for _, v := range readRFC(t).Headers {
		kid, ctr := number(t, v.KID), number(t, v.CTR)
		if got := hex.EncodeToString(appendHeader(nil, kid, ctr)); got != v.Header {
			t.Errorf("%s %s: %s, want %s", v.KID, v.CTR, got, v.Header)
		}
		raw, err := hex.DecodeString(v.Header)
		if err != nil {
			t.Fatal(err)
		}
		gotKID, gotCTR, n, err := ParseHeader(append(raw, 0xAA))
		if err != nil || gotKID != kid || gotCTR != ctr || n != len(raw) {
			t.Errorf("%s: %x %x %d %v", v.Header, gotKID, gotCTR, n, err)
		}
		for cut := range raw {
			if _, _, _, err := ParseHeader(raw[:cut]); err == nil {
				t.Errorf("%s cut to %d was read", v.Header, cut)
			}
		}
	}
}

func TestRFC9605Suites4And5(t *testing.T) {
	for _, v := range readRFC(t).SFrame {
		k, err := newFrameKey(v.Suite, number(t, v.KID), v.BaseKey)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "salt of suite", int(v.Suite), k.salt[:], v.Salt)
		ctr := number(t, v.CTR)
		k.setNonce(ctr)
		same(t, "nonce of suite", int(v.Suite), k.nonce[:], v.Nonce)
		got := sealRFC(k, ctr, v.Metadata, v.Plain)
		same(t, "ciphertext of suite", int(v.Suite), got, v.Cipher)
		_, _, n, err := ParseHeader(v.Cipher)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := k.aead.Open(nil, k.nonce[:], v.Cipher[n:], append(bytes.Clone(v.Cipher[:n]), v.Metadata...))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "plaintext of suite", int(v.Suite), plain, v.Plain)
	}
}

// sealRFC is seal for metadata longer than any clear prefix of ours.
func sealRFC(k *frameKey, ctr uint64, metadata, plain []byte) []byte {
	if len(metadata) <= maxClear {
		return k.seal(nil, ctr, metadata, plain)
	}
	head := appendHeader(nil, k.kid, ctr)
	k.setNonce(ctr)
	return k.aead.Seal(head, k.nonce[:], plain, append(bytes.Clone(head), metadata...))
}

func TestHeadersInLongFormAreRefused(t *testing.T) {
	for _, text := range []string{"8007", "0807", "900001", "90000100", "08", "f0", "8800"} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := ParseHeader(raw); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}
