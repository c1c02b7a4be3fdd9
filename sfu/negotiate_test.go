package sfu

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pion/sdp/v3"

	"conclave/media"
	"conclave/sfu/codec"
)

// browserOffer is a real offer: microphone, camera as simulcast, one receiving video m-line, a data channel.
func browserOffer(tb testing.TB, browser string) string {
	tb.Helper()
	b, err := os.ReadFile("testdata/offer-" + browser + ".sdp")
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// sessionLines begin an offer that has all it needs but m-lines.
const sessionLines = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
	"a=fingerprint:sha-256 AA:BB\r\n"

// audioLines and videoLines are m-lines as short as they can be.
func audioLines(mid string, more ...string) string {
	return mediaLines("m=audio 9 UDP/TLS/RTP/SAVPF 111", mid, append([]string{"rtpmap:111 opus/48000/2"}, more...)...)
}

func videoLines(mid string, more ...string) string {
	return mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 96 97", mid,
		append([]string{"rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96"}, more...)...)
}

func mediaLines(m, mid string, attributes ...string) string {
	text := m + "\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\n"
	for _, a := range attributes {
		text += "a=" + a + "\r\n"
	}
	return text
}

func parsed(tb testing.TB, raw string) *offer {
	tb.Helper()
	o, err := parseOffer(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// answered answers o as Peer.Negotiate does, with the given sources by mid, and slots for what else the offer receives.
func answered(o *offer, sources map[string]media.Source) (*answerParams, string) {
	e := &egress{bySSRC: map[uint32]*slot{}}
	for i := range o.media {
		m := &o.media[i]
		if _, sends := sources[m.mid]; !sends && !m.port0 && m.direction == "recvonly" && len(m.formats) > 0 {
			e.addSlot(m)
		}
	}
	p := &answerParams{ufrag: "ourUfrag", pwd: "ourPassword0123456789abc", fingerprint: "sha-256 01:23", sessionID: 7, version: 1,
		candidates: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("[2001:db8::1]:4000")},
		slots:      e.byMID(), sources: sources}
	return p, writeAnswer(o, p)
}

// answerLine is every line an answer may have. What is taken from the offer (mids, kinds, payload types, extension ids, RIDs) can
// be nothing but what the SFU knows, or a token.
var answerLine = sync.OnceValue(func() *regexp.Regexp {
	const token = `[!#$%&'*+\-.0-9A-Z^_{|}~a-z` + "`" + `]+`
	const mid = token
	return regexp.MustCompile(`^(` + strings.Join([]string{
		`v=0`, `o=- \d+ \d+ IN IP4 127\.0\.0\.1`, `s=-`, `t=0 0`, `a=group:BUNDLE( ` + mid + `)+`, `a=ice-lite`, `a=msid-semantic: WMS \*`,
		`m=` + token + ` 0 \S+ \S+`, `m=(audio|video) 9 UDP/TLS/RTP/SAVPF( \d{1,3}){1,6}`, `c=IN IP4 0\.0\.0\.0`,
		`a=ice-ufrag:ourUfrag`, `a=ice-pwd:ourPassword0123456789abc`, `a=fingerprint:sha-256 01:23`, `a=setup:passive`, `a=mid:` + mid,
		`a=rtcp-mux`, `a=rtcp-rsize`, `a=rtpmap:\d{1,3} (opus/48000/2|(VP8|VP9|AV1|rtx)/90000)`, `a=fmtp:\d{1,3} (minptime=10;useinbandfec=1;usedtx=1|apt=\d{1,3}|profile-id=0|((level-idx|profile|tier)=\d{1,2};?){1,3})`,
		`a=rtcp-fb:\d{1,3} (nack|nack pli|transport-cc|goog-remb)`, `a=(inactive|recvonly|sendonly)`, `a=extmap:\d{1,2} (` + regexp.QuoteMeta(uriMID) + `|` +
			regexp.QuoteMeta(uriRID) + `|` + regexp.QuoteMeta(uriRRID) + `|` + regexp.QuoteMeta(uriAudioLevel) + `|` + regexp.QuoteMeta(uriTWCC) + `)`,
		`a=rid:[qhf] recv`, `a=simulcast:recv [qhf](;[qhf])*`, `a=msid:s\d+ ` + mid, `a=ssrc-group:FID \d+ \d+`, `a=ssrc:\d+ cname:conclave`,
		`a=candidate:\d+ 1 udp \d+ [0-9a-f.:]+ \d+ typ host`, `a=end-of-candidates`,
	}, "|") + `)$`)
})

// checkAnswer asserts what holds of the answer to any offer.
func checkAnswer(tb testing.TB, o *offer, p *answerParams, answer string) {
	tb.Helper()
	known := answerLine()
	lines := strings.Split(answer, "\r\n")
	if lines[len(lines)-1] != "" {
		tb.Fatal("the last line has no end")
	}
	for _, line := range lines[:len(lines)-1] {
		if !known.MatchString(line) {
			tb.Fatalf("unexpected line %q", line)
		}
	}
	var desc sdp.SessionDescription
	if err := desc.UnmarshalString(answer); err != nil {
		tb.Fatalf("pion/sdp: %v\n%s", err, answer)
	}
	if len(desc.MediaDescriptions) != len(o.media) {
		tb.Fatalf("%d m-lines for %d", len(desc.MediaDescriptions), len(o.media))
	}
	var accepted []string
	candidates := 0
	for i, md := range desc.MediaDescriptions {
		mid, _ := md.Attribute("mid")
		if mid != o.media[i].mid {
			tb.Fatalf("m-line %d has mid %q, the offer's is %q", i, mid, o.media[i].mid)
		}
		for _, a := range md.Attributes {
			if a.Key == "candidate" {
				candidates++
			}
		}
		if md.MediaName.Port.Value != 0 {
			accepted = append(accepted, mid)
			checkAccepted(tb, &o.media[i], p, md)
		}
	}
	bundle, hasBundle := desc.Attribute("group")
	if hasBundle != (len(accepted) > 0) || hasBundle && bundle != "BUNDLE "+strings.Join(accepted, " ") {
		tb.Fatalf("group %q, accepted %v", bundle, accepted)
	}
	if want := min(len(accepted), 1) * len(p.candidates); candidates != want {
		tb.Fatalf("%d candidates, want %d", candidates, want)
	}
}

func checkAccepted(tb testing.TB, m *mediaOffer, p *answerParams, md *sdp.MediaDescription) {
	tb.Helper()
	_, source := p.sources[m.mid]
	if m.port0 || len(m.formats) == 0 || md.MediaName.Media != m.kind || !source && p.slots[m.mid] == nil {
		tb.Fatalf("accepted %+v", *m)
	}
	_, sends := md.Attribute("sendonly")
	_, receives := md.Attribute("recvonly")
	if sends && receives || sends && (p.slots[m.mid] == nil) {
		tb.Fatalf("m-line %s sends %v, receives %v", m.mid, sends, receives)
	}
	want := m.formats
	if !sends {
		want = want[:1]
	}
	var pts []string
	for _, f := range want {
		if pts = append(pts, fmt.Sprint(f.pt)); f.rtxPT != 0 {
			pts = append(pts, fmt.Sprint(f.rtxPT))
		}
	}
	if !slices.Equal(md.MediaName.Formats, pts) {
		tb.Fatalf("m-line %s has formats %v, want %v", m.mid, md.MediaName.Formats, pts)
	}
}

func TestBrowsersOffersAreUnderstood(t *testing.T) {
	opus := func(pt uint8) []format {
		return []format{{codec: codec.Opus, pt: pt, fmtp: "minptime=10;useinbandfec=1;usedtx=1"}}
	}
	vp8 := func(pt, rtx uint8) format { return format{codec: codec.VP8, pt: pt, rtxPT: rtx} }
	vp9 := func(pt, rtx uint8) format { return format{codec: codec.VP9, pt: pt, rtxPT: rtx, fmtp: "profile-id=0"} }
	av1 := func(pt, rtx uint8, fmtp string) format {
		return format{codec: codec.AV1, pt: pt, rtxPT: rtx, fmtp: fmtp}
	}
	chromiumAV1, firefox := av1(45, 46, "level-idx=5;profile=0;tier=0"), []format{vp8(120, 124), vp9(121, 125), av1(99, 100, "")}
	for _, c := range []struct {
		browser, ufrag, pwd string
		want                []mediaOffer
	}{
		{"chromium", "ld4j", "laFQoRBZYYOaLYf85tYcrv8x", []mediaOffer{
			{mid: "0", kind: "audio", direction: "sendrecv", formats: opus(111), exts: extensionIDs{mid: 4, audioLevel: 1, twcc: 3},
				ssrcs: []uint32{1454016331}},
			{mid: "1", kind: "video", remb: true, direction: "sendrecv", formats: []format{vp8(96, 97), chromiumAV1, vp9(98, 99)}, exts: extensionIDs{mid: 4, rid: 10, rrid: 11, twcc: 3},
				rids: []string{"q", "h", "f"}},
			{mid: "2", kind: "video", remb: true, direction: "recvonly", formats: []format{vp8(96, 97), vp9(98, 99), chromiumAV1}, exts: extensionIDs{mid: 4, rid: 10, rrid: 11, twcc: 3}},
		}},
		{"firefox", "b07ddb14", "5ae510a4660e98e589b6ccf2d1587db3", []mediaOffer{
			{mid: "0", kind: "audio", direction: "sendrecv", formats: opus(109), exts: extensionIDs{mid: 3, audioLevel: 1, twcc: 7},
				ssrcs: []uint32{522891645}},
			{mid: "1", kind: "video", remb: true, direction: "sendrecv", formats: firefox, exts: extensionIDs{mid: 3, rid: 9, rrid: 10, twcc: 7},
				rids: []string{"q", "h", "f"}, ssrcs: []uint32{3725247705, 658956419}},
			{mid: "2", kind: "video", remb: true, direction: "recvonly", formats: firefox, exts: extensionIDs{mid: 3, rid: 9, rrid: 10, twcc: 7},
				ssrcs: []uint32{3687756190}},
		}},
	} {
		t.Run(c.browser, func(t *testing.T) {
			o := parsed(t, browserOffer(t, c.browser))
			if o.ufrag != c.ufrag || o.pwd != c.pwd || !strings.HasPrefix(o.fingerprint, "sha-256 ") {
				t.Errorf("credentials %q %q %q", o.ufrag, o.pwd, o.fingerprint)
			}
			if len(o.media) != 4 || o.media[3].kind != "application" || len(o.media[3].formats) > 0 {
				t.Fatalf("%+v", o.media)
			}
			for i, want := range c.want {
				got := o.media[i]
				if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
					t.Errorf("m-line %d is\n%+v, want\n%+v", i, got, want)
				}
			}
			p, answer := answered(o, map[string]media.Source{"0": media.Mic, "1": media.Camera})
			checkAnswer(t, o, p, answer)
			for _, line := range []string{"a=group:BUNDLE 0 1 2\r\n", "a=simulcast:recv q;h;f\r\n", "a=msid:s0 2\r\n",
				fmt.Sprintf("a=extmap:%d %s\r\n", c.want[1].exts.rid, uriRID)} {
				if !strings.Contains(answer, line) {
					t.Errorf("no %q in the answer:\n%s", line, answer)
				}
			}
		})
	}
}

