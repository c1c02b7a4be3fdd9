package payload

import (
	"encoding/binary"

	"github.com/pion/rtp/codecs"
)

// appendVP9Descriptor writes the payload descriptor of non-flexible mode (RFC 9628 §4.2): a 15-bit picture id, the
// temporal layer of a clip's frame, TL0PICIDX, and with a key frame the scalability structure.
func appendVP9Descriptor(b []byte, p *Packetizer, first, last bool) []byte {
	key := p.number == 0
	head := byte(0xA0) // I, L
	if !key {
		head |= 0x40 // P
	}
	if first {
		head |= 0x08 // B
	}
	if last {
		head |= 0x04 // E
	}
	if first && key {
		head |= 0x02 // V
	}
	tid, sync := Temporal(p.number)
	layer := tid << 5
	if sync {
		layer |= 0x10 // U
	}
	b = append(b, head, 0x80|byte(p.pictureID>>8), byte(p.pictureID), layer, p.tl0)
	if first && key {
		b = append(b, 0x18) // one spatial layer; Y: its size; G: a group of pictures
		b = binary.BigEndian.AppendUint16(b, p.Width)
		b = binary.BigEndian.AppendUint16(b, p.Height)
		// Four pictures: layer, U, and what each is predicted from, as pictures before it.
		b = append(b, 4, 0x14, 4, 0x54, 1, 0x34, 2, 0x48, 1, 3)
	}
	return b
}

// vp9 reads a descriptor; ok is false if it is none.
func vp9(p []byte) (d codecs.VP9Packet, body []byte, ok bool) {
	body, err := d.Unmarshal(p)
	return d, body, err == nil
}
