package sfu

import (
	"sync"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/rewrite"
	"conclave/sfu/transport"
)

// replayBytes bounds the burst a new viewer is started with: half a second of 1 Mbit/s. An older key frame costs more
// bandwidth than a new one.
const replayBytes = 64 << 10

// replayPackets bounds the same burst in packets: what an outbox takes in one go without segmentation.
const replayPackets = 2 * batch.MaxMessages

// replayer is what control needs to seal and send by itself. It is one for the server: starts from history are rare.
type replayer struct {
	mu      sync.Mutex
	box     []*outbox
	seal    sealer
	payload []byte
}

// begin makes r ready to seal and send to one subscriber. Callers hold mu.
func (r *replayer) begin(ks *transport.Keys, to *transport.Remote, now time.Time) *outbox {
	r.seal.cipher, r.seal.now = ks.Out, now
	box := r.box[to.Local]
	box.begin()
	return box
}

// replay forwards the layer's packets since its latest key frame to o, and makes o its slot's output. What the receiving worker
// forwards meanwhile is either in the history (and then a repeat, which the layer's numbering shows) or comes after.
func (s *Server) replay(e *egress, o *output, now time.Time) (started bool) {
	ks, to, ok := e.session.transport.Ready()
	if !ok {
		return false
	}
	r := &s.replayer
	r.mu.Lock()
	defer r.mu.Unlock()
	box := r.begin(ks, to, now)
	e.mu.Lock()
	defer e.mu.Unlock()
	room := e.replayRoom(now)
	from, until, ok := o.layer.sinceKey(room)
	if !ok || o.slot.next != o {
		return false
	}
	frames := o.layer.framesBetween(from, until)
	for seq := from; seq <= until && box.hasRoom(); seq++ {
		p, ok := r.load(o.layer, seq, now)
		if !ok {
			break // evicted meanwhile: the receiver asks for a key frame
		}
		p.in.Timestamp = frames.hasten(p.in.Timestamp)
		at := len(box.arena)
		var forwarded bool
		if box.arena, _, forwarded = e.forward(box.arena, o, &p, &r.seal); forwarded {
			e.replayed += len(box.arena) - at
			e.emit(box, at, to, true, now)
		}
	}
	started = o.slot.cur == o
	o.slot.replayed, o.slot.hasReplayed = until, started
	// The one system call under an egress lock: else the worker's next packet could overtake these.
	box.send()
	return started
}

// hastened maps the timestamps of kept frames to ones a millisecond apart that end at the latest frame's own. A receiver shows
// them at once and is then in time with the live ones; with their own it would stay behind by the age of the key frame.
type hastened struct {
	timestamps [replayPackets]uint32 // of the frames, in order
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

// framesBetween lists the frames of a range of the history, which is no longer than replayPackets.
func (l *layer) framesBetween(from, until uint64) *hastened {
	h := &hastened{step: l.track.clockRate() / 1000}
	l.histMu.Lock()
	defer l.histMu.Unlock()
	for seq := from; seq <= until; seq++ {
		m, _, ok := l.fromHistory(uint32(seq))
		if ok && (h.n == 0 || h.timestamps[h.n-1] != m.Timestamp) {
			h.timestamps[h.n] = m.Timestamp
			h.n++
		}
	}
	return h
}

// replayRoom is how many bytes of kept media e may be sent now: within a second no more than its path carries in an eighth of one. More would make
// the queue that a new page of pictures must not begin with; a new key frame is smaller. Callers hold e.mu.
func (e *egress) replayRoom(now time.Time) int {
	if now.Sub(e.replayedAt) >= time.Second {
		e.replayed, e.replayedAt = 0, now
	}
	bps, known := e.estimate()
	if !known {
		return replayBytes
	}
	return max(0, min(replayBytes, int(bps/8/8)-e.replayed))
}

func (l *layer) sinceKey(maxBytes int) (from, until uint64, ok bool) {
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.hist == nil {
		return 0, 0, false
	}
	from, until, ok = l.hist.SinceKey(maxBytes)
	return from, until, ok && until-from < replayPackets
}

// load makes a packet of what the history holds.
func (r *replayer) load(l *layer, seq uint64, now time.Time) (packet, bool) {
	l.histMu.Lock()
	meta, payload, ok := l.fromHistory(uint32(seq))
	r.payload = append(r.payload[:0], payload...)
	l.histMu.Unlock()
	if !ok || len(r.payload) == 0 {
		return packet{}, false
	}
	info, err := codec.Parse(l.track.Codec, r.payload)
	if err != nil {
		return packet{}, false
	}
	return packet{layer: l, payload: r.payload, info: info, arrived: now, marker: meta.Marker, newest: true,
		in: rewrite.In{Seq: seq, Timestamp: meta.Timestamp, PictureID: info.PictureID, TL0PicIdx: info.TL0PicIdx}}, true
}

func (s *Server) newReplayer() error {
	w := &worker{server: s}
	for _, l := range s.network.Locals() {
		box := &outbox{worker: w, arena: make([]byte, 0, destinationPackets*packetRoom*2), messages: make([]batch.Message, 0, 2*batch.MaxMessages)}
		var err error
		if box.sender, err = l.Conns[0].NewSender(); err != nil {
			return err
		}
		s.replayer.box = append(s.replayer.box, box)
	}
	s.replayer.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	return nil
}
