package sfu

import (
	"encoding/binary"

	"github.com/pion/rtp"

	"conclave/sfu/codec"
)

// videoSource builds the RTP packets of video frames: a payload descriptor as browsers write it, the beginning of a frame, and a body in
// which every byte tells layer and picture, so that a receiver can check what it got.
type videoSource struct {
	codec     codec.Kind
	layer     int
	height    uint16
	seq       uint16
	timestamp uint32
	pictureID uint16
	tl0       uint8
	packets   int  // a frame
	temporal  bool // VP8: three temporal layers, as libwebrtc makes them
	frames    int
}

func (v *videoSource) frame(key bool) []*rtp.Packet {
	if v.temporal && key {
		v.frames = 0
	}
	if !v.temporal || v.frames%4 == 0 {
		v.tl0++
	}
	var out []*rtp.Packet
	for i := range v.packets {
		body := make([]byte, 200)
		for j := range body {
			body[j] = byte(v.layer<<4) | byte(v.pictureID&0x0f)
		}
		var desc []byte
		switch v.codec {
		case codec.VP9:
			desc = v.vp9(i, key)
		case codec.AV1:
			desc = v.av1(i, key)
		default:
			desc = v.vp8(i, key, body)
		}
		out = append(out, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: v.seq, Timestamp: v.timestamp, Marker: i == v.packets-1},
			Payload: append(desc, body...)})
		v.seq++
	}
	v.timestamp += 3000
	v.pictureID = (v.pictureID + 1) & 0x7fff
	v.frames++
	return out
}

// temporalPattern is TID and Y bit of eight frames.
var temporalPattern = [8]byte{0x00, 0xa0, 0x60, 0x80, 0x00, 0x80, 0x40, 0x80}

// vp8 is a descriptor with 15-bit picture id and TL0PICIDX (RFC 7741 §4.2); it writes the frame tag into body.
func (v *videoSource) vp8(packet int, key bool, body []byte) []byte {
	desc := []byte{0x80, 0xc0, 0x80 | byte(v.pictureID>>8)&0x7f, byte(v.pictureID), v.tl0}
	if v.temporal {
		desc[1] |= 0x20
		desc = append(desc, temporalPattern[v.frames%8])
	}
	if packet != 0 {
		return desc
	}
	desc[0] |= 0x10
	body[0] = 1
	if key {
		body[0] = 0
		copy(body[3:], []byte{0x9d, 0x01, 0x2a})
		binary.LittleEndian.PutUint16(body[6:], v.height*16/9)
		binary.LittleEndian.PutUint16(body[8:], v.height)
	}
	return desc
}

// vp9 is a descriptor in non-flexible mode, with a scalability structure at key frames (RFC 9628 §4.2). All is temporal layer 0.
func (v *videoSource) vp9(packet int, key bool) []byte {
	desc := []byte{0xa0, 0x80 | byte(v.pictureID>>8)&0x7f, byte(v.pictureID), 0, v.tl0}
	if !key {
		desc[0] |= 0x40
	}
	if packet == 0 {
		desc[0] |= 0x08
		if key {
			desc[0] |= 0x02
			desc = append(desc, 0x10)
			desc = binary.BigEndian.AppendUint16(desc, v.height*16/9)
			desc = binary.BigEndian.AppendUint16(desc, v.height)
		}
	}
	if packet == v.packets-1 {
		desc[0] |= 0x04
	}
	return desc
}

// av1 is an aggregation header for one OBU over all packets of the frame, as end-to-end encryption makes it.
func (v *videoSource) av1(packet int, key bool) []byte {
	header := byte(0x10) // one element
	if packet > 0 {
		header |= 0x80
	}
	if packet < v.packets-1 {
		header |= 0x40
	}
	if packet == 0 && key {
		header |= 0x08
	}
	return []byte{header}
}
