// Package codec reads, from the payload of one RTP packet, what a forwarder needs to know: does a key frame start here,
// which temporal layer is it, how high is the picture. It works on end-to-end encrypted frames too, because it reads
// only what e2ee leaves clear: the payload descriptor and the first bytes of VP8 frames. No state, no allocation.
package codec

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed is returned for a payload whose descriptor runs past its end.
var ErrMalformed = errors.New("codec: malformed payload descriptor")

// Kind is a codec Conclave forwards.
type Kind uint8

// The codecs.
const (
	Opus Kind = iota
	VP8
	VP9
	AV1
	H264
	Kinds // how many there are
)

// Format is a codec as one m-line negotiates it.
type Format struct {
	Codec   Kind
	PT, RTX uint8 // payload types of the media and of its retransmissions; RTX 0: none
}

// Info describes one video packet.
type Info struct {
	PictureID uint16 // 7 or 15 bits
	FrameAt   uint16 // where the payload descriptor ends
	// of a key frame, where its payload says so: VP8's frame header, VP9's scalability structure; else 0
	Height      uint16
	TL0PicIdx   uint8
	TID         uint8 // temporal layer
	Sync        bool  // of a layer above the lowest: nothing of its own layer is needed before it (VP8's Y, VP9's U bit)
	PictureIDAt uint8 // VP8, VP9: offset of the picture id in the payload, 0 if it has none
	TL0At       uint8 // VP8, VP9: offset of TL0PICIDX in the payload, 0 if it has none
	LongPicture bool  // the picture id has 15 bits
	FrameStart  bool
	LayerStart  bool // the first packet of what the encoder gave out at once: a frame, or one spatial layer of VP9
	KeyStart    bool // the first packet of a key frame
}

// Parse describes payload, which must not be empty.
func Parse(kind Kind, payload []byte) (Info, error) {
	if len(payload) == 0 {
		return Info{}, ErrMalformed
	}
	switch kind {
	case VP8:
		return parseVP8(payload)
	case VP9:
		return parseVP9(payload)
	case AV1:
		return parseAV1(payload)
	case H264:
		return parseH264(payload)
	default:
		return Info{FrameStart: true, LayerStart: true, KeyStart: true}, nil
	}
}

// parseVP8 reads the VP8 payload descriptor (RFC 7741 §4.2) and, at the start of a frame, the frame tag (§4.3).
func parseVP8(p []byte) (Info, error) {
	var in Info
	first := p[0]
	at := 1
	if first&0x80 != 0 { // X
		if len(p) <= at {
			return in, ErrMalformed
		}
		ext := p[at]
		at++
		if ext&0x80 != 0 { // I: PictureID
			if len(p) <= at {
				return in, ErrMalformed
			}
			in.PictureIDAt = uint8(at)
			in.PictureID = uint16(p[at] & 0x7f)
			in.LongPicture = p[at]&0x80 != 0
			at++
			if in.LongPicture {
				if len(p) <= at {
					return in, ErrMalformed
				}
				in.PictureID = in.PictureID<<8 | uint16(p[at])
				at++
			}
		}
		if ext&0x40 != 0 { // L: TL0PICIDX
			if len(p) <= at {
				return in, ErrMalformed
			}
			in.TL0At = uint8(at)
			in.TL0PicIdx = p[at]
			at++
		}
		if ext&0x30 != 0 { // T or K share one byte
			if len(p) <= at {
				return in, ErrMalformed
			}
			if ext&0x20 != 0 {
				in.TID, in.Sync = p[at]>>6, p[at]&0x20 != 0
			}
			at++
		}
	}
	if len(p) <= at {
		return in, ErrMalformed
	}
	in.FrameAt = uint16(at)
	in.FrameStart = first&0x10 != 0 && first&0x07 == 0 // S and PID 0
	in.LayerStart = in.FrameStart
	if in.FrameStart && p[at]&0x01 == 0 { // P: 0 is a key frame
		in.KeyStart = true
		// RFC 6386 §9.1: three bytes of frame tag, start code 9d 01 2a, 14 bits of width, 14 bits of height.
		if len(p) >= at+10 && p[at+3] == 0x9d && p[at+4] == 0x01 && p[at+5] == 0x2a {
			in.Height = binary.LittleEndian.Uint16(p[at+8:]) & 0x3fff
		}
	}
	return in, nil
}

// parseAV1 reads the AV1 aggregation header (RTP payload format for AV1, §4.4): N marks the first packet of a coded
// video sequence, Z says that the first element continues one of the packet before. Without Z the packet may also start
// a further tile group of its frame; only the dependency descriptor tells, which is not read.
func parseAV1(p []byte) (Info, error) {
	if len(p) < 2 {
		return Info{}, ErrMalformed
	}
	start := p[0]&0x80 == 0
	return Info{FrameAt: 1, FrameStart: start, LayerStart: start, KeyStart: start && p[0]&0x08 != 0}, nil
}

// Patch writes a picture id and TL0PICIDX over those of payload, which in describes, where it has them. The picture id
// keeps its width.
func Patch(payload []byte, in Info, pictureID uint16, tl0 uint8) {
	if at := in.PictureIDAt; at != 0 {
		if in.LongPicture {
			binary.BigEndian.PutUint16(payload[at:], 0x8000|pictureID&0x7fff)
		} else {
			payload[at] = uint8(pictureID & 0x7f)
		}
	}
	if in.TL0At != 0 {
		payload[in.TL0At] = tl0
	}
}
