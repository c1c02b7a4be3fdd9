// Package rtcpview reads RTCP where it lies, without allocating, and reads no more of it than the SFU acts on. Every
// list a peer can make long (report blocks, NACK pairs, FIR entries) is walked by the caller, who bounds the walk.
package rtcpview

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed is returned for a compound whose lengths do not add up.
var ErrMalformed = errors.New("rtcp: malformed packet")

// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
const (
	TypeSR    = 200
	TypeRR    = 201
	TypeRTPFB = 205
	TypePSFB  = 206
)

// Feedback message types.
const (
	FormatNACK = 1  // RFC 4585 §6.2.1
	FormatTWCC = 15 // draft-holmer-rmcat-transport-wide-cc-extensions-01
	FormatPLI  = 1  // RFC 4585 §6.3.1
	FormatFIR  = 4  // RFC 5104 §4.3.1
	FormatALFB = 15 // application layer feedback: REMB
)

// Packet is one packet of a compound. Body is what follows the four bytes of its header.
type Packet struct {
	Type   uint8
	Format uint8 // feedback message type, or count of report blocks
	Body   []byte
}

// Next reads the first packet of compound b, without its padding, and returns the rest.
func Next(b []byte) (p Packet, rest []byte, err error) {
	if len(b) < 4 || b[0]>>6 != 2 {
		return Packet{}, nil, ErrMalformed
	}
	n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if n > len(b) {
		return Packet{}, nil, ErrMalformed
	}
	body := b[4:n:n]
	// padding, whose last byte counts it: RFC 3550 §6.4.1 wants fours, transport-wide feedback is padded by 1 to 3
	if b[0]&0x20 != 0 {
		if len(body) == 0 {
			return Packet{}, nil, ErrMalformed
		}
		pad := int(body[len(body)-1])
		if pad == 0 || pad > len(body) {
			return Packet{}, nil, ErrMalformed
		}
		body = body[:len(body)-pad]
	}
	return Packet{Type: b[1], Format: b[0] & 0x1f, Body: body}, b[n:], nil
}

// SenderReport is the sender information of an SR (RFC 3550 §6.4.1).
type SenderReport struct {
	SSRC      uint32
	NTP       uint64 // 32.32 fixed point seconds since 1900
	Timestamp uint32
}

// SenderReport reads p as an SR.
func (p Packet) SenderReport() (sr SenderReport, ok bool) {
	if p.Type != TypeSR || len(p.Body) < 24 {
		return sr, false
	}
	return SenderReport{
		SSRC:      binary.BigEndian.Uint32(p.Body),
		NTP:       binary.BigEndian.Uint64(p.Body[4:]),
		Timestamp: binary.BigEndian.Uint32(p.Body[12:]),
	}, true
}

// Reception is one reception report block (RFC 3550 §6.4.1).
type Reception struct {
	SSRC         uint32
	FractionLost uint8
	Jitter       uint32
	LastSR       uint32
	Delay        uint32 // since LastSR, in 1/65536 s
}

// Receptions is how many report blocks p, an SR or RR, holds.
func (p Packet) Receptions() int {
	at := 4
	if p.Type == TypeSR {
		at = 24
	}
	if (p.Type != TypeSR && p.Type != TypeRR) || len(p.Body) < at {
		return 0
	}
	return min(int(p.Format), (len(p.Body)-at)/24)
}

// Reception reads report block i, which must be below Receptions.
func (p Packet) Reception(i int) Reception {
	at := 4
	if p.Type == TypeSR {
		at = 24
	}
	b := p.Body[at+24*i:]
	return Reception{
		SSRC:         binary.BigEndian.Uint32(b),
		FractionLost: b[4],
		Jitter:       binary.BigEndian.Uint32(b[12:]),
		LastSR:       binary.BigEndian.Uint32(b[16:]),
		Delay:        binary.BigEndian.Uint32(b[20:]),
	}
}

// MediaSSRC is whom a feedback packet (RFC 4585 §6.1) is about.
func (p Packet) MediaSSRC() (ssrc uint32, ok bool) {
	if (p.Type != TypeRTPFB && p.Type != TypePSFB) || len(p.Body) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint32(p.Body[4:]), true
}

// NACKs is how many PID/BLP pairs p, a generic NACK, holds.
func (p Packet) NACKs() int {
	if p.Type != TypeRTPFB || p.Format != FormatNACK || len(p.Body) < 8 {
		return 0
	}
	return (len(p.Body) - 8) / 4
}

// NACK reads pair i, which must be below NACKs: the packet id and the bit mask of the sixteen packets after it.
func (p Packet) NACK(i int) (pid, blp uint16) {
	b := p.Body[8+4*i:]
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
}

// FIRs is how many entries p, a full intra request, holds.
func (p Packet) FIRs() int {
	if p.Type != TypePSFB || p.Format != FormatFIR || len(p.Body) < 8 {
		return 0
	}
	return (len(p.Body) - 8) / 8
}

// FIR reads the SSRC of entry i, which must be below FIRs.
func (p Packet) FIR(i int) uint32 { return binary.BigEndian.Uint32(p.Body[8+8*i:]) }

// maxBitrate is what REMB is cut to: it can say 2^81, which no path carries.
const maxBitrate = 1 << 40

// REMB reads p as a receiver's estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2), in bit/s. Which SSRCs
// it names does not matter: it is about all that the receiver gets.
func (p Packet) REMB() (bps int64, ok bool) {
	if p.Type != TypePSFB || p.Format != FormatALFB || len(p.Body) < 16 || string(p.Body[8:12]) != "REMB" {
		return 0, false
	}
	word := binary.BigEndian.Uint32(p.Body[12:])
	exponent, mantissa := word>>18&0x3f, int64(word&0x3ffff)
	if exponent > 22 {
		if mantissa == 0 {
			return 0, true
		}
		return maxBitrate, true
	}
	return mantissa << exponent, true
}