func TestPortZeroWithBundleOnlyIsNoRejection(t *testing.T) {
	for attribute, want := range map[string]bool{"bundle-only": true, "sendrecv": false} {
		raw := sessionLines + audioLines("a") + strings.Replace(videoLines("v", "recvonly", attribute), "m=video 9", "m=video 0", 1)
		o := parsed(t, strings.Replace(raw, "a=sendrecv", "a=recvonly", 1))
		_, answer := answered(o, map[string]media.Source{"a": media.Mic})
		if got := strings.Contains(answer, "a=group:BUNDLE a v\r\n"); got != want {
			t.Errorf("%s: accepted %v", attribute, got)
		}
	}
}

func TestCandidatesAreInTheFirstAcceptedLine(t *testing.T) {
	o := parsed(t, sessionLines+strings.Replace(audioLines("a"), "m=audio 9", "m=audio 0", 1)+videoLines("v"))
	p, answer := answered(o, map[string]media.Source{"v": media.Camera})
	checkAnswer(t, o, p, answer)
	if at := strings.Index(answer, "a=candidate:"); at < strings.Index(answer, "m=video") {
		t.Errorf("candidates at %d:\n%s", at, answer)
	}
}

func TestNothingAcceptedIsAnsweredWithoutABundle(t *testing.T) {
	o := parsed(t, sessionLines+audioLines("a")+videoLines("v"))
	p, answer := answered(o, nil)
	checkAnswer(t, o, p, answer)
	if strings.Contains(answer, "BUNDLE") || strings.Count(answer, "a=inactive") != 2 {
		t.Error(answer)
	}
}

