package client

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"conclave/bots/path"
	"conclave/bots/payload"
	"conclave/bots/publish"
	"conclave/e2ee/sframe"
)

const (
	uriMID        = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID        = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepaired   = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWCC       = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// offer is what an offer says.
type offer struct {
	credentials            path.Credentials
	fingerprint            string
	sending                []sendLine
	audioSlots, videoSlots int
}

// writeOffer writes it (RFC 8829): the m-lines that send, in order, then the slots.
func writeOffer(o *offer) string {
	var b strings.Builder
	n := len(o.sending) + o.audioSlots + o.videoSlots
	b.WriteString("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE")
	for i := range n {
		fmt.Fprintf(&b, " %d", i)
	}
	fmt.Fprintf(&b, "\r\na=extmap-allow-mixed\r\na=fingerprint:%s\r\na=setup:actpass\r\n", o.fingerprint)
	for i := range n {
		switch {
		case i < len(o.sending):
			l := &o.sending[i]
			o.line(&b, l.mid, l.codecs(), "sendonly")
			l.streams(&b)
		case i < len(o.sending)+o.audioSlots:
			o.line(&b, strconv.Itoa(i), nil, "recvonly")
		default:
			o.line(&b, strconv.Itoa(i), pictures[:], "recvonly")
		}
	}
	return b.String()
}

// line writes what all m-lines of a kind say: of pictures in codecs, or of sound if there is none.
func (o *offer) line(b *strings.Builder, mid string, codecs []sframe.Codec, direction string) {
	if len(codecs) == 0 {
		b.WriteString("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n")
	} else {
		b.WriteString("m=video 9 UDP/TLS/RTP/SAVPF")
		for _, c := range codecs {
			fmt.Fprintf(b, " %d %d", payload.Type(c), payload.Type(c)+1)
		}
		b.WriteString("\r\n")
	}
	fmt.Fprintf(b, "c=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=mid:%s\r\na=%s\r\n"+
		"a=rtcp-mux\r\na=rtcp-rsize\r\n", o.credentials.Ufrag, o.credentials.Pwd, mid, direction)
	if len(codecs) == 0 {
		b.WriteString(audioAttributes)
		return
	}
	for _, c := range codecs {
		writeCodec(b, c)
	}
	b.WriteString(videoExtensions)
}

const audioAttributes = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n" +
	"a=rtcp-fb:111 transport-cc\r\n" +
	"a=extmap:1 " + uriMID + "\r\na=extmap:2 " + uriTWCC + "\r\na=extmap:5 " + uriAudioLevel + "\r\n"

const videoExtensions = "a=extmap:1 " + uriMID + "\r\na=extmap:2 " + uriTWCC + "\r\na=extmap:3 " + uriRID + "\r\n" +
	"a=extmap:4 " + uriRepaired + "\r\n"

// pictures are the codecs of pictures, in the order in which a slot offers them.
var pictures = [...]sframe.Codec{sframe.VP8, sframe.VP9, sframe.AV1}

// codecNames are their encoding names (RFC 7741, RFC 9628, and AV1's payload format), codecParameters their formats.
var (
	codecNames      = [...]string{sframe.VP8: "VP8", sframe.VP9: "VP9", sframe.AV1: "AV1"}
	codecParameters = [...]string{sframe.VP8: "", sframe.VP9: "profile-id=0", sframe.AV1: "profile=0"}
)

// writeCodec writes what an m-line says of a codec of pictures.
func writeCodec(b *strings.Builder, c sframe.Codec) {
	pt := payload.Type(c)
	fmt.Fprintf(b, "a=rtpmap:%d %s/90000\r\n", pt, codecNames[c])
	if f := codecParameters[c]; f != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", pt, f)
	}
	for _, feedback := range []string{"transport-cc", "ccm fir", "nack", "nack pli"} {
		fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", pt, feedback)
	}
	fmt.Fprintf(b, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", pt+1, pt+1, pt)
}

// streams writes what an m-line sends: its encodings by RID (RFC 8853), or the SSRCs of its only one.
func (l *sendLine) streams(b *strings.Builder) {
	fmt.Fprintf(b, "a=msid:bot %s\r\n", l.source)
	if len(l.encodings) > 1 {
		var rids []string
		for _, e := range l.encodings {
			fmt.Fprintf(b, "a=rid:%s send\r\n", e.RID)
			rids = append(rids, e.RID)
		}
		fmt.Fprintf(b, "a=simulcast:send %s\r\n", strings.Join(rids, ";"))
		return
	}
	e := &l.encodings[0]
	if e.RTXSSRC != 0 {
		fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", e.SSRC, e.RTXSSRC)
	}
	fmt.Fprintf(b, "a=ssrc:%d cname:bot\r\n", e.SSRC)
	if e.RTXSSRC != 0 {
		fmt.Fprintf(b, "a=ssrc:%d cname:bot\r\n", e.RTXSSRC)
	}
}

// answered is what the media path needs to know of an answer.
type answered struct {
	credentials path.Credentials
	fingerprint string
	candidates  []netip.AddrPort // of UDP, the preferred first; at most path.MaxCandidates
	tcp         []netip.AddrPort // the passive ones of TCP, likewise
	lines       []mediaLine
}

// mediaLine is what an answer says of one m-line.
type mediaLine struct {
	mid       string
	video     bool
	sending   bool // the server sends on it: a slot
	rejected  bool
	ext       publish.Extensions
	ssrc, rtx uint32
	rtxType   uint8
}

var errBadAnswer = errors.New("bots: the answer cannot be used")

// parseAnswer reads an answer. All m-lines are in one bundle, so the first credentials are those of all.
func parseAnswer(text string) (*answered, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadAnswer, err)
	}
	a := &answered{}
	a.transport(d.Attributes)
	for _, m := range d.MediaDescriptions {
		l := mediaLine{video: m.MediaName.Media == "video", rejected: m.MediaName.Port.Value == 0}
		for _, x := range m.Attributes {
			if err := l.attribute(x.Key, x.Value); err != nil {
				return nil, err
			}
		}
		if !l.rejected {
			a.transport(m.Attributes)
		}
		a.lines = append(a.lines, l)
	}
	if c := a.credentials; c.Ufrag == "" || c.Pwd == "" || len(c.Ufrag) > 256 || len(c.Pwd) > 256 {
		return nil, fmt.Errorf("%w: no ICE credentials", errBadAnswer)
	}
	if a.fingerprint == "" {
		return nil, fmt.Errorf("%w: no fingerprint", errBadAnswer)
	}
	return a, nil
}

