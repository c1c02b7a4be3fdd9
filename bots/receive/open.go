package receive

import (
	"errors"
	"time"

	"conclave/bots/payload"
	"conclave/bots/wire"
	"conclave/e2ee/group"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

const (
	// maxParts bounds the packets kept of one stream until their frames are complete.
	maxParts = 2048
	// maxHeldFrames bounds the frames of a slot that wait: for the slots message that names their sender, heldFor at
	// most, or for the epoch that they are of, epochFor at most.
	maxHeldFrames = 64
	heldFor       = 300 * time.Millisecond
	epochFor      = 500 * time.Millisecond
)

// Opened counts what became of end-to-end encrypted frames. Failed and NoKey fail a run.
type Opened struct {
	Frames uint64 `json:"frames"` // opened and authentic
	Failed uint64 `json:"failed"` // not authentic, of another track, or no SFrame
	NoKey  uint64 `json:"no_key"` // of a sender whose frames were opened before
	Early  uint64 `json:"early"`  // from before the bot's time in the group, or of who lets no one outside hear
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
	frames sframe.Opener
	inside bool            // there is an epoch
	guest  bool            // the keys are those of people who agreed, and may take that back
	heard  map[uint32]bool // senders that a frame was opened of since then; bounded by the meeting's size
	frame  []byte          // the frame being put together
	plain  []byte
	counts Opened
}

func newFrameOpener() *frameOpener { return &frameOpener{heard: map[uint32]bool{}} }

// part is what one packet carries of a video frame.
type part struct {
	csrc  uint32
	codec sframe.Codec
	key   bool // a key frame begins with it
	data  []byte
}

// heldFrame is a sealed frame, which may wait for the slots message that names its sender.
type heldFrame struct {
	csrc  uint32
	at    int64
	codec sframe.Codec
	key   bool
	data  []byte
}

// SetKeys takes what the session says about others' keys: owners, epochs, what those outside say, what one outside is
// told.
func (r *Receiver) SetKeys(out *group.Output, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.opener
	if u == nil {
		return
	}
	for i := range out.Owners {
		o := &out.Owners[i]
		if o.Gone {
			u.frames.ForgetOwner(o.Participant)
			delete(u.heard, o.Participant)
			continue
		}
		u.frames.SetOwner(o.Participant, o.Key)
	}
	if out.Clear {
		u.frames.Clear()
		u.inside = false
		clear(u.heard)
	}
	for _, e := range out.Epochs {
		u.frames.Add(e, now)
		u.inside = true
	}
	for _, k := range out.Outside {
		u.frames.AddOutside(k.Epoch, k.Number, k.Owner, k.Base)
	}
	for _, h := range out.Heard {
		u.inside, u.guest = true, true
		for i := range h.Keys {
			u.frames.AddSingle(h.Epoch, h.Keys[i].KID, h.From, h.Keys[i].Key, now)
		}
	}
	if len(out.Owners)+len(out.Epochs)+len(out.Heard) > 0 {
		for _, s := range r.list {
			if len(s.held) > 0 {
				r.tryHeld(s, now)
			}
		}
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

// sealedInOne says whether f, what a packet carries, is a whole frame: sound always is. Of a sample's pictures only
// those in one packet can be opened.
func (r *Receiver) sealedInOne(s *stream, f *heldFrame, v *wire.RTP) (ok bool) {
	if !s.video || len(f.data) == 0 {
		return len(f.data) > 0
	}
	if r.Sample == 0 || !v.Marker || !payload.Starts(f.codec, f.data) {
		return false
	}
	f.key = payload.KeyStart(f.codec, f.data)
	f.data, ok = payload.AppendBody(nil, f.codec, f.data)
	return ok
}

// openFrame opens a frame, or holds it while slots may still name its sender, or the session may come to know its
// epoch.
func (r *Receiver) openFrame(s *stream, f heldFrame) bool {
	if f.csrc != uint32(s.owner) {
		r.hold(s, f)
		return true
	}
	ok, later := r.openOwn(s, &f)
	if later {
		r.hold(s, f)
		r.Unknown()
	}
	return ok || later
}

// hold keeps a frame for later.
func (r *Receiver) hold(s *stream, f heldFrame) {
	if len(s.held) >= maxHeldFrames {
		r.drop(s, &s.held[0])
		s.held = s.held[1:]
	}
	f.data = append([]byte(nil), f.data...)
	s.held = append(s.held, f)
}

// drop counts a frame that was held in vain.
func (r *Receiver) drop(s *stream, f *heldFrame) {
	if f.csrc != uint32(s.owner) {
		r.opener.counts.Stale++
		return
	}
	if s.video {
		s.frames.broken = true
	}
	r.noKey(f.csrc)
}

// noKey counts a frame that there is no key for.
func (r *Receiver) noKey(from uint32) {
	if r.opener.heard[from] && !r.opener.guest {
		r.opener.counts.NoKey++
	} else {
		r.opener.counts.Early++
	}
}

// openOwn opens a frame of the slot's owner. later says that its epoch is not known yet.
func (r *Receiver) openOwn(s *stream, f *heldFrame) (ok, later bool) {
	u, at := r.opener, f.at
	from := uint32(s.owner)
	track := payload.SFrameTrack(s.source)
	plain, err := u.frames.Open(u.plain[:0], from, track, f.codec, f.key, f.data, time.Unix(0, at))
	switch {
	case err == nil:
		u.plain = plain
		u.counts.Frames++
		u.heard[from] = true
		if sent, ok := payload.ReadStamp(f.codec, plain); ok {
			r.delay(s, sent, at)
		}
		return true, false
	case errors.Is(err, sframe.ErrUnknown) && u.inside:
		return false, true
	case errors.Is(err, sframe.ErrBefore):
		u.counts.Early++
	case errors.Is(err, sframe.ErrNoKey):
		r.noKey(from)
	case errors.Is(err, sframe.ErrReplay):
		u.counts.Repeat++
	default:
		u.counts.Failed++
	}
	return false, false
}

// tryHeld opens what was held of a slot, as far as that is possible now.
func (r *Receiver) tryHeld(s *stream, now time.Time) {
	held := s.held
	s.held = nil
	for i := range held {
		h := &held[i]
		age := now.UnixNano() - h.at
		ok, later := false, false
		own := h.csrc == uint32(s.owner)
		if own {
			ok, later = r.openOwn(s, h)
		}
		switch {
		case ok:
		case own && later && age < int64(epochFor), !own && age < int64(heldFor):
			s.held = append(s.held, *h)
		case own && !later:
			if s.video {
				s.frames.broken = true
			}
		default:
			r.drop(s, h)
		}
	}
}

// reassigned is told that a slot carries something else: frames that came before the message that says so are opened.
func (r *Receiver) reassigned(s *stream, source protocol.Source, now time.Time) {
	s.source = source
	if r.opener == nil {
		return
	}
	held := s.held
	s.held = nil
	for i := range held {
		if h := &held[i]; h.csrc == uint32(s.owner) && now.UnixNano()-h.at < int64(heldFor) {
			s.held = append(s.held, *h)
			continue
		}
		r.opener.counts.Stale++
	}
	r.tryHeld(s, now)
}

// expireHeld gives up what was held for too long.
func (r *Receiver) expireHeld(now time.Time) {
	for _, s := range r.list {
		for len(s.held) > 0 && now.UnixNano()-s.held[0].at >= int64(epochFor) {
			r.drop(s, &s.held[0])
			s.held = s.held[1:]
		}
	}
}
