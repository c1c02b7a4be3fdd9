package forward

import (
	"time"

	"github.com/pion/rtcp"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/rtcpview"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport"
)

// Bounds on what one RTCP datagram can make us do. A browser stays far below; beyond, the rest is ignored.
const (
	maxRTCPPackets = 32  // in one compound
	maxNACKPairs   = 128 // in one feedback message: 2,176 sequence numbers, all that a slot remembers
	maxFIREntries  = 32
)

// receiveRTCP opens one SRTCP datagram and acts on it. It runs on the peer's worker.
func (c *Connection) receiveRTCP(d *batch.Datagram, now time.Time, w *worker) {
	ks := c.transport.Keys()
	if ks == nil {
		w.drop(drop.NotReady)
		return
	}
	if !c.rtcpBudget.take(1) {
		w.drop(drop.OverLimit)
		return
	}
	plain, err := ks.OpenRTCP(w.rtcpBuf[:0], d.Data)
	if err != nil {
		w.drop(drop.Auth)
		return
	}
	c.reports.Add(1)
	arrived := came(d, now)
	c.transport.Follow(transport.Path{From: d.From, Local: w.local}, now)
	for range maxRTCPPackets {
		if len(plain) == 0 {
			return
		}
		p, rest, err := rtcpview.Next(plain)
		if err != nil {
			w.drop(drop.Malformed)
			return
		}
		plain = rest
		c.rtcpPacket(p, arrived, now, w)
	}
	w.drop(drop.OverLimit)
}

// rtcpPacket acts on one packet. What is measured by it counts from when it arrived: it may have waited since.
func (c *Connection) rtcpPacket(p rtcpview.Packet, arrived, now time.Time, w *worker) {
	switch p.Type {
	case rtcpview.TypeSR:
		if sr, ok := p.SenderReport(); ok {
			c.in.senderReport(sr, arrived)
		}
		c.receptions(p, arrived)
	case rtcpview.TypeRR:
		c.receptions(p, arrived)
	case rtcpview.TypeRTPFB:
		switch p.Format {
		case rtcpview.FormatNACK:
			c.out.answerNACK(p, now, w)
		case rtcpview.FormatTWCC:
			if err := c.out.feedback(p.Body, arrived); err != nil {
				w.drop(drop.Malformed)
			}
		}
	case rtcpview.TypePSFB:
		switch p.Format {
		case rtcpview.FormatPLI:
			if ssrc, ok := p.MediaSSRC(); ok {
				c.out.keyWanted(ssrc, now)
			}
		case rtcpview.FormatFIR:
			for i := range min(p.FIRs(), maxFIREntries) {
				c.out.keyWanted(p.FIR(i), now)
			}
		case rtcpview.FormatALFB:
			if bps, ok := p.REMB(); ok {
				c.out.remb(bps, now)
			}
		}
	}
}

// fullCompound makes a compound as RFC 3550 §6.1 wants it: first a report, then the CNAME of each who reports, then the
// rest. A peer that did not offer rtcp-rsize may drop any other (RFC 5506 §4.1). ssrc is ours where we send nothing.
func fullCompound(ssrc uint32, packets []rtcp.Packet) []rtcp.Packet {
	full := make([]rtcp.Packet, 0, len(packets)+2)
	names := &rtcp.SourceDescription{}
	name := func(ssrc uint32) {
		names.Chunks = append(names.Chunks, rtcp.SourceDescriptionChunk{Source: ssrc,
			Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: rtpview.CNAME}}})
	}
	reports := 0
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			name(p.SSRC)
		case *rtcp.ReceiverReport:
			name(p.SSRC)
		default:
			continue
		}
		reports++
	}
	if reports == 0 {
		name(ssrc)
		full = append(full, &rtcp.ReceiverReport{SSRC: ssrc})
	}
	full = append(full, packets[:reports]...) // reports and the rest are never mixed
	full = append(full, names)
	return append(full, packets[reports:]...)
}

// receptions takes the round-trip time from reports about our slots (RFC 3550 §6.4.1).
func (c *Connection) receptions(p rtcpview.Packet, now time.Time) {
	limit := c.engine.limits.AudioSlots + c.engine.limits.VideoSlots
	for i := range min(p.Receptions(), limit) {
		r := p.Reception(i)
		if clockRate := c.out.clockRate(r.SSRC); clockRate > 0 {
			c.health.reported(r.FractionLost, r.Jitter, clockRate)
			c.out.reported(now)
			c.out.audio.reportedLoss(r.FractionLost)
		}
		if r.LastSR == 0 {
			continue
		}
		rtt := uint32(toNTP(now)>>16) - r.LastSR - r.Delay // 1/65536 s
		if rtt < 10<<16 {
			c.rtt.Store(int64(rtt) * int64(time.Second) >> 16)
		}
	}
}

