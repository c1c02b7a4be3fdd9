package sfu

import (
	"conclave/sfu/codec"
	"conclave/sfu/sframe"
)

// reasonNotEncrypted is the protocol document's reason in media_refused.
const reasonNotEncrypted = "not_encrypted"

// RequireSFrame makes the room one whose media is end-to-end encrypted: frames that do not look it are not forwarded. Call it before
// anybody joins; it cannot be undone.
func (r *Room) RequireSFrame() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sframe = true
}

// PrivateAudio makes the room one in which clients are not asked how loud their microphones are (RFC 6464), which tells who speaks
// when: nobody is reported as speaking, and the microphones that were opened first are the ones forwarded where there are more
// than a listener has slots. Call it before anybody joins; it cannot be undone.
func (r *Room) PrivateAudio() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.privateAudio = true
}

// encryption follows whether a layer's frames are end-to-end encrypted. It is guarded by session.inMu.
type encryption struct {
	checker sframe.Checker
	failed  uint32 // timestamp of the newest frame that failed: all of it is dropped
	any     bool
}

// encrypted says whether p may go on: its frame looks encrypted, and its layer is not held back. Without RequireSFrame everything may.
// Callers hold inMu.
func (s *session) encrypted(l *layer, p *packet) bool {
	e := l.encryption
	if e == nil {
		return true
	}
	if p.info.LayerStart && !s.check(l, p) {
		return false
	}
	return !e.checker.Closed() && !(e.any && e.failed == p.in.Timestamp)
}

// forgetKeyFrame keeps the latest key frame from being played into a slot: it is sealed under another key than what follows it, one
// that whoever has just come was not given. They get the next one.
func (l *layer) forgetKeyFrame() {
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.hist != nil {
		l.hist.ForgetKey()
	}
}

// check looks at the beginning of a frame.
func (s *session) check(l *layer, p *packet) bool {
	e := l.encryption
	wasClosed := e.checker.Closed()
	key, had := e.checker.Key()
	data, _ := sframe.Find(l.track.Codec, p.info, p.payload) // no place for a header is as good as none
	result := e.checker.Check(sframe.Frame{Seq: p.in.Seq, Track: uint8(l.track.source), Data: data,
		Whole: p.marker || l.track.Codec == codec.Opus})
	s.server.frames[result].Add(1)
	if result != sframe.Valid {
		e.failed, e.any = p.in.Timestamp, true
	}
	if now, _ := e.checker.Key(); had && now != key {
		l.forgetKeyFrame()
	}
	switch closed := e.checker.Closed(); {
	case closed && !wasClosed:
		l.restart() // nothing that failed is to be sent again, and viewers start anew at a key frame
		if !l.track.refused.Swap(true) {
			s.peer.notify.refused(l.track.source, reasonNotEncrypted)
		}
	case wasClosed && !closed:
		l.wantKey.Store(true)
	}
	return result == sframe.Valid
}
