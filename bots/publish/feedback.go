package publish

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"conclave/bots/payload"
	"conclave/bots/wire"
)

// nack sends packets again, those that are still kept: of video as RTX (RFC 4588), of a voice the same packet once
// more, as browsers do.
func (p *Publisher) nack(n *rtcp.TransportLayerNack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, t := p.find(n.MediaSSRC)
	if e == nil {
		return
	}
	for i := range n.Nacks {
		for _, seq := range n.Nacks[i].PacketList() {
			e.stats.NACKed++
			if e.Audio != nil {
				p.repeat(e, seq)
			} else {
				p.resend(t, e, seq)
			}
		}
	}
}

// repeat sends a packet of a voice once more, unless that has just been done.
func (p *Publisher) repeat(e *stream, seq uint16) {
	k := &e.history[int(seq)%audioHistory]
	if len(k.data) < 12 || binary.BigEndian.Uint16(k.data[2:]) != seq || p.now.Sub(k.again) < audioAgain {
		return
	}
	k.again = p.now
	p.Send(k.data)
	e.stats.RTXPackets++
}

func (p *Publisher) resend(t *track, e *stream, seq uint16) {
	kept := e.history[int(seq)%historySize].data
	if len(kept) < 12 || binary.BigEndian.Uint16(kept[2:]) != seq || t.RTX == 0 || e.RTXSSRC == 0 {
		return
	}
	v, ok := wire.ParseRTP(kept)
	if !ok {
		return
	}
	b := p.plain[:12]
	copy(b, kept[:12])
	b[0] = 0x80
	b[1] = b[1]&0x80 | t.RTX
	binary.BigEndian.PutUint16(b[2:], e.rtxSeq)
	binary.BigEndian.PutUint32(b[8:], e.RTXSSRC)
	e.rtxSeq++
	b = append(b, 0xBE, 0xDE, 0, 0)
	if !e.acknowledged {
		b = appendText(b, t.Extensions.MID, t.MID)
		b = appendText(b, t.Extensions.RRID, e.RID)
	}
	b = p.endExtensions(b, t)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = append(b, kept[v.HeaderLen:]...)
	p.seal(b)
	e.stats.RTXPackets++
}

// keyFrame answers PLI and FIR: the clip jumps to its key frame.
func (p *Publisher) keyFrame(ssrc uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, _ := p.find(ssrc); e != nil {
		e.stats.PLIs++
		e.restart()
	}
}

// report takes note of a receiver report about one of our streams.
func (p *Publisher) report(r rtcp.ReceptionReport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.bySSRC[r.SSRC]; e != nil {
		e.acknowledged = true
		e.stats.ReportedLost = int64(int32(r.TotalLost<<8) >> 8)
	}
}

func (p *Publisher) find(ssrc uint32) (*stream, *track) {
	for _, t := range p.tracks {
		for _, e := range t.streams {
			if e.SSRC == ssrc {
				return e, t
			}
		}
	}
	return nil, nil
}

// SenderReports returns one sender report and the name of the bot's clock (CNAME) per stream that is being sent.
func (p *Publisher) SenderReports(now time.Time) []rtcp.Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []rtcp.Packet
	for _, t := range p.tracks {
		for _, e := range t.streams {
			if e.packets == 0 {
				continue
			}
			rate := float64(payload.VideoClock)
			if e.Audio != nil {
				rate = payload.AudioClock
			}
			list = append(list, &rtcp.SenderReport{
				SSRC: e.SSRC, NTPTime: ntp(now), RTPTime: e.timestamp + uint32(int64(now.Sub(p.start).Seconds()*rate)),
				PacketCount: uint32(e.packets), OctetCount: e.octets,
			}, rtcp.NewCNAMESourceDescription(e.SSRC, "bot"))
		}
	}
	return list
}

// ntp returns t as an NTP timestamp (RFC 5905 §6).
func ntp(t time.Time) uint64 {
	const epoch = 2208988800 // seconds from 1900 to 1970
	return uint64(t.Unix()+epoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// Sent returns the counters of all streams.
func (p *Publisher) Sent() []Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Stats
	for _, t := range p.tracks {
		for _, e := range t.streams {
			list = append(list, e.stats)
		}
	}
	return list
}

// SendRTCP seals and sends packets, as compounds of at most a datagram each.
func (p *Publisher) SendRTCP(list []rtcp.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(list) > 0 {
		size, n := 0, 0
		for n < len(list) && (n == 0 || size+list[n].MarshalSize() <= 1100) {
			size += list[n].MarshalSize()
			n++
		}
		raw, err := rtcp.Marshal(list[:n])
		list = list[n:]
		if err != nil || p.srtp == nil {
			continue
		}
		if out, err := p.srtp.EncryptRTCP(p.rtcpBuf[:0], raw, nil); err == nil {
			p.rtcpBuf = out
			p.Send(out)
		}
	}
}

// OnRTCP takes what the server says about our streams.
func (p *Publisher) OnRTCP(packet rtcp.Packet) {
	switch m := packet.(type) {
	case *rtcp.PictureLossIndication:
		p.keyFrame(m.MediaSSRC)
	case *rtcp.FullIntraRequest:
		for _, f := range m.FIR {
			p.keyFrame(f.SSRC)
		}
	case *rtcp.TransportLayerNack:
		p.nack(m)
	case *rtcp.ReceiverReport:
		for _, r := range m.Reports {
			p.report(r)
		}
	case *rtcp.SenderReport:
		for _, r := range m.Reports {
			p.report(r)
		}
	}
}