func TestRTXIsFoundAmongFormatParameters(t *testing.T) {
	for parameters, want := range map[string]uint8{
		"apt=96": 97, "apt=96;rtx-time=3000": 97, "rtx-time=3000;apt=96": 97, "rtx-time=3000; apt=96": 97, "apt=98": 0, "apt=": 0, "apt=300": 0, "xapt=96": 0,
	} {
		o := parsed(t, sessionLines+strings.Replace(videoLines("v"), "apt=96", parameters, 1))
		if got := o.media[0].formats[0].rtxPT; got != want {
			t.Errorf("%q: RTX payload type %d, want %d", parameters, got, want)
		}
	}
}

func TestOnlyAudioAndVideoAreMedia(t *testing.T) {
	for _, kind := range []string{"text", "application", "message"} {
		o, err := parseOffer(sessionLines + strings.ReplaceAll(audioLines("a", "recvonly"), "m=audio", "m="+kind))
		if err != nil {
			continue
		}
		if p, answer := answered(o, nil); len(p.slots) != 0 || len(o.media[0].formats) > 0 {
			t.Errorf("%s is taken for media:\n%s", kind, answer)
		}
	}
}

func TestOffersWithoutWhatTheyNeedAreRefused(t *testing.T) {
	whole := sessionLines + audioLines("a")
	parsed(t, whole)
	for name, raw := range map[string]string{
		"empty":            "",
		"not SDP":          "hello",
		"JSON":             `{"type":"offer"}`,
		"no m-line":        sessionLines,
		"no ufrag":         strings.Replace(whole, "a=ice-ufrag:abcd\r\n", "", 1),
		"empty ufrag":      strings.Replace(whole, "ice-ufrag:abcd", "ice-ufrag:", 1),
		"no pwd":           strings.Replace(whole, "a=ice-pwd", "a=ice-other", 1),
		"no fingerprint":   strings.Replace(whole, "a=fingerprint", "a=finger", 1),
		"long ufrag":       strings.Replace(whole, "ice-ufrag:abcd", "ice-ufrag:"+strings.Repeat("a", 257), 1),
		"long pwd":         strings.Replace(whole, "ice-pwd:", "ice-pwd:"+strings.Repeat("a", 257), 1),
		"long fingerprint": strings.Replace(whole, "AA:BB", strings.Repeat("AA:", 200), 1),
		"no mid":           strings.Replace(whole, "a=mid:a\r\n", "", 1),
		"empty mid":        strings.Replace(whole, "a=mid:a", "a=mid:", 1),
		"long mid":         strings.Replace(whole, "a=mid:a", "a=mid:"+strings.Repeat("a", 17), 1),
		"duplicate mid":    whole + videoLines("a"),
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := parseOffer(raw); !errors.Is(err, ErrBadOffer) {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestMIDsThatAreNoTokensAreRefused(t *testing.T) {
	for _, mid := range []string{"a b", "a\tb", "a\"b", "a,b", "a;b", "a:b", "a=b", "a/b", "a@b", "(a)", "<a>", "[a]", `a\b`, "a\x7f", "a\x00", "a\x1b", "ä", " a", "a "} {
		if o, err := parseOffer(sessionLines + audioLines(mid)); err == nil && o.media[0].mid == mid {
			t.Errorf("mid %q got through", mid)
		}
	}
	for _, mid := range []string{"0", "127", "audio-0", "a_b.c~d", "{z}|'!#$%&*+^`", strings.Repeat("a", 16)} {
		if mid = mid[:min(len(mid), maxMIDLen)]; parsed(t, sessionLines+audioLines(mid)).media[0].mid != mid {
			t.Errorf("mid %q did not get through", mid)
		}
	}
}

func TestHugeOffersAreRefused(t *testing.T) {
	repeat := func(n int, line func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String()
	}
	media := func(i int) string { return audioLines(fmt.Sprint(i)) }
	short := func(i int) string { return fmt.Sprintf("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%d\r\n", i) }
	candidate := func(i int) string { return fmt.Sprintf("a=candidate:%d 1 udp 1 192.0.2.1 %d typ host\r\n", i, i%65536) }
	lf, cr := strings.NewReplacer("\r\n", "\n"), strings.NewReplacer("\r\n", "\r")
	for name, raw := range map[string]string{
		"10 k m-lines":             sessionLines + repeat(10000, media),
		"129 m-lines":              sessionLines + repeat(maxMedia+1, media),
		"129 m-lines, bare LF":     lf.Replace(sessionLines + repeat(maxMedia+1, media)),
		"129 m-lines, bare CR":     cr.Replace(sessionLines + repeat(maxMedia+1, media)),
		"thousands, bare CR":       cr.Replace(sessionLines + repeat(5000, short)),
		"1 M lines":                sessionLines + strings.Repeat("a=x\n", 1_000_000),
		"1 M lines, bare CR":       sessionLines + strings.Repeat("a=x\r", 1_000_000),
		"too many lines, bare CR":  sessionLines + audioLines("a") + strings.Repeat("a=x\r", maxLines),
		"100 k candidates":         sessionLines + audioLines("a") + repeat(100_000, candidate),
		"a line of a mebibyte":     sessionLines + audioLines("a") + "a=" + strings.Repeat("x", 1<<20) + "\r\n",
		"one byte over the length": sessionLines + audioLines("a") + strings.Repeat("a", maxOfferBytes),
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := parseOffer(raw); !errors.Is(err, ErrBadOffer) {
				t.Errorf("%d bytes are accepted, with %d m-lines", len(raw), len(o.media))
			}
		})
	}
	if o := parsed(t, sessionLines+repeat(maxMedia, media)); len(o.media) != maxMedia {
		t.Errorf("%d m-lines", len(o.media))
	}
}

func TestSlotsAreBounded(t *testing.T) {
	raw := sessionLines
	for i := range maxMedia / 2 {
		raw += audioLines(fmt.Sprint("a", i), "recvonly") + videoLines(fmt.Sprint("v", i), "recvonly")
	}
	o := parsed(t, raw)
	p, answer := answered(o, nil)
	checkAnswer(t, o, p, answer)
	audio, video := 0, 0
	for _, s := range p.slots {
		if s.video {
			video++
		} else {
			audio++
		}
	}
	if audio != MaxAudioSlots || video != MaxVideoSlots {
		t.Errorf("%d audio and %d video slots", audio, video)
	}
}

func TestExtensionIDsAndPayloadTypesOutOfRangeAreIgnored(t *testing.T) {
	extmaps := make([]string, 0, 256)
	for id := range 256 {
		extmaps = append(extmaps, fmt.Sprintf("extmap:%d urn:example:%d", id, id))
	}
	for _, id := range []string{"0", "15", "16", "255", "256", "-1", "", "99999999999999999999", "4.0", "0x4"} {
		extmaps = append(extmaps, "extmap:"+id+" "+uriMID)
	}
	o := parsed(t, sessionLines+audioLines("a", extmaps...))
	if o.media[0].exts != (extensionIDs{}) {
		t.Errorf("%+v", o.media[0].exts)
	}
	o = parsed(t, sessionLines+audioLines("a", "extmap:14/sendonly "+uriMID+" with attributes", "extmap:5 "+uriTWCC))
	if o.media[0].exts != (extensionIDs{mid: 14, twcc: 5}) {
		t.Errorf("%+v", o.media[0].exts)
	}
	for _, pt := range []string{"128", "255", "256", "-1", "99999999999999999999", "1e1"} {
		raw := sessionLines + strings.ReplaceAll(audioLines("a"), "111", pt)
		if o, err := parseOffer(raw); err == nil && len(o.media[0].formats) > 0 {
			t.Errorf("payload type %s is used: %+v", pt, o.media[0])
		}
	}
}

func TestTheOffersPreferenceDecidesAmongOurCodecs(t *testing.T) {
	o := parsed(t, sessionLines+mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 100 101 96 98", "v",
		"rtpmap:96 VP8/90000", "rtpmap:98 vp8/90000", "rtpmap:100 H264/90000", "rtpmap:101 VP9/90000"))
	if got := o.media[0].formats; !slices.Equal(got, []format{{codec: codec.VP9, pt: 101, fmtp: "profile-id=0"}, {codec: codec.VP8, pt: 96}}) {
		t.Errorf("%+v", got)
	}
	o = parsed(t, sessionLines+mediaLines("m=audio 9 UDP/TLS/RTP/SAVPF 0 8", "a", "rtpmap:0 PCMU/8000", "rtpmap:8 PCMA/8000"))
	if len(o.media[0].formats) > 0 {
		t.Errorf("%+v", o.media[0])
	}
}

