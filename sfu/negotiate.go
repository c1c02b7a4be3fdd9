package sfu

import (
	"conclave/media"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Limits of an offer. They are checked before the SDP is parsed, so that a hostile one costs nothing.
const (
	maxOfferBytes = 256 << 10
	maxMedia      = 128 // m-lines
	maxLines      = 16384
	// MaxAudioSlots and MaxVideoSlots bound the receiving m-lines of one peer.
	MaxAudioSlots = 50
	MaxVideoSlots = 50
	maxMIDLen     = 16 // RFC 8843 says to keep them short; browsers count from 0
)

// The header extensions the SFU understands.
const (
	uriMID        = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID        = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRRID       = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWCC       = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// rids are the simulcast encodings, lowest first.
var rids = [...]string{"q", "h", "f"}

const maxLayers = len(rids)

// extensionIDs are the local identifiers of the header extensions (RFC 8285 §5), 0 where not negotiated.
type extensionIDs struct{ mid, rid, rrid, audioLevel, twcc uint8 }

// mediaOffer is what the SFU reads from one m-line of an offer.
type mediaOffer struct {
	mid       string
	kind      string // audio or video
	port0     bool
	direction string
	formats   []format // what the SFU takes of it, in the offer's order of preference, each codec once; empty: nothing
	exts      extensionIDs
	remb      bool     // the peer can send its own estimate
	rids      []string // simulcast send, in the order of rids
	ssrcs     []uint32 // announced by a=ssrc, first the media's, then its RTX's
}

// offer is what the SFU reads from an SDP offer.
type offer struct {
	ufrag, pwd, fingerprint string
	media                   []mediaOffer
}

func badOffer(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadOffer, fmt.Sprintf(format, args...))
}

// parseOffer reads an SDP offer (RFC 8866, RFC 8829). Candidates are ignored: the SFU is ICE-lite and never sends to an
// address it has not heard from. Errors wrap ErrBadOffer and quote nothing of the offer but a mid.
func parseOffer(raw string) (*offer, error) {
	if len(raw) > maxOfferBytes {
		return nil, badOffer("longer than %d bytes", maxOfferBytes)
	}
	if strings.Count(raw, "\nm=") > maxMedia {
		return nil, badOffer("more than %d m-lines", maxMedia)
	}
	if strings.Count(raw, "\n") > maxLines {
		return nil, badOffer("more than %d lines", maxLines)
	}
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(raw); err != nil {
		return nil, badOffer("not SDP")
	}
	o := &offer{}
	o.credentials(desc.Attributes)
	seen := make(map[string]bool, len(desc.MediaDescriptions))
	for _, md := range desc.MediaDescriptions {
		m, err := parseMedia(md)
		if err != nil {
			return nil, err
		}
		if seen[m.mid] {
			return nil, badOffer("two m-lines have the mid %q", m.mid)
		}
		seen[m.mid] = true
		if !m.port0 || o.ufrag == "" {
			o.credentials(md.Attributes)
		}
		o.media = append(o.media, m)
	}
	switch {
	case len(o.media) == 0:
		return nil, badOffer("no m-line")
	case o.ufrag == "" || o.pwd == "":
		return nil, badOffer("no ICE credentials")
	case len(o.ufrag) > 256 || len(o.pwd) > 256: // RFC 8839 §5.4
		return nil, badOffer("ICE credentials too long")
	case !consistsOf(o.ufrag, "+/") || !consistsOf(o.pwd, "+/"): // ice-char, RFC 8839 §5.4
		return nil, badOffer("ICE credentials have characters they may not have")
	case o.fingerprint == "" || len(o.fingerprint) > 512:
		return nil, badOffer("no DTLS fingerprint")
	case !consistsOf(o.fingerprint, " -:"): // RFC 8122 §5
		return nil, badOffer("the DTLS fingerprint has characters it may not have")
	}
	return o, nil
}

// credentials takes the first ICE credentials and fingerprint found: with BUNDLE all m-lines share them (RFC 8843 §7.2).
func (o *offer) credentials(attrs []sdp.Attribute) {
	for _, a := range attrs {
		switch {
		case a.Key == "ice-ufrag" && o.ufrag == "":
			o.ufrag = a.Value
		case a.Key == "ice-pwd" && o.pwd == "":
			o.pwd = a.Value
		case a.Key == "fingerprint" && o.fingerprint == "":
			o.fingerprint = a.Value
		}
	}
}

func parseMedia(md *sdp.MediaDescription) (mediaOffer, error) {
	m := mediaOffer{kind: md.MediaName.Media, port0: md.MediaName.Port.Value == 0, direction: "sendrecv"}
	types := payloadTypes{rtpmap: map[uint8]string{}, fmtp: map[uint8]string{}, rtx: map[uint8]uint8{}}
	bundleOnly := false
	for _, a := range md.Attributes {
		switch a.Key {
		case "mid":
			m.mid = a.Value
		case "sendrecv", "sendonly", "recvonly", "inactive":
			m.direction = a.Key
		case "bundle-only":
			bundleOnly = true
		case "extmap":
			m.exts.add(a.Value)
		case "rtpmap":
			if pt, rest, ok := cutPT(a.Value); ok {
				types.rtpmap[pt] = strings.ToLower(rest)
			}
		case "fmtp":
			if pt, rest, ok := cutPT(a.Value); ok {
				types.fmtp[pt] = rest
				if of, ok := associated(rest); ok {
					types.rtx[of] = pt
				}
			}
		case "rid":
			if name, rest, ok := strings.Cut(a.Value, " "); ok && strings.HasPrefix(rest, "send") && slices.Contains(rids[:], name) && !slices.Contains(m.rids, name) {
				m.rids = append(m.rids, name)
			}
		case "ssrc":
			m.addSSRC(a.Value)
		case "rtcp-fb":
			m.remb = m.remb || strings.HasSuffix(a.Value, " goog-remb")
		}
	}
	if m.mid == "" || len(m.mid) > maxMIDLen || !isToken(m.mid) {
		return m, badOffer("an m-line has no usable mid")
	}
	m.port0 = m.port0 && !bundleOnly // RFC 8843 §6: port 0 with bundle-only is not a rejection
	m.takeFormats(md.MediaName.Formats, &types)
	slices.SortFunc(m.rids, func(a, b string) int { return slices.Index(rids[:], a) - slices.Index(rids[:], b) })
	return m, nil
}

// consistsOf says whether s is made of letters, digits and the characters of more.
func consistsOf(s, more string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte(more, c) < 0 {
			return false
		}
	}
	return true
}

