package payload

import "conclave/e2ee/sframe"

// Packetizer turns the frames of one RTP stream into payloads. Not safe for concurrent use.
type Packetizer struct {
	// Codec is VP8, VP9 or AV1. Width and Height are said by VP9 only.
	Codec         sframe.Codec
	Width, Height uint16

	pictureID uint16
	tl0       uint8
	number    int
	frame     []byte
	ends      []int // of AV1's OBUs in frame
	obus      []byte
	count     int
}

// Begin sets the picture id and TL0PICIDX of the frame before the first.
func (p *Packetizer) Begin(pictureID uint16, tl0 uint8) { p.pictureID, p.tl0 = pictureID&0x7FFF, tl0 }

// Frame begins a frame and returns how many payloads it makes; 0 if it cannot be sent. number is its place in the
// clip. The frame must stay as it is until the last payload is made.
func (p *Packetizer) Frame(frame []byte, number int) (count int) {
	p.number, p.frame = number, frame
	if p.Codec == sframe.AV1 {
		var ok bool
		if p.obus, p.ends, ok = appendOBUs(p.obus[:0], p.ends[:0], frame); !ok {
			return 0
		}
		p.frame = p.obus
	}
	p.pictureID = (p.pictureID + 1) & 0x7FFF
	if tid, _ := Temporal(number); tid == 0 {
		p.tl0++
	}
	p.count = Fragments(len(p.frame))
	return p.count
}

// Append appends payload number i of the frame to dst.
func (p *Packetizer) Append(dst []byte, i int) []byte {
	from, to := fragment(len(p.frame), p.count, i), fragment(len(p.frame), p.count, i+1)
	switch p.Codec {
	case sframe.AV1:
		return appendElements(dst, p.frame, p.ends, from, to, p.number == 0)
	case sframe.VP9:
		dst = appendVP9Descriptor(dst, p, i == 0, i == p.count-1)
	default:
		dst = appendVP8Descriptor(dst, p, i == 0)
	}
	return append(dst, p.frame[from:to]...)
}

// KeyStart says whether a key frame begins with an RTP payload. It understands any descriptor, the server's rewritten
// ones too.
func KeyStart(c sframe.Codec, p []byte) bool {
	switch c {
	case sframe.VP9:
		d, _, ok := vp9(p)
		return ok && d.B && !d.P && d.SID == 0
	case sframe.AV1:
		return av1KeyStart(p)
	default:
		_, key := vp8Start(p)
		return key
	}
}

// Starts says whether a frame begins with an RTP payload. False of AV1, whose payloads don't tell.
func Starts(c sframe.Codec, p []byte) bool {
	switch c {
	case sframe.VP8:
		start, _ := vp8Start(p)
		return start
	case sframe.VP9:
		d, _, ok := vp9(p)
		return ok && d.B && d.SID == 0
	default:
		return false
	}
}

// KeyFrame says whether an encoder's frame is a key frame.
func KeyFrame(c sframe.Codec, frame []byte) bool {
	switch {
	case len(frame) == 0:
		return false
	case c == sframe.VP9:
		return frame[0]&0x0C == 0 // VP9 specification §6.2: show_existing_frame, and frame_type, which is 0
	case c == sframe.AV1:
		return av1KeyFrame(frame)
	default:
		return frame[0]&1 == 0 // RFC 6386 §9.1
	}
}

// AppendBody appends what an RTP payload carries of a frame to dst; ok is false if it is malformed.
func AppendBody(dst []byte, c sframe.Codec, p []byte) (out []byte, ok bool) {
	switch c {
	case sframe.VP9:
		_, body, ok := vp9(p)
		return append(dst, body...), ok
	case sframe.AV1:
		return appendAV1Body(dst, p)
	default:
		n := vp8DescriptorLen(p)
		if n > len(p) {
			return dst, false
		}
		return append(dst, p[n:]...), true
	}
}
