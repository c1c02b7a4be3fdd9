package codec

import "encoding/binary"

// parseVP9 reads the VP9 payload descriptor (RFC 9628 §4.2).
func parseVP9(p []byte) (Info, error) {
	var in Info
	c := cursor{rest: p}
	first := c.byte()
	if first&0x80 != 0 { // I: picture id
		in.PictureIDAt = 1
		id := c.byte()
		in.PictureID = uint16(id & 0x7f)
		if in.LongPicture = id&0x80 != 0; in.LongPicture {
			in.PictureID = in.PictureID<<8 | uint16(c.byte())
		}
	}
	flexible := first&0x10 != 0
	var sid uint8
	if first&0x20 != 0 { // L: layer indices
		layer := c.byte()
		in.TID, in.Sync, sid = layer>>5, layer&0x10 != 0, layer>>1&0x07
		if !flexible {
			in.TL0At = uint8(len(p) - len(c.rest))
			in.TL0PicIdx = c.byte()
		}
	}
	inter := first&0x40 != 0 // P: inter-picture predicted
	if inter && flexible {
		for i, more := 0, true; more; i++ { // P_DIFF, up to three
			more = c.byte()&0x01 != 0
			c.bad = c.bad || more && i == 2
			more = more && !c.bad
		}
	}
	var height uint16
	if first&0x02 != 0 { // V: scalability structure
		height = c.scalability()
	}
	if c.bad || len(c.rest) == 0 {
		return Info{}, ErrMalformed
	}
	in.FrameAt = uint16(len(p) - len(c.rest))
	in.LayerStart = first&0x08 != 0           // B
	in.FrameStart = in.LayerStart && sid == 0 // of the lowest spatial layer
	if in.FrameStart && !inter {
		in.KeyStart, in.Height = true, height
	}
	return in, nil
}

// scalability reads the scalability structure and returns the height of the highest spatial layer, 0 if it does not
// say.
func (c *cursor) scalability() (height uint16) {
	head := c.byte()
	if head&0x10 != 0 { // Y: width and height of each layer
		for range int(head>>5) + 1 {
			height = binary.BigEndian.Uint16(c.bytes(4)[2:])
		}
	}
	if head&0x08 != 0 { // G: the pictures of a group
		for range c.byte() {
			c.bytes(int(c.byte() >> 2 & 0x03)) // R reference indices
		}
	}
	return height
}

// cursor reads bytes one after the other. Past the end it yields zeroes and is bad.
type cursor struct {
	rest []byte
	zero [4]byte
	bad  bool
}

func (c *cursor) byte() byte { return c.bytes(1)[0] }

// bytes takes the next n bytes, at most 4.
func (c *cursor) bytes(n int) []byte {
	if len(c.rest) < n {
		c.bad = true
		c.rest = nil
		return c.zero[:n]
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}
