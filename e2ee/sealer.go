package e2ee

import "errors"

// ErrNoKey means that there is no key for a frame: it is not sent, or not shown.
var ErrNoKey = errors.New("e2ee: no key")

// ErrNotSealable means a frame that may not be sealed: empty, or a VP8 frame shorter than its header.
var ErrNotSealable = errors.New("e2ee: the frame is too short")

// maxFrames is how many frames one KID seals: far below what GCM bears, reached after more than a year.
const maxFrames = 1 << 32

// Sealer seals one participant's own frames. Its zero value is of no use: make it with NewSealer.
type Sealer struct {
	self   Hash
	key    SenderKey
	tracks [tracks]*frameKey // nil until used; all nil while there is no key
	next   [tracks]uint64    // counters
	usable bool
}

// NewSealer makes the sealer of the seat with the given announce hash. It seals nothing before SetKey.
func NewSealer(self Hash) *Sealer { return &Sealer{self: self} }

// SetKey switches to a key, as Output.Send says. A key is never taken again.
func (s *Sealer) SetKey(k SenderKey) {
	if s.usable && !s.key.before(k.Generation, k.Step) {
		return
	}
	s.key, s.usable = k, true
	s.tracks, s.next = [tracks]*frameKey{}, [tracks]uint64{}
}

// Usable says whether there is a key.
func (s *Sealer) Usable() bool { return s.usable }

// Seal appends the sealed frame to dst: room for len(frame)+Overhead (AV1: 9 more) keeps it from allocating. frame may
// not overlap the part of dst that is written. key matters for AV1 only.
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
	return k.seal(dst, ctr, frame[:n], frame[n:]), nil
}

func (s *Sealer) trackKey(t Track) (*frameKey, error) {
	if !s.usable || t >= tracks || s.next[t] >= maxFrames {
		return nil, ErrNoKey
	}
	if s.tracks[t] == nil {
		id := kid(s.key.Generation, s.key.Step, t)
		k, err := newFrameKey(AES128GCM, id, s.key.Chain.baseKey(t, s.self))
		if err != nil {
			return nil, err
		}
		s.tracks[t] = k
	}
	return s.tracks[t], nil
}
