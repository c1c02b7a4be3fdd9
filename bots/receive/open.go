package receive

import (
	"errors"
	"time"

	"conclave/bots/payload"
	"conclave/e2ee"
	"conclave/protocol"
)

const (
	// maxParts bounds the packets kept of one stream until their frames are complete.
	maxParts = 2048
	// maxHeldFrames and heldFor bound the frames that wait for the slots message that names their sender.
	maxHeldFrames = 64
	heldFor       = 300 * time.Millisecond
)

// Opened counts what became of end-to-end encrypted frames. Failed and NoKey fail a run.
type Opened struct {
	Frames uint64 `json:"frames"` // opened and authentic
	Failed uint64 `json:"failed"` // not authentic, of another track, or no SFrame
	NoKey  uint64 `json:"no_key"` // of a sender whose frames were opened before
	Early  uint64 `json:"early"`  // from before the bot's time, or before the sender's key was there
	Stale  uint64 `json:"stale"`  // of a participant that the slot no longer carries
	Repeat uint64 `json:"repeat"` // seen before
}

// Add adds the counts of x.
func (o *Opened) Add(x *Opened) {
	o.Frames += x.Frames
	o.Failed += x.Failed
	o.NoKey += x.NoKey
	o.Early += x.Early
	o.Stale += x.Stale
	o.Repeat += x.Repeat
}

// frameOpener opens a receiver's frames. Owned by the receiver's mutex.
type frameOpener struct {
	frames *e2ee.Opener
	heard  map[uint32]bool // senders that a frame was opened of; bounded by the meeting's size
	frame  []byte          // the frame being put together
	plain  []byte
	counts Opened
}

func newFrameOpener() *frameOpener {
	return &frameOpener{frames: e2ee.NewOpener(), heard: map[uint32]bool{}}
}

// part is what one packet carries of a video frame.
type part struct {
	csrc  uint32
	codec e2ee.Codec
	key   bool // a key frame begins with it
	data  []byte
}

// heldFrame is a sealed frame, which may wait for the slots message that names its sender.
type heldFrame struct {
	csrc  uint32
	at    int64
	codec e2ee.Codec
	key   bool
	data  []byte
}

// SetKeys takes what the session says about others' keys.
func (r *Receiver) SetKeys(forget []uint32, keys []e2ee.ReceiveKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opener == nil {
		return
	}
	for _, n := range forget {
		r.opener.frames.Forget(n)
		delete(r.opener.heard, n)
	}
	for _, k := range keys {
		r.opener.frames.SetKey(k.From, k.Sender, k.Key)
	}
}

// keepPart keeps what a packet carries until its frame is complete.
func (s *stream) keepPart(ext int64, csrc uint32, key bool, data []byte) {
	body, ok := payload.AppendBody(nil, s.codec, data)
	if !ok {
		return
	}
	if s.parts == nil || len(s.parts) >= maxParts {
		s.parts = map[int64]part{}
	}
	s.parts[ext] = part{csrc, s.codec, key, body}
}

// whole opens the frame of the packets (after, upTo]; false means that it cannot be shown.
func (r *Receiver) whole(s *stream, after, upTo, at int64) bool {
	u := r.opener
	u.frame = u.frame[:0]
	f := heldFrame{at: at}
	for n := after + 1; n <= upTo; n++ {
		p, ok := s.parts[n]
		if !ok {
			return false // kept packets were given up
		}
		f.csrc, f.codec, f.key = p.csrc, p.codec, f.key || p.key
		u.frame = append(u.frame, p.data...)
		delete(s.parts, n)
	}
	f.data = u.frame
	return r.openFrame(s, f)
}

// openFrame opens a frame, or holds it while slots may still name its sender.
func (r *Receiver) openFrame(s *stream, f heldFrame) bool {
	if f.csrc != uint32(s.owner) {
		if len(s.held) >= maxHeldFrames {
			r.opener.counts.Stale++
			s.held = s.held[1:]
		}
		f.data = append([]byte(nil), f.data...)
		s.held = append(s.held, f)
		return true
	}
	return r.openOwn(s, &f)
}

// openOwn opens a frame of the slot's owner.
func (r *Receiver) openOwn(s *stream, f *heldFrame) bool {
	u, at := r.opener, f.at
	from := uint32(s.owner)
	track := payload.SFrameTrack(s.source)
	plain, err := u.frames.Open(u.plain[:0], from, track, f.codec, f.data, time.Unix(0, at))
	if errors.Is(err, e2ee.ErrReplay) && f.key && at-s.againAt >= int64(time.Second) {
		s.againAt = at // another layer, begun with the newest key frame there is: docs/e2ee.md, section 8
		u.frames.Restart(from, track)
		plain, err = u.frames.Open(u.plain[:0], from, track, f.codec, f.data, time.Unix(0, at))
	}
	switch {
	case err == nil:
		u.plain = plain
		u.counts.Frames++
		u.heard[from] = true
		if sent, ok := payload.ReadStamp(f.codec, plain); ok {
			r.delay(s, sent, at)
		}
	case errors.Is(err, e2ee.ErrPast), errors.Is(err, e2ee.ErrNoKey) && !u.heard[from]:
		u.counts.Early++
	case errors.Is(err, e2ee.ErrNoKey):
		u.counts.NoKey++
	case errors.Is(err, e2ee.ErrReplay):
		u.counts.Repeat++
	default:
		u.counts.Failed++
	}
	return err == nil
}

// reassigned is told that a slot carries something else: frames that came before the message that says so are opened.
func (r *Receiver) reassigned(s *stream, source protocol.Source, now time.Time) {
	s.source = source
	if r.opener == nil {
		return
	}
	r.opener.frames.Restart(uint32(s.owner), payload.SFrameTrack(source))
	held := s.held
	s.held = nil
	for i := range held {
		if h := &held[i]; h.csrc == uint32(s.owner) && now.UnixNano()-h.at < int64(heldFor) {
			if !r.openOwn(s, h) && s.video {
				s.frames.broken = true
			}
			continue
		}
		r.opener.counts.Stale++
	}
}