// senderReport takes in a publisher's clock. A report about an SSRC that is not the peer's own changes nothing.
func (g *ingress) senderReport(sr rtcpview.SenderReport, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := g.streams[sr.SSRC]
	if st == nil || st.rtx || sr.NTP == 0 {
		return
	}
	ntp := fromNTP(sr.NTP)
	g.clock.offset.CompareAndSwap(0, int64(toNTPDuration(now)-ntp))
	st.layer.sr.Store(&senderReport{ntp: ntp, timestamp: sr.Timestamp, arrived: now})
}

// answerNACK sends again, as RTX, what the viewer missed, within its budget.
func (e *Egress) answerNACK(p rtcpview.Packet, now time.Time, w *worker) {
	ssrc, ok := p.MediaSSRC()
	ks, to, ready := e.transport.Ready()
	if !ok || !ready {
		return
	}
	for i := range min(p.NACKs(), maxNACKPairs) {
		pid, blp := p.NACK(i)
		box := w.begin(ks, to, now)
		e.answerPair(ssrc, pid, blp, to, box, w)
	}
}

// answerPair answers one NACK pair (RFC 4585 §6.2.1): a packet and a bit mask of those after it.
func (e *Egress) answerPair(ssrc uint32, pid, blp uint16, to *transport.Remote, box *outbox, w *worker) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reach(to, w.seal.now)
	s := e.bySSRC[ssrc]
	if s != nil && !s.Video {
		e.missedAudio(w.seal.now)
	}
	var repeats [17]uint16
	n := 0
	for bit := -1; bit < 16 && s != nil; bit++ {
		if bit >= 0 && blp&(1<<bit) == 0 {
			continue
		}
		var dst []byte
		var ok bool
		seq := pid + uint16(bit+1)
		if s.Video {
			dst, ok = s.retransmit(box.arena, seq, w.seal.now, &w.seal)
		} else {
			dst, ok = s.again(box.arena, seq, w.seal.now)
		}
		if !ok {
			w.counters.HistoryMisses.Add(1)
			continue
		}
		w.resent(dst, box)
		if s.Video && e.audio.copies.level > 0 && !e.way.stream {
			repeats[n], n = seq, n+1
		}
	}
	// Once more to a viewer who loses many packets: what is lost a second time comes two round trips late, and a picture
	// that waits for it freezes.
	for _, seq := range repeats[:n] {
		if e.rtxTokens <= 0 || !box.fits() {
			return
		}
		if dst, ok := s.repair(box.arena, &s.sent[seq%sentPackets], w.seal.now, &w.seal); ok {
			w.resent(dst, box)
		}
	}
}

// resent takes in what was written behind the box's arena.
func (w *worker) resent(dst []byte, box *outbox) {
	at := len(box.arena)
	box.arena = dst
	box.add(at)
	w.counters.Retransmitted.Add(1)
}

// clockRate is that of the slot with the given SSRC, 0 if there is none.
func (e *Egress) clockRate(ssrc uint32) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch s := e.bySSRC[ssrc]; {
	case s == nil:
		return 0
	case s.Video:
		return 90000
	default:
		return 48000
	}
}

// keyWanted is a viewer's PLI or FIR for one of its slots: the publisher is asked at most once in KeyFrameInterval, for
// all viewers, and not while a key frame is on its way to this one.
func (e *Egress) keyWanted(ssrc uint32, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.bySSRC[ssrc]
	if s == nil || !s.Video {
		return
	}
	if s.cur != nil && !s.cur.layer.keyUnderWay(now, time.Duration(e.rtt.Load())) {
		s.cur.layer.wantKey.Store(true)
	}
	if s.next != nil {
		s.next.layer.wantKey.Store(true)
	}
}

// sendRTCP sends packets as one compound. RTCP is rare: it may allocate.
func (l *link) sendRTCP(packets ...rtcp.Packet) {
	l.spoke.Store(true)
	if l.full.Load() {
		packets = fullCompound(l.engine.ssrc, packets)
	}
	compound, err := rtcp.Marshal(packets)
	if err == nil {
		err = l.transport.SendRTCP(compound)
	}
	if err != nil {
		l.engine.log.Error("sending RTCP", "error", err)
	}
}
