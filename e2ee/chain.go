package e2ee

import (
	"fmt"
	"io"
)

// Track is what a key is for.
type Track uint8

// The tracks. Numbers up to 7 fit the KID's bits.
const (
	TrackMic Track = iota
	TrackCamera
	TrackScreenAudio
	TrackScreen
	TrackData Track = 7

	tracks = 8
)

const (
	chainSize     = 32
	maxStep       = 31
	maxGeneration = 1<<24 - 1
)

// Chain is the secret that a sender's track keys come from at one step.
type Chain [chainSize]byte

// newChain draws a fresh one.
func newChain(random io.Reader) (Chain, error) {
	var c Chain
	if _, err := io.ReadFull(random, c[:]); err != nil {
		return c, fmt.Errorf("e2ee: chain: %w", err)
	}
	return c, nil
}

// next is the ratchet: the result does not lead back.
func (c Chain) next() Chain { return Chain(derive(c[:], nil, fields("ratchet"), chainSize)) }

// advance takes n steps.
func (c Chain) advance(n uint8) Chain {
	for range n {
		c = c.next()
	}
	return c
}

// baseKey is what SFrame derives a track's key and salt from. sender is bound in, so that a chain that another passes
// on as their own opens nothing.
func (c Chain) baseKey(t Track, sender Hash) []byte {
	return derive(c[:], nil, fields("track", u8(byte(t)), sender[:]), 32)
}

// SenderKey is a sender's chain at a place.
type SenderKey struct {
	Generation uint32
	Step       uint8
	Chain      Chain
}

// before says whether k is of an earlier place than the other.
func (k *SenderKey) before(generation uint32, step uint8) bool {
	return k.Generation < generation || k.Generation == generation && k.Step < step
}

// kid packs a place and a track.
func kid(generation uint32, step uint8, t Track) uint64 {
	return uint64(generation)<<8 | uint64(step)<<3 | uint64(t)
}

// splitKID takes a KID apart; ok is false if its generation is out of range.
func splitKID(k uint64) (generation uint32, step uint8, t Track, ok bool) {
	return uint32(k >> 8 & maxGeneration), uint8(k >> 3 & maxStep), Track(k & 7), k>>8 <= maxGeneration
}
