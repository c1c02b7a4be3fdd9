package transport

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pion/rtcp"
	pionsrtp "github.com/pion/srtp/v3"

	"conclave/sfu/transport/srtp"
)

// clientContext is the client's SRTCP context for what it sends, or for what it receives.
func clientContext(t *testing.T, p srtp.Profile, material []byte, sends bool) *pionsrtp.Context {
	t.Helper()
	k, s := p.Lengths()
	key, salt := material[:k], material[2*k:2*k+s]
	if !sends {
		key, salt = material[k:2*k], material[2*k+s:]
	}
	c, err := pionsrtp.CreateContext(key, salt, pionsrtp.ProtectionProfile(p))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Control packets count once, from the peer only, unchanged: a recorded one could move an estimate or ask for key
// frames for ever.
func TestControlPacketsCountOnce(t *testing.T) {
	for _, p := range []srtp.Profile{srtp.AES128GCM, srtp.AES256GCM, srtp.AES128CMSHA1} {
		t.Run(fmt.Sprintf("profile %d", p), func(t *testing.T) { controlPacketsCountOnce(t, p) })
	}
}

func controlPacketsCountOnce(t *testing.T, p srtp.Profile) {
	t.Helper()
	material := make([]byte, materialLen(p))
	for i := range material {
		material[i] = byte(i)
	}
	k, err := NewKeys(p, material)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := (&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: 2}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	client := clientContext(t, p, material, true)
	var sealed [100][]byte
	for i := range sealed {
		if sealed[i], err = client.EncryptRTCP(nil, plain, nil); err != nil {
			t.Fatal(err)
		}
	}
	take := func(b []byte) bool {
		got, err := k.OpenRTCP(nil, bytes.Clone(b))
		return err == nil && bytes.Equal(got, plain)
	}
	for at := range sealed[0] {
		forged := bytes.Clone(sealed[0])
		forged[at] ^= 1
		if take(forged) {
			t.Errorf("forged at byte %d it is taken", at)
		}
	}
	for _, i := range []int{0, 2, 1, 99} { // late is no repeat
		if !take(sealed[i]) {
			t.Errorf("packet %d is not taken", i)
		}
	}
	for i, b := range sealed[:3] {
		if take(b) {
			t.Errorf("packet %d is taken twice", i)
		}
	}
	if take(sealed[20]) {
		t.Error("a packet too old to know is taken")
	}
	ours, err := k.SealRTCP(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	if take(ours) {
		t.Error("our own packet is taken for the peer's")
	}
	got, err := clientContext(t, p, material, false).DecryptRTCP(nil, ours, nil)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the client opens %x, %v", got, err)
	}
}

func TestTooLittleKeyingMaterialIsRefused(t *testing.T) {
	for p := range srtp.Profile(12) {
		for n := range 100 {
			if _, err := NewKeys(p, make([]byte, n)); (err == nil) != (n > 0 && n == materialLen(p)) {
				t.Errorf("profile %d, %d bytes: %v", p, n, err)
			}
		}
	}
}
