package forward

import (
	"conclave/media"
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
	data, _ := sframe.Find(l.track.Codec, p.info, p.payload) // no place for a header is as good as none
	result := e.checker.Check(sframe.Frame{Seq: p.in.Seq, Track: uint8(l.track.Source), Data: data,
		Whole: p.marker || l.track.Codec == codec.Opus, Sound: l.track.Codec == codec.Opus})
	g.engine.stats.frames[result].Add(1)
	if result != sframe.Valid {
		e.failed, e.any = p.in.Timestamp, true
	}
	p.at, p.sealed = sframe.PositionOf(data)
	if at, ok := e.checker.At(); ok {
		l.track.reached(at.Epoch)
	}
	switch closed := e.checker.Closed(); {
	case closed && !wasClosed:
		l.restart() // nothing that failed is to be sent again, and viewers start anew at a key frame
		l.track.inUse.Store(0)
		if !l.track.refused.Swap(true) {
			g.owner.NotEncrypted(l.track.Source)
		}
	case wasClosed && !closed:
		l.wantKey.Store(true)
	}
}

// reached notes an epoch of a frame of the track. Encodings come to a new epoch one after the other; the first decides.
// ingress.mu is held.
func (t *Track) reached(epoch uint16) {
	before := t.inUse.Load()
	if before == 0 || (sframe.Position{Epoch: uint16(before - 1)}).Before(sframe.Position{Epoch: epoch}) {
		t.inUse.Store(uint32(epoch) + 1)
	}
}

// mark is the newest frame of a track that a viewer was sent, whichever slot and encoding it came by. It is guarded by
// the egress's mu.
type mark struct {
	at  sframe.Position
	any bool
}

// trackName is what a track is of, over the connections of its publisher.
type trackName struct {
	owner  media.ParticipantID
	source media.Source
}

// maxMarks bounds the tracks of which an egress knows what it sent: all of a full meeting. Beyond it what is known of
// the participant who has been there for longest is forgotten.
const maxMarks = 4096

// markOf is the mark of a layer's track; nil where encryption is not required. mu is held.
func (e *Egress) markOf(l *Layer) *mark {
	if l.encryption == nil {
		return nil
	}
	name := trackName{l.track.Owner, l.track.Source}
	m := e.marks[name]
	if m == nil {
		if e.marks == nil {
			e.marks = make(map[trackName]*mark)
		}
		if len(e.marks) >= maxMarks {
			e.forgetMark()
		}
		m = &mark{}
		e.marks[name] = m
	}
	return m
}

func (e *Egress) forgetMark() {
	oldest, found := trackName{}, false
	for name := range e.marks {
		if !found || name.owner < oldest.owner {
			oldest, found = name, true
		}
	}
	delete(e.marks, oldest)
}

// Follow has e, which is new, know what an earlier connection of the same viewer was sent: a frame is accepted once,
// over whichever connection it comes.
func (e *Egress) Follow(before *Egress) {
	before.mu.Lock()
	marks := make(map[trackName]*mark, len(before.marks))
	for name, m := range before.marks {
		sent := *m
		marks[name] = &sent
	}
	before.mu.Unlock()
	e.mu.Lock()
	e.marks = marks
	e.mu.Unlock()
}

// sends notes that the beginning of a frame goes out.
func (m *mark) sends(p *packet) {
	if m != nil && p.sealed && (!m.any || m.at.Before(p.at)) {
		m.at, m.any = p.at, true
	}
}

// plays says whether a kept key frame of the layer, and what follows it, may be sent to a viewer: it is of the epoch
// that the track has come to, and newer than all that the viewer was sent of the track. Others would not open:
// newcomers have no older key, and a counter is accepted once.
func (m *mark) plays(l *Layer, key sframe.Position) bool {
	return m == nil || l.track.inUse.Load() == uint32(key.Epoch)+1 && (!m.any || m.at.Before(key))
}
