package forward

import (
	"conclave/sfu/codec"
	"conclave/sfu/sframe"
)

// encryption follows whether a layer's frames are end-to-end encrypted. It is guarded by ingress.mu.
type encryption struct {
	checker sframe.Checker
	failed  uint32 // timestamp of the newest frame that failed: all of it is dropped
	any     bool
}

// encrypted says whether p may go on: its frame looks encrypted, and its layer is not held back. Where encryption is
// not required everything may.
func (g *ingress) encrypted(l *Layer, p *packet) bool {
	e := l.encryption
	if e == nil {
		return true
	}
	if p.info.LayerStart {
		g.check(l, p)
	}
	return !e.checker.Closed() && !(e.any && e.failed == p.in.Timestamp)
}

// check looks at the beginning of a frame, and notes whether it failed.
func (g *ingress) check(l *Layer, p *packet) {
	e := l.encryption
	wasClosed := e.checker.Closed()
	key, had := e.checker.Key()
	data, _ := sframe.Find(l.track.Codec, p.info, p.payload) // no place for a header is as good as none
	result := e.checker.Check(sframe.Frame{Seq: p.in.Seq, Track: uint8(l.track.Source), Data: data,
		Whole: p.marker || l.track.Codec == codec.Opus})
	g.engine.stats.frames[result].Add(1)
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
			g.owner.NotEncrypted(l.track.Source)
		}
	case wasClosed && !closed:
		l.wantKey.Store(true)
	}
}
