package receive

import (
	"time"

	"github.com/pion/rtcp"
)

// Pulse is called every 20 ms or so: it sends the NACKs, PLIs, reports and feedback that are due; of a sample, reports.
func (r *Receiver) Pulse(now time.Time) {
	r.mu.Lock()
	if r.srtp == nil {
		r.mu.Unlock()
		return
	}
	if r.opener != nil {
		r.expireHeld(now)
	}
	var out []rtcp.Packet
	if r.Sample == 0 { // what was discarded is not missed
		out = r.requests(now, out)
	}
	if now.After(r.nextReport) {
		r.nextReport = now.Add(ReportInterval)
		out = r.reports(now, out)
	}
	if r.Feedback && now.After(r.nextTWCC) {
		r.nextTWCC = now.Add(twccInterval)
		out = append(out, r.recorder.BuildFeedbackPacket()...)
	}
	r.mu.Unlock()
	if len(out) > 0 {
		r.SendRTCP(out)
	}
}

// requests asks for what is missing.
func (r *Receiver) requests(now time.Time, out []rtcp.Packet) []rtcp.Packet {
	if r.gap {
		r.gap = false
		out = r.nacks(now, out)
	}
	return r.plis(now, out)
}

func (r *Receiver) nacks(now time.Time, out []rtcp.Packet) []rtcp.Packet {
	for _, s := range r.list {
		back := int64(audioNACKed)
		if s.video {
			back = seqWindow
			if s.rtx == 0 {
				continue
			}
		}
		var waiting bool
		r.nackBuf, waiting = s.log.missing(now.UnixNano(), int64(nackInterval), back, r.nackBuf[:0])
		r.gap = r.gap || waiting
		if len(r.nackBuf) > 0 {
			s.nacks += uint64(len(r.nackBuf))
			out = append(out, &rtcp.TransportLayerNack{
				SenderSSRC: r.ssrc, MediaSSRC: s.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(r.nackBuf),
			})
		}
	}
	return out
}

// plis asks for key frames where packets arrive and no picture can be made of them.
func (r *Receiver) plis(now time.Time, out []rtcp.Packet) []rtcp.Packet {
	for _, s := range r.list {
		whole := s.frames.KeyFrames > 0 && !s.frames.broken
		if !s.video || s.owner == 0 || s.firstAt == 0 || now.Before(s.nextPLI) || whole || r.sealed(s) {
			continue
		}
		s.nextPLI = now.Add(pliInterval)
		s.plis++
		out = append(out, &rtcp.PictureLossIndication{SenderSSRC: r.ssrc, MediaSSRC: s.ssrc})
	}
	return out
}

// sealed says that pictures come and that there is no key for any of them, as of people who have not let a bot hear
// them: key frames would cost their sender, and be of no use.
func (r *Receiver) sealed(s *stream) bool {
	return s.frames.whole != nil && s.frames.started && !r.opener.heard[uint32(s.owner)]
}

// maxReports is how many reception reports fit one RTCP packet (RFC 3550 §6.4.2: 5 bits).
const maxReports = 31

func (r *Receiver) reports(now time.Time, out []rtcp.Packet) []rtcp.Packet {
	var list []rtcp.ReceptionReport
	for _, s := range r.list {
		if s.log.started {
			list = append(list, s.report(now))
		}
	}
	for len(list) > 0 {
		n := min(len(list), maxReports)
		out = append(out, &rtcp.ReceiverReport{SSRC: r.ssrc, Reports: list[:n]})
		list = list[n:]
	}
	return out
}

// report makes a reception report (RFC 3550 §6.4.1).
func (s *stream) report(now time.Time) rtcp.ReceptionReport {
	expected := s.log.expected()
	before, _ := s.log.lost()
	var fraction uint8
	if sent := expected - s.priorExpect; before > s.priorLost && sent > 0 {
		fraction = uint8(min(255, (before-s.priorLost)<<8/sent))
	}
	s.priorExpect, s.priorLost = expected, before
	rr := rtcp.ReceptionReport{
		SSRC: s.ssrc, FractionLost: fraction, TotalLost: uint32(min(before, 1<<23-1)),
		LastSequenceNumber: uint32(s.log.number() - 1<<16), Jitter: uint32(s.jitter.jitter),
	}
	if !s.lastSRAt.IsZero() {
		rr.LastSenderReport = s.lastSR
		rr.Delay = uint32(now.Sub(s.lastSRAt).Seconds() * 65536)
	}
	return rr
}
