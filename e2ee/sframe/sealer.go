package sframe

import "errors"

// ErrNoKey means that there is no key for a frame: it is not sent, or not shown.
var ErrNoKey = errors.New("sframe: no key")

// ErrNotSealable means a frame that may not be sealed: empty, or a VP8 frame shorter than its header.
var ErrNotSealable = errors.New("sframe: the frame is too short")

// maxFrames is how many frames one KID seals: far below what GCM bears, reached after more than a year.
const maxFrames = 1 << 32

// Sealer seals one participant's own frames. Its zero value has no key.
type Sealer struct {
	epoch   *Epoch            // nil: nothing may be sent
	state   uint64            // of the newest epoch that was ever used
	started bool              // there was one
	context uint8             // added to tracks: 0, or outside
	sender  uint32            // leaf, or number outside
	keys    [tracks]*frameKey // nil until used
	next    [tracks]uint64    // counters of the newest epoch
}

// Use seals with an epoch from now on, as group.Output says. An epoch older than the newest is not taken: its counters
// are gone. After Stop the newest goes on where it was.
func (s *Sealer) Use(e *Epoch) {
	if s.started && e.State < s.state {
		return
	}
	if !s.started || e.State > s.state {
		s.keys, s.next = [tracks]*frameKey{}, [tracks]uint64{}
	}
	s.epoch, s.state, s.started, s.sender = e, e.State, true, e.Own
}

// UseOutside seals as a sender outside the group: Base is the sender's own secret for the epoch, and number what the
// group lists it under.
func (s *Sealer) UseOutside(e *Epoch, number uint32) {
	s.Use(e)
	if s.epoch == e {
		s.context, s.sender = outside, number
	}
}

// Stop seals nothing until Use.
func (s *Sealer) Stop() { s.epoch = nil }

// Usable says whether there is a key to seal with.
func (s *Sealer) Usable() bool { return s.epoch != nil }

// Seal appends the sealed frame to dst: room for len(frame)+Overhead (AV1: 9 more) keeps it from allocating. frame may
// not overlap the part of dst that is written. key says whether it is a key frame; it matters for VP9 and AV1 only.
func (s *Sealer) Seal(dst []byte, t Track, c Codec, key bool, frame []byte) ([]byte, error) {
	k, err := s.trackKey(t)
	if err != nil {
		return nil, err
	}
	n, ok := clearLen(c, frame)
	if !ok {
		return nil, ErrNotSealable
	}
	ctr := s.next[t]
	if c == AV1 {
		var head [maxHeader]byte
		size := len(appendHeader(head[:0], k.kid, ctr)) + len(frame) + tagSize
		dst = appendOBUHead(dst, key, size)
	}
	dst = append(dst, frame[:n]...)
	s.next[t]++
	if marked(c) {
		mark := keyMark(key)
		return k.seal(dst, ctr, mark[:], frame), nil
	}
	return k.seal(dst, ctr, frame[:n], frame[n:]), nil
}

func (s *Sealer) trackKey(t Track) (*frameKey, error) {
	if s.epoch == nil || t >= tracks || s.next[t] >= maxFrames {
		return nil, ErrNoKey
	}
	if s.keys[t] == nil {
		k, err := newFrameKey(AES128GCM, KID(t+Track(s.context), s.sender, s.epoch.Number), s.epoch.Base[:])
		if err != nil {
			return nil, err
		}
		s.keys[t] = k
	}
	return s.keys[t], nil
}
