package codec

// NAL unit types of H.264 and of its RTP payload format (RFC 6184 §5.2).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalAUD   = 9
	nalSTAPA = 24
	nalFUA   = 28
)

// parseH264 reads the NAL unit header of packetization mode 1 (RFC 6184 §5.4): a single unit, STAP-A or FU-A. A key
// frame begins with its sequence parameter set, which WebRTC senders repeat before each one: a decoder can begin
// nowhere else. A frame is known by its first slice, whose first macroblock is number 0.
func parseH264(p []byte) (Info, error) {
	kind, unit := p[0]&0x1f, p
	switch kind {
	case nalSTAPA:
		return parseSTAPA(p[1:])
	case nalFUA:
		if len(p) < 3 {
			return Info{}, ErrMalformed
		}
		if p[1]&0x80 == 0 { // S: it continues a unit
			return Info{FrameAt: 2}, nil
		}
		kind, unit = p[1]&0x1f, p[1:]
	case 0, 25, 26, 27, 29, 30, 31: // of other packetization modes, or nothing
		return Info{}, ErrMalformed
	}
	start, key := startsFrame(kind, unit)
	return Info{FrameAt: 1, FrameStart: start, LayerStart: start, KeyStart: key}, nil
}

// parseSTAPA reads the units of an aggregation packet (RFC 6184 §5.7.1).
func parseSTAPA(units []byte) (Info, error) {
	in := Info{FrameAt: 1}
	for len(units) > 0 {
		if len(units) < 3 {
			return Info{}, ErrMalformed
		}
		size := int(units[0])<<8 | int(units[1])
		if size == 0 || size > len(units)-2 {
			return Info{}, ErrMalformed
		}
		start, key := startsFrame(units[2]&0x1f, units[2:2+size])
		in.FrameStart, in.KeyStart = in.FrameStart || start, in.KeyStart || key
		units = units[2+size:]
	}
	in.LayerStart = in.FrameStart
	return in, nil
}

// startsFrame says whether a frame begins with a NAL unit, and whether that is a key frame.
func startsFrame(kind byte, unit []byte) (start, key bool) {
	switch kind {
	case nalSPS:
		return true, true
	case nalAUD:
		return true, false
	case nalSlice, nalIDR:
		// first_mb_in_slice is the first Exp-Golomb number of a slice: a single bit 1 is 0 (H.264 §7.3.3, §9.1).
		return len(unit) > 1 && unit[1]&0x80 != 0 && kind == nalSlice, false
	}
	return false, false
}
