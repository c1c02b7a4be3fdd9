// Package rtpview reads RTP packets where they lie: a View points into the receive buffer and copies nothing. It also
// writes the header of a forwarded packet. It knows RFC 3550 §5.1 and RFC 8285, no socket, no clock, no state.
package rtpview

import (
	"encoding/binary"
	"errors"
)

// Errors of Parse and SetPayload.
var (
	ErrShort     = errors.New("rtp: packet too short")
	ErrVersion   = errors.New("rtp: version is not 2")
	ErrExtension = errors.New("rtp: header extension runs past the end")
	ErrPadding   = errors.New("rtp: padding is longer than the payload")
)

// CNAME is the same for all streams of the SFU, in SDP and in RTCP: they share its clock (RFC 3550 §6.5.1).
const CNAME = "conclave"

const (
	fixedHeader = 12
	// OutHeaderLen is the length of the header WriteHeader writes without an extension: the fixed part and one CSRC.
	OutHeaderLen = fixedHeader + 4
	// TransportLen is by how much a transport-wide sequence number makes it longer (RFC 8285 §4.2: one element of two
	// bytes).
	TransportLen = 8
)

// Extensions are the local identifiers of the header extensions that the SFU understands (RFC 8285 §5), 0 where not
// negotiated: MID and RID (RFC 8843, RFC 8852), the RID of what is retransmitted, the audio level (RFC 6464) and the
// transport-wide sequence number.
type Extensions struct{ MID, RID, RepairedRID, AudioLevel, TWCC uint8 }

// View is a parsed RTP packet. Its slices point into Buf; it is valid as long as Buf is.
type View struct {
	Buf       []byte
	SSRC      uint32
	Timestamp uint32
	Seq       uint16
	PT        uint8
	Marker    bool

	payloadAt, payloadEnd int
	extAt, extEnd         int
	twoByte               bool
	padded                bool
}

// IsRTP says whether a datagram that is RTP or RTCP by its first byte (RFC 7983) is RTP: the second byte of RTCP is a
// packet type of 192 to 223 (RFC 5761 §4).
func IsRTP(b []byte) bool { return len(b) >= 2 && (b[1] < 192 || b[1] > 223) }

// Parse reads the header of b. The payload may still be encrypted, so padding is left alone: see SetPayload.
func Parse(b []byte) (View, error) {
	if len(b) < fixedHeader {
		return View{}, ErrShort
	}
	if b[0]>>6 != 2 {
		return View{}, ErrVersion
	}
	v := View{
		Buf:       b,
		padded:    b[0]&0x20 != 0,
		Marker:    b[1]&0x80 != 0,
		PT:        b[1] & 0x7f,
		Seq:       binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]),
		SSRC:      binary.BigEndian.Uint32(b[8:]),
	}
	at := fixedHeader + 4*int(b[0]&0x0f)
	if len(b) < at {
		return View{}, ErrShort
	}
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return View{}, ErrExtension
		}
		profile := binary.BigEndian.Uint16(b[at:])
		end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
		if len(b) < end {
			return View{}, ErrExtension
		}
		switch {
		case profile == 0xBEDE: // RFC 8285 §4.2
			v.extAt, v.extEnd = at+4, end
		case profile>>4 == 0x100: // RFC 8285 §4.3
			v.extAt, v.extEnd, v.twoByte = at+4, end, true
		}
		at = end
	}
	v.payloadAt, v.payloadEnd = at, len(b)
	return v, nil
}

// HeaderLen is the length of the RTP header with CSRCs and extensions: the associated data of SRTP's AEAD (RFC 7714
// §8.2).
func (v *View) HeaderLen() int { return v.payloadAt }

// Payload returns the payload as it lies in the buffer.
func (v *View) Payload() []byte { return v.Buf[v.payloadAt:v.payloadEnd] }

// SetPayload says where the decrypted payload ends and removes its padding (RFC 3550 §5.1). n is its length with
// padding. After an error the payload is not to be used.
func (v *View) SetPayload(n int) error {
	if n < 0 || n > len(v.Buf)-v.payloadAt {
		return ErrShort
	}
	v.payloadEnd = v.payloadAt + n
	if !v.padded {
		return nil
	}
	if n == 0 {
		return ErrPadding
	}
	pad := int(v.Buf[v.payloadEnd-1])
	if pad == 0 || pad > n {
		return ErrPadding
	}
	v.payloadEnd -= pad
	return nil
}

// StripOSN turns a decrypted RTX packet (RFC 4588 §4) into the packet it repeats: the payload loses its first two
// bytes, which are the original sequence number. ok is false if there are not that many.
func (v *View) StripOSN() (ok bool) {
	if v.payloadEnd-v.payloadAt < 2 {
		return false
	}
	v.Seq = binary.BigEndian.Uint16(v.Buf[v.payloadAt:])
	v.payloadAt += 2
	return true
}

// Extension returns the value of the header extension with the local identifier id (RFC 8285), or nil if the packet has
// none. A malformed extension block yields nil from where it is malformed on.
func (v *View) Extension(id uint8) []byte {
	if id == 0 {
		return nil
	}
	b := v.Buf[v.extAt:v.extEnd]
	for len(b) > 0 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		var got uint8
		var n, head int
		if v.twoByte {
			if len(b) < 2 {
				return nil
			}
			got, n, head = b[0], int(b[1]), 2
		} else {
			got, n, head = b[0]>>4, int(b[0]&0x0f)+1, 1
			if got == 0 || got == 15 { // RFC 8285 §4.2: id 0 with a length, or 15: read no further
				return nil
			}
		}
		if len(b) < head+n {
			return nil
		}
		if got == id {
			return b[head : head+n]
		}
		b = b[head+n:]
	}
	return nil
}

// Header is what WriteHeader writes.
type Header struct {
	SSRC, CSRC, Timestamp uint32
	Seq                   uint16
	PT                    uint8
	Marker                bool
	Padding               bool // the payload ends with padding (RFC 3550 §5.1)

	// TransportID is the local identifier (1 to 14) of the transport-wide sequence number's header extension, 0: there is
	// none.
	TransportID  uint8
	TransportSeq uint16
}

// Len is the length of the header as WriteHeader writes it.
func (h *Header) Len() int {
	if h.TransportID != 0 {
		return OutHeaderLen + TransportLen
	}
	return OutHeaderLen
}

// WriteHeader writes an RTP header with one CSRC into b, which must hold h.Len bytes.
func WriteHeader(b []byte, h *Header) {
	_ = b[OutHeaderLen-1]
	b[0] = 2<<6 | 1
	if h.Padding {
		b[0] |= 0x20
	}
	b[1] = h.PT
	if h.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], h.Seq)
	binary.BigEndian.PutUint32(b[4:], h.Timestamp)
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
	binary.BigEndian.PutUint32(b[12:], h.CSRC)
	if h.TransportID == 0 {
		return
	}
	b[0] |= 0x10
	x := b[OutHeaderLen : OutHeaderLen+TransportLen]
	binary.BigEndian.PutUint32(x, 0xBEDE<<16|1) // one word of one-byte elements
	binary.BigEndian.PutUint32(x[4:], uint32(h.TransportID)<<28|1<<24|uint32(h.TransportSeq)<<8)
}
