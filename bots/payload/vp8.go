package payload

// Temporal returns the temporal layer of a clip's frame and whether nothing but layer 0 is needed for it (Y).
// clips/make.sh makes the pattern 0 2 1 2: a frame of layer 1 is predicted from layer 0 alone, as is the first of
// layer 2; the second is from both.
func Temporal(frame int) (tid uint8, sync bool) {
	switch frame % 4 {
	case 0:
		return 0, true
	case 1:
		return 2, true
	case 2:
		return 1, true
	default:
		return 2, false
	}
}

// appendVP8Descriptor writes the payload descriptor (RFC 7741 §4.2): X, I with a 15-bit picture id, L (TL0PICIDX), T
// with the temporal layer of a clip's frame. first marks the first packet of a frame (S=1, partition 0).
func appendVP8Descriptor(b []byte, p *Packetizer, first bool) []byte {
	head := byte(0x80) // X
	if first {
		head |= 0x10 // S
	}
	tid, sync := Temporal(p.number)
	layer := tid << 6
	if sync {
		layer |= 0x20 // Y
	}
	return append(b, head, 0xE0, 0x80|byte(p.pictureID>>8), byte(p.pictureID), p.tl0, layer) // I, L, T
}

// vp8DescriptorLen returns the length of an RTP payload's descriptor (RFC 7741 §4.2); it may be more than the payload
// has.
func vp8DescriptorLen(p []byte) int {
	if len(p) < 1 || p[0]&0x80 == 0 {
		return 1
	}
	if len(p) < 2 {
		return 2
	}
	n, x := 2, p[1]
	if x&0x80 != 0 { // I
		if len(p) > n && p[n]&0x80 != 0 {
			n++
		}
		n++
	}
	if x&0x40 != 0 { // L
		n++
	}
	if x&0x30 != 0 { // T or K
		n++
	}
	return n
}

// vp8Start says whether an RTP payload begins a VP8 frame and whether that is a key frame. It understands any
// descriptor of RFC 7741, the server's rewritten ones too.
func vp8Start(p []byte) (start, key bool) {
	n := vp8DescriptorLen(p)
	if len(p) <= n {
		return false, false
	}
	start = p[0]&0x10 != 0 && p[0]&0x0F == 0
	return start, start && p[n]&1 == 0
}
