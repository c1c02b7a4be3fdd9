package sdp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	pionsdp "github.com/pion/sdp/v3"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/rtpview"
)

// ErrBadOffer is wrapped by Parse and Offer.Sources when an offer cannot be answered. The text says why and names no
// user data.
var ErrBadOffer = errors.New("bad offer")

// Limits of an offer. They are checked before the SDP is parsed, so that a hostile one costs nothing.
const (
	maxOfferBytes = 256 << 10
	maxMedia      = 128 // m-lines
	maxLines      = 16384
	maxMIDLen     = 16 // RFC 8843 says to keep them short; browsers count from 0
)

// The header extensions the SFU understands (rtpview.Extensions).
const (
	URIMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	URIRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	URIRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	URIAudioLevel  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	URITWCC        = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// RIDs are the simulcast encodings, lowest first.
var RIDs = [...]string{"q", "h", "f"}

// Media is what the SFU reads from one m-line of an offer.
type Media struct {
	MID        string
	Kind       string // audio or video
	Rejected   bool   // port 0 without bundle-only
	Direction  string
	Profile    string   // the transport of the m-line, such as UDP/TLS/RTP/SAVPF: an answer repeats it
	First      string   // its first format: a refusal repeats it
	Mux, RSize bool     // rtcp-mux and rtcp-rsize are offered
	Formats    []Format // what the SFU takes of it, in the offer's order of preference, each codec once; empty: nothing
	Extensions rtpview.Extensions
	REMB       bool     // the client can send its own estimate
	RIDs       []string // simulcast send, in the order of RIDs
	LostRIDs   bool     // and there are others
	ufrag, pwd string   // ICE credentials
	SSRCs      []uint32 // announced by a=ssrc: at most two, the media's and its RTX's
}

// CanSlot says whether the m-line receives what others publish: a slot can be made of it.
func (m *Media) CanSlot() bool { return m.usable() && m.Direction == "recvonly" }

// usable says whether the SFU can send or receive anything on the m-line.
func (m *Media) usable() bool { return !m.Rejected && m.Mux && len(m.Formats) > 0 }

// Offer is what the SFU reads from an SDP offer.
type Offer struct {
	Ufrag, Pwd string
	// Fingerprint are those of the client's certificates that are strong enough, separated by commas, at most
	// maxFingerprints: one has to match (RFC 8122 §5).
	Fingerprint string
	Bundle      bool    // the m-lines share one transport by BUNDLE
	Media       []Media // in the offer's order, at most 128
}

// ReducedSize says whether every m-line that carries something offers rtcp-rsize (RFC 5506 §5): their RTCP shares one
// transport.
func (o *Offer) ReducedSize() bool {
	return !slices.ContainsFunc(o.Media, func(m Media) bool { return m.usable() && !m.RSize })
}

func badOffer(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadOffer, fmt.Sprintf(format, args...))
}

// Parse reads an SDP offer (RFC 8866, RFC 8829). Candidates are ignored: the SFU is ICE-lite and never sends to an
// address it has not heard from. Errors wrap ErrBadOffer and quote nothing of the offer but a mid.
func Parse(raw string) (*Offer, error) {
	if len(raw) > maxOfferBytes {
		return nil, badOffer("longer than %d bytes", maxOfferBytes)
	}
	if strings.Count(raw, "\nm=") > maxMedia {
		return nil, badOffer("more than %d m-lines", maxMedia)
	}
	if strings.Count(raw, "\n") > maxLines {
		return nil, badOffer("more than %d lines", maxLines)
	}
	var desc pionsdp.SessionDescription
	if err := desc.UnmarshalString(raw); err != nil {
		return nil, badOffer("not SDP")
	}
	session, err := credentialsOf(desc.Attributes)
	if err != nil {
		return nil, err
	}
	o := &Offer{}
	group := bundle(desc.Attributes)
	shared := session
	seen := make(map[string]bool, len(desc.MediaDescriptions))
	for _, md := range desc.MediaDescriptions {
		m, err := parseMedia(md)
		if err != nil {
			return nil, err
		}
		if seen[m.MID] {
			return nil, badOffer("two m-lines have the mid %q", m.MID)
		}
		seen[m.MID] = true
		own, err := credentialsOf(md.Attributes)
		if err != nil {
			return nil, err
		}
		// Port 0 speaks of a transport that is not made.
		if !m.Rejected && !shared.join(&own, session) {
			return nil, badOffer("m-line %q has another DTLS fingerprint or role than those before it", m.MID)
		}
		m.ufrag, m.pwd = own.ufrag, own.pwd
		o.Media = append(o.Media, m)
	}
	if err := o.bundled(group); err != nil {
		return nil, err
	}
	if err := o.secure(shared); err != nil {
		return nil, err
	}
	return o, nil
}