// transport takes the first credentials and fingerprint, and each candidate once.
func (a *answered) transport(attributes []sdp.Attribute) {
	for _, x := range attributes {
		switch {
		case x.Key == "ice-ufrag" && a.credentials.Ufrag == "":
			a.credentials.Ufrag = x.Value
		case x.Key == "ice-pwd" && a.credentials.Pwd == "":
			a.credentials.Pwd = x.Value
		case x.Key == "fingerprint" && a.fingerprint == "":
			a.fingerprint = x.Value
		case x.Key == "candidate":
			c, tcp, ok := parseCandidate(x.Value)
			list := &a.candidates
			if tcp {
				list = &a.tcp
			}
			if ok && len(*list) < path.MaxCandidates && !slices.Contains(*list, c) {
				*list = append(*list, c)
			}
		}
	}
}

// parseCandidate reads a host candidate of UDP, or a passive one of TCP (RFC 8839 §5.1, RFC 6544 §4.5); ok is false of
// any other.
func parseCandidate(value string) (at netip.AddrPort, tcp, ok bool) {
	f := strings.Fields(value)
	if len(f) < 8 || f[1] != "1" || f[7] != "host" {
		return at, false, false
	}
	tcp = strings.EqualFold(f[2], "tcp")
	if !tcp && !strings.EqualFold(f[2], "udp") || tcp && (len(f) < 10 || f[8] != "tcptype" || f[9] != "passive") {
		return at, tcp, false
	}
	addr, err := netip.ParseAddr(f[4])
	port, perr := strconv.ParseUint(f[5], 10, 16)
	if err != nil || perr != nil || port == 0 {
		return at, tcp, false
	}
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(port)), tcp, true
}

func (l *mediaLine) attribute(key, value string) error {
	switch key {
	case "mid":
		l.mid = value
	case "sendonly", "sendrecv":
		l.sending = true
	case "extmap":
		return l.extension(value)
	case "rtpmap":
		pt, codec, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(pt, 10, 7)
		if err != nil {
			return fmt.Errorf("%w: rtpmap: %w", errBadAnswer, err)
		}
		if name, _, _ := strings.Cut(codec, "/"); strings.EqualFold(name, "rtx") {
			l.rtxType = uint8(n)
		}
	case "ssrc":
		id, _, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return fmt.Errorf("%w: ssrc: %w", errBadAnswer, err)
		}
		if l.ssrc == 0 {
			l.ssrc = uint32(n)
		}
	case "ssrc-group":
		var media, repair uint32
		if _, err := fmt.Sscanf(value, "FID %d %d", &media, &repair); err == nil {
			l.ssrc, l.rtx = media, repair
		}
	}
	return nil
}

func (l *mediaLine) extension(value string) error {
	id, uri, _ := strings.Cut(value, " ")
	id, _, _ = strings.Cut(id, "/")
	n, err := strconv.ParseUint(id, 10, 4)
	if err != nil {
		return fmt.Errorf("%w: extmap: %w", errBadAnswer, err)
	}
	uri, _, _ = strings.Cut(uri, " ")
	switch uri {
	case uriMID:
		l.ext.MID = uint8(n)
	case uriRID:
		l.ext.RID = uint8(n)
	case uriRepaired:
		l.ext.RRID = uint8(n)
	case uriAudioLevel:
		l.ext.AudioLevel = uint8(n)
	case uriTWCC:
		l.ext.TWCC = uint8(n)
	}
	return nil
}
