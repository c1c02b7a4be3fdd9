// Package payload says how media looks inside an RTP packet: payload descriptors, fragments, Opus padding, and the send
// time that bots hide where decoders do not look. Pure.
package payload

import (
	"encoding/binary"
	"time"

	"conclave/e2ee/sframe"
	"conclave/protocol"
)

// The clock rates of RTP timestamps: of pictures (RFC 7741 §4.1, RFC 9628 §4.1, and AV1's payload format, §4.1) and
// Opus (RFC 7587 §4.1).
const (
	VideoClock = 90000
	AudioClock = 48000
)

// types are the payload types of what bots offer.
var types = [...]uint8{sframe.Opus: 111, sframe.VP8: 96, sframe.VP9: 98, sframe.AV1: 45}

// Type returns the payload type of a codec. The RTX of a picture's is one higher.
func Type(c sframe.Codec) uint8 { return types[c] }

// CodecOf returns the codec of a payload type, that of retransmissions included; VP8 for an unknown one.
func CodecOf(payloadType uint8) sframe.Codec {
	switch payloadType {
	case types[sframe.Opus]:
		return sframe.Opus
	case types[sframe.VP9], types[sframe.VP9] + 1:
		return sframe.VP9
	case types[sframe.AV1], types[sframe.AV1] + 1:
		return sframe.AV1
	default:
		return sframe.VP8
	}
}

// MaxFragment bounds the bytes of a frame in one packet: with header, extensions, descriptor and AEAD tag the datagram
// stays under 1,200 bytes, as browsers do.
const MaxFragment = 1100

// StampSize is the length of a send stamp: 8 bytes of time, 4 of mark.
const StampSize = 12

// stampMark tells a stamp from media. A chance match is one in 2^32.
const stampMark = 0xC07C1A5E

// superframeIndex is the length of the index that ends a VP9 frame of ours (VP9 specification, annex B): its mark, the
// size of one frame in four bytes, and the mark again.
const superframeIndex, superframeMark = 6, 0xD8

// paddingOBU begins an OBU of AV1 that decoders skip: type 15, with its size (AV1 specification §5.3.2).
const paddingOBU = 0x7A

// Room returns a copy of a frame with room for a stamp, where no decoder looks and no SFU writes: behind the last
// partition of VP8; behind VP9's data, in a superframe whose index says that the frame goes so far; in a padding OBU of
// AV1. The copy is filled up with zeros to size bytes if it is shorter (AV1: once to one more).
func Room(c sframe.Codec, frame []byte, size int) []byte {
	extra := StampSize
	switch c {
	case sframe.VP9:
		extra += superframeIndex
	case sframe.AV1:
		extra += 2
	default:
	}
	fill := max(0, size-len(frame)-extra)
	if c == sframe.AV1 && fill >= 0x80-StampSize { // the padding's size takes two bytes
		fill = max(0x80-StampSize, fill-1)
	}
	out := append(make([]byte, 0, len(frame)+fill+extra), frame...)
	if c == sframe.AV1 {
		out = appendLEB128(append(out, paddingOBU), fill+StampSize)
	}
	out = append(out, make([]byte, fill+StampSize)...)
	if c == sframe.VP9 {
		n := len(out)
		out = append(binary.LittleEndian.AppendUint32(append(out, superframeMark), uint32(n)), superframeMark)
	}
	return out
}

// stamp is the part of a frame, or of the last payload of one, that holds the send time; nil if it is too short.
func stamp(c sframe.Codec, b []byte) []byte {
	end := len(b)
	if c == sframe.VP9 {
		end -= superframeIndex
	}
	if end < StampSize {
		return nil
	}
	return b[end-StampSize : end]
}

// PutStamp writes the send time into the room of a frame.
func PutStamp(c sframe.Codec, frame []byte, now time.Time) {
	if s := stamp(c, frame); s != nil {
		binary.BigEndian.PutUint64(s, uint64(now.UnixNano()))
		binary.BigEndian.PutUint32(s[8:], stampMark)
	}
}

// ReadStamp returns the send time in a frame, or in the last payload of one; ok is false when there is none.
func ReadStamp(c sframe.Codec, b []byte) (sent time.Time, ok bool) {
	s := stamp(c, b)
	if s == nil || binary.BigEndian.Uint32(s[8:]) != stampMark {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(s))), true
}

// Fragments is into how many parts of at most MaxFragment bytes a frame of n bytes is split.
func Fragments(n int) int { return (n + MaxFragment - 1) / MaxFragment }

// fragment is where part i of count parts of n bytes begins: as browsers split a frame, the later ones may be a byte
// longer than the earlier ones.
func fragment(n, count, i int) int { return i*(n/count) + max(0, i-(count-n%count)) }

// PadOpus returns packet as an Opus packet of code 3 with one frame and room for a stamp in its padding (RFC 6716
// §3.2.5), which decoders skip. ok is false for a packet of another code than 0.
func PadOpus(packet []byte) (padded []byte, ok bool) {
	if len(packet) == 0 || packet[0]&3 != 0 {
		return nil, false
	}
	out := make([]byte, 0, len(packet)+2+StampSize)
	out = append(out, packet[0]|3, 0x40|1, StampSize) // CBR, padding, one frame; length of the padding
	out = append(out, packet[1:]...)
	return append(out, make([]byte, StampSize)...), true
}

// OpusRepairs says whether an Opus packet carries the one before it once more, as in-band forward error correction: the
// first SILK frame's LBRR flag (RFC 6716 §4.2.4), behind a flag of voice activity for each 20 ms.
func OpusRepairs(packet []byte) bool {
	if len(packet) == 0 || packet[0]>>3 >= 16 { // CELT alone has none
		return false
	}
	first := 1
	switch packet[0] & 3 {
	case 2: // two frames, the length of the first before them (RFC 6716 §3.2.4)
		first++
		if len(packet) > 1 && packet[1] >= 252 {
			first++
		}
	case 3: // the number of frames; the lengths of padding and frames where there are any (RFC 6716 §3.2.5)
		if len(packet) < 2 || packet[1]&0x80 != 0 && packet[1]&0x3F != 1 {
			return false // no encoder of a browser sends frames of different lengths in one packet
		}
		first++
		for padded := packet[1]&0x40 != 0; padded && first < len(packet); first++ {
			padded = packet[first] == 255
		}
	}
	if len(packet) <= first {
		return false
	}
	frames := 1
	if config := packet[0] >> 3; config < 12 && config%4 >= 2 { // 40 and 60 ms are two and three frames of 20
		frames = int(config % 4)
	}
	return packet[first]&(0x80>>frames) != 0
}

// noTrack is none: nothing is sealed under it, and nothing opens.
const noTrack = sframe.Track(0xFF)

// SFrameTrack is the SFrame track of a source.
func SFrameTrack(s protocol.Source) sframe.Track {
	switch s {
	case protocol.Mic:
		return sframe.Mic
	case protocol.Camera:
		return sframe.Camera
	case protocol.ScreenAudio:
		return sframe.ScreenAudio
	case protocol.Screen:
		return sframe.Screen
	}
	return noTrack
}