func parseMedia(md *pionsdp.MediaDescription) (Media, error) {
	m := Media{Kind: md.MediaName.Media, Rejected: md.MediaName.Port.Value == 0, Direction: "sendrecv",
		Profile: strings.Join(md.MediaName.Protos, "/")}
	if len(md.MediaName.Formats) > 0 {
		m.First = md.MediaName.Formats[0]
	}
	types := payloadTypes{rtpmap: map[uint8]string{}, fmtp: map[uint8]string{}, rtx: map[uint8]uint8{}}
	bundleOnly := false
	for _, a := range md.Attributes {
		switch a.Key {
		case "mid":
			m.MID = a.Value
		case "sendrecv", "sendonly", "recvonly", "inactive":
			m.Direction = a.Key
		case "bundle-only":
			bundleOnly = true
		case "rtcp-mux":
			m.Mux = true
		case "rtcp-rsize":
			m.RSize = true
		case "extmap":
			addExtension(&m.Extensions, a.Value)
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
			m.addRID(a.Value)
		case "ssrc":
			m.addSSRC(a.Value)
		case "rtcp-fb":
			m.REMB = m.REMB || strings.HasSuffix(a.Value, " goog-remb")
		}
	}
	if m.MID == "" || len(m.MID) > maxMIDLen || !isToken(m.MID) {
		return m, badOffer("an m-line has no usable mid")
	}
	m.Rejected = m.Rejected && !bundleOnly // RFC 8843 §6: port 0 with bundle-only is not a rejection
	if isRTP(m.Profile) {
		m.takeFormats(md.MediaName.Formats, &types)
	}
	slices.SortFunc(m.RIDs, func(a, b string) int { return slices.Index(RIDs[:], a) - slices.Index(RIDs[:], b) })
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

// addRID notes a simulcast encoding that the m-line sends (RFC 8851).
func (m *Media) addRID(value string) {
	name, rest, ok := strings.Cut(value, " ")
	switch {
	case !ok || !strings.HasPrefix(rest, "send"):
	case !slices.Contains(RIDs[:], name):
		m.LostRIDs = true
	case !slices.Contains(m.RIDs, name):
		m.RIDs = append(m.RIDs, name)
	}
}

// addSSRC notes the SSRCs of an m-line without simulcast, in the order of their first mention: media, then RTX.
func (m *Media) addSSRC(value string) {
	head, _, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(head, 10, 32)
	if err == nil && len(m.SSRCs) < 2 && !slices.Contains(m.SSRCs, uint32(n)) {
		m.SSRCs = append(m.SSRCs, uint32(n))
	}
}

func addExtension(e *rtpview.Extensions, value string) {
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
	case URIMID:
		e.MID = uint8(id)
	case URIRID:
		e.RID = uint8(id)
	case URIRepairedRID:
		e.RepairedRID = uint8(id)
	case URIAudioLevel:
		e.AudioLevel = uint8(id)
	case URITWCC:
		e.TWCC = uint8(id)
	}
}

// Sources checks the mapping from mid to source against the offer, and settles whose ICE credentials hold. Errors wrap
// ErrBadOffer.
func (o *Offer) Sources(tracks []media.Track) (map[string]media.Source, error) {
	byMID := make(map[string]*Media, len(o.Media))
	for i := range o.Media {
		byMID[o.Media[i].MID] = &o.Media[i]
	}
	sources := make(map[string]media.Source, len(tracks))
	var taken media.SourceSet
	for _, t := range tracks {
		m := byMID[t.MID]
		_, twice := sources[t.MID]
		switch {
		case t.Source >= media.NumSources:
			return nil, badOffer("unknown source")
		case m == nil:
			return nil, badOffer("tracks name an m-line that is not in the offer")
		case twice || taken.Has(t.Source):
			return nil, badOffer("%s or its m-line is named twice", t.Source)
		case t.Source.Video() != (m.Kind == "video"):
			return nil, badOffer("%s is on an m-line of the wrong kind", t.Source)
		}
		sources[t.MID] = t.Source
		taken |= media.Sources(t.Source)
	}
	o.tag(sources)
	return sources, nil
}

// Drop has the offer answered as if it knew no such codec.
func (o *Offer) Drop(kind codec.Kind) {
	for i := range o.Media {
		o.Media[i].Formats = slices.DeleteFunc(o.Media[i].Formats, func(f Format) bool { return f.Codec == kind })
	}
}

// DropAudioLevels has the offer answered as if it knew no audio levels (RFC 6464).
func (o *Offer) DropAudioLevels() {
	for i := range o.Media {
		o.Media[i].Extensions.AudioLevel = 0
	}
}
