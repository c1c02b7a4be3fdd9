package sframe

import (
	"errors"
	"fmt"
	"time"
)

// What an Opener keeps, and for how long.
const (
	// MaxEpochs is how many epochs are kept.
	MaxEpochs = 8
	// afterRemoval and afterChange are how long an epoch is opened after the commit that ended it: one that removed a
	// member, or another.
	afterRemoval = 2 * time.Second
	afterChange  = 5 * time.Second
	// afterFirst is how long older epochs of a sender are opened after its first frame of one that a removal began.
	afterFirst = time.Second
	// maxFailures is how many frames under one owner and epoch may fail in a second before the rest of that second is
	// dropped unopened: what a flood costs is bounded by this.
	maxFailures = 30
	// maxOwners bounds the participants that keys are known of.
	maxOwners = 4096
	// maxSingles bounds the keys of single KIDs, and maxOutside the senders outside the group in an epoch.
	maxSingles = 4096
	maxOutside = 64
)

// Errors of Opener.Open. A frame that gives one is not shown.
var (
	ErrReplay = errors.New("sframe: the frame was seen before, or is too old")
	ErrTrack  = errors.New("sframe: the frame is of another track")
	ErrOwner  = errors.New("sframe: the frame is not of the participant it is said to be of")
	ErrFlood  = errors.New("sframe: too many frames failed")
	// ErrUnknown is also ErrNoKey: the epoch is not known yet. The session should be told, and the frame held.
	ErrUnknown = fmt.Errorf("%w of its epoch", ErrNoKey)
	// ErrPast is also ErrNoKey: the frame is of an epoch that was closed, or from before one's own time.
	ErrPast = fmt.Errorf("%w of an epoch in the past", ErrNoKey)
	// ErrBefore is also ErrPast: the frame is from before one's own time.
	ErrBefore = fmt.Errorf("%w: it is older than the first that one has", ErrPast)
)

// Opener opens other participants' frames. Its zero value has no key. It keeps MaxEpochs epochs, in each of them a key
// and window for each leaf and track that a frame opened of.
type Opener struct {
	owners map[uint32]Key // by participant; at most maxOwners
	epochs []*openEpoch   // oldest first; at most MaxEpochs
	first  uint64         // number of the first that was added after Clear
	heard  map[Key]*heard // senders that frames opened of; at most maxOwners
}

// openEpoch is an epoch with the keys that were used.
type openEpoch struct {
	*Epoch
	until   time.Time // when it is closed; zero while it is the newest
	senders map[senderID]*senderKeys
	outside map[uint32]outsider // by number; at most maxOutside
	singles map[uint64]ownedKey // by KID; at most maxSingles
}

// ownedKey is the key of one KID, and whose frames it opens.
type ownedKey struct {
	owner Key
	key   SingleKey
}

// senderID is a sender in an epoch: a leaf, or a number outside.
type senderID struct {
	outside bool
	number  uint32
}

// outsider sends from outside the group, under a secret of its own.
type outsider struct {
	owner Key
	base  [16]byte
}

// senderKeys are one sender's keys and windows in one epoch.
type senderKeys struct {
	tracks   [tracks]*trackOpener // nil until a frame opened
	failures int                  // in the second that began at second
	second   time.Time
}

type trackOpener struct {
	*frameKey
	window window
}

// heard is how far a sender has come.
type heard struct {
	boundary uint64    // newest epoch that began with a removal and that a frame, of it or a later one, opened of
	since    time.Time // when the first of those frames opened
	closed   uint64    // epochs below are closed
}

// SetOwner says whose key a participant number stands for.
func (o *Opener) SetOwner(participant uint32, owner Key) {
	if o.owners == nil {
		o.owners = map[uint32]Key{}
	}
	if _, known := o.owners[participant]; known || len(o.owners) < maxOwners {
		o.owners[participant] = owner
	}
}

// ForgetOwner takes back what SetOwner said. Windows stay.
func (o *Opener) ForgetOwner(participant uint32) { delete(o.owners, participant) }

