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

const pionGCM = pionsrtp.ProtectionProfileAeadAes128Gcm

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func masterKeys() (key, salt []byte) {
	for i := range byte(KeyLen) {
		key = append(key, i)
	}
	for i := range byte(SaltLen) {
		salt = append(salt, 0xa0+i)
	}
	return key, salt
}

func newCipher(tb testing.TB) *Cipher {
	tb.Helper()
	c, err := NewCipher(masterKeys())
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func newPion(tb testing.TB) *pionsrtp.Context {
	tb.Helper()
	key, salt := masterKeys()
	c, err := pionsrtp.CreateContext(key, salt, pionGCM)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// seal returns the sealed packet of a header and a payload.
func (c *Cipher) sealPacket(header, payload []byte, ssrc uint32, index uint64) []byte {
	var n Nonce
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
	var n Nonce
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

func TestSealMatchesLibsrtp(t *testing.T) {
	// The AES-128-GCM vector of libsrtp's test driver: master keys, so key derivation too.
	c := newCipher(t)
	header := unhex(t, "800f1234decafbadcafebabe")
	want := unhex(t, "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392")
	if got := c.sealPacket(header, bytes.Repeat([]byte{0xab}, 16), 0xcafebabe, 0x1234); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestPionOpensWhatIsSealedAcrossRollOver(t *testing.T) {
	c, pion := newCipher(t), newPion(t)
	for index := uint64(30000); index < 3<<16; index += 611 {
		payload := fmt.Appendf(nil, "packet %d", index)
		sealed := c.sealPacket(rtpHeader(uint16(index), 7), payload, 7, index)
		plain, err := pion.DecryptRTP(nil, sealed, nil)
		if err != nil || !bytes.Equal(plain[12:], payload) {
			t.Fatalf("index %d: %q, %v", index, plain, err)
		}
	}
}

func TestWhatPionSealsIsOpenedAcrossRollOver(t *testing.T) {
	c, pion := newCipher(t), newPion(t)
	var window Window
	var n Nonce
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
}

func TestOpenRefusesEveryTruncationAndEveryFlippedBit(t *testing.T) {
	c := newCipher(t)
	var n Nonce
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
	}{{8, 1}, {7, 2}, {7, 1 + 1<<16}} {
		if _, err := c.Open(bytes.Clone(sealed), 12, other.ssrc, other.index, &n); !errors.Is(err, ErrAuth) {
			t.Errorf("as SSRC %d, index %d: %v", other.ssrc, other.index, err)
		}
	}
	if length, err := c.Open(sealed, 12, 7, 1, &n); err != nil || length != len("payload") {
		t.Errorf("the packet itself: %d, %v", length, err)
	}
}

func TestSealLeavesTheSharedPayloadAlone(t *testing.T) {
	c := newCipher(t)
	payload := []byte("shared by every subscriber")
	c.sealPacket(rtpHeader(1, 7), payload, 7, 1)
	if string(payload) != "shared by every subscriber" {
		t.Error("the payload was overwritten")
	}
}

func TestEmptyPayloadIsSealedAndOpened(t *testing.T) {
	c := newCipher(t)
	var n Nonce
	sealed := c.sealPacket(rtpHeader(1, 7), nil, 7, 1)
	if length, err := c.Open(sealed, 12, 7, 1, &n); err != nil || length != 0 || len(sealed) != 12+Overhead {
		t.Errorf("%d bytes: %d, %v", len(sealed), length, err)
	}
}

func TestKeysOfTheWrongLengthAreRefused(t *testing.T) {
	for key := range 40 {
		for salt := range 20 {
			if _, err := NewCipher(make([]byte, key), make([]byte, salt)); (err == nil) != (key == KeyLen && salt == SaltLen) {
				t.Errorf("key of %d and salt of %d bytes: %v", key, salt, err)
			}
		}
	}
}

func TestSealingAndOpeningDoNotAllocate(t *testing.T) {
	c := newCipher(t)
	payload, header := make([]byte, 1100), rtpHeader(1, 7)
	packet := make([]byte, 0, 2000)
	var n Nonce
	var sealed []byte
	if got := testing.AllocsPerRun(100, func() {
		sealed = c.Seal(append(packet, header...), payload, 7, 1, &n)
		if _, err := c.Open(sealed, 12, 7, 1, &n); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// FuzzOpen opens arbitrary bytes, and what was sealed with the fuzzer's header, payload and index.
func FuzzOpen(f *testing.F) {
	f.Add(rtpHeader(1, 7), []byte("payload"), uint64(1))
	f.Add(append(rtpHeader(0xffff, 0), 1, 2, 3, 4), []byte{}, uint64(0xffff_ffff_ffff))
	f.Add([]byte{}, []byte{1}, uint64(1<<48))
	f.Fuzz(func(t *testing.T, header, payload []byte, index uint64) {
		c := newCipher(t)
		var n Nonce
		raw := append(bytes.Clone(header), payload...)
		if _, err := c.Open(raw, len(header), 7, index, &n); !errors.Is(err, ErrAuth) {
			t.Fatalf("opened %x", raw)
		}
		sealed := c.sealPacket(header, payload, 7, index)
		length, err := c.Open(sealed, len(header), 7, index, &n)
		if err != nil || !bytes.Equal(sealed[len(header):len(header)+length], payload) ||
			!bytes.Equal(sealed[:len(header)], header) {
			t.Fatalf("%x, %v", sealed, err)
		}
	})
}

// The benchmarks seal and open 1,100-byte packets; those of pion/srtp do the same beside them.
const benchPayload = 1100

func BenchmarkSeal(b *testing.B) {
	b.Run("conclave", func(b *testing.B) {
		c := newCipher(b)
		payload, header, packet := make([]byte, benchPayload), rtpHeader(1, 7), make([]byte, 0, 2000)
		var n Nonce
		index := uint64(0)
		b.ReportAllocs()
		b.SetBytes(benchPayload)
		for b.Loop() {
			index++
			c.Seal(append(packet, header...), payload, 7, index, &n)
		}
	})
	b.Run("pion", func(b *testing.B) {
		pion := newPion(b)
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
	})
}

func BenchmarkOpen(b *testing.B) {
	c := newCipher(b)
	sealed := c.sealPacket(rtpHeader(1, 7), make([]byte, benchPayload), 7, 1)
	packet := make([]byte, len(sealed))
	b.Run("conclave", func(b *testing.B) {
		var n Nonce
		b.ReportAllocs()
		b.SetBytes(benchPayload)
		for b.Loop() {
			copy(packet, sealed)
			if _, err := c.Open(packet, 12, 7, 1, &n); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pion", func(b *testing.B) {
		pion := newPion(b)
		h := rtp.Header{Version: 2, PayloadType: 96, SSRC: 7, SequenceNumber: 1}
		b.ReportAllocs()
		b.SetBytes(benchPayload)
		for b.Loop() {
			copy(packet, sealed)
			if _, err := pion.DecryptRTP(packet, packet, &h); err != nil {
				b.Fatal(err)
			}
		}
	})
}
