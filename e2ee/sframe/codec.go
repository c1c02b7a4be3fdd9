package sframe

// Codec says how a frame is laid out on the wire.
type Codec uint8

// The codecs of encrypted meetings.
const (
	Opus Codec = iota + 1
	VP8
	VP9
	AV1
)

// maxClear is the longest clear prefix: a VP8 key frame's header (RFC 6386 §9.1). maxMetadata is the longest of what is
// authenticated beside the SFrame header.
const (
	maxClear    = 10
	maxMetadata = maxClear
)

// The headers of the one synthetic OBU of an AV1 frame: type, has_size_field (AV1 specification §5.3.2).
const (
	obuSequenceHeader = 0x0A // type 1: the RTP packetizer takes the frame for a key frame
	obuFrame          = 0x32 // type 6
	obuDelimiter      = 0x12 // type 2, temporal delimiter, always empty
	maxOBUHead        = 1 + 8
)

// clearLen returns how many bytes of a frame stay in the clear; ok is false if the frame is shorter than that, or
// empty.
func clearLen(c Codec, frame []byte) (n int, ok bool) {
	if len(frame) == 0 {
		return 0, false
	}
	if c == VP8 {
		if n = 1; frame[0]&1 == 0 {
			n = maxClear
		}
	}
	return n, len(frame) >= n
}

// keyMark is the metadata of VP9 and AV1, whose frames have no clear bytes that tell a key frame.
func keyMark(key bool) [1]byte {
	if key {
		return [1]byte{1}
	}
	return [1]byte{0}
}

// marked says whether a codec's metadata is its key mark.
func marked(c Codec) bool { return c == VP9 || c == AV1 }

// envelope takes a frame off the wire apart: the clear bytes before, and the SFrame.
func envelope(c Codec, frame []byte) (prefix, body []byte, err error) {
	if c == AV1 {
		body, err = obuBody(frame)
		return nil, body, err
	}
	n, ok := clearLen(c, frame)
	if !ok {
		return nil, nil, malformed("frame")
	}
	return frame[:n], frame[n:], nil
}

// appendOBUHead writes the header of the OBU around size bytes.
func appendOBUHead(dst []byte, key bool, size int) []byte {
	h := byte(obuFrame)
	if key {
		h = obuSequenceHeader
	}
	dst = append(dst, h)
	for size >= 0x80 {
		dst = append(dst, byte(size)|0x80)
		size >>= 7
	}
	return append(dst, byte(size))
}

// obuBody returns what is in the synthetic OBU of an AV1 frame.
func obuBody(b []byte) ([]byte, error) {
	if len(b) >= 2 && b[0] == obuDelimiter && b[1] == 0 {
		b = b[2:]
	}
	if len(b) == 0 {
		return nil, malformed("AV1: no OBU")
	}
	head := b[0]
	b = b[1:]
	switch head {
	case obuSequenceHeader, obuFrame:
	case obuSequenceHeader &^ 2, obuFrame &^ 2: // without has_size_field: up to the end
		return b, nil
	default:
		return nil, malformed("AV1: not the envelope")
	}
	size, n := 0, 0
	for ; ; n++ {
		if n == 4 || n == len(b) { // 4 bytes of leb128 hold 256 MiB
			return nil, malformed("AV1: size")
		}
		size |= int(b[n]&0x7F) << (7 * n)
		if b[n]&0x80 == 0 {
			break
		}
	}
	if len(b)-n-1 != size {
		return nil, malformed("AV1: size")
	}
	return b[n+1:], nil
}
