package forward

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// sendReports sends receiver reports about what the peer publishes and sender reports about its slots.
func (c *Connection) sendReports(now time.Time) {
	if blocks := c.in.receptionReports(now); len(blocks) > 0 {
		c.sendRTCP(&rtcp.ReceiverReport{SSRC: c.engine.ssrc, Reports: blocks})
	}
	const perCompound = 16
	for chunk := range slices.Chunk(c.out.senderReports(now), perCompound) {
		c.sendRTCP(chunk...)
	}
}

// receptionReports says how each stream arrives (RFC 3550 §6.4.1).
func (g *ingress) receptionReports(now time.Time) (blocks []rtcp.ReceptionReport) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for ssrc, st := range g.streams {
		r := &st.layer.receive
		highest, seen := r.seen.Highest()
		if st.rtx || !seen || !r.any || len(blocks) == 31 {
			continue
		}
		expected, received := highest-r.first+1, r.packets
		block := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(highest), Jitter: uint32(r.jitter)}
		dExpected, dReceived := expected-r.reportedExpected, received-r.reportedReceived
		if !st.layer.track.Source.Video() {
			// An encoder adds forward error correction by what it hears of loss: what is repaired by asking counts too.
			dReceived -= min(dReceived, r.again-r.reportedAgain)
		}
		if dExpected > dReceived && dExpected > 0 {
			block.FractionLost = uint8((dExpected - dReceived) << 8 / dExpected)
		}
		if expected > received {
			block.TotalLost = uint32(min(expected-received, 1<<23-1))
		}
		jitter := time.Duration(r.jitter*float64(time.Second)) / time.Duration(st.layer.track.clockRate())
		g.health.received(dExpected, min(dReceived, dExpected), jitter)
		r.reportedExpected, r.reportedReceived, r.reportedAgain = expected, received, r.again
		if sr := st.layer.sr.Load(); sr != nil {
			block.LastSenderReport = uint32(durationToNTP(sr.ntp) >> 16)
			block.Delay = uint32(now.Sub(sr.arrived) * 65536 / time.Second)
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// senderReports maps each slot's timestamps to our clock, through the sender report of what it carries: a participant's
// audio and video keep their common clock, so that the browser can synchronise them.
func (e *Egress) senderReports(now time.Time) (reports []rtcp.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.slots {
		if s.cur == nil || s.packets == 0 {
			continue
		}
		l := s.cur.layer
		sr := l.sr.Load()
		if sr == nil {
			continue
		}
		ahead := now.Sub(sr.arrived)
		ntp := sr.ntp + time.Duration(l.track.clock.offset.Load()) + ahead
		timestamp := sr.timestamp + uint32(ahead*time.Duration(l.track.clockRate())/time.Second) + s.rw.TimestampOffset()
		reports = append(reports, &rtcp.SenderReport{SSRC: s.ssrc, NTPTime: durationToNTP(ntp), RTPTime: timestamp,
			PacketCount: s.packets, OctetCount: s.octets})
	}
	return reports
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