func TestRIDsAreOursInOurOrder(t *testing.T) {
	o := parsed(t, sessionLines+videoLines("v", "rid:f send", "rid:evil send", "rid:q send pt=96", "rid:q send", "rid:h recv", "rid:f;x send", "simulcast:send f;evil"))
	if got := o.media[0].rids; !slices.Equal(got, []string{"q", "f"}) {
		t.Errorf("%v", got)
	}
}

func TestNothingOfTheOfferIsInjectedIntoTheAnswer(t *testing.T) {
	whole := sessionLines + audioLines("a", "extmap:1 "+uriMID) + videoLines("v", "rid:q send", "rid:h send") + videoLines("s", "recvonly")
	fields := []string{"abcd", "abcdefghijklmnopqrstuvwx", "AA:BB", "audio 9", "mid:a", "mid:s", "opus/48000/2", "VP8/90000", "apt=96", "rid:q send",
		"extmap:1 " + uriMID, "recvonly", "IN IP4 0.0.0.0", "SAVPF 111", "SAVPF"}
	for _, field := range fields {
		for _, evil := range []string{"\r\na=evil:1", "\ra=evil:1", "\na=evil:1", "\x00a=evil:1", "\u2028a=evil:1", " a=evil:1", "\r\nm=video 9 X evil", ";evil", "/evil", "=evil"} {
			for _, raw := range []string{strings.ReplaceAll(whole, field, field+evil), strings.ReplaceAll(whole, field, evil)} {
				o, err := parseOffer(raw)
				if err != nil {
					if !errors.Is(err, ErrBadOffer) {
						t.Errorf("%q in place of %q: %v", evil, field, err)
					}
					continue
				}
				p, answer := answered(o, map[string]media.Source{"a": media.Mic, "v": media.Camera})
				checkAnswer(t, o, p, answer)
				if strings.Contains(answer, "evil") && !strings.Contains(answer, "a=mid:") {
					t.Errorf("%q in place of %q:\n%s", evil, field, answer)
				}
				checkCredentials(t, o)
			}
		}
	}
}

