package sdp

import (
	"fmt"
	"strconv"
	"strings"

	"conclave/sfu/codec"
)

// Format is a codec's payload type on one m-line, and that of its retransmissions.
type Format struct {
	codec.Format
	fmtp string // for our answer; empty: none
}

// payloadTypes are what an m-line says of its payload types.
type payloadTypes struct {
	rtpmap map[uint8]string // lower case
	fmtp   map[uint8]string
	rtx    map[uint8]uint8 // the RTX payload type of a media payload type
}

// codecNames are the encoding names of RFC 7587, 7741, 9628, 6184 and of AV1's payload format, by codec.
var codecNames = [codec.Kinds]string{codec.Opus: "opus/48000/2", codec.VP8: "VP8/90000", codec.VP9: "VP9/90000",
	codec.AV1: "AV1/90000", codec.H264: "H264/90000"}

// takeFormats takes what the SFU can forward of an m-line's formats, each codec once.
func (m *Media) takeFormats(formats []string, types *payloadTypes) {
	var taken [codec.Kinds]bool
	for _, f := range formats {
		pt, ok := parsePT(f)
		if !ok || pt == 0 { // 0 is PCMU, whatever an rtpmap says (RFC 3551 §6)
			continue
		}
		kind, ok := kindOf(m.Kind, types.rtpmap[pt])
		if !ok || taken[kind] {
			continue
		}
		fmtp, ok := answerParameters(kind, types.fmtp[pt])
		if !ok {
			continue
		}
		taken[kind] = true
		format := Format{Format: codec.Format{Codec: kind, PT: pt}, fmtp: fmtp}
		if rtx, ok := types.rtx[pt]; ok && types.rtpmap[rtx] == "rtx/90000" && kind != codec.Opus {
			format.RTX = rtx
		}
		m.Formats = append(m.Formats, format)
	}
}

// kindOf finds the codec of an m-line's kind that an rtpmap names.
func kindOf(media, rtpmap string) (codec.Kind, bool) {
	for kind, name := range codecNames {
		if (codec.Kind(kind) == codec.Opus) == (media == "audio") && (media == "audio" || media == "video") &&
			strings.EqualFold(name, rtpmap) {
			return codec.Kind(kind), true
		}
	}
	return 0, false
}

// answerParameters are the format parameters to answer with. ok is false for profiles other than 8 bits 4:2:0: some
// clients cannot decode them, and none sends them unless asked to.
func answerParameters(kind codec.Kind, offered string) (fmtp string, ok bool) {
	switch kind {
	case codec.Opus:
		return "minptime=10;useinbandfec=1;usedtx=1", true
	case codec.VP9:
		profile, said := parameter(offered, "profile-id")
		return "profile-id=0", !said || profile == "0"
	case codec.H264:
		return h264Answer, constrainedBaseline(offered)
	case codec.AV1:
		var answer []string
		for _, name := range []string{"level-idx", "profile", "tier"} {
			value, said := parameter(offered, name)
			if !said {
				continue
			}
			n, err := strconv.ParseUint(value, 10, 5)
			if err != nil || name == "profile" && n != 0 {
				return "", false
			}
			answer = append(answer, fmt.Sprintf("%s=%d", name, n))
		}
		return strings.Join(answer, ";"), true
	default:
		return "", true
	}
}

// h264Answer is the one profile of H.264 that is taken: constrained baseline, level 3.1 unless the encoder is allowed
// another (RFC 6184 §8.1), in packetization mode 1. RFC 7742 §6.2 has every WebRTC endpoint with H.264 decode it.
const h264Answer = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

// constrainedBaseline says whether format parameters are of that profile and mode.
func constrainedBaseline(fmtp string) bool {
	mode, _ := parameter(fmtp, "packetization-mode")
	level, _ := parameter(fmtp, "profile-level-id")
	id, err := strconv.ParseUint(level, 16, 24)
	return mode == "1" && err == nil && len(level) == 6 && id>>16 == 0x42 && id>>8&0x40 != 0 // constraint_set1_flag
}

// associated reads the apt parameter of an RTX format (RFC 4588 §8.6).
func associated(fmtp string) (pt uint8, ok bool) {
	v, found := parameter(fmtp, "apt")
	if !found {
		return 0, false
	}
	return parsePT(v)
}

// parameter finds name=value among a format's parameters (RFC 8866 §6.15).
func parameter(fmtp, name string) (value string, ok bool) {
	for param := range strings.SplitSeq(fmtp, ";") {
		if key, v, found := strings.Cut(strings.TrimSpace(param), "="); found && key == name {
			return v, true
		}
	}
	return "", false
}

// write writes what an answer says of one codec.
func (f *Format) write(b *strings.Builder) {
	fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", f.PT, codecNames[f.Codec])
	if f.fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", f.PT, f.fmtp)
	}
	// Of audio, too: no browser offers it, but Chromium asks for what it misses if the answer says so. Others ignore it.
	fmt.Fprintf(b, "a=rtcp-fb:%d nack\r\n", f.PT)
	if f.Codec != codec.Opus {
		fmt.Fprintf(b, "a=rtcp-fb:%d nack pli\r\n", f.PT)
	}
	if f.RTX != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", f.RTX, f.RTX, f.PT)
	}
}