// isToken says whether s is a token (RFC 8866 §9): what may be copied into an answer.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func parsePT(s string) (uint8, bool) {
	n, err := strconv.ParseUint(s, 10, 7)
	return uint8(n), err == nil
}

func cutPT(s string) (pt uint8, rest string, ok bool) {
	head, rest, ok := strings.Cut(s, " ")
	if !ok {
		return 0, "", false
	}
	pt, ok = parsePT(head)
	return pt, rest, ok
}

// addSSRC notes the SSRCs of an m-line without simulcast, in the order of their first mention: media, then RTX.
func (m *mediaOffer) addSSRC(value string) {
	head, _, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(head, 10, 32)
	if err == nil && len(m.ssrcs) < 2 && !slices.Contains(m.ssrcs, uint32(n)) {
		m.ssrcs = append(m.ssrcs, uint32(n))
	}
}

func (e *extensionIDs) add(value string) {
	head, rest, ok := strings.Cut(value, " ")
	if !ok {
		return
	}
	head, _, _ = strings.Cut(head, "/") // direction, RFC 8285 §5
	id, err := strconv.ParseUint(head, 10, 8)
	if err != nil || id == 0 || id > 14 { // one-byte headers: ids 1 to 14
		return
	}
	uri, _, _ := strings.Cut(rest, " ")
	switch uri {
	case uriMID:
		e.mid = uint8(id)
	case uriRID:
		e.rid = uint8(id)
	case uriRRID:
		e.rrid = uint8(id)
	case uriAudioLevel:
		e.audioLevel = uint8(id)
	case uriTWCC:
		e.twcc = uint8(id)
	}
}