func TestErrorsQuoteNothingOfTheOffer(t *testing.T) {
	whole := sessionLines + audioLines("a")
	const marker = "MARKER"
	for _, field := range []string{"abcd", "AA:BB", "audio", "IN IP4", "v=0", "m=", "a=mid:a\r\n", "opus/48000/2", "t=0 0"} {
		for _, by := range []string{marker, marker + strings.Repeat("x", 600), " " + marker + " ", "\r\n" + marker} {
			if _, err := parseOffer(strings.Replace(whole, field, by, 1)); err != nil && strings.Contains(err.Error(), marker) {
				t.Errorf("%q in place of %q: %v", by, field, err)
			}
		}
	}
}

func TestEveryTruncatedOfferIsRefusedOrAnswered(t *testing.T) {
	for _, browser := range []string{"chromium", "firefox"} {
		raw := browserOffer(t, browser)
		for n := 0; n < len(raw); n += 7 {
			checkOffer(t, raw[:n])
		}
	}
	raw := sessionLines + audioLines("a", "recvonly") + videoLines("v", "rid:q send")
	for n := range raw {
		checkOffer(t, raw[:n])
	}
}

// A publisher is told to send the first codec of its offer that the server takes; a viewer's slot may carry each that the viewer takes.
func TestAPublisherIsAnsweredOneCodecAndASlotAll(t *testing.T) {
	formats := []string{"rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96", "rtpmap:98 VP9/90000", "fmtp:98 profile-id=0",
		"rtpmap:99 rtx/90000", "fmtp:99 apt=98", "rtpmap:45 AV1/90000", "rtpmap:46 rtx/90000", "fmtp:46 apt=45", "rtpmap:102 H264/90000"}
	line := func(mid, order string, more ...string) string {
		return mediaLines("m=video 9 UDP/TLS/RTP/SAVPF "+order, mid, append(more, formats...)...)
	}
	o := parsed(t, sessionLines+line("av1", "102 45 46 96 97 98 99")+line("vp9", "98 99 45 46")+line("slot", "102 98 99 45 46 96 97", "recvonly"))
	p, answer := answered(o, map[string]media.Source{"av1": media.Camera, "vp9": media.Screen})
	checkAnswer(t, o, p, answer)
	for _, want := range []string{"SAVPF 45 46\r\n", "SAVPF 98 99\r\n", "SAVPF 98 99 45 46 96 97\r\n"} {
		if strings.Count(answer, want) != 1 {
			t.Errorf("no single %q in\n%s", want, answer)
		}
	}
	for _, never := range []string{"H264", "apt=102", "dependency-descriptor"} {
		if strings.Contains(answer, never) {
			t.Errorf("%q in\n%s", never, answer)
		}
	}
	if sl := p.slots["slot"]; sl.pts[codec.VP8].media != 96 || sl.pts[codec.VP9].rtx != 99 || sl.pts[codec.AV1].media != 45 || sl.takes(codec.Opus) {
		t.Errorf("%+v", sl.pts)
	}
}