// Add takes an epoch, as group.Output says. One that does not follow the newest takes the place of all.
func (o *Opener) Add(e *Epoch, now time.Time) {
	if n := len(o.epochs); n > 0 && (e.State <= o.epochs[n-1].State) {
		return
	}
	if n := len(o.epochs); n > 0 && e.Number != o.epochs[n-1].Number+1 {
		o.epochs = nil
	}
	after := afterChange
	if e.Removes {
		after = afterRemoval
	}
	for _, old := range o.epochs {
		if end := now.Add(after); old.until.IsZero() || end.Before(old.until) {
			old.until = end
		}
	}
	if len(o.epochs) == 0 {
		o.first = e.Number
	}
	o.epochs = append(o.epochs, &openEpoch{Epoch: e})
	if len(o.epochs) > MaxEpochs {
		o.epochs = append([]*openEpoch(nil), o.epochs[len(o.epochs)-MaxEpochs:]...)
	}
	if len(o.heard) >= maxOwners {
		o.heard = nil
	}
	o.expire(now)
}

// Clear drops every epoch: nothing opens until Add.
func (o *Opener) Clear() { o.epochs = nil }

// AddOutside takes the secret of a sender outside the group for an epoch. A second one of a number is refused.
func (o *Opener) AddOutside(epoch uint64, number uint32, owner Key, base [16]byte) {
	for _, e := range o.epochs {
		if _, known := e.outside[number]; e.Number != epoch || known || len(e.outside) >= maxOutside {
			continue
		}
		if e.outside == nil {
			e.outside = map[uint32]outsider{}
		}
		e.outside[number] = outsider{owner, base}
	}
}

// AddSingle takes the key of one KID, for one who is outside the group and whom Add gives nothing. An epoch newer than
// all is begun by it; those before are closed as after a commit that removes no one.
func (o *Opener) AddSingle(epoch, kid uint64, owner Key, key SingleKey, now time.Time) {
	if n := len(o.epochs); n == 0 || epoch > o.epochs[n-1].Number {
		next := &Epoch{Number: epoch, State: epoch + 1}
		if n > 0 && epoch != o.epochs[n-1].Number+1 { // it may have missed some: the last goes on for a while
			o.epochs = o.epochs[n-1:]
			o.epochs[0].until = now.Add(afterChange)
			o.epochs = append(o.epochs, &openEpoch{Epoch: next})
		} else {
			o.Add(next, now)
		}
	}
	for _, e := range o.epochs {
		if e.Number != epoch || len(e.singles) >= maxSingles {
			continue
		}
		if e.singles == nil {
			e.singles = map[uint64]ownedKey{}
		}
		if _, known := e.singles[kid]; !known {
			e.singles[kid] = ownedKey{owner, key}
		}
	}
}

// Open appends a frame's plaintext to dst. from is the participant, and t the track, that the slot carries. key says
// whether the packets call it a key frame; it matters for VP9 and AV1 only.
func (o *Opener) Open(
	dst []byte, from uint32, t Track, c Codec, key bool, frame []byte, now time.Time,
) ([]byte, error) {
	owner, known := o.owners[from]
	if !known {
		return nil, ErrNoKey
	}
	prefix, body, err := envelope(c, frame)
	if err != nil {
		return nil, err
	}
	f := sealedFrame{owner: owner, track: t, prefix: prefix, body: body, marked: marked(c), key: key}
	if f.kid, f.ctr, f.header, err = ParseHeader(body); err != nil {
		return nil, err
	}
	context, sender, bits, ok := splitKID(f.kid)
	if !ok || Track(context%outside) != t {
		return nil, ErrTrack
	}
	e, err := o.find(bits, now)
	if err != nil {
		return nil, err
	}
	if !o.mayBe(owner, e.Number, now) {
		return nil, ErrPast
	}
	out, err := e.open(dst, &f, senderID{context >= outside, sender}, now)
	if err == nil {
		o.advance(owner, e.Number, now)
	}
	return out, err
}

// sealedFrame is a frame, taken apart.
type sealedFrame struct {
	owner        Key
	track        Track
	prefix, body []byte
	marked, key  bool // the metadata is the key mark, not the prefix
	kid, ctr     uint64
	header       int
}