// answerParams are the server's transport parameters and its slots, by mid.
type answerParams struct {
	ufrag, pwd, fingerprint string
	candidates              []netip.AddrPort
	sessionID               uint64
	version                 int
	slots                   map[string]*slot
	sources                 map[string]media.Source
}

// writeAnswer writes the SDP answer (RFC 8829 §5.3): m-lines of sources are received, slots are sent, others rejected.
func writeAnswer(o *offer, p *answerParams) string {
	var b strings.Builder
	var bundle []string
	for _, m := range o.media {
		if p.accepts(&m) {
			bundle = append(bundle, m.mid)
		}
	}
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", p.sessionID, p.version)
	if len(bundle) > 0 {
		fmt.Fprintf(&b, "a=group:BUNDLE %s\r\n", strings.Join(bundle, " "))
	}
	b.WriteString("a=ice-lite\r\na=msid-semantic: WMS *\r\n")
	for i := range o.media {
		m := &o.media[i]
		p.writeMedia(&b, m, len(bundle) > 0 && m.mid == bundle[0])
	}
	return b.String()
}

func (p *answerParams) accepts(m *mediaOffer) bool {
	_, source := p.sources[m.mid]
	return !m.port0 && len(m.formats) > 0 && (source || p.slots[m.mid] != nil)
}

func (p *answerParams) writeMedia(b *strings.Builder, m *mediaOffer, first bool) {
	if !p.accepts(m) {
		fmt.Fprintf(b, "m=%s 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:%s\r\n", safeKind(m.kind), m.mid)
		return
	}
	slot := p.slots[m.mid]
	formats := m.formats
	if slot == nil {
		formats = formats[:1] // a publisher is told what to send; a slot may carry whatever others publish
	}
	fmt.Fprintf(b, "m=%s 9 UDP/TLS/RTP/SAVPF", m.kind)
	for _, f := range formats {
		fmt.Fprintf(b, " %d", f.pt)
		if f.rtxPT != 0 {
			fmt.Fprintf(b, " %d", f.rtxPT)
		}
	}
	b.WriteString("\r\nc=IN IP4 0.0.0.0\r\n")
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:passive\r\n", p.ufrag, p.pwd, p.fingerprint)
	fmt.Fprintf(b, "a=mid:%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", m.mid)
	for _, f := range formats {
		f.write(b)
	}
	if slot != nil {
		slot.writeSDP(b, m)
	} else {
		writeReceive(b, m)
	}
	if first {
		for i, c := range p.candidates {
			// RFC 8839 §5.1; the priority of host candidates (RFC 8445 §5.1.2.1), earlier ones preferred.
			fmt.Fprintf(b, "a=candidate:%d 1 udp %d %s %d typ host\r\n", i+1, 126<<24|(65535-i)<<8|255, c.Addr(), c.Port())
		}
		b.WriteString("a=end-of-candidates\r\n")
	}
}

// safeKind keeps a rejected m-line's media type from carrying anything else into the answer.
func safeKind(kind string) string {
	if isToken(kind) && len(kind) <= 16 {
		return kind
	}
	return "audio"
}

// writeReceive writes the part of an m-line that the server receives on.
func writeReceive(b *strings.Builder, m *mediaOffer) {
	if m.direction == "inactive" || m.direction == "recvonly" {
		b.WriteString("a=inactive\r\n")
		return
	}
	b.WriteString("a=recvonly\r\n")
	for _, e := range []struct {
		id  uint8
		uri string
	}{{m.exts.mid, uriMID}, {m.exts.rid, uriRID}, {m.exts.rrid, uriRRID}, {m.exts.audioLevel, uriAudioLevel}, {m.exts.twcc, uriTWCC}} {
		if e.id != 0 {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", e.id, e.uri)
		}
	}
	if m.exts.twcc != 0 {
		fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\n", m.formats[0].pt)
	}
	if len(m.rids) > 0 {
		for _, r := range m.rids {
			fmt.Fprintf(b, "a=rid:%s recv\r\n", r)
		}
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(m.rids, ";"))
	}
}

// random32 is for SSRCs and initial timestamps (RFC 3550 §5.1 asks for randomness).
func random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint32(b[:])
}
