package mls

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// TestStrictKeysAndSignatures reads the cases that both implementations share.
func TestStrictKeysAndSignatures(t *testing.T) {
	type key struct {
		Name      string
		PublicKey hexBytes
		Valid     bool
	}
	var cases struct {
		Signatures []struct {
			Name                          string
			PublicKey, Message, Signature hexBytes
			Valid                         bool
		} `json:"ed25519Signatures"`
		Ed25519 []key `json:"ed25519Keys"`
		X25519  []key `json:"x25519Keys"`
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/strict-ed25519.json"))(t), &cases); err != nil {
		t.Fatal(err)
	}
	lax := 0
	for _, c := range cases.Signatures {
		err := VerifyEd25519(c.PublicKey, c.Message, c.Signature)
		if (err == nil) != c.Valid || err != nil && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", c.Name, err)
		}
		if !c.Valid && len(c.PublicKey) == publicSize && ed25519.Verify([]byte(c.PublicKey), c.Message, c.Signature) {
			lax++
		}
	}
	if lax < 10 {
		t.Errorf("crypto/ed25519 accepts only %d of the signatures that are refused here", lax)
	}
	for _, c := range cases.Ed25519 {
		if err := CheckEd25519(c.PublicKey); (err == nil) != c.Valid {
			t.Errorf("Ed25519: %s: %v", c.Name, err)
		}
	}
	for _, c := range cases.X25519 {
		if err := checkX25519(c.PublicKey); (err == nil) != c.Valid {
			t.Errorf("X25519: %s: %v", c.Name, err)
		}
	}
	if len(cases.Signatures) < 30 || len(cases.Ed25519) < 20 || len(cases.X25519) < 10 {
		t.Error("cases are missing")
	}
}

// TestLowOrderPointsGiveNoSecret: each point that is refused as of low order is one, and X25519 refuses it as well.
func TestLowOrderPointsGiveNoSecret(t *testing.T) {
	private := must(ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{5}, publicSize)))(t)
	for _, point := range lowOrder() {
		if _, err := agree(private, point[:]); !errors.Is(err, ErrTree) {
			t.Errorf("%x: %v", point, err)
		}
	}
}

// The vectors of RFC 9180, A.1.1.1 and A.1.2.1: X25519, HKDF-SHA256, AES-128-GCM in the modes base and psk.
func TestHPKEVectors(t *testing.T) {
	un := func(s string) []byte { return must(hex.DecodeString(s))(t) }
	info := []byte("Ode on a Grecian Urn")
	plain := []byte("Beauty is truth, truth beauty")
	for _, v := range []struct {
		psk                                   *hpkePSK
		ephemeral, private, enc, cipher, seed string
	}{
		{
			nil, "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
			"4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
			"37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
			"f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
			"6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
		},
		{
			&hpkePSK{[]byte("Ennyn Durin aran Moria"), un("0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82")},
			"463426a9ffb42bb17dbe6044b9abd1d4e4d95f9041cef0e99d7824eef2b6f588",
			"c5eb01eb457fe6c6f57577c5413b931550a162c71a03ac8d196babbd4e5ce0fd",
			"0ad0950d9fb9588e59690b74f1237ecdf1d775cd60be2eca57af5a4b0471c91b",
			"e52c6fed7f758d0cf7145689f21bc1be6ec9ea097fef4e959440012f4feb73fb611b946199e681f4cfc34db8ea",
			"d4a09d09f575fef425905d2ab396c1449141463f698f8efdb7accfaff8995098",
		},
	} {
		private, public := deriveKeyPair(un(v.seed))
		same(t, "key pair", private, un(v.private))
		enc, cipher, err := hpkeSeal(bytes.NewReader(un(v.ephemeral)), public, info, []byte("Count-0"), plain, v.psk)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "enc", enc, un(v.enc))
		same(t, "ciphertext", cipher, un(v.cipher))
		opened, err := hpkeOpen(private, enc, info, []byte("Count-0"), cipher, v.psk)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "plaintext", opened, plain)
	}
}

// TestPSKModeNeedsThePSK: what is sealed with the link's key opens with nothing else.
func TestPSKModeNeedsThePSK(t *testing.T) {
	g := newMember(t, "a").group
	id, secret := []byte("link"), bytes.Repeat([]byte{1}, hashSize)
	sealed := must(SealPSK(seeded("s"), g.ExternalPub(), []byte("i"), []byte("a"), []byte("private"), id, secret))(t)
	same(t, "opened", must(g.OpenExternal([]byte("i"), []byte("a"), sealed, id, secret))(t), []byte("private"))
	own := must(SealPSK(seeded("s"), g.Leaf(0).EncryptionKey, nil, nil, []byte("x"), id, secret))(t)
	same(t, "opened", must(g.OpenOwn(nil, nil, own, id, secret))(t), []byte("x"))
	other := bytes.Repeat([]byte{2}, hashSize)
	for name, f := range map[string]func() ([]byte, error){
		"another secret": func() ([]byte, error) { return g.OpenExternal([]byte("i"), []byte("a"), sealed, id, other) },
		"another id": func() ([]byte, error) {
			return g.OpenExternal([]byte("i"), []byte("a"), sealed, []byte("l"), secret)
		},
		"another info": func() ([]byte, error) { return g.OpenExternal(nil, []byte("a"), sealed, id, secret) },
		"other data":   func() ([]byte, error) { return g.OpenExternal([]byte("i"), nil, sealed, id, secret) },
	} {
		if _, err := f(); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.OpenExternal(nil, nil, sealed[:40], id, secret); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	for _, psk := range [][2][]byte{{nil, secret}, {id, secret[:31]}} {
		if _, err := SealPSK(seeded("s"), g.ExternalPub(), nil, nil, nil, psk[0], psk[1]); !errors.Is(err, ErrPSK) {
			t.Error(err)
		}
		if _, err := g.OpenExternal(nil, nil, sealed, psk[0], psk[1]); !errors.Is(err, ErrPSK) {
			t.Error(err)
		}
	}
}
