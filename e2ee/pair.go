package e2ee

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	pairHead    = 5
	pairKeySize = 32
	// MaxRelay is the length of the longest pairwise message: its base64url fits the protocol's 2 KiB.
	MaxRelay = 1536
)

// Errors of the pairwise channel.
var (
	ErrOldMessage    = errors.New("e2ee: a message was repeated or came late")
	ErrChannelClosed = errors.New("e2ee: the channel's counter is used up")
	ErrTooLong       = errors.New("e2ee: the message is too long")
)

// pair is the channel between two seats, from one of them. It keeps keys, not ciphers, which are 20 times as large: a
// participant has a channel to everybody, and few messages go over each.
type pair struct {
	channelKeys
	made          bool
	sent, arrived uint32 // counters of the last message
}

// channelKeys are those of both directions.
type channelKeys struct{ out, in [pairKeySize]byte }

// newPair derives both directions of the channel.
func (r *Root) newPair(seat *Seat, self Hash, peer *Announcement) (pair, error) {
	if k, ok := r.shared.take(self, peer.Hash); ok {
		return pair{channelKeys: k, made: true}, nil
	}
	secret, err := seat.key.ECDH(peer.EK)
	if err != nil { // the all-zero result of a low-order point
		return pair{}, fmt.Errorf("e2ee: pair: %w", err)
	}
	k := channelKeys{out: r.pairKey(secret, self, peer.Hash), in: r.pairKey(secret, peer.Hash, self)}
	r.shared.leave(self, peer.Hash, k)
	return pair{channelKeys: k, made: true}, nil
}

func (r *Root) pairKey(secret []byte, from, to Hash) [pairKeySize]byte {
	return [pairKeySize]byte(derive(secret, r.root[:], fields("pair", from[:], to[:]), pairKeySize))
}

func pairCipher(key *[pairKeySize]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("e2ee: pair: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("e2ee: pair: %w", err)
	}
	return aead, nil
}

// seal makes the next message of this end.
func (p *pair) seal(plain []byte) ([]byte, error) {
	if p.sent == math.MaxUint32 {
		return nil, ErrChannelClosed
	}
	if len(plain)+pairHead+tagSize > MaxRelay {
		return nil, ErrTooLong
	}
	aead, err := pairCipher(&p.out)
	if err != nil {
		return nil, err
	}
	p.sent++
	head := binary.BigEndian.AppendUint32([]byte{Suite}, p.sent)
	nonce := binary.BigEndian.AppendUint32(make([]byte, 8, nonceSize), p.sent)
	return aead.Seal(head, nonce, plain, head), nil
}

// open opens a message of the other end.
func (p *pair) open(data []byte) ([]byte, error) {
	if len(data) < pairHead+tagSize || len(data) > MaxRelay || data[0] != Suite {
		return nil, malformed("relay")
	}
	n := binary.BigEndian.Uint32(data[1:])
	if n <= p.arrived {
		return nil, ErrOldMessage
	}
	aead, err := pairCipher(&p.in)
	if err != nil {
		return nil, err
	}
	nonce := binary.BigEndian.AppendUint32(make([]byte, 8, nonceSize), n)
	plain, err := aead.Open(nil, nonce, data[pairHead:], data[:pairHead])
	if err != nil {
		return nil, ErrOpen
	}
	p.arrived = n
	return plain, nil
}
