package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/pion/rtp"
	pionsrtp "github.com/pion/srtp/v3"
)

// profiles are all of them, and the names of tests.
func profiles() map[string]Profile {
	return map[string]Profile{"AES-128-GCM": AES128GCM, "AES-256-GCM": AES256GCM, "AES-CM": AES128CMSHA1}
}

// forEach runs test with each profile.
func forEach(t *testing.T, test func(t *testing.T, p Profile)) {
	t.Helper()
	for name, p := range profiles() {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func masterKeys(p Profile) (key, salt []byte) {
	keyLen, saltLen := p.Lengths()
	for i := range byte(keyLen) {
		key = append(key, i)
	}
	for i := range byte(saltLen) {
		salt = append(salt, 0xa0+i)
	}
	return key, salt
}

func newCipher(tb testing.TB, p Profile) *Cipher {
	tb.Helper()
	key, salt := masterKeys(p)
	c, err := NewCipher(p, key, salt)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func newPion(tb testing.TB, p Profile) *pionsrtp.Context {
	tb.Helper()
	key, salt := masterKeys(p)
	c, err := pionsrtp.CreateContext(key, salt, pionsrtp.ProtectionProfile(p))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// seal returns the sealed packet of a header and a payload.
func (c *Cipher) sealPacket(header, payload []byte, ssrc uint32, index uint64) []byte {
	var n Scratch
	dst := append(make([]byte, 0, len(header)+len(payload)+Overhead), header...)
	return c.Seal(dst, payload, ssrc, index, &n)
}

func rtpHeader(seq uint16, ssrc uint32) []byte {
	h := make([]byte, 12)
	h[0], h[1] = 2<<6, 96
	binary.BigEndian.PutUint16(h[2:], seq)
	binary.BigEndian.PutUint32(h[8:], ssrc)
	return h
}

func TestSealMatchesRFC7714(t *testing.T) {
	// RFC 7714 §16.1.1; its key and salt are those of the session.
	block, err := aes.NewCipher(unhex(t, "000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Cipher{}
	if c.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	copy(c.salt[:], unhex(t, "517569642070726f2071756f"))
	header := unhex(t, "8040f17b8041f8d35501a0b2")
	payload := []byte("Gallia est omnis divisa in partes tres")
	want := unhex(t, "8040f17b8041f8d35501a0b2"+
		"f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce")
	got := c.sealPacket(header, payload, 0x5501a0b2, 0xf17b)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	var n Scratch
	if length, err := c.Open(got, 12, 0x5501a0b2, 0xf17b, &n); err != nil || string(got[12:12+length]) != string(payload) {
		t.Errorf("opened %q, %v", got[12:12+length], err)
	}
}

func TestKeyDerivationMatchesRFC3711(t *testing.T) {
	// RFC 3711 appendix B.3. Its salt has 112 bits; derive takes it as it is.
	master, err := aes.NewCipher(unhex(t, "e1f97a0d3e018be0d64fa32c06de4139"))
	if err != nil {
		t.Fatal(err)
	}
	salt := unhex(t, "0ec675ad498afeebb6960b3aabe6")
	if got, want := derive(master, salt, labelKey, 16), unhex(t, "c61e7a93744f39ee10734afe3ff7a087"); !bytes.Equal(got,
		want) {
		t.Errorf("key %x, want %x", got, want)
	}
	if got, want := derive(master, salt, labelSalt, 14), unhex(t, "30cbbc08863d8c85d49db34a9ae1"); !bytes.Equal(got,
		want) {
		t.Errorf("salt %x, want %x", got, want)
	}
}

func TestKeyDerivationMatchesRFC6188(t *testing.T) {
	// RFC 6188 §7.4: a 256-bit master key takes two blocks.
	master, err := aes.NewCipher(unhex(t, "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"))
	if err != nil {
		t.Fatal(err)
	}
	salt := unhex(t, "3b04803de51ee7c96423ab5b78d2")
	want := unhex(t, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
	if got := derive(master, salt, labelKey, 32); !bytes.Equal(got, want) {
		t.Errorf("key %x, want %x", got, want)
	}
}

func TestAuthenticationKeyMatchesRFC3711(t *testing.T) {
	// RFC 3711 appendix B.3, 94 bytes of it; the profile takes the first 20.
	master, err := aes.NewCipher(unhex(t, "e1f97a0d3e018be0d64fa32c06de4139"))
	if err != nil {
		t.Fatal(err)
	}
	want := unhex(t, "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef722709"+
		"86371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e47403576"+"6b68642c59bbfc2f34db60dbdfb2dc68")
	got := derive(master, unhex(t, "0ec675ad498afeebb6960b3aabe6"), labelAuth, authKeyLen)
	if !bytes.Equal(got, want[:authKeyLen]) {
		t.Errorf("%x, want %x", got, want[:authKeyLen])
	}
}

func TestKeyStreamMatchesRFC3711(t *testing.T) {
	// RFC 3711 appendix B.2: session key and salt, SSRC and index zero, blocks 0 to 0xff01.
	block, err := aes.NewCipher(unhex(t, "2b7e151628aed2a6abf7158809cf4f3c"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Cipher{cm: &counterMode{block: block}}
	copy(c.salt[:], unhex(t, "f0f1f2f3f4f5f6f7f8f9fafbfcfd"))
	stream := make([]byte, 0xff02*16)
	var s Scratch
	c.cm.xorKeyStream(stream, stream, c.counter(&s, 0, 0), &s)
	for at, want := range map[int]string{
		0x0000: "e03ead0935c95e80e166b16dd92b4eb4",
		0x0001: "d23513162b02d0f72a43a2fe4a5f97ab",
		0x0002: "41e95b3bb0a2e8dd477901e4fca894c0",
		0xfeff: "ec8cdf7398607cb0f2d21675ea9ea1e4",
		0xff00: "362b7c3c6773516318a077d7fc5073ae",
		0xff01: "6a2cc3787889374fbeb4c81b17ba6c44",
	} {
		if got := hex.EncodeToString(stream[16*at : 16*at+16]); got != want {
			t.Errorf("block %#x is %s, want %s", at, got, want)
		}
	}
}

func TestCounterModeMatchesLibsrtp(t *testing.T) {
	// The AES-CM-HMAC-SHA1-80 vector of libsrtp's test driver: master keys, so key derivation and authentication too.
	c, err := NewCipher(AES128CMSHA1, unhex(t, "e1f97a0d3e018be0d64fa32c06de4139"),
		unhex(t, "0ec675ad498afeebb6960b3aabe6"))
	if err != nil {
		t.Fatal(err)
	}
	header := unhex(t, "800f1234decafbadcafebabe")
	want := unhex(t, "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
	got := c.sealPacket(header, bytes.Repeat([]byte{0xab}, 16), 0xcafebabe, 0x1234)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestSealMatchesLibsrtp(t *testing.T) {
	// The AES-128-GCM vector of libsrtp's test driver: master keys, so key derivation too.
	c := newCipher(t, AES128GCM)
	header := unhex(t, "800f1234decafbadcafebabe")
	want := unhex(t, "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392")
	if got := c.sealPacket(header, bytes.Repeat([]byte{0xab}, 16), 0xcafebabe, 0x1234); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestPionOpensWhatIsSealedAcrossRollOver(t *testing.T) {
	forEach(t, func(t *testing.T, profile Profile) {
		c, pion := newCipher(t, profile), newPion(t, profile)
		for index := uint64(30000); index < 3<<16; index += 611 {
			payload := fmt.Appendf(nil, "packet %d", index)
			sealed := c.sealPacket(rtpHeader(uint16(index), 7), payload, 7, index)
			plain, err := pion.DecryptRTP(nil, sealed, nil)
			if err != nil || !bytes.Equal(plain[12:], payload) {
				t.Fatalf("index %d: %q, %v", index, plain, err)
			}
		}
	})
}

func TestWhatPionSealsIsOpenedAcrossRollOver(t *testing.T) {
	forEach(t, func(t *testing.T, profile Profile) {
		c, pion := newCipher(t, profile), newPion(t, profile)
		var window Window
		var n Scratch
		for index := uint64(30000); index < 3<<16; index += 611 {
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(index), SSRC: 7,
				CSRC: []uint32{1, 2}},
				Payload: fmt.Appendf(nil, "packet %d", index)}
			if err := p.SetExtension(4, []byte("mid")); err != nil {
				t.Fatal(err)
			}
			plain, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := pion.EncryptRTP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			header := len(plain) - len(p.Payload)
			guess := window.Index(uint16(index))
			if guess != index || !window.Fresh(guess) {
				t.Fatalf("index %d taken for %d, fresh %v", index, guess, window.Fresh(guess))
			}
			length, err := c.Open(sealed, header, 7, guess, &n)
			if err != nil || !bytes.Equal(sealed[header:header+length], p.Payload) {
				t.Fatalf("index %d: %v", index, err)
			}
			window.Mark(guess)
		}
	})
}

func TestOpenRefusesEveryTruncationAndEveryFlippedBit(t *testing.T) {
	forEach(t, func(t *testing.T, profile Profile) {
		c := newCipher(t, profile)
		var n Scratch
		sealed := c.sealPacket(rtpHeader(1, 7), []byte("payload"), 7, 1)
		for length := range sealed {
			if _, err := c.Open(bytes.Clone(sealed[:length]), 12, 7, 1, &n); !errors.Is(err, ErrAuth) {
				t.Errorf("%d bytes of %d: %v", length, len(sealed), err)
			}
		}
		for bit := range 8 * len(sealed) {
			forged := bytes.Clone(sealed)
			forged[bit/8] ^= 1 << (bit % 8)
			if _, err := c.Open(forged, 12, 7, 1, &n); !errors.Is(err, ErrAuth) {
				t.Errorf("bit %d: %v", bit, err)
			}
		}
		for _, other := range []struct {
			ssrc  uint32
			index uint64
		}{{7, 1 + 1<<16}, {8, 1}, {7, 2}} {
			if profile == AES128CMSHA1 && other.index < 1<<16 {
				continue // it authenticates SSRC and sequence number as part of the header, which Open takes them from
			}
			if _, err := c.Open(bytes.Clone(sealed), 12, other.ssrc, other.index, &n); !errors.Is(err, ErrAuth) {
				t.Errorf("as SSRC %d, index %d: %v", other.ssrc, other.index, err)
			}
		}
		if length, err := c.Open(sealed, 12, 7, 1, &n); err != nil || length != len("payload") {
			t.Errorf("the packet itself: %d, %v", length, err)
		}
	})
}

func TestSealLeavesTheSharedPayloadAlone(t *testing.T) {
	forEach(t, func(t *testing.T, profile Profile) {
		c := newCipher(t, profile)
		payload := []byte("shared by every subscriber")
		c.sealPacket(rtpHeader(1, 7), payload, 7, 1)
		if string(payload) != "shared by every subscriber" {
			t.Error("the payload was overwritten")
		}
	})
}

func TestEmptyPayloadIsSealedAndOpened(t *testing.T) {
	forEach(t, func(t *testing.T, profile Profile) {
		c := newCipher(t, profile)
		var n Scratch
		sealed := c.sealPacket(rtpHeader(1, 7), nil, 7, 1)
		if length, err := c.Open(sealed, 12, 7, 1, &n); err != nil || length != 0 || len(sealed) > 12+Overhead {
			t.Errorf("%d bytes: %d, %v", len(sealed), length, err)
		}
	})
}

func TestKeysOfTheWrongLengthAreRefused(t *testing.T) {
	for p := range Profile(12) {
		keyLen, saltLen := p.Lengths()
		for key := range 40 {
			for salt := range 20 {
				_, err := NewCipher(p, make([]byte, key), make([]byte, salt))
				if (err == nil) != (keyLen > 0 && key == keyLen && salt == saltLen) {
					t.Errorf("profile %d, key of %d and salt of %d bytes: %v", p, key, salt, err)
				}
			}
		}
	}
}

func TestSealingAndOpeningDoNotAllocate(t *testing.T) {
	forEach(t, func(t *testing.T, profile Profile) {
		c := newCipher(t, profile)
		payload, header := make([]byte, 1100), rtpHeader(1, 7)
		packet := make([]byte, 0, 2000)
		var n Scratch
		var sealed []byte
		if got := testing.AllocsPerRun(100, func() {
			sealed = c.Seal(append(packet, header...), payload, 7, 1, &n)
			if _, err := c.Open(sealed, 12, 7, 1, &n); err != nil {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("%v allocations", got)
		}
	})
}

// FuzzOpen opens arbitrary bytes, and what was sealed with the fuzzer's header, payload and index.
func FuzzOpen(f *testing.F) {
	f.Add(rtpHeader(1, 7), []byte("payload"), uint64(1))
	f.Add(append(rtpHeader(0xffff, 0), 1, 2, 3, 4), []byte{}, uint64(0xffff_ffff_ffff))
	f.Add([]byte{}, []byte{1}, uint64(1<<48))
	f.Fuzz(func(t *testing.T, header, payload []byte, index uint64) {
		for name, p := range profiles() {
			c := newCipher(t, p)
			var n Scratch
			raw := append(bytes.Clone(header), payload...)
			if _, err := c.Open(raw, len(header), 7, index, &n); !errors.Is(err, ErrAuth) {
				t.Fatalf("%s: opened %x", name, raw)
			}
			sealed := c.sealPacket(header, payload, 7, index)
			length, err := c.Open(sealed, len(header), 7, index, &n)
			if err != nil || !bytes.Equal(sealed[len(header):len(header)+length], payload) ||
				!bytes.Equal(sealed[:len(header)], header) {
				t.Fatalf("%s: %x, %v", name, sealed, err)
			}
		}
	})
}

// The benchmarks seal and open 1,100-byte packets; those of pion/srtp do the same beside them.
const benchPayload = 1100

func BenchmarkSeal(b *testing.B) {
	for name, p := range profiles() {
		b.Run("conclave/"+name, func(b *testing.B) { benchSeal(b, p) })
		b.Run("pion/"+name, func(b *testing.B) { benchPionSeal(b, p) })
	}
}

func benchSeal(b *testing.B, p Profile) {
	c := newCipher(b, p)
	payload, header, packet := make([]byte, benchPayload), rtpHeader(1, 7), make([]byte, 0, 2000)
	var n Scratch
	index := uint64(0)
	b.ReportAllocs()
	b.SetBytes(benchPayload)
	for b.Loop() {
		index++
		c.Seal(append(packet, header...), payload, 7, index, &n)
	}
}

func benchPionSeal(b *testing.B, p Profile) {
	pion := newPion(b, p)
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 7}
	plain, dst := append(rtpHeader(1, 7), make([]byte, benchPayload)...), make([]byte, 2000)
	b.ReportAllocs()
	b.SetBytes(benchPayload)
	for b.Loop() {
		h.SequenceNumber++
		if _, err := pion.EncryptRTP(dst, plain, &h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, p := range profiles() {
		sealed := newCipher(b, p).sealPacket(rtpHeader(1, 7), make([]byte, benchPayload), 7, 1)
		b.Run("conclave/"+name, func(b *testing.B) { benchOpen(b, p, sealed) })
		b.Run("pion/"+name, func(b *testing.B) { benchPionOpen(b, p, sealed) })
	}
}

func benchOpen(b *testing.B, p Profile, sealed []byte) {
	c := newCipher(b, p)
	packet := make([]byte, len(sealed))
	var n Scratch
	b.ReportAllocs()
	b.SetBytes(benchPayload)
	for b.Loop() {
		copy(packet, sealed)
		if _, err := c.Open(packet, 12, 7, 1, &n); err != nil {
			b.Fatal(err)
		}
	}
}

func benchPionOpen(b *testing.B, p Profile, sealed []byte) {
	pion := newPion(b, p)
	packet := make([]byte, len(sealed))
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 7, SequenceNumber: 1}
	b.ReportAllocs()
	b.SetBytes(benchPayload)
	for b.Loop() {
		copy(packet, sealed)
		if _, err := pion.DecryptRTP(packet, packet, &h); err != nil {
			b.Fatal(err)
		}
	}
}
