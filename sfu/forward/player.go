package forward

import (
	"sync"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/rewrite"
	"conclave/sfu/sframe"
)

// playBytes bounds the burst a new viewer is started with: half a second of 1 Mbit/s. An older key frame costs more
// bandwidth than a new one.
const playBytes = 64 << 10

// playPackets bounds the same burst in packets: what an outbox takes in one go without segmentation.
const playPackets = 2 * batch.MaxMessages

// player forwards kept key frames to new viewers. It is one for the engine: such starts are rare.
type player struct {
	mu sync.Mutex
	sender
	payload []byte
}

// start forwards from the layer's latest key frame on, if it is recent and complete: the viewer sees a picture at once
// and the publisher is not asked for another. It makes o its slot's output, and says whether it did. What the receiving
// worker forwards meanwhile is either in the history (and then a repeat, which the layer's numbering shows) or comes
// after.
func (s *Slot) start(o *output, now time.Time) (started bool) {
	e := s.egress
	ks, to, ok := e.transport.Ready()
	if !ok || !o.layer.Active(now) {
		return false
	}
	p := &e.engine.player
	p.mu.Lock()
	defer p.mu.Unlock()
	box := p.begin(ks, to, now)
	if !s.play(o, p, box, now) {
		return false
	}
	box.send()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hold.leaving--
	return true
}

// play puts the picture since the latest key frame into the box, of a player that is locked, and makes o the slot's
// output. If it says that it did, the box leaves next, and nothing may pass it.
func (s *Slot) play(o *output, p *player, box *outbox, now time.Time) (started bool) {
	e := s.egress
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reach(box.to, now); e.way.behind > repeatBehind {
		return false
	}
	from, until, ok := o.layer.sinceKey(e.mayPlay(now), o.mark)
	if !ok || s.next != o {
		return false
	}
	frames := o.layer.framesBetween(from, until)
	for seq := from; seq <= until && box.fits(); seq++ {
		pkt, ok := p.load(o.layer, seq, now)
		if !ok {
			break // evicted meanwhile: the receiver asks for a key frame
		}
		pkt.in.Timestamp = frames.hasten(pkt.in.Timestamp)
		at := len(box.arena)
		if box.arena, _, ok = s.write(box.arena, o, &pkt, &p.seal); ok {
			p.counters.Forwarded.Add(1)
			p.counters.ForwardedBytes.Add(uint64(len(box.arena) - at))
			e.played += len(box.arena) - at
			e.emit(box, at, true, now)
		}
	}
	started = s.cur == o
	s.played, s.hasPlayed = until, started
	if started {
		e.hold.leaving++
	}
	return started
}

// load makes a packet of what the history holds.
func (p *player) load(l *Layer, seq uint64, now time.Time) (packet, bool) {
	meta, payload, ok := l.recall(p.payload[:0], uint32(seq))
	p.payload = payload
	if !ok || len(payload) == 0 {
		return packet{}, false
	}
	info, err := codec.Parse(l.track.Codec, payload)
	if err != nil {
		return packet{}, false
	}
	return packet{layer: l, payload: payload, info: info, arrived: now, marker: meta.Marker, newest: true,
		sealed: l.encryption != nil && info.LayerStart, at: sframe.Position{Epoch: meta.Epoch, CTR: meta.CTR},
		in: rewrite.In{Seq: seq, Timestamp: meta.Timestamp, PictureID: info.PictureID, TL0PicIdx: info.TL0PicIdx}}, true
}

// mayPlay is how many bytes of kept media may be sent now: within a second no more than the path carries in an eighth
// of one. More would make the queue that a new page of pictures must not begin with; a new key frame is smaller.
func (e *Egress) mayPlay(now time.Time) int {
	if now.Sub(e.playedAt) >= time.Second {
		e.played, e.playedAt = 0, now
	}
	bps := e.Estimate()
	if bps == 0 {
		return playBytes
	}
	return max(0, min(playBytes, int(bps/8/8)-e.played))
}

// hastened maps the timestamps of kept frames to ones a millisecond apart that end at the latest frame's own. A
// receiver shows them at once and is then in time with the live ones; with their own it would stay behind by the age of
// the key frame.
type hastened struct {
	timestamps [playPackets]uint32 // of the frames, in order
	n          int
	step       uint32
}

func (h *hastened) hasten(timestamp uint32) uint32 {
	for i := range h.n {
		if h.timestamps[i] == timestamp {
			return h.timestamps[h.n-1] - uint32(h.n-1-i)*h.step
		}
	}
	return timestamp
}

// framesBetween lists the frames of a range of the history, which is no longer than playPackets.
func (l *Layer) framesBetween(from, until uint64) *hastened {
	h := &hastened{step: l.track.clockRate() / 1000}
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.hist == nil {
		return h
	}
	for seq := from; seq <= until; seq++ {
		m, _, ok := l.hist.Get(uint64(uint32(seq)))
		if ok && (h.n == 0 || h.timestamps[h.n-1] != m.Timestamp) {
			h.timestamps[h.n] = m.Timestamp
			h.n++
		}
	}
	return h
}

// sinceKey is the range of the history from its latest key frame on, if that is no longer than maxBytes and
// playPackets, and may be sent to the viewer whose mark it is.
func (l *Layer) sinceKey(maxBytes int, m *mark) (from, until uint64, ok bool) {
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.hist == nil {
		return 0, 0, false
	}
	if from, until, ok = l.hist.SinceKey(maxBytes); !ok || until-from >= playPackets {
		return 0, 0, false
	}
	key, _, _ := l.hist.Get(from)
	return from, until, m.plays(l, sframe.Position{Epoch: key.Epoch, CTR: key.CTR})
}
