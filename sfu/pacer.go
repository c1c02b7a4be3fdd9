package sfu

import (
	"sync"
	"time"

	"conclave/sfu/rtpview"
	"conclave/sfu/transport"
)

// paceStep is how often the pacer comes by while there is something to do.
const paceStep = 5 * time.Millisecond

// pacer sends what goes out by time rather than with a packet's arrival: the rest of a burst, and probes. It is one goroutine for the
// server, asleep unless some subscriber needs it; its list is bounded by the peers.
type pacer struct {
	mu     sync.Mutex
	list   []*egress
	signal chan struct{}
}

// add has the pacer look after e until there is nothing left to do for it.
func (p *pacer) add(e *egress) {
	if e.paced.Swap(true) {
		return
	}
	p.mu.Lock()
	p.list = append(p.list, e)
	p.mu.Unlock()
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// pace runs until the server is closed.
func (s *Server) pace() {
	defer s.wg.Done()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var active []*egress
	for {
		select {
		case <-s.stop:
			return
		case <-s.pacer.signal: // what a worker has just sealed must go out before what it has held back: that waits for the step
			if len(active) == 0 {
				timer.Reset(paceStep)
			}
			active = s.pacer.take(active)
			continue
		case <-timer.C:
		}
		kept := active[:0]
		for _, e := range active {
			if s.paceOne(e, time.Now()) {
				kept = append(kept, e)
			}
		}
		clear(active[len(kept):])
		if active = kept; len(active) > 0 {
			timer.Reset(paceStep)
		}
	}
}

// take moves what has been added to active.
func (p *pacer) take(active []*egress) []*egress {
	p.mu.Lock()
	defer p.mu.Unlock()
	active = append(active, p.list...)
	clear(p.list)
	p.list = p.list[:0]
	return active
}

// paceOne sends what is due to one subscriber and says whether there will be more.
func (s *Server) paceOne(e *egress, now time.Time) (more bool) {
	ks, to, ok := e.session.transport.Ready()
	if !ok {
		e.paced.Store(false)
		return false
	}
	r := &s.replayer
	r.mu.Lock()
	defer r.mu.Unlock()
	box := r.begin(ks, to, now)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.release(box, to, e.hold.due(now, paceFactor*e.estimated.Load()), now)
	more = s.sendProbe(e, box, to, now) || !e.hold.empty()
	if !more {
		e.paced.Store(false)
	}
	// Under the lock: else the worker's next packet could overtake these.
	box.send()
	return more
}

// sendProbe sends what a probe has due and says whether it goes on. Callers hold e.mu.
func (s *Server) sendProbe(e *egress, box *outbox, to *transport.Remote, now time.Time) (more bool) {
	if e.path.bwe == nil {
		return false
	}
	due, more := e.path.bwe.Probe(now)
	for due > 0 && box.hasRoom() {
		at := len(box.arena)
		var ok bool
		if box.arena, ok = e.probe(box.arena, now, &s.replayer.seal); !ok {
			break
		}
		due -= len(box.arena) - at + ipHeaders
		box.add(at, to)
		s.stats.probes.Add(1)
	}
	return more
}

// probe writes a packet that carries nothing new into dst: a recent one again, as RTX, or, when none is kept, padding. ok is false if the
// viewer has no slot with RTX. Callers hold mu.
func (e *egress) probe(dst []byte, now time.Time, w *sealer) (_ []byte, ok bool) {
	const depth = 64 // packets back that are repeated
	p := &e.path
	for range e.slots {
		if p.probeSlot >= len(e.slots) {
			p.probeSlot = 0
		}
		s := e.slots[p.probeSlot]
		if p.probeBack++; p.probeBack < depth && s.transportID != 0 && s.sent != nil && s.cur != nil {
			last, _ := s.rw.Last()
			m := &s.sent[(last.Seq-uint64(p.probeBack))%sentPackets]
			if m.epoch != 0 && m.seq == uint16(last.Seq)-p.probeBack && s.epochs[m.epoch-1] != nil {
				if dst, ok = e.resend(dst, s, m, now, w); ok {
					return dst, true
				}
			}
		}
		p.probeSlot++
		p.probeBack = 0
	}
	return e.padding(dst, now, w)
}

// maxPadding is all that one packet can be padded by: its last byte counts.
const maxPadding = 255

// padding writes an RTX packet of padding alone (RFC 3550 §5.1, RFC 4588 §4: without an original sequence number it repeats nothing).
func (e *egress) padding(dst []byte, now time.Time, w *sealer) (_ []byte, ok bool) {
	for _, s := range e.slots {
		pt := s.anyRTX()
		if pt == 0 || s.transportID == 0 {
			continue
		}
		payload := w.scratch[:maxPadding]
		clear(payload)
		payload[maxPadding-1] = maxPadding
		last, _ := s.rw.Last()
		h := rtpview.Header{Timestamp: last.Timestamp, PT: pt, Padding: true}
		return e.sealRTX(dst, s, &h, payload, now, w), true
	}
	return dst, false
}

// anyRTX is the payload type of the RTX of what the slot carries, or of any codec; 0: there is none.
func (s *slot) anyRTX() uint8 {
	if s.cur != nil {
		return s.pts[s.cur.layer.track.Codec].rtx
	}
	for _, pt := range s.pts {
		if pt.rtx != 0 {
			return pt.rtx
		}
	}
	return 0
}
