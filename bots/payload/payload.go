// Package payload says how media looks inside an RTP packet: VP8 payload descriptors, fragments, Opus padding, and the
// send time that bots hide where decoders do not look. Pure.
package payload

import (
	"encoding/binary"
	"time"

	"conclave/e2ee"
	"conclave/protocol"
)

// The clock rates of RTP timestamps: VP8 (RFC 7741 §4.1) and Opus (RFC 7587 §4.1).
const (
	VideoClock = 90000
	AudioClock = 48000
)

// MaxFragment bounds the VP8 bytes of one packet: with header, extensions, descriptor and AEAD tag the datagram stays
// under 1,200 bytes, as browsers do.
const MaxFragment = 1100

// StampSize is the length of a send stamp: 8 bytes of time, 4 of mark.
const StampSize = 12

// stampMark tells a stamp from media. A chance match is one in 2^32.
const stampMark = 0xC07C1A5E

// PutStamp writes the send time into the last stampSize bytes of payload. Where it sits no decoder looks (after the
// last VP8 partition; in the padding of an Opus packet), and no SFU changes it.
func PutStamp(payload []byte, now time.Time) {
	tail := payload[len(payload)-StampSize:]
	binary.BigEndian.PutUint64(tail, uint64(now.UnixNano()))
	binary.BigEndian.PutUint32(tail[8:], stampMark)
}

// ReadStamp returns the send time in a payload's tail; ok is false when there is none.
func ReadStamp(payload []byte) (sent time.Time, ok bool) {
	if len(payload) < StampSize {
		return time.Time{}, false
	}
	tail := payload[len(payload)-StampSize:]
	if binary.BigEndian.Uint32(tail[8:]) != stampMark {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(tail))), true
}

// Fragments splits a VP8 frame of n bytes (the stamp included) into nearly equal parts of at most maxFragment bytes:
// equal sizes let the server send them as segments of one datagram.
func Fragments(n int) (count, size int) {
	count = (n + MaxFragment - 1) / MaxFragment
	return count, (n + count - 1) / count
}

// VP8DescriptorSize is the length of the descriptor written by putVP8Descriptor.
const VP8DescriptorSize = 6

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

// PutVP8Descriptor writes the payload descriptor (RFC 7741 §4.2): X, I with a 15-bit picture id, L (TL0PICIDX), T with
// the temporal layer of a clip's frame. first marks the first packet of a frame (S=1, partition 0).
func PutVP8Descriptor(b []byte, first bool, pictureID uint16, tl0PicIdx uint8, frame int) {
	b[0] = 0x80 // X
	if first {
		b[0] |= 0x10 // S
	}
	b[1] = 0xE0 // I, L, T
	binary.BigEndian.PutUint16(b[2:], pictureID|0x8000)
	b[4] = tl0PicIdx
	tid, sync := Temporal(frame)
	if b[5] = tid << 6; sync {
		b[5] |= 0x20
	}
}

// VP8DescriptorLen returns the length of an RTP payload's descriptor (RFC 7741 §4.2); it may be more than the payload
// has.
func VP8DescriptorLen(p []byte) int {
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

// VP8Start says whether an RTP payload begins a VP8 frame and whether that is a key frame. It understands any
// descriptor of RFC 7741, the server's rewritten ones too.
func VP8Start(p []byte) (start, key bool) {
	n := VP8DescriptorLen(p)
	if len(p) <= n {
		return false, false
	}
	start = p[0]&0x10 != 0 && p[0]&0x0F == 0
	return start, start && p[n]&1 == 0
}

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

// VP8KeyFrame says whether a VP8 frame is a key frame (RFC 6386 §9.1: the lowest bit of the first byte is 0).
func VP8KeyFrame(frame []byte) bool { return len(frame) > 0 && frame[0]&1 == 0 }

// SFrameTrack is the SFrame track of a source.
func SFrameTrack(s protocol.Source) e2ee.Track {
	switch s {
	case protocol.Mic:
		return e2ee.TrackMic
	case protocol.Camera:
		return e2ee.TrackCamera
	case protocol.ScreenAudio:
		return e2ee.TrackScreenAudio
	case protocol.Screen:
		return e2ee.TrackScreen
	}
	return e2ee.TrackData // nothing is sealed under it as media, so nothing opens
}
