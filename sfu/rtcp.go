package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"conclave/sfu/drop"
	"conclave/sfu/rtcpview"
)

// Bounds on what one RTCP datagram can make us do. A browser stays far below; beyond, the rest is ignored.
const (
	maxRTCPPackets = 32  // in one compound
	maxNACKPairs   = 128 // in one feedback message: 2,176 sequence numbers, all that a slot remembers
	maxFIREntries  = 32
	// rtcpPerSecond bounds the datagrams one peer may have opened: 49 slots' reports and feedback.
	rtcpPerSecond = 600
)

// keyInterval is how often a key frame is asked of one layer at most.
const keyInterval = 500 * time.Millisecond

// receiveRTCP opens one SRTCP datagram and acts on it. It runs on the peer's worker.
func (s *session) receiveRTCP(data []byte, now time.Time, w *worker) {
	ks := s.transport.Keys()
	if ks == nil {
		w.drop(drop.NotReady, 1)
		return
	}
	if !s.peer.rtcpBudget.take(1) {
		w.drop(drop.OverLimit, 1)
		return
	}
	plain, err := ks.OpenRTCP(w.rtcpBuf[:0], data)
	if err != nil {
		w.drop(drop.Auth, 1)
		return
	}
	for range maxRTCPPackets {
		if len(plain) == 0 {
			return
		}
		p, rest, err := rtcpview.Next(plain)
		if err != nil {
			w.drop(drop.Malformed, 1)
			return
		}
		plain = rest
		s.rtcpPacket(p, now, w)
	}
	w.drop(drop.OverLimit, 1)
}

func (s *session) rtcpPacket(p rtcpview.Packet, now time.Time, w *worker) {
	switch p.Type {
	case rtcpview.TypeSR:
		if sr, ok := p.SenderReport(); ok {
			s.senderReport(sr, now)
		}
		s.receptions(p, now)
	case rtcpview.TypeRR:
		s.receptions(p, now)
	case rtcpview.TypeRTPFB:
		switch p.Format {
		case rtcpview.FormatNACK:
			s.answerNACK(p, now, w)
		case rtcpview.FormatTWCC:
			s.transportFeedback(p, now, w)
		}
	case rtcpview.TypePSFB:
		switch p.Format {
		case rtcpview.FormatPLI:
			if ssrc, ok := p.MediaSSRC(); ok {
				s.keyWanted(ssrc)
			}
		case rtcpview.FormatFIR:
			for i := range min(p.FIRs(), maxFIREntries) {
				s.keyWanted(p.FIR(i))
			}
		case rtcpview.FormatALFB:
			if bps, ok := p.REMB(); ok {
				s.remb(bps, now)
			}
		}
	}
}

// senderReport takes in a publisher's clock. A report about an SSRC that is not the peer's own changes nothing.
func (s *session) senderReport(sr rtcpview.SenderReport, now time.Time) {
	s.inMu.Lock()
	defer s.inMu.Unlock()
	st := s.streams[sr.SSRC]
	if st == nil || st.rtx || sr.NTP == 0 {
		return
	}
	ntp := fromNTP(sr.NTP)
	s.ntpOffset.CompareAndSwap(0, int64(toNTPDuration(now)-ntp))
	st.layer.sr.Store(&senderReport{ntp: ntp, timestamp: sr.Timestamp, arrived: now})
}

// receptions takes the round-trip time from reports about our slots (RFC 3550 §6.4.1).
func (s *session) receptions(p rtcpview.Packet, now time.Time) {
	for i := range min(p.Receptions(), MaxVideoSlots+MaxAudioSlots) {
		r := p.Reception(i)
		if clockRate := s.egress.clockRate(r.SSRC); clockRate > 0 {
			s.health.reported(r.FractionLost, r.Jitter, clockRate)
		}
		if r.LastSR == 0 {
			continue
		}
		rtt := uint32(toNTP(now)>>16) - r.LastSR - r.Delay // 1/65536 s
		if rtt < 10<<16 {
			s.rtt.Store(int64(rtt) * int64(time.Second) >> 16)
		}
	}
}

