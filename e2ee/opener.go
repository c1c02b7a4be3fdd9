package e2ee

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// retention is how long an older step or generation is kept once a newer one is in use.
	retention = 10 * time.Second
	// maxGenerations and maxSteps bound what is kept of one sender.
	maxGenerations = 3
	maxSteps       = 2
	// maxFailures is how many frames of one sender may fail in a second before the rest of that second is dropped
	// unopened: what a flood costs is bounded by this.
	maxFailures = 30
)

// Errors of Opener.Open. A frame that gives one is not shown.
var (
	ErrReplay = errors.New("e2ee: the frame was seen before, or is too old")
	ErrTrack  = errors.New("e2ee: the frame is of another track")
	ErrFlood  = errors.New("e2ee: too many frames failed")
	// ErrPast is also ErrNoKey: the frame is from before one's own time, which is no failure.
	ErrPast = fmt.Errorf("%w of before one's own time", ErrNoKey)
)

// Opener opens other participants' frames. It holds at most maxGenerations × maxSteps keys of each sender, and as many
// senders as SetKey was called for and not Forget. Make it with NewOpener.
type Opener struct{ senders map[uint32]*senderKeys }

// NewOpener makes an opener that has no key.
func NewOpener() *Opener { return &Opener{map[uint32]*senderKeys{}} }

type senderKeys struct {
	hash     Hash
	first    SenderKey // the first key there ever was, without its chain
	epochs   []*epoch  // ascending
	failures int       // in the second that began at second
	second   time.Time
}

// epoch is one step of one generation.
type epoch struct {
	key    SenderKey
	tracks [tracks]*trackOpener // nil until used
	gone   time.Time            // when it is forgotten; zero: while nothing newer is in use
}

type trackOpener struct {
	*frameKey
	window window
}

// SetKey takes a sender's key, as Output.Receive says.
func (o *Opener) SetKey(from uint32, sender Hash, k SenderKey) {
	s := o.senders[from]
	if s == nil || s.hash != sender {
		s = &senderKeys{hash: sender, first: SenderKey{Generation: k.Generation, Step: k.Step}}
		o.senders[from] = s
	}
	for _, e := range s.epochs {
		if e.key.Generation == k.Generation { // its later steps follow from what we have
			return
		}
	}
	s.insert(&epoch{key: k})
}

// Forget deletes everything of a sender.
func (o *Opener) Forget(from uint32) { delete(o.senders, from) }

// Restart is to be called when a track is given to a slot anew: the server may then play its newest key frame once
// more.
func (o *Opener) Restart(from uint32, t Track) {
	s := o.senders[from]
	if s == nil || t >= tracks {
		return
	}
	for _, e := range s.epochs {
		if k := e.tracks[t]; k != nil {
			k.window.restart()
		}
	}
}

// Open appends a frame's plaintext to dst. from is the participant and t the track that the slot carries: the key is
// looked up there and nowhere else.
func (o *Opener) Open(dst []byte, from uint32, t Track, c Codec, frame []byte, now time.Time) ([]byte, error) {
	s := o.senders[from]
	if s == nil {
		return nil, ErrNoKey
	}
	if !s.mayTry(now) {
		return nil, ErrFlood
	}
	out, err := s.open(dst, t, c, frame, now)
	if err != nil && !errors.Is(err, ErrReplay) && !errors.Is(err, ErrNoKey) {
		s.failures++
	}
	return out, err
}

func (s *senderKeys) mayTry(now time.Time) bool {
	if d := now.Sub(s.second); d < 0 || d >= time.Second {
		s.second, s.failures = now, 0
	}
	return s.failures < maxFailures
}

func (s *senderKeys) open(dst []byte, t Track, c Codec, frame []byte, now time.Time) ([]byte, error) {
	prefix, sframe, err := envelope(c, frame)
	if err != nil {
		return nil, err
	}
	id, ctr, header, err := ParseHeader(sframe)
	if err != nil {
		return nil, err
	}
	generation, step, track, ok := splitKID(id)
	if !ok || track != t {
		return nil, ErrTrack
	}
	s.expire(now)
	e, isNew := s.find(generation, step)
	if e == nil && (&SenderKey{Generation: generation, Step: step}).before(s.first.Generation, s.first.Step) {
		return nil, ErrPast
	}
	if e == nil {
		return nil, ErrNoKey
	}
	k, err := e.track(t, s.hash)
	if err != nil {
		return nil, err
	}
	if !k.window.fresh(ctr) {
		return nil, ErrReplay
	}
	out, err := k.open(append(dst, prefix...), ctr, header, prefix, sframe)
	if err != nil {
		return nil, err
	}
	k.window.mark(ctr)
	if isNew {
		s.insert(e)
	}
	s.retire(e, now)
	return out, nil
}

// find returns the epoch of a place; isNew says that it was derived and is not kept yet.
func (s *senderKeys) find(generation uint32, step uint8) (e *epoch, isNew bool) {
	var base *epoch
	for _, e := range s.epochs {
		if e.key.Generation != generation || e.key.Step > step {
			continue
		}
		if e.key.Step == step {
			return e, false
		}
		base = e
	}
	if base == nil {
		return nil, false
	}
	return &epoch{key: SenderKey{generation, step, base.key.Chain.advance(step - base.key.Step)}}, true
}

func (e *epoch) track(t Track, sender Hash) (*trackOpener, error) {
	if e.tracks[t] == nil {
		k, err := newFrameKey(AES128GCM, kid(e.key.Generation, e.key.Step, t), e.key.Chain.baseKey(t, sender))
		if err != nil {
			return nil, err
		}
		e.tracks[t] = &trackOpener{frameKey: k}
	}
	return e.tracks[t], nil
}

// insert keeps the order and the bounds.
func (s *senderKeys) insert(e *epoch) {
	i := len(s.epochs)
	for i > 0 && e.key.before(s.epochs[i-1].key.Generation, s.epochs[i-1].key.Step) {
		i--
	}
	s.epochs = slices.Insert(s.epochs, i, e)
	generations, steps := 0, 0
	for i := len(s.epochs) - 1; i >= 0; i-- {
		steps++
		if i == len(s.epochs)-1 || s.epochs[i].key.Generation != s.epochs[i+1].key.Generation {
			generations++
			steps = 1
		}
		if generations > maxGenerations || steps > maxSteps {
			s.epochs = slices.Delete(s.epochs, i, i+1)
		}
	}
}

// retire sets the end of what is older than an epoch in use.
func (s *senderKeys) retire(used *epoch, now time.Time) {
	for _, e := range s.epochs {
		if e.gone.IsZero() && e.key.before(used.key.Generation, used.key.Step) {
			e.gone = now.Add(retention)
		}
	}
}

func (s *senderKeys) expire(now time.Time) {
	s.epochs = slices.DeleteFunc(s.epochs, func(e *epoch) bool { return !e.gone.IsZero() && !now.Before(e.gone) })
}
