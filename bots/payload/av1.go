package payload

// The parts of AV1 that its RTP payload format needs (https://aomediacodec.github.io/av1-rtp-spec/, §4.4 and §5).
const (
	obuHasSize   = 0x02
	obuExtension = 0x04
	obuType      = 0x78
	obuSequence  = 0x08 // type 1, a sequence header
	obuDelimiter = 0x10 // type 2, a temporal delimiter: not sent
)

// appendOBUs appends the OBUs of a temporal unit to dst as RTP carries them: without delimiters and without their
// sizes. Each call appends to ends where each of them ends in dst. ok is false if the unit is malformed.
func appendOBUs(dst []byte, ends []int, unit []byte) (out []byte, at []int, ok bool) {
	for len(unit) > 0 {
		head, n := unit[0], 1
		if head&obuExtension != 0 {
			n++
		}
		if len(unit) < n {
			return dst, ends, false
		}
		size, body := len(unit)-n, unit[n:]
		if head&obuHasSize != 0 {
			said, length := readLEB128(body)
			if length == 0 || said > len(body)-length {
				return dst, ends, false
			}
			size, body = said, body[length:]
		}
		if head&obuType != obuDelimiter {
			dst = append(append(dst, head&^obuHasSize), unit[1:n]...)
			dst = append(dst, body[:size]...)
			ends = append(ends, len(dst))
		}
		unit = body[size:]
	}
	return dst, ends, len(ends) > 0
}

// av1KeyFrame says whether a temporal unit begins with a sequence header, as a key frame does.
func av1KeyFrame(unit []byte) bool {
	obus, _, ok := appendOBUs(nil, nil, unit)
	return ok && obus[0]&obuType == obuSequence
}

// appendElements appends the aggregation header, and the part [from, to) of the OBUs that end at ends: each piece
// with its length before it.
func appendElements(dst, obus []byte, ends []int, from, to int, key bool) []byte {
	head := len(dst)
	dst = append(dst, 0)
	begin := 0
	for _, end := range ends {
		if begin < from && from < end {
			dst[head] |= 0x80 // Z: continues an OBU
		}
		if begin < to && to < end {
			dst[head] |= 0x40 // Y: goes on in the next packet
		}
		if a, b := max(begin, from), min(end, to); a < b {
			dst = append(appendLEB128(dst, b-a), obus[a:b]...)
		}
		begin = end
	}
	if key && from == 0 {
		dst[head] |= 0x08 // N: a coded video sequence begins
	}
	return dst
}

// av1KeyStart says whether a coded video sequence begins with an RTP payload.
func av1KeyStart(p []byte) bool { return len(p) > 1 && p[0]&0x88 == 0x08 }

// appendAV1Body appends what an RTP payload carries of OBUs to dst, without lengths.
func appendAV1Body(dst, p []byte) (out []byte, ok bool) {
	if len(p) < 2 {
		return dst, false
	}
	count := int(p[0] >> 4 & 3) // W: how many elements there are, of which the last has no length; 0: each has one
	rest := p[1:]
	for i := 1; len(rest) > 0; i++ {
		size := len(rest)
		if i != count {
			n, length := readLEB128(rest)
			if length == 0 || n > len(rest)-length {
				return dst, false
			}
			size, rest = n, rest[length:]
		}
		dst, rest = append(dst, rest[:size]...), rest[size:]
	}
	return dst, true
}

// appendLEB128 appends a little-endian base-128 number (AV1 specification §4.10.5).
func appendLEB128(b []byte, n int) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

// readLEB128 reads one of at most four bytes; length is 0 if there is none.
func readLEB128(b []byte) (n, length int) {
	for i := range min(len(b), 4) {
		n |= int(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, i + 1
		}
	}
	return 0, 0
}
