package sfu

import (
	"sync"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/rewrite"
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
	packets uint64
}

// replay forwards the layer's packets since its latest key frame to o, and makes o its slot's output. What the receiving worker
// forwards meanwhile is either in the history (and then a repeat, which the rewriter's numbering shows) or comes after.
func (s *Server) replay(e *egress, o *output, now time.Time) bool {
	t := e.session.transport
	ks, to := t.keys.Load(), t.remote.Load()
	if ks == nil || to == nil {
		return false
	}
	r := &s.replayer
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seal.cipher = ks.out
	box := r.box[to.local]
	box.send()
	box.begin()
	e.mu.Lock()
	if o.slot.next != o {
		e.mu.Unlock()
		return false
	}
	from, until, ok := o.layer.sinceKey()
	for seq := from; ok && seq <= until; seq++ {
		var p packet
		if p, ok = r.load(o.layer, seq, now); !ok || !box.hasRoom() {
			break // evicted meanwhile: the receiver asks for a key frame
		}
		at := len(box.arena)
		var forwarded bool
		if box.arena, _, forwarded = e.forward(box.arena, o, &p, &r.seal); forwarded {
			box.add(at, to)
			r.packets++
		}
	}
	started := o.slot.cur == o
	o.slot.replayed, o.slot.hasReplayed = until, started
	e.mu.Unlock()
	box.send()
	return started
}

func (l *layer) sinceKey() (from, until uint64, ok bool) {
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.hist == nil {
		return 0, 0, false
	}
	from, until, ok = l.hist.SinceKey(replayBytes)
	return from, until, ok && until-from < replayPackets
}

// load makes a packet of what the history holds.
func (r *replayer) load(l *layer, seq uint64, now time.Time) (packet, bool) {
	l.histMu.Lock()
	meta, payload, ok := l.hist.Get(seq)
	r.payload = append(r.payload[:0], payload...)
	l.histMu.Unlock()
	if !ok || len(r.payload) == 0 {
		return packet{}, false
	}
	info, err := codec.Parse(l.track.codec, r.payload)
	if err != nil {
		return packet{}, false
	}
	return packet{layer: l, payload: r.payload, info: info, arrived: now, marker: meta.Marker, newest: true,
		in: rewrite.In{Seq: seq, Timestamp: meta.Timestamp, PictureID: info.PictureID, TL0PicIdx: info.TL0PicIdx}}, true
}

func (s *Server) newReplayer() error {
	w := &worker{server: s}
	for _, l := range s.locals {
		box := &outbox{worker: w, arena: make([]byte, 0, destinationPackets*packetRoom*2), messages: make([]batch.Message, 0, 2*batch.MaxMessages)}
		var err error
		if box.sender, err = l.conns[0].NewSender(); err != nil {
			return err
		}
		s.replayer.box = append(s.replayer.box, box)
	}
	s.replayer.seal.scratch = make([]byte, 0, batch.MaxDatagram+16)
	return nil
}