func TestProfilesThatNotEverybodyDecodesAreLeftOut(t *testing.T) {
	for parameters, want := range map[string]string{
		"98 VP9/90000;": "profile-id=0", "98 VP9/90000;profile-id=0": "profile-id=0", "98 VP9/90000;max-fr=60": "profile-id=0",
		"98 VP9/90000;profile-id=2": "-", "98 VP9/90000;profile-id=": "-",
		"98 AV1/90000;": "", "98 AV1/90000;level-idx=8; tier=1;x=y": "level-idx=8;tier=1", "98 AV1/90000;profile=0": "profile=0",
		"98 AV1/90000;profile=1": "-", "98 AV1/90000;level-idx=99": "-", "98 AV1/90000;tier=high": "-",
	} {
		rtpmap, fmtp, _ := strings.Cut(parameters, ";")
		o := parsed(t, sessionLines+mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 98", "v", "rtpmap:"+rtpmap, "fmtp:98 "+fmtp))
		got := "-"
		if len(o.media[0].formats) > 0 {
			got = o.media[0].formats[0].fmtp
		}
		if got != want {
			t.Errorf("%s: %q, want %q", parameters, got, want)
		}
	}
}

// checkOffer parses any text and, if it is an offer, answers it in the ways a meeting could.
func checkOffer(tb testing.TB, raw string) {
	tb.Helper()
	o, err := parseOffer(raw)
	if err != nil {
		if !errors.Is(err, ErrBadOffer) || o != nil {
			tb.Fatalf("%+v, %v", o, err)
		}
		return
	}
	if len(o.media) > maxMedia {
		tb.Fatalf("%d m-lines", len(o.media))
	}
	checkCredentials(tb, o)
	var tracks []media.Track
	for i := range o.media {
		m := &o.media[i]
		if len(m.rids) > maxLayers || len(m.ssrcs) > 2 || m.exts.mid > 14 || len(m.formats) > int(codec.Kinds) || !isToken(m.mid) {
			tb.Fatalf("%+v", *m)
		}
		for _, s := range []media.Source{media.Mic, media.Camera, media.ScreenAudio, media.Screen} {
			if candidate := append(slices.Clone(tracks), media.Track{MID: m.mid, Source: s}); m.direction != "recvonly" {
				if _, err := o.sources(candidate); err == nil {
					tracks = candidate
					break
				}
			}
		}
	}
	sources, err := o.sources(tracks)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range []map[string]media.Source{nil, sources} {
		p, answer := answered(o, s)
		checkAnswer(tb, o, p, answer)
	}
}

var usableCredentials = regexp.MustCompile(`^[A-Za-z0-9+/]{1,256} [A-Za-z0-9+/]{1,256} [A-Za-z0-9 :-]{1,512}$`)

// checkCredentials asserts that what is given to Pion has no other characters than RFC 8839 §5.4 and RFC 8122 §5 allow.
func checkCredentials(tb testing.TB, o *offer) {
	tb.Helper()
	if text := o.ufrag + " " + o.pwd + " " + o.fingerprint; !usableCredentials.MatchString(text) {
		tb.Fatalf("credentials %q", text)
	}
}

func TestSourcesMustFitTheOffer(t *testing.T) {
	o := parsed(t, sessionLines+audioLines("a")+videoLines("v")+
		mediaLines("m=video 9 UDP/TLS/RTP/SAVPF 100", "h264", "rtpmap:100 H264/90000"))
	for name, tracks := range map[string][]media.Track{
		"unknown source":    {{MID: "a", Source: media.NumSources}},
		"unknown mid":       {{MID: "x", Source: media.Mic}},
		"empty mid":         {{MID: "", Source: media.Mic}},
		"m-line twice":      {{MID: "a", Source: media.Mic}, {MID: "a", Source: media.ScreenAudio}},
		"source twice":      {{MID: "a", Source: media.Mic}, {MID: "v", Source: media.Camera}, {MID: "h264", Source: media.Camera}},
		"video on audio":    {{MID: "a", Source: media.Camera}},
		"audio on video":    {{MID: "v", Source: media.Mic}},
		"no codec of ours":  {{MID: "h264", Source: media.Camera}},
		"more than m-lines": {{MID: "a", Source: media.Mic}, {MID: "v", Source: media.Camera}, {MID: "h264", Source: media.Screen}, {MID: "x", Source: media.ScreenAudio}},
	} {
		if got, err := o.sources(tracks); !errors.Is(err, ErrBadOffer) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := o.sources([]media.Track{{MID: "a", Source: media.Mic}, {MID: "v", Source: media.Screen}}); err != nil || got["a"] != media.Mic || got["v"] != media.Screen {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzOffer feeds arbitrary text: no panic, and whatever is accepted gets an answer that pion/sdp reads, with the offer's m-lines in
// order, a BUNDLE of the accepted ones alone, and nothing in it that is not ours or a token.
func FuzzOffer(f *testing.F) {
	f.Add(browserOffer(f, "chromium"))
	f.Add(browserOffer(f, "firefox"))
	f.Add(sessionLines + audioLines("a", "recvonly") + videoLines("v", "rid:q send", "rid:h send", "extmap:3 "+uriTWCC))
	f.Add(sessionLines + strings.Replace(videoLines("v", "recvonly", "bundle-only"), "m=video 9", "m=video 0", 1) + mediaLines("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "d"))
	f.Fuzz(func(t *testing.T, raw string) { checkOffer(t, raw) })
}
