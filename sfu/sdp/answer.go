package sdp

import (
	"fmt"
	"net/netip"
	"strings"

	"conclave/media"
	"conclave/sfu/rtpview"
)

// Answer is what the server says of itself in an answer.
type Answer struct {
	Ufrag, Pwd, Fingerprint string
	Candidates              []netip.AddrPort // UDP; earlier ones are preferred
	TCP                     []netip.AddrPort // passive TCP (RFC 6544), after those
	SessionID               uint64
	Version                 int
	Send                    map[string]SendLine     // m-lines that the server sends on, by mid
	Sources                 map[string]media.Source // m-lines that the server receives on, by mid
}

// SendLine is an m-line that the server sends on: a slot.
type SendLine struct {
	Index     int    // among those of its kind: audio and video of one index share a stream id
	SSRC, RTX uint32 // RTX 0: no retransmissions
	TWCC      uint8  // extension id of the transport-wide sequence number, 0: not negotiated
}

// Write writes the SDP answer to o (RFC 8829 §5.3): m-lines of sources are received, slots are sent, others rejected.
func (a *Answer) Write(o *Offer) string {
	var b strings.Builder
	var bundle []string
	for i := range o.Media {
		if m := &o.Media[i]; a.accepts(m) {
			bundle = append(bundle, m.MID)
		}
	}
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", a.SessionID, a.Version)
	if len(bundle) > 0 && o.Bundle {
		fmt.Fprintf(&b, "a=group:BUNDLE %s\r\n", strings.Join(bundle, " "))
	}
	b.WriteString("a=ice-lite\r\na=msid-semantic: WMS *\r\n")
	for i := range o.Media {
		m := &o.Media[i]
		a.writeMedia(&b, m, len(bundle) > 0 && m.MID == bundle[0])
	}
	return b.String()
}

func (a *Answer) accepts(m *Media) bool {
	_, source := a.Sources[m.MID]
	_, slot := a.Send[m.MID]
	return m.usable() && (source || slot)
}

func (a *Answer) writeMedia(b *strings.Builder, m *Media, first bool) {
	if !a.accepts(m) {
		fmt.Fprintf(b, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:%s\r\n", safeKind(m.Kind),
			safeProfile(m.Profile), safeFormat(m.First), m.MID)
		return
	}
	slot, sends := a.Send[m.MID]
	formats := m.Formats
	if !sends {
		formats = formats[:1] // a publisher is told what to send; a slot may carry whatever others publish
	}
	fmt.Fprintf(b, "m=%s 9 %s", m.Kind, m.Profile)
	for _, f := range formats {
		fmt.Fprintf(b, " %d", f.PT)
		if f.RTX != 0 {
			fmt.Fprintf(b, " %d", f.RTX)
		}
	}
	b.WriteString("\r\nc=IN IP4 0.0.0.0\r\n")
	fmt.Fprintf(b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:passive\r\n", a.Ufrag, a.Pwd,
		a.Fingerprint)
	fmt.Fprintf(b, "a=mid:%s\r\na=rtcp-mux\r\n", m.MID)
	if m.RSize {
		b.WriteString("a=rtcp-rsize\r\n")
	}
	for _, f := range formats {
		f.write(b)
	}
	if sends {
		slot.write(b, m)
	} else {
		writeReceive(b, m)
	}
	if first {
		for _, c := range Candidates(a.Candidates, a.TCP) {
			b.WriteString("a=" + c + "\r\n")
		}
		b.WriteString("a=end-of-candidates\r\n")
	}
}

// Candidates writes the server's candidates (RFC 8839 §5.1, RFC 6544 §4.5), as attributes are written but for the
// "a=", with the priorities of host candidates (RFC 8445 §5.1.2.1). Earlier ones are preferred, and UDP is before
// TCP: its type preference is that of Chromium.
func Candidates(udp, tcp []netip.AddrPort) []string {
	const passive = 4 << 13 // direction preference (RFC 6544 §4.2)
	list := make([]string, 0, len(udp)+len(tcp))
	for i, c := range udp {
		list = append(list,
			fmt.Sprintf("candidate:%d 1 udp %d %s %d typ host", i+1, 126<<24|(65535-i)<<8|255, c.Addr(), c.Port()))
	}
	for i, c := range tcp {
		list = append(list, fmt.Sprintf("candidate:%d 1 tcp %d %s %d typ host tcptype passive", 100+i,
			90<<24|(passive+8191-i)<<8|255, c.Addr(), c.Port()))
	}
	return list
}

// safeKind keeps a rejected m-line's media type from carrying anything else into the answer.
func safeKind(kind string) string {
	if isToken(kind) && len(kind) <= 16 {
		return kind
	}
	return "audio"
}

// safeProfile repeats the transport of a rejected m-line (RFC 3264 §6), unless it is none.
func safeProfile(profile string) string {
	for part := range strings.SplitSeq(profile, "/") {
		if !isToken(part) || len(profile) > 64 {
			return "UDP/TLS/RTP/SAVPF"
		}
	}
	return profile
}

// safeFormat repeats the first format of a rejected m-line, unless it is none.
func safeFormat(format string) string {
	if isToken(format) && len(format) <= 64 {
		return format
	}
	return "0"
}

// write writes the part of an m-line that the server sends on. Audio and video slots of one index share a stream id,
// so that the browser synchronises them (RFC 8830). Feedback is transport-wide where it is offered, else REMB.
func (s *SendLine) write(b *strings.Builder, m *Media) {
	fmt.Fprintf(b, "a=sendonly\r\na=msid:s%d %s\r\n", s.Index, m.MID)
	if s.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", s.SSRC, s.RTX)
	}
	fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", s.SSRC, rtpview.CNAME)
	if s.RTX != 0 {
		fmt.Fprintf(b, "a=ssrc:%d cname:%s\r\n", s.RTX, rtpview.CNAME)
	}
	if s.TWCC != 0 {
		fmt.Fprintf(b, "a=extmap:%d %s\r\n", s.TWCC, URITWCC)
	}
	for _, f := range m.Formats {
		switch {
		case s.TWCC != 0:
			fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\n", f.PT)
		case m.REMB:
			fmt.Fprintf(b, "a=rtcp-fb:%d goog-remb\r\n", f.PT)
		}
	}
}

// writeReceive writes the part of an m-line that the server receives on.
func writeReceive(b *strings.Builder, m *Media) {
	if m.Direction == "inactive" || m.Direction == "recvonly" {
		b.WriteString("a=inactive\r\n")
		return
	}
	b.WriteString("a=recvonly\r\n")
	x := &m.Extensions
	for _, e := range []struct {
		id  uint8
		uri string
	}{{x.MID, URIMID}, {x.RID, URIRID}, {x.RepairedRID, URIRepairedRID}, {x.AudioLevel, URIAudioLevel},
		{x.TWCC, URITWCC}} {
		if e.id != 0 {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", e.id, e.uri)
		}
	}
	if m.Extensions.TWCC != 0 {
		fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\n", m.Formats[0].PT)
	}
	if len(m.RIDs) > 0 {
		for _, r := range m.RIDs {
			fmt.Fprintf(b, "a=rid:%s recv\r\n", r)
		}
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(m.RIDs, ";"))
	}
}