// find returns the epoch of ten bits.
func (o *Opener) find(bits uint16, now time.Time) (*openEpoch, error) {
	for i := len(o.epochs) - 1; i >= 0; i-- {
		if e := o.epochs[i]; e.Number&epochMask == uint64(bits) {
			if !e.until.IsZero() && !now.Before(e.until) {
				return nil, ErrPast
			}
			return e, nil
		}
	}
	if n := len(o.epochs); n > 0 {
		newest := o.epochs[n-1].Number
		switch age := (newest - uint64(bits)) & epochMask; {
		case age >= 1<<(epochBits-1):
		case newest-o.first < age:
			return nil, ErrBefore
		default:
			return nil, ErrPast
		}
	}
	return nil, ErrUnknown
}

// expire drops closed epochs. Their windows go with their keys.
func (o *Opener) expire(now time.Time) {
	for len(o.epochs) > 1 && !now.Before(o.epochs[0].until) {
		o.epochs = o.epochs[1:]
	}
}

// mayBe says whether a sender may still use an epoch, by the frames that opened of it.
func (o *Opener) mayBe(owner Key, epoch uint64, now time.Time) bool {
	h := o.heard[owner]
	return h == nil || epoch >= h.boundary || epoch >= h.closed && now.Before(h.since.Add(afterFirst))
}

// advance notes that a frame of an epoch opened.
func (o *Opener) advance(owner Key, epoch uint64, now time.Time) {
	boundary, found := uint64(0), false
	for _, e := range o.epochs {
		if e.Removes && e.Number <= epoch {
			boundary, found = e.Number, true
		}
	}
	h := o.heard[owner]
	if !found || h != nil && boundary <= h.boundary {
		return
	}
	if h == nil {
		h = &heard{}
		if o.heard == nil {
			o.heard = map[Key]*heard{}
		}
		o.heard[owner] = h
	}
	h.closed, h.boundary, h.since = h.boundary, boundary, now
}

func (e *openEpoch) open(dst []byte, f *sealedFrame, id senderID, now time.Time) ([]byte, error) {
	if single, given := e.singles[f.kid]; given && single.owner != f.owner || !given && !e.owns(id, f.owner) {
		if !given && !e.knows(id) {
			return nil, ErrNoKey
		}
		return nil, ErrOwner
	}
	s := e.senders[id]
	if s == nil {
		s = &senderKeys{}
		if e.senders == nil {
			e.senders = map[senderID]*senderKeys{}
		}
		e.senders[id] = s // bounded by the leaves, and by maxOutside
	}
	if !s.mayTry(now) {
		return nil, ErrFlood
	}
	k := s.tracks[f.track]
	if k == nil {
		key, err := e.key(id, f.kid)
		if err != nil {
			return nil, err
		}
		k = &trackOpener{frameKey: key}
	}
	if !k.window.fresh(f.ctr) {
		return nil, ErrReplay
	}
	mark, metadata := keyMark(f.key), f.prefix
	if f.marked {
		metadata = mark[:]
	}
	out, err := k.open(append(dst, f.prefix...), f.ctr, f.header, metadata, f.body)
	if err != nil {
		s.failures++
		return nil, err
	}
	s.tracks[f.track] = k
	k.window.mark(f.ctr)
	return out, nil
}

// owns says whether a sender of the epoch has a key.
func (e *openEpoch) owns(id senderID, owner Key) bool {
	if id.outside {
		x, known := e.outside[id.number]
		return known && x.owner == owner
	}
	return int(id.number) < len(e.Leaves) && e.Leaves[id.number] == owner && owner != Key{}
}

// knows says whether it is known whose a sender is: one outside says it by its secret, and who is outside is told of
// single keys only.
func (e *openEpoch) knows(id senderID) bool {
	if id.outside {
		_, known := e.outside[id.number]
		return known
	}
	return len(e.Leaves) > 0
}

// key derives a sender's key, or takes the one that was given.
func (e *openEpoch) key(id senderID, kid uint64) (*frameKey, error) {
	if id.outside {
		base := e.outside[id.number].base
		return newFrameKey(AES128GCM, kid, base[:])
	}
	if single, given := e.singles[kid]; given {
		return frameKeyOf(kid, single.key[:KeySize-nonceSize], single.key[KeySize-nonceSize:])
	}
	if e.Base == [16]byte{} {
		return nil, ErrNoKey
	}
	return newFrameKey(AES128GCM, kid, e.Base[:])
}

func (s *senderKeys) mayTry(now time.Time) bool {
	if d := now.Sub(s.second); d < 0 || d >= time.Second {
		s.second, s.failures = now, 0
	}
	return s.failures < maxFailures
}
