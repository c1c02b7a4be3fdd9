package wiretest

import (
	"encoding/binary"

	"github.com/pion/rtp"

	"conclave/sfu/codec"
)

// VideoSource builds the RTP packets of video frames: a payload descriptor as browsers write it, the beginning of a
// frame, and a body in which every byte tells layer and picture, so that a receiver can check what it got.
type VideoSource struct {
	Codec     codec.Kind // VP8, VP9, AV1 or H264
	Layer     int
	Height    uint16
	Seq       uint16 // of the next packet
	Timestamp uint32 // of the next frame
	PictureID uint16 // of the next frame
	Packets   int    // a frame
	Temporal  bool   // VP8: three temporal layers, as libwebrtc makes them
	TL0       uint8
	frames    int
}

// Frame returns the packets of the next frame, a thirtieth of a second after the one before.
func (v *VideoSource) Frame(key bool) []*rtp.Packet {
	if v.Temporal && key {
		v.frames = 0
	}
	if !v.Temporal || v.frames%4 == 0 {
		v.TL0++
	}
	var out []*rtp.Packet
	for i := range v.Packets {
		body := make([]byte, 200)
		for j := range body {
			body[j] = byte(v.Layer<<4) | byte(v.PictureID&0x0f)
		}
		var desc []byte
		switch v.Codec {
		case codec.VP9:
			desc = v.vp9(i, key)
		case codec.AV1:
			desc = v.av1(i, key)
		case codec.H264:
			desc = h264(i, key, len(body))
		default:
			desc = v.vp8(i, key, body)
		}
		out = append(out, &rtp.Packet{Payload: append(desc, body...),
			Header: rtp.Header{Version: 2, SequenceNumber: v.Seq, Timestamp: v.Timestamp, Marker: i == v.Packets-1}})
		v.Seq++
	}
	v.Timestamp += 3000
	v.PictureID = (v.PictureID + 1) & 0x7fff
	v.frames++
	return out
}

// temporalPattern is TID and Y bit of eight frames.
var temporalPattern = [8]byte{0x00, 0xa0, 0x60, 0x80, 0x00, 0x80, 0x40, 0x80}

// vp8 is a descriptor with 15-bit picture id and TL0PICIDX (RFC 7741 §4.2); it writes the frame tag into body.
func (v *VideoSource) vp8(packet int, key bool, body []byte) []byte {
	desc := []byte{0x80, 0xc0, 0x80 | byte(v.PictureID>>8)&0x7f, byte(v.PictureID), v.TL0}
	if v.Temporal {
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
		binary.LittleEndian.PutUint16(body[6:], v.Height*16/9)
		binary.LittleEndian.PutUint16(body[8:], v.Height)
	}
	return desc
}

// vp9 is a descriptor in non-flexible mode, with a scalability structure at key frames (RFC 9628 §4.2). All is temporal
// layer 0.
func (v *VideoSource) vp9(packet int, key bool) []byte {
	desc := []byte{0xa0, 0x80 | byte(v.PictureID>>8)&0x7f, byte(v.PictureID), 0, v.TL0}
	if !key {
		desc[0] |= 0x40
	}
	if packet == 0 {
		desc[0] |= 0x08
		if key {
			desc[0] |= 0x02
			desc = append(desc, 0x10)
			desc = binary.BigEndian.AppendUint16(desc, v.Height*16/9)
			desc = binary.BigEndian.AppendUint16(desc, v.Height)
		}
	}
	if packet == v.Packets-1 {
		desc[0] |= 0x04
	}
	return desc
}

// av1 is an aggregation header for one OBU over all packets of the frame, as end-to-end encryption makes it.
func (v *VideoSource) av1(packet int, key bool) []byte {
	header := byte(0x10) // one element
	if packet > 0 {
		header |= 0x80
	}
	if packet < v.Packets-1 {
		header |= 0x40
	}
	if packet == 0 && key {
		header |= 0x08
	}
	return []byte{header}
}

// h264 begins a slice, one a packet. At key frames the first packet aggregates the parameter sets with it (RFC 6184
// §5.7.1).
func h264(packet int, key bool, size int) []byte {
	slice := []byte{0x41, 0x9a}
	if key {
		slice = []byte{0x65, 0x88}
	}
	if packet > 0 {
		slice[1] = 0x40 // not the first macroblock
	}
	if packet > 0 || !key {
		return slice
	}
	sets := []byte{0x78, 0, 3, 0x67, 0x42, 0xe0, 0, 2, 0x68, 0xce}
	return append(binary.BigEndian.AppendUint16(sets, uint16(len(slice)+size)), slice...)
}