// answerNACK sends again, as RTX, what the subscriber missed, within its budget.
func (s *session) answerNACK(p rtcpview.Packet, now time.Time, w *worker) {
	ssrc, ok := p.MediaSSRC()
	ks, to, ready := s.transport.Ready()
	if !ok || !ready {
		return
	}
	w.seal.cipher, w.seal.now = ks.Out, now
	e := &s.egress
	box := w.out[to.Local]
	for i := range min(p.NACKs(), maxNACKPairs) {
		pid, blp := p.NACK(i)
		box.begin()
		e.mu.Lock()
		sl := e.bySSRC[ssrc]
		for bit := -1; bit < 16 && sl != nil; bit++ {
			if bit >= 0 && blp&(1<<bit) == 0 {
				continue
			}
			at := len(box.arena)
			dst, ok := e.retransmit(box.arena, sl, pid+uint16(bit+1), now, &w.seal)
			if !ok {
				w.stats.historyMisses.Add(1)
				continue
			}
			box.arena = dst
			box.add(at, to)
			w.stats.retransmitted.Add(1)
		}
		e.mu.Unlock()
	}
}

// clockRate is that of the slot with the given SSRC, 0 if there is none.
func (e *egress) clockRate(ssrc uint32) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch sl := e.bySSRC[ssrc]; {
	case sl == nil:
		return 0
	case sl.video:
		return 90000
	default:
		return 48000
	}
}

// keyWanted is a subscriber's PLI or FIR for one of its slots: the publisher is asked at most once in keyInterval.
func (s *session) keyWanted(ssrc uint32) {
	e := &s.egress
	e.mu.Lock()
	defer e.mu.Unlock()
	if sl := e.bySSRC[ssrc]; sl != nil && sl.video {
		for _, o := range []*output{sl.cur, sl.next} {
			if o != nil {
				o.layer.wantKey.Store(true)
			}
		}
	}
}

// requestKey sends a PLI to the layer's publisher unless one has just been sent; then the next tick does.
func (l *layer) requestKey(now time.Time) {
	l.keyMu.Lock()
	due := now.Sub(l.lastPLI) >= keyInterval
	if due {
		l.lastPLI = now
		l.wantKey.Store(false)
	} else {
		l.wantKey.Store(true)
	}
	l.keyMu.Unlock()
	if !due {
		return
	}
	s := l.track.session
	if ssrc, ok := s.ssrcOf(l); ok {
		s.sendRTCP(&rtcp.PictureLossIndication{SenderSSRC: s.server.ssrc, MediaSSRC: ssrc})
		s.server.stats.pli.Add(1)
	} else {
		l.wantKey.Store(true) // its first packet starts with a key frame, or is asked for one
	}
}

func (s *session) ssrcOf(l *layer) (uint32, bool) {
	s.inMu.Lock()
	defer s.inMu.Unlock()
	for ssrc, st := range s.streams {
		if st.layer == l && !st.rtx {
			return ssrc, true
		}
	}
	return 0, false
}

// sendRTCP sends packets as one compound. RTCP is rare: it may allocate.
func (s *session) sendRTCP(packets ...rtcp.Packet) {
	compound, err := rtcp.Marshal(packets)
	if err == nil {
		err = s.transport.SendRTCP(compound)
	}
	if err != nil {
		s.server.log.Error("sending RTCP", "error", err)
	}
}

// ntpEpoch is 1900-01-01 in Unix time (RFC 5905).
const ntpEpoch = -2208988800

func toNTPDuration(t time.Time) time.Duration {
	// A Duration holds 292 years: from 1900 to 2192.
	return time.Duration(t.Unix()-ntpEpoch)*time.Second + time.Duration(t.Nanosecond())
}

func toNTP(t time.Time) uint64 { return durationToNTP(toNTPDuration(t)) }

func durationToNTP(d time.Duration) uint64 {
	seconds := uint64(d / time.Second)
	return seconds<<32 | uint64(d%time.Second)<<32/uint64(time.Second)
}

// fromNTP turns 32.32 fixed point into a duration since 1900.
func fromNTP(n uint64) time.Duration {
	return time.Duration(n>>32)*time.Second + time.Duration((n&0xffffffff)*uint64(time.Second)>>32)
}
