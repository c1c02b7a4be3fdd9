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
	pairHead = 5
	// MaxRelay is the length of the longest pairwise message: its base64url fits the protocol's 2 KiB.
	MaxRelay = 1536
)

// Errors of the pairwise channel.
var (
	ErrOldMessage    = errors.New("e2ee: a message was repeated or came late")
	ErrChannelClosed = errors.New("e2ee: the channel's counter is used up")
	ErrTooLong       = errors.New("e2ee: the message is too long")
)

// pair is the channel between two seats, from one of them.
type pair struct {
	out, in       cipher.AEAD
	sent, arrived uint32 // counters of the last message
}

// newPair derives both directions of the channel.
func (r *Root) newPair(seat *Seat, self Hash, peer *Announcement) (*pair, error) {
	shared, err := seat.key.ECDH(peer.EK)
	if err != nil { // the all-zero result of a low-order point
		return nil, fmt.Errorf("e2ee: pair: %w", err)
	}
	out, err := r.pairKey(shared, self, peer.Hash)
	if err != nil {
		return nil, err
	}
	in, err := r.pairKey(shared, peer.Hash, self)
	if err != nil {
		return nil, err
	}
	return &pair{out: out, in: in}, nil
}

func (r *Root) pairKey(shared []byte, from, to Hash) (cipher.AEAD, error) {
	block, err := aes.NewCipher(derive(shared, r.root[:], fields("pair", from[:], to[:]), 32))
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
	p.sent++
	head := binary.BigEndian.AppendUint32([]byte{Suite}, p.sent)
	nonce := binary.BigEndian.AppendUint32(make([]byte, 8, nonceSize), p.sent)
	return p.out.Seal(head, nonce, plain, head), nil
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
	nonce := binary.BigEndian.AppendUint32(make([]byte, 8, nonceSize), n)
	plain, err := p.in.Open(nil, nonce, data[pairHead:], data[:pairHead])
	if err != nil {
		return nil, ErrOpen
	}
	p.arrived = n
	return plain, nil
}
