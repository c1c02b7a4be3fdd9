package meeting

import (
	"crypto/ed25519"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
)

// LastingRoom is the public half of an address that lasts: its owner's key, made for this room alone, and a random
// number. docs/rooms.md is the specification.
type LastingRoom struct {
	Key   [ed25519.PublicKeySize]byte
	Nonce [16]byte
}

// The constants of docs/rooms.md.
const (
	addressLabel  = "conclave room/1 address"
	openLabel     = "conclave room/1 open"
	addressRounds = 1 << 16
	addressBytes  = 10 // 80 bits, the 16 characters of an ID
)

// Challenge is what a server has the owner of a room sign: a random number for one session and one use.
type Challenge [32]byte

// Proof is the owner's signature.
type Proof [ed25519.SignatureSize]byte

// Address is the address of the room's meetings. It takes some 10 ms, so that finding another key for an address costs
// 2^16 times as much as the 80 bits of the address say.
func (r LastingRoom) Address() (ID, error) {
	password := string(r.Key[:]) + string(r.Nonce[:])
	sum, err := pbkdf2.Key(sha256.New, password, []byte(addressLabel), addressRounds, addressBytes)
	if err != nil {
		return ID{}, ErrInternal
	}
	// 80 bits as 16 digits of 5, the first ones first.
	high, low := uint64(binary.BigEndian.Uint16(sum)), binary.BigEndian.Uint64(sum[2:])
	var digits [16]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = idAlphabet[low&31]
		low, high = low>>5|high<<59, high>>5
	}
	d := string(digits[:])
	return ID{newPrivate(d[:4] + "-" + d[4:8] + "-" + d[8:12] + "-" + d[12:])}, nil
}

// Opens says whether the owner of the room signed that it be opened: at this host, in answer to this challenge. host
// has at most 255 bytes.
func (r LastingRoom) Opens(host string, c Challenge, p Proof) bool {
	if len(host) > 255 {
		return false
	}
	message := append([]byte(openLabel), byte(len(host)))
	message = append(append(append(message, host...), r.Nonce[:]...), c[:]...)
	return ed25519.Verify(r.Key[:], message, p[:])
}
