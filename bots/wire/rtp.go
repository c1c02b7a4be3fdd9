package wire

import "encoding/binary"

// RTP is the clear part of an SRTP packet (RFC 3550 §5.1): all that is needed to count it.
type RTP struct {
	Marker      bool
	PayloadType uint8
	Seq         uint16
	Timestamp   uint32
	SSRC        uint32
	CSRC        uint32 // the first one, 0 if none
	HeaderLen   int
	ext         []byte // the elements of a one-byte-header extension (RFC 8285 §4.2), nil if none
	Padding     bool
}

// ParseRTP reads the clear header of packet; ok is false if it is not a whole one.
func ParseRTP(packet []byte) (v RTP, ok bool) {
	if len(packet) < 12 || packet[0]>>6 != 2 {
		return v, false
	}
	cc := int(packet[0] & 15)
	n := 12 + 4*cc
	if len(packet) < n {
		return v, false
	}
	v.Padding = packet[0]&0x20 != 0
	v.Marker = packet[1]&0x80 != 0
	v.PayloadType = packet[1] & 0x7F
	v.Seq = binary.BigEndian.Uint16(packet[2:])
	v.Timestamp = binary.BigEndian.Uint32(packet[4:])
	v.SSRC = binary.BigEndian.Uint32(packet[8:])
	if cc > 0 {
		v.CSRC = binary.BigEndian.Uint32(packet[12:])
	}
	if packet[0]&0x10 != 0 {
		if len(packet) < n+4 {
			return v, false
		}
		profile := binary.BigEndian.Uint16(packet[n:])
		words := int(binary.BigEndian.Uint16(packet[n+2:]))
		n += 4
		if len(packet) < n+4*words {
			return v, false
		}
		if profile == 0xBEDE {
			v.ext = packet[n : n+4*words]
		}
		n += 4 * words
	}
	v.HeaderLen = n
	return v, true
}

// Extension returns the value of the one-byte-header element with the given id, nil if it is absent.
func (v *RTP) Extension(id uint8) []byte {
	for b := v.ext; len(b) > 0; {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		n, this := int(b[0]&15)+1, b[0]>>4
		if len(b) < 1+n || this == 0 || this == 15 {
			return nil // padding with a length, or reserved: nothing after it counts (RFC 8285 §4.2)
		}
		if this == id {
			return b[1 : 1+n]
		}
		b = b[1+n:]
	}
	return nil
}

// IsRTCP says whether a datagram is RTCP, by its first two bytes (RFC 7983, RFC 5761 §4).
func IsRTCP(b []byte) bool {
	return len(b) >= 8 && b[0] >= 128 && b[0] <= 191 && b[1] >= 192 && b[1] <= 223
}

// IsRTP says whether a datagram is RTP, by the same.
func IsRTP(b []byte) bool {
	return len(b) >= 12 && b[0] >= 128 && b[0] <= 191 && (b[1] < 192 || b[1] > 223)
}
